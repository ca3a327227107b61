"""Times on the command line: how a moment may be written, and how one is shown. All of them are UTC.

Pure functions, and the options made of them. Main thread only.
"""

import re
from datetime import UTC, datetime, timedelta

import click

ACCEPTED = "accepted are 2026-08-01T12:30:00Z (RFC 3339), 2026-08-01 (a date, UTC) or a time back: 90s, 15m, 2h, 3d, 4w"

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_BACK = re.compile(r"([0-9]{1,9})([smhdw])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# RFC 3339 §5.6. `fromisoformat` alone would take a time without its zone, and several other forms.
_DATE_TIME = re.compile(rf"{_DATE.pattern}[T ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]+)?(Z|[+-][0-9]{{2}}:[0-9]{{2}})")


def moment(text: str, now: datetime) -> datetime:
    """Return the moment that `text` means; a date is its first moment.

    >>> moment("2h", datetime(2026, 8, 1, 12, tzinfo=UTC)).isoformat()
    '2026-08-01T10:00:00+00:00'

    Raises:
        ValueError: it means none; the text says what is accepted.
    """
    try:
        if back := _BACK.fullmatch(text):
            return now - timedelta(**{_UNITS[back[2]]: int(back[1])})
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _DATE_TIME.fullmatch(text.upper()):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # the 30th of February, or a time before the year 1
    raise ValueError(f"{text!r} is no time; {ACCEPTED}")


def utc(at: float, *, digits: str = "seconds") -> str:
    """Return `at`, in seconds since the Unix epoch, as RFC 3339 has it; `digits` as `datetime.isoformat` names them.

    A time that no calendar has, in a damaged file, stays the number that it is.

    >>> utc(1785585600.25)
    '2026-08-01T12:00:00Z'
    """
    try:
        return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(timespec=digits) + "Z"
    except (ValueError, OverflowError, OSError):
        return f"{at}"


def as_moment(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """Return the moment that an option's `value` means, in seconds since the Unix epoch; for `callback=`.

    Raises:
        click.BadParameter: it means none.
    """
    try:
        return None if value is None else moment(value, datetime.now(UTC)).timestamp()
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from None


since_option = click.option("--since", metavar="TIME", callback=as_moment, help="From this time on: see above.")
until_option = click.option("--until", metavar="TIME", callback=as_moment, help="Before this time.")


def check_span(since: float | None, until: float | None) -> None:
    """Make sure that something can lie between two moments.

    Raises:
        click.UsageError: nothing can.
    """
    if since is not None and until is not None and since >= until:
        raise click.UsageError("nothing lies between: --since has to be before --until")
