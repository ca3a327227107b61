"""Durations as people type and read them: `10m`, `1d12h`; 10 minutes, 1 day 12 hours.

Knows nothing of what lasts so long. Pure functions; any thread may call them.
"""

import re

_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_NAMES = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}

MOST_SECONDS = 10 * 365 * 86_400
"""The longest duration: ten years. What is to last longer lasts for good."""

ACCEPTED = "a duration such as 30s, 10m, 2h, 3d, 1w or 1d12h, up to 10 years"

# Bounded, as `int` takes time with the square of the digits.
_DURATION = re.compile(r"(?:[0-9]{1,10}[wdhms]){1,5}", re.IGNORECASE)
_PART = re.compile(r"([0-9]+)([a-z])")


def parse(text: str) -> int:
    """Return the seconds that a duration stands for: numbers, each with its unit.

    >>> parse("1d12h"), parse("10m")
    (129600, 600)

    Raises:
        ValueError: this is none that is accepted; the text says what is.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"accepted is {ACCEPTED}")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text.lower()))
    if not 0 < seconds <= MOST_SECONDS:
        raise ValueError(f"accepted is {ACCEPTED}")
    return seconds


def said(seconds: float) -> str:
    """Return a duration in words, rounded to whole seconds; of long ones the two largest units have to do.

    >>> said(129600), said(61), said(0.2)
    ('1 day 12 hours', '1 minute 1 second', '0 seconds')
    """
    rest = round(seconds)
    words = []
    for unit, length in _UNITS.items():
        number, rest = divmod(rest, length)
        if number:
            words.append(f"{number} {_NAMES[unit]}" if number == 1 else f"{number} {_NAMES[unit]}s")
    return " ".join(words[:2]) or "0 seconds"
