"""What a new password must be, declared once: the floor of NIST SP 800-63B §5.1.1.2; and one that nobody guesses.

Length, and none of those that everybody tries first; no rules about kinds of letters, which make passwords worse. Says
nothing about passwords that are there already. Frozen values and functions; any thread may call them.
"""

import secrets
import string
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import pairwise

from pydantic import Field

from chatsrv.model.section import Section

_CLEAR = "abcdefghjkmnpqrstuvwxyz23456789"
"""What nobody takes for another one on paper or on the telephone: no i, l, o, 0 or 1."""

GROUP_CHARACTERS = 5
LEAST_GROUPS = 4
"""Of a password that is generated. That many are 99 bits: more than anybody can try."""

_ADORNMENT = string.digits + string.punctuation


class PasswordPolicy(Section):
    """What new passwords must be like. Those that are there already stay as they are."""

    least_characters: int = Field(8, ge=1, le=64, description="Characters that a new password has at least.")
    refuse_common: bool = Field(
        True,
        description="Whether the commonest passwords, names of the account and the server, and runs such as `abcdefgh` "
        "are refused.",
    )


def check_new_password(password: str, policy: PasswordPolicy, words: Iterable[str] = ()) -> None:
    """Make sure that `password` is fit for an account; `words` are those that one would try first, such as its name.

    Raises:
        ValueError: it is not. The text says what is accepted, and never contains the password.
    """
    accepted = f"a new password has at least {policy.least_characters} characters"
    if len(password) < policy.least_characters:
        raise ValueError(f"{accepted}; this one is shorter")
    if not policy.refuse_common:
        return
    plain = password.casefold()
    if plain in _common():
        raise ValueError(f"{accepted} and is none of the commonest; this one is")
    core = plain.strip(_ADORNMENT)
    if any(word and word.casefold() in (plain, plain[::-1], core, core[::-1]) for word in words):
        raise ValueError(f"{accepted} and is not the name of the account or the server; this one is")
    if _is_run(plain):
        raise ValueError(f"{accepted} and is no run of letters; this one is")


def generate_password(least_characters: int = 0) -> str:
    """Return a random password of so many characters or more: letters and digits, in groups that are easy to type.

    >>> import re
    >>> re.fullmatch("[a-z2-9]{5}(-[a-z2-9]{5}){3}", generate_password()) is not None
    True
    """
    groups = max(LEAST_GROUPS, -(-(least_characters + 1) // (GROUP_CHARACTERS + 1)))
    return "-".join("".join(secrets.choice(_CLEAR) for _ in range(GROUP_CHARACTERS)) for _ in range(groups))


def _is_run(text: str) -> bool:
    """Tell whether each letter follows the one before by the same small step, as in aaaa, abcd and 4321."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return len(steps) <= 1 and steps <= {-1, 0, 1}


@cache
def _common() -> frozenset[str]:
    text = files("chatsrv.model").joinpath("common-passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
