"""Online guessing, and the office beside it. `python tests/bench/guesses.py` prints the tables of docs/door.md.

Asks a real `Gate` with the shipped policy, by a clock of its own: a day takes a moment, and the figures are the same on
any machine. One thread.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from chatsrv.auth.backend import AuthBackend, LoginContext
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashing import Hasher
from chatsrv.auth.knownplaces import KnownPlaces
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AuthError, Denied
from chatsrv.model.loginpolicy import LoginPolicy

HOUR_SECONDS = 3600.0
GUESSES = 10_000
HOURS = 24
HERE = "192.0.2.1"
RIGHT = "right"
PEOPLE = tuple(f"colleague{number}" for number in range(40))
HEAD = (
    "| 10,000 guesses an hour, from | reach a backend in hour 1 | in the first day | of those, on one account "
    "| before, in the first day |",
    "|---|---|---|---|---|",
)
OFFICE_HEAD = (
    "| 40 colleagues behind one address | right logins refused | before |",
    "|---|---|---|",
)


class Backend(AuthBackend):
    """Opens all accounts with one password, and counts how often it was asked with another, about each."""

    may_block = False

    def __init__(self) -> None:
        self.asked = 0
        self.by_name: dict[str, int] = {}

    def authenticate(self, username: str, password: str, context: LoginContext) -> Account:
        """See `AuthBackend.authenticate`."""
        if password == RIGHT:
            return Account(username)
        self.asked += 1
        self.by_name[username] = self.by_name.get(username, 0) + 1
        raise Denied("wrong")


class FreeHasher(Hasher):
    """Costs nothing: what is measured is how often it is reached."""

    def hash(self, password: str) -> str:
        """Return something."""
        return password


class Scene:
    """A gate, its clock, and whoever comes. `restart` has the server stopped and started again."""

    def __init__(self) -> None:
        self.now = 0.0
        self.backend = Backend()
        self._places = KnownPlaces(keep_days=0)
        self.restart()

    def restart(self) -> None:
        """Forget what a server forgets when it stops; the file of known places stays."""
        self._gate = Gate(
            self.backend,
            hasher=FreeHasher(),
            policy=LoginPolicy(logins_per_minute=0),
            places=self._places,
            clock=lambda: self.now,
        )

    def log_in(self, name: str, password: str = RIGHT, address: str = HERE) -> bool:
        """Return whether somebody gets in."""
        try:
            self._gate.admit(name, password, LoginContext(address))
        except AuthError:
            return False
        return True


@dataclass(frozen=True)
class Attack:
    """Who guesses what: the guess of a number comes from `address(number)`, about `name(number)`.

    `before` is what reached a backend in the first day by the rules before those of decision 0040.
    """

    title: str
    address: Callable[[int], str]
    name: Callable[[int], str]
    before: int
    password: Callable[[int], str] = "guess {}".format
    known: tuple[str, ...] = ()  # accounts that have logged in from there
    own: str = ""  # an account that the guesser logs in with after each guess


def _hundred(number: int) -> str:
    return f"203.0.113.{number % 100}"


def _in_one_site(number: int) -> str:
    return f"2001:db8::{number >> 16:x}:{number & 0xFFFF:x}"


ATTACKS = (
    Attack("one address, one account", lambda _: HERE, lambda _: "alice", 167),
    Attack("one address, a new account each time", lambda _: HERE, "user{}".format, 520),
    Attack(
        "the same, logging in with an account of their own in between", lambda _: HERE, "user{}".format, 520, own="m"
    ),
    Attack("100 addresses, one account", _hundred, lambda _: "alice", 16_700),
    Attack("100 addresses, a new account each time", _hundred, "user{}".format, 51_500),
    Attack("one IPv6 /64, an address of it each time, one account", _in_one_site, lambda _: "alice", 167),
    Attack(
        "one address from which 40 accounts have logged in, these by turns",
        lambda _: HERE,
        lambda number: PEOPLE[number % len(PEOPLE)],
        6_680,
        known=PEOPLE,
    ),
    Attack(
        "one address, one account whose owner logs in from there every hour",
        lambda _: HERE,
        lambda _: "alice",
        167,
        known=("alice",),
    ),
    Attack(
        "one address, one account, always the same password (a program with an old one)",
        lambda _: HERE,
        lambda _: "alice",
        1_755,
        lambda _: "old",
    ),
)


def hours(attack: Attack, number_of_hours: int) -> Iterator[tuple[int, dict[str, int]]]:
    """Yield for each hour how many guesses reached the backend, and how many of them were about each account."""
    scene, numbers = Scene(), count()
    for _ in range(number_of_hours):
        for name in attack.known:
            scene.log_in(name)
        scene.backend.asked, scene.backend.by_name = 0, {}
        for _ in range(GUESSES):
            number = next(numbers)
            scene.log_in(attack.name(number), attack.password(number), attack.address(number))
            if attack.own:
                scene.log_in(attack.own, address=attack.address(number))
            scene.now += HOUR_SECONDS / GUESSES
        yield scene.backend.asked, scene.backend.by_name


@dataclass(frozen=True)
class Office:
    """What happens at the address before all colleagues log in, with the right password and one after the other."""

    title: str
    before: int
    known: tuple[str, ...] = ()
    typos: tuple[str, ...] = field(default=PEOPLE[:34])
    guesses: int = 0
    is_restarted: bool = False


OFFICES = (
    Office("34 have mistyped their password, nobody has logged in yet", 40),
    Office("34 have mistyped it three times", 40, typos=3 * PEOPLE[:34]),
    Office(
        "34 have mistyped it, all had logged in before, the server was restarted since", 40, PEOPLE, is_restarted=True
    ),
    Office("a neighbour guesses 1,000 times, all had logged in before", 0, PEOPLE, guesses=1_000),
    Office("the same, the server was restarted before", 40, PEOPLE, guesses=1_000, is_restarted=True),
    Office("a neighbour guesses 1,000 times, nobody has logged in yet", 40, guesses=1_000),
)


def refused(office: Office) -> int:
    """Return how many right logins of the colleagues are refused."""
    scene = Scene()
    for name in office.known:
        scene.log_in(name)
    if office.is_restarted:
        scene.restart()
    for number, name in enumerate(office.typos):
        scene.log_in(name, f"typo {number}")
        scene.now += 1
    for number in range(office.guesses):
        scene.log_in(f"user{number}", f"guess {number}")
    return sum(not scene.log_in(name) for name in PEOPLE)


def table() -> str:
    """Return the table of docs/door.md about guesses."""
    lines = list(HEAD)
    for attack in ATTACKS:
        asked, about = zip(*hours(attack, HOURS), strict=True)
        by_name = sum(map(Counter, about), Counter[str]())
        most = max(by_name.values())
        lines.append(f"| {attack.title} | {asked[0]:,} | {sum(asked):,} | {most:,} | {attack.before:,} |")
    return "\n".join(lines) + "\n"


def office_table() -> str:
    """Return the table of docs/door.md about an office."""
    rows = [f"| {office.title} | {refused(office)} | {office.before} |" for office in OFFICES]
    return "\n".join([*OFFICE_HEAD, *rows]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n{office_table()}")
