"""Contract tests for the search of room logs; part of `chatsrv.testing.roomlog`."""

from collections.abc import Callable

from chatsrv.model.entries import WORDS, Entry, Kind, Position
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import TooManyWords
from chatsrv.roomlog.base import MOST_SOUGHT, RoomLog, place_of
from chatsrv.sharing.effort import Effort
from chatsrv.testing.roomlog_base import LogContract, await_offset, hole_of, record, start

_ALL = 1_000_000

_TEXTS = (
    *("the quick brown fox", "The QUICK fox.", "quickly, quickly!", "fox-trot", "foxtrot", "a fox's quick_brown"),
    *("Où est l'ÉTÉ?", "ou est lete", "e\u0301te", "Straße", "STRASSE", "ﬁne ﬁre", "℡ 12½", "x² and x2", "İstanbul"),
    *("ΣΊΣΥΦΟΣ σίσυφος", "你好世界", "你好 世界", "Привет, мир", "नमस्ते दुनिया", "שָׁלוֹם", "สวัสดี", "한국어"),
    *("👩\u200d🚀 astronaut", "🚀", "", " ", "...", "AND OR NOT NEAR", '"quoted" text*', "words:fox", "^fox"),
    *("東京に住んでいます", "京東", "東 京", "Python3を使う", "Python3 を使う", "ｶﾞｲﾄﾞ", "が", "서울에서", "서울 에서"),
    *("ม้า", "มา", "ភាសា\u200bខ្មែរ", "မြန်မာဘာသာ", "👍🏽", "❤️\u200d🔥", "❤️", "🇩🇪🇫🇷", "Łódź", "Ærø, đường"),
    *("{a b}: c", "col - fox", "a\0b", "x" * 40_000),
)  # fmt: skip

_QUESTIONS = (
    *("fox", "FOX", "quick fox", "fox quick", "quick*", "fo*", "f*", "* fox", "fox *", "fo*x", "brown_fox", "nothing"),
    *("été", "ete*", "strasse", "straß*", "fire", "fi*", "tel", "12", "x2", "istanbul", "σισυφος", "你好", "你*"),
    *("мир", "при*", "नमस्ते", "שלום", "สวัสดี", "한국*", "👩\u200d🚀", "🚀", "", " ", "*", "**", '"', '""', "'", ";"),
    *("AND", "fox AND quick", "fox OR you", "NOT fox", "NEAR(fox quick)", "words:fox", "{text}: fox", "^fox", "- fox"),
    *("+fox", "(fox", 'fox"', "a\0b", "\0", "\ud800", "fox fox fox", " ".join(["fox"] * 2000)),
    *(
        "東京",
        "東",
        "京*",
        "東京に住んでいます",
        "使う",
        "py*",
        "Python3を使う",
        "ガイド",
        "か",
        "서울",
        "에서",
        "มา",
        "ខ្មែរ",
    ),
    *("ဘာသာ", "👍", "👍🏿", "❤", "🇫🇷", "🇪🇫", "lodz", "aero", "duong", "東京 fox", "東" * 40),
    *("x" * 40_000, "x" * 39_999, "x" * 39_999 + "*", " ".join(f"{number}x" for number in range(16))),
)


class SearchContract(LogContract):
    """What every `RoomLog` promises of `search`: to find exactly what has all the words, and to take any question."""

    def test_a_search_finds_what_has_all_the_words(self) -> None:
        """Whatever is asked, in any script: exactly the entries that looking at each one finds, newest first."""
        log = self.log
        record(log, *_TEXTS)
        for question in _QUESTIONS:
            assert _find(log, question) == _find_slowly(log, question), question

    def test_words_are_compared_whole_but_for_case_accents_and_a_star(self) -> None:
        """Neither their order nor what stands between them matters."""
        log = self.log
        record(log, "Der SCHÖNE, grüne Wald", "schon wieder", "schönes Grün")
        assert _texts(log, "schone") == ["Der SCHÖNE, grüne Wald"]
        assert _texts(log, "grune schöne") == ["Der SCHÖNE, grüne Wald"]
        assert _texts(log, "schon*") == ["schönes Grün", "schon wieder", "Der SCHÖNE, grüne Wald"]
        assert _texts(log, "gru") == _texts(log, "schone wieder") == _texts(log, "?!") == _texts(log, "") == []

    def test_what_is_written_without_spaces_is_found_by_any_part_of_it(self) -> None:
        """What is typed together has to stand together; forms of letters and emoji do not count."""
        log = self.log
        record(
            log,
            "東京に住んでいます",
            "京東",
            "東、京",
            "Python3を使う",
            "서울에서 만나요",
            "ม้า",
            "Łódź",
            "go 👍🏽",
            "👩\u200d🚀",
        )
        assert _texts(log, "東京") == ["東京に住んでいます"]
        assert _texts(log, "東") == ["東、京", "京東", "東京に住んでいます"]
        assert _texts(log, "使う") == _texts(log, "python3") == _texts(log, "Python3を使う") == ["Python3を使う"]
        assert _texts(log, "서울") == ["서울에서 만나요"]
        assert _texts(log, "lodz") == ["Łódź"]
        assert _texts(log, "👍") == ["go 👍🏽"]
        assert _texts(log, "👩\u200d🚀") == ["👩\u200d🚀"]
        assert _texts(log, "มา") == _texts(log, "🚀") == _texts(log, "京 に東") == _texts(log, "、") == []

    def test_a_search_looks_at_what_was_said_and_done_only(self) -> None:
        """Not at who came and went, nor at what was erased."""
        log = self.log
        for kind in Kind:
            record(log, "QUIT", kind=kind, author="quit")
        assert {entry.kind for entry in log.search("quit", log.end, _ALL)} == WORDS

    def test_a_search_goes_back_from_a_position_up_to_a_limit(self) -> None:
        """Newest first, so that the next page begins before the last entry of this one."""
        log = self.log
        entries = [entry for entry in record(log, *["odd", "even"] * 10) if entry.text == "odd"]
        for before in (*range(22), 1000):
            for limit in (0, 1, 3, 10, 11):
                found = log.search("odd", Position(log.epoch, before), limit)
                assert found == [entry for entry in reversed(entries) if entry.offset <= before][:limit]

    def test_a_search_takes_so_many_words_and_says_so_of_more(self) -> None:
        """Each counts once, however often it is asked for."""
        log = self.log
        record(log, " ".join(f"w{number}" for number in range(100)))
        most = [f"w{number}*" for number in range(MOST_SOUGHT)]
        assert len(log.search(" ".join(most * 3), log.end, _ALL)) == 1
        why = None
        try:
            log.search(" ".join([*most, "w99"]), log.end, _ALL)
        except Refused as refused:
            why = refused.why
        assert why == TooManyWords(MOST_SOUGHT, MOST_SOUGHT + 1)

    def test_a_search_passes_over_what_is_hidden(self) -> None:
        """And finds as many of the others."""
        log = self.log
        entries = record(log, *[f"tea {number}" for number in range(100)])
        found = log.search("tea", log.end, 20, hides=lambda entry: entry.offset % 3 > 0)
        assert found == [entry for entry in reversed(entries) if entry.offset % 3 == 0][:20]

    def test_a_search_ends_with_the_effort_and_goes_on_from_there(self) -> None:
        """Each time a little further; in all, everything is found once."""
        log = self.log
        entries = record(log, *["odd", "even"] * 200)
        small: list[Callable[[], Effort]] = [
            lambda: Effort(characters=1),
            lambda: Effort(seconds=0),
            lambda: Effort(lambda: False),
        ]
        for effort_of in small:
            found: list[Entry] = []
            before, parts = log.end, 0
            while before.offset:
                effort = effort_of()
                found += log.search("odd", before, _ALL, effort=effort)
                parts += 1
                reached = effort.stopped_at or 0
                assert 0 <= reached < before.offset
                before = Position(log.epoch, reached)
            assert found == [entry for entry in reversed(entries) if entry.text == "odd"]
            assert parts > 1

    def test_an_effort_that_suffices_is_not_noted(self) -> None:
        """Neither where all was looked at, nor where as much was found as was asked for."""
        log = self.log
        record(log, *["tea", "coffee"] * 50)
        for limit in (1, 20, _ALL):
            effort = Effort()
            log.search("tea", log.end, limit, effort=effort)
            assert effort.stopped_at is None

    def test_a_search_stays_in_its_room(self) -> None:
        """Also when another room has the same words."""
        here, there = self.store.open("lobby"), self.store.open("кухня")
        record(here, "tea here")
        record(there, "tea there")
        assert _texts(here, "tea") == ["tea here"]
        assert _texts(there, "tea") == ["tea there"]
        assert _texts(self.store.open("empty"), "tea") == []

    def test_what_becomes_visible_is_found_at_once(self) -> None:
        """Each time anew."""
        log = self.log
        for number in range(1, 31):
            record(log, f"word{number} common")
            assert len(log.search("common", log.end, _ALL)) == number
            assert len(log.search(f"word{number}", log.end, _ALL)) == 1

    def test_searching_from_a_position_of_another_epoch_is_a_hole(self) -> None:
        """As reading back from there."""
        log = self.log
        record(log, "a")
        for offset in (0, 1, 1000):
            hole = hole_of(lambda position: log.search("a", position, 1), Position(log.epoch + "'", offset))
            assert hole.missing is None

    def test_what_was_let_go_of_is_not_found(self) -> None:
        """And what is kept still is."""
        log = self.log
        record(log, *["unique old"] * 10)
        if not self.forget(log):
            return
        await_offset(log, place_of(log.append(Kind.SAY, "alice", 1, ["unique new"])).offset)
        kept = hole_of(lambda position: log.read(position, 1), start(log)).kept_after
        found = log.search("unique", log.end, _ALL)
        assert found[0].text == "unique new"
        assert [entry.offset for entry in found[1:]] == list(range(10, kept, -1))


def _texts(log: RoomLog, words: str) -> list[str]:
    return [entry.text for entry in log.search(words, log.end, _ALL)]


def _find(log: RoomLog, words: str) -> list[int]:
    return [entry.offset for entry in log.search(words, log.end, _ALL)]


def _find_slowly(log: RoomLog, words: str) -> list[int]:
    """Return the offsets of all entries that are to be found, by looking at each."""
    return [entry.offset for entry in RoomLog.search(log, words, log.end, _ALL)]
