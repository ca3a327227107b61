"""What of a peer's text may reach another person's terminal.

Knows strings and Unicode; no bytes, no wire format, no names. Pure functions; any thread may call them.

Three things are taken out, and nothing else: what moves or restyles a terminal, what makes text show in another order
than it was written, and what makes one line look like two. Letters of every script stay, and so do the joiners that
Persian, the Indic scripts and emoji need (U+200C, U+200D).
"""

import re

MARKS_IN_A_ROW = 4
"""Diacritics kept on one letter: UTS 39 §5.4 calls more than four suspicious. They would grow into others' lines."""

# ECMA-48 §5.4 (CSI), §5.6 (control strings) and ECMA-35 §13 (the other escapes). A terminal shows nothing of a whole
# sequence, so the whole of it goes: nobody's words are hidden by that. Of one that never ends only the control
# character goes, by `_REMOVED`, and the rest stays for all to see. Every run stops at the next escape character, which
# keeps the search linear in the length of the text.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x18\x1a\x1b\x9c]*+(?:\x07|\x1b\\|\x9c)"
    r"|\x1b(?![\[\]PX^_])[ -/]*+[0-~]"
)
# Where a terminal would begin another line or column. A space stands in, so that words do not grow together.
_BREAK = re.compile("[\t\n\v\f\r\x85\u2028\u2029]")
_REMOVED = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # UAX 9 §2: marks, embeddings, overrides, isolates
    "\u206a-\u206f\ufff9-\ufffb"  # deprecated formats and interlinear notes, Unicode §23.3 and §23.8
    "\ufeff\ud800-\udfff]"  # the byte order mark; what UTF-8 cannot carry
)
HOLLOW = "\u115f\u1160\u2800\u3164\uffa0"
"""What looks like a space and is a letter or a sign to Python: the fillers of Hangul, and the empty Braille pattern."""

BLANK = HOLLOW + "\u200b\u200c\u200d\u2060" + "".join(filter(str.isspace, map(chr, range(0x3001))))
"""All of which nothing is seen where nothing else is."""

# The blocks of diacritics for any letter, and what has no width and may stand between them.
_MARKS = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u200b-\u200d\u2060\ufe00-\ufe0f]"
_find_mark = re.compile(_MARKS).search
# A run of five covers every fifth place at least once: looking there alone finds it at a fifth of the price.
_EVERY_FIFTH = slice(MARKS_IN_A_ROW, None, MARKS_IN_A_ROW + 1)
_PILE = re.compile(f"({_MARKS}{{{MARKS_IN_A_ROW}}}){_MARKS}+")


def clean(text: str) -> str:
    r"""Return `text` as one line that is safe to show on anybody's terminal.

    >>> clean("\x1b[31mred\x1b[0m\talert\x07")
    'red alert'
    >>> clean("\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}") == "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}"
    True
    """
    # `isprintable` is False for every character that is searched for here, and costs a twentieth of the search.
    if not text.isprintable():
        text = _REMOVED.sub("", _BREAK.sub(" ", _ESCAPE.sub("", text)))
    return text if text.isascii() or not is_piled(text) else _PILE.sub(r"\1", text)


def is_piled(text: str) -> bool:
    """Tell whether diacritics may be piled up in `text`: never falsely no."""
    return _find_mark(text[_EVERY_FIFTH]) is not None
