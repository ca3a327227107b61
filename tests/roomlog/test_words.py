"""What a search finds, in any script: `chatsrv.roomlog.search.words` beside a plain way to say the same."""

# ruff: noqa: RUF001 - letters that look like others are what this is about

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.roomlog.search.folding import fold
from chatsrv.roomlog.search.scripts import is_unspaced, signs
from chatsrv.roomlog.search.words import Sought, is_found, sought_in, terms_for, terms_of, words_of
from chatsrv.text.characters import MARKS

SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


def finds(words: str, text: str) -> bool:
    """Tell whether a search for `words` finds `text`, and make sure that an index would have led to it."""
    sought = sought_in(words)
    found = bool(sought) and is_found(sought, text)
    if found:
        assert is_led_to(sought, text)
    return found


def is_led_to(sought: list[Sought], text: str) -> bool:
    terms = terms_of(text)
    return all(
        any(term.startswith(word) if is_start else term == word for term in terms)
        for item in sought
        for word, is_start in terms_for(item)
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("東京", "東京に住んでいます"),
        ("東京", "昨日は東京。"),
        ("東京*", "東京都"),
        ("東", "東京に住んでいます"),
        ("京", "東京に住んでいます"),
        ("す", "東京に住んでいます"),
        ("住んで", "東京に住んでいます"),
        ("東京に住んでいます", "東京に住んでいます"),
        ("你好", "你好世界"),
        ("世界", "你好世界"),
        ("世界 你好", "你好世界"),
        ("カタカナ", "ｶﾀｶﾅで書く"),
        ("ガ", "ｶﾞ"),
        ("コーヒー", "コーヒーを飲む"),
        ("人々", "人々の"),
        ("ﾋﾟｱﾉ", "ピアノ教室"),
        ("สวัสดี", "สวัสดีครับ"),
        ("ครับ", "สวัสดีครับ"),
        ("น้ำ", "ดื่มน้ำเย็น"),
        ("ສະບາຍ", "ສະບາຍດີ"),
        ("ភាសា", "ភាសាខ្មែរ"),
        ("ខ្មែរ", "ភាសា\u200bខ្មែរ"),
        ("ភាសាខ្មែរ", "ភាសា\u200bខ្មែរ"),
        ("ဘာသာ", "မြန်မာဘာသာ"),
        ("서울", "서울에서 만나요"),
        ("대학교", "서울대학교병원"),
        ("서울", "서울"),
        ("ㅋㅋ", "ㅋㅋㅋ"),
        ("Python3", "Python3を使う"),
        ("python3", "Ｐｙｔｈｏｎ３を使う"),
        ("使う", "Python3を使う"),
        ("Python3を使う", "Python3を使う"),
        ("Python3を使う", "Python3 を使う"),
        ("py*", "Python3を使う"),
        ("を py*", "Python3を使う"),
        ("使うpy*", "使うPython"),
        ("Tシャツ", "新しいTシャツ"),
        ("3月", "3月に"),
        ("月", "13月に"),
        ("🚀", "🚀"),
        ("🚀", "up🚀🚀 we go"),
        ("🚀🚀", "🚀🚀🚀"),
        ("up🚀", "up 🚀"),
        ("❤", "I ❤️ tea"),
        ("❤️", "I ❤ tea"),
        ("👍", "👍🏽"),
        ("👍🏿", "👍"),
        ("🤷", "🤷🏽\u200d♀️"),
        ("🤷\u200d♂️", "🤷🏽\u200d♀️"),
        ("👩\u200d🚀", "👩🏽\u200d🚀 astronaut"),
        ("🇫🇷", "🇩🇪🇫🇷"),
        (SCOTLAND, SCOTLAND + "!"),
        ("🩷", "🩷"),
        ("\U0001fae9", "tired \U0001fae9"),
        ("→", "a → b"),
        ("1️⃣", "1"),
        ("lodz", "Łódź jest piękna"),
        ("ŁÓDŹ", "w lodz"),
        ("नमस्ते", "नमस्ते दुनिया"),
        ("hello", "hello\u200b"),
        ("\U0003134b", "\U0003134b\U0003134c"),
    ],
)  # fmt: skip
def test_what_is_there_is_found(words: str, text: str) -> None:
    assert finds(words, text)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("東京", "京東"),
        ("東京", "東、京"),
        ("東京", "東 京"),
        ("東京", "東a京"),
        ("東京都", "東京 京都"),
        ("京に東", "東京に京に"),
        ("か", "が"),
        ("มา", "ม้า"),
        ("ก", "กิน"),
        ("สวัส", "ส วัส"),
        ("서울", "서 울"),
        ("서울", "섬울"),
        ("python", "Python3を使う"),
        ("thon3", "Python3を使う"),
        ("Python3を使う", "Python3 で を使う"),
        ("3月", "13月に"),
        ("शब", "शबद"),
        ("🚀", "👩\u200d🚀"),
        ("👩", "👩\u200d🚀"),
        ("❤", "❤️\u200d🔥"),
        ("🇪🇫", "🇩🇪🇫🇷"),
        ("🏴", SCOTLAND),
        ("🚀🌍", "🌍🚀"),
        ("lod", "Łódź"),
        ("कल", "किल"),
        ("🏽", "👍🏽"),
        ("。", "東京。"),
    ],
)
def test_what_is_not_there_is_not_found(words: str, text: str) -> None:
    assert not finds(words, text)


# ---------------------------------------------------------------------- beside a plain way

CLUSTERS = "\u200d\u2640\u2642\U0001f1e9\U0001f1ea\U0001f3f4\U000e0067\U000e007f"
ODD = (
    "ab1_-* .,Äßﬁİ東京都に東京カガｶﾞー々สวัีด้ำကမ္ဘာខ្ម한국어서울ㅋᄀक्षि़你好ł\u0301\u0338\u05b0\u200b\ufe0f"
    "👩🚀👍🏽❤🔥〒→½①\u20e3\u20dd\U00020000\U0003fffd\U00016d40\U0001fae9"
)
PLAIN = st.text(st.sampled_from(ODD), max_size=12)
ANY = st.text(st.sampled_from(ODD + CLUSTERS) | st.characters(exclude_categories=["Cs"]), max_size=12)
PART = ""


def units_of(text: str) -> list[tuple[str, str]]:
    """Return the units of a text, with the kind of each, and a `PART` where two are parted, character by character."""
    units: list[tuple[str, str]] = []
    before, spaces = "", ""
    for character in fold(text):
        if character.isspace():
            spaces += character
            continue
        kind = kind_of(character)
        is_parted = bool(spaces) and "word" not in (kind_of(before), kind)
        if is_parted and units:
            units.append((PART, "part"))
        last, last_kind = units[-1] if units else (PART, "part")
        if not spaces and ((kind == "mark" and last != PART) or kind == last_kind == "word"):
            units[-1] = last + character, last_kind
        elif kind == "part" or (kind == "mark" and not is_unspaced(character)):
            units.append((PART, "part"))
        else:
            units.append((character, "letter" if kind == "mark" else kind))
        before, spaces = character, ""
    return units


def kind_of(character: str) -> str:
    if not character or character == "_":
        return "part"
    if character in MARKS:
        return "mark"
    if character.isalnum() or character >= "\U00020000":
        return "letter" if is_unspaced(character) else "word" if character.isalnum() else "part"
    return "sign" if character in signs() else "part"


def asked_in(words: str) -> list[list[str]]:
    """Return the units of each thing that is typed without a space or a part."""
    asked: list[list[str]] = []
    for typed in fold(words).split():
        asked.append([])
        for unit, _ in units_of(typed):
            if unit == PART:
                asked.append([])
            else:
                asked[-1].append(unit)
    return [units for units in asked if units]


def is_in(units: list[str], row: list[str]) -> bool:
    return any(row[place : place + len(units)] == units for place in range(len(row)))


def part_of(text: str) -> st.SearchStrategy[str]:
    places = st.integers(0, len(text))
    return st.tuples(places, places).map(lambda ends: text[min(ends) : max(ends)])


@settings(max_examples=500, deadline=None)
@given(PLAIN, st.data())
def test_found_is_what_is_typed_together_as_units_next_to_each_other(text: str, data: st.DataObject) -> None:
    words = data.draw(st.one_of(PLAIN, part_of(text), st.tuples(part_of(text), PLAIN).map("".join)))
    row = [unit for unit, _ in units_of(text)]
    asked = asked_in(words)
    assert finds(words, text) == (bool(asked) and all(is_in(units, row) for units in asked)), asked
    assert words_of(text) == [unit for unit in row if unit != PART]


@settings(max_examples=300, deadline=None)
@given(ANY)
def test_every_text_is_found_by_itself(text: str) -> None:
    without_stars = text.replace("*", "").replace("＊", "")
    assert finds(without_stars, without_stars) == bool(words_of(without_stars))


@given(ANY)
def test_units_and_terms_stay_as_they_are(text: str) -> None:
    for unit in words_of(text):
        assert words_of(unit) == [unit]
    for term in terms_of(text):
        assert not {*term} & {*map(chr, range(0x80))} - {*"0123456789abcdefghijklmnopqrstuvwxyz"}


def test_a_star_stands_for_what_begins_so_only_behind_a_word_with_spaces() -> None:
    assert sought_in("te* 東京* 🚀* 使py* py使*") == [
        ("te", True),
        ("東 京", False),
        ("🚀", False),
        ("使 py", True),
        ("py 使", False),
    ]
    assert sought_in("東京 東京* * ** 🏽* 、*") == [("東 京", False)]


def test_what_is_typed_together_counts_as_one_word() -> None:
    assert len(sought_in("東京都庁に行きたいです")) == 1
