"""What of a peer's text may reach another person's terminal.

Knows strings and Unicode; no bytes, no wire format, no names. Pure functions; any thread may call them.

Taken out are what moves or restyles a terminal, what makes text show in another order than it was written, what makes
one line look like two, what nobody sees, and marks piled on one letter. Letters of every script stay, and so does what
is invisible and yet needed: joiners where Persian and the Indic scripts have them, and whatever makes an emoji.
"""

import re
from functools import cache

from chatsrv.text.characters import (
    BLANK,
    COMBINING,
    COMBINING_IN_A_ROW,
    HOLLOW,
    IGNORABLE,
    JOINERS,
    MARKS_IN_A_ROW,
    STACKING,
    choice,
)

# ECMA-48 §5.4 (CSI), §5.6 (control strings) and ECMA-35 §13 (the other escapes). A terminal shows nothing of a whole
# sequence, so the whole of it goes: nobody's words are hidden by that. Of one that never ends only the control
# character goes, by `_removed`, and the rest stays for all to see. Every run stops at the next escape character, which
# keeps the search linear in the length of the text.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x18\x1a\x1b\x9c]*+(?:\x07|\x1b\\|\x9c)"
    r"|\x1b(?![\[\]PX^_])[ -/]*+[0-~]"
)
# Where a terminal would begin another line or column. A space stands in, so that words do not grow together.
_BREAKS = "\t\n\v\f\r\x85\u2028\u2029"
# C0, DEL, C1; interlinear notes, Unicode §23.8; what UTF-8 cannot carry.
_REMOVED = "\x00-\x1f\x7f-\x9f\ufff9-\ufffb\ud800-\udfff"
_break = re.compile(f"[{_BREAKS}]")
_removed = re.compile(f"[{_REMOVED}]")

# Of what nobody sees, this much may stand behind what is seen, where it changes how that looks: a selector, a joiner,
# or both behind anything but ASCII and spaces; what makes 1 or # a key; and the letters of a flag such as England's
# (UTS 51, emoji tag sequences).
_SELECTORS = "\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_find_ignorable = re.compile(f"[{choice(IGNORABLE)}]").search
_seen_runs = re.compile(
    f"[^{choice(IGNORABLE)}]++(?:"
    "(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
    "|(?<=[0-9#*])\ufe0f"
    f"|(?<![\\x00-\\x7f\\s{HOLLOW}])[{_SELECTORS}]?[{JOINERS}]?"
    ")?"
).findall

# The ranges of higher planes are looked through one after the other for each character, so texts that have none of
# these are searched without them. Beyond them are emoji and rare Chinese characters, which do not combine.
_HIGH = "\U00010000-\U0001efff\U000e0000-\U000e0fff"


def _basic(characters: frozenset[str]) -> frozenset[str]:
    return frozenset(character for character in characters if character < "\U00010000")


_has_high = re.compile(f"[{_HIGH}]").search
# All of Latin up to here is printable, but for the soft hyphen, and nothing of it combines.
_beyond_latin = re.compile("[^ -~\xa1-\xac\xae-\u02ff]").search
_find_suspect = re.compile(f"[{_REMOVED}{_BREAKS}{choice(_basic(COMBINING | IGNORABLE))}\U00010000-\U0010ffff]").search
_may_combine = re.compile(f"[{choice(_basic(COMBINING))}{_HIGH}]").search
# A run of five covers every fifth place at least once: looking there alone finds it at a fifth of the price.
_EVERY_FIFTH = slice(MARKS_IN_A_ROW, None, MARKS_IN_A_ROW + 1)


class _Piles:
    """Finds too many combining characters in a row, and cuts them off."""

    def __init__(self, combining: frozenset[str], stacking: frozenset[str]) -> None:
        any_, other, stacked = (f"[{choice(each)}]" for each in (combining, combining - stacking, stacking))
        # Each begins with one class of characters, which makes it quick to find.
        self.find = re.compile(f"{any_}{any_}{{{MARKS_IN_A_ROW}}}").search
        self._many = re.compile(f"({any_}{any_}{{{COMBINING_IN_A_ROW - 1}}}){any_}++")
        stacks = f"(?:{stacked}{other}*+){{{MARKS_IN_A_ROW}}}"
        self._stacked = re.compile(f"({stacks}){stacked}{any_}*+")

    def cut(self, text: str) -> str:
        return self._stacked.sub(r"\1", self._many.sub(r"\1", text))


@cache  # at the first text that combines: it takes some ten milliseconds, and many commands never see one
def _basic_piles() -> _Piles:
    return _Piles(_basic(COMBINING), _basic(STACKING))


@cache
def _all_piles() -> _Piles:
    return _Piles(COMBINING, STACKING)


def _piles(text: str) -> _Piles:
    return _all_piles() if _has_high(text) else _basic_piles()


_find_all_blank = re.compile(f"[{choice({*BLANK, *IGNORABLE})}]*+").fullmatch
# What was no UTF-8 counts, too: a telnet program may keep half of a letter for itself, and a command must not be said.
_LEAD = re.compile(f"[{choice({*BLANK, *COMBINING, chr(0xFFFD)})}]*+")


def clean(text: str) -> str:
    r"""Return `text` as one line that is safe to show on anybody's terminal, and of which everything is seen.

    >>> clean("\x1b[31mred\x1b[0m\talert\x07")
    'red alert'
    >>> clean("\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}") == "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}"
    True
    >>> clean("jo\N{HANGUL JUNGSEONG FILLER}i\N{SOFT HYPHEN}n\N{WORD JOINER}ed")
    'joined'
    """
    if is_clean(text):
        return text
    if not text.isprintable():  # which is False for every character that is searched for here
        text = _removed.sub("", _break.sub(" ", _ESCAPE.sub("", text)))
    if _find_ignorable(text):
        text = "".join(_seen_runs(text))
    return text if _is_level(text) else _piles(text).cut(text)


def is_clean(text: str) -> bool:
    """Tell whether `text` is known to be clean: never falsely yes, and quick for what nearly everybody writes."""
    if text.isascii():
        return text.isprintable()
    if not _beyond_latin(text) or not _find_suspect(text):
        return True
    return text.isprintable() and not _find_ignorable(text) and _is_level(text)


def _is_level(text: str) -> bool:
    """Tell whether nothing can be piled up in `text`: never falsely yes."""
    return not _may_combine(text[_EVERY_FIFTH]) or not _piles(text).find(text)


def is_blank(text: str) -> bool:
    """Tell whether nothing is seen of a text, clean or not; of escapes before they are taken out, something is."""
    return _find_all_blank(text) is not None


def without_lead(text: str) -> str:
    """Return a clean text without what does not belong before it: blanks, marks without a letter, broken bytes."""
    return text[_LEAD.match(text).end() :]  # type: ignore[union-attr]  # it matches everywhere
