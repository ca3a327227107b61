"""Online guessing: how many guesses reach a backend. `python tests/bench/guesses.py` prints the table of docs/door.md.

Asks a real `Gate` with the shipped policy, by a clock of its own: an hour takes a moment, and the figures are the same
on any machine. One thread.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from chatsrv.accounts import Account
from chatsrv.auth.backend import AuthBackend, LoginContext
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashing import Hasher
from chatsrv.errors import AuthError, Denied
from chatsrv.loginpolicy import LoginPolicy

HOUR_SECONDS = 3600.0
GUESSES = 10_000
HOURS = 4
HEAD = (
    "| 10,000 guesses an hour, from | reach a backend in hour 1 | in each later hour | of those, on one account |",
    "|---|---|---|---|",
)


class Backend(AuthBackend):
    """Refuses everybody, and counts how often it was asked, and how often about the account most asked about."""

    may_block = False

    def __init__(self) -> None:
        self.asked = 0
        self.by_name: dict[str, int] = {}

    def authenticate(self, username: str, password: str, context: LoginContext) -> Account:
        """See `AuthBackend.authenticate`."""
        self.asked += 1
        self.by_name[username] = self.by_name.get(username, 0) + 1
        raise Denied("wrong")


class FreeHasher(Hasher):
    """Costs nothing: what is measured is how often it is reached."""

    def hash(self, password: str) -> str:
        """Return something."""
        return password


@dataclass(frozen=True)
class Attack:
    """Who guesses what: the guess of a number comes from `address(number)`, about `name(number)`."""

    title: str
    address: Callable[[int], str]
    name: Callable[[int], str]
    password: Callable[[int], str] = "guess {}".format


def _hundred(number: int) -> str:
    return f"203.0.113.{number % 100}"


def _in_one_site(number: int) -> str:
    return f"2001:db8::{number >> 16:x}:{number & 0xFFFF:x}"


ATTACKS = (
    Attack("one address, one account", lambda _: "192.0.2.1", lambda _: "alice"),
    Attack("one address, a new account each time", lambda _: "192.0.2.1", "user{}".format),
    Attack("100 addresses, one account", _hundred, lambda _: "alice"),
    Attack("100 addresses, a new account each time", _hundred, "user{}".format),
    Attack("one IPv6 /64, an address of it each time, one account", _in_one_site, lambda _: "alice"),
    Attack(
        "one address, one account, always the same password (a program with an old one)",
        lambda _: "192.0.2.1",
        lambda _: "alice",
        lambda _: "old",
    ),
)


def hours(attack: Attack, policy: LoginPolicy, number_of_hours: int) -> Iterator[tuple[int, int]]:
    """Yield for each hour how many guesses reached the backend, and how many of them were about one account."""
    now = 0.0
    backend = Backend()
    gate = Gate(backend, hasher=FreeHasher(), policy=policy, clock=lambda: now)
    numbers = count()
    for _ in range(number_of_hours):
        backend.asked, backend.by_name = 0, {}
        for _ in range(GUESSES):
            number = next(numbers)
            try:
                gate.admit(attack.name(number), attack.password(number), LoginContext(attack.address(number)))
            except AuthError:
                now += HOUR_SECONDS / GUESSES
        yield backend.asked, max(backend.by_name.values(), default=0)


def table(number_of_hours: int = HOURS) -> str:
    """Return the table of docs/door.md."""
    lines = list(HEAD)
    for attack in ATTACKS:
        first, *later = hours(attack, LoginPolicy(), number_of_hours)
        each = sum(asked for asked, _ in later) / len(later)
        most = sum(most for _, most in later) / len(later)
        lines.append(f"| {attack.title} | {first[0]:,} | {each:,.0f} | {most:,.0f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
