"""Lookups: who reads what was said before, a few at a time and by turns, so that they are in nobody's way.

Knows nothing of logs or replies. Any thread may call it, under no lock.
"""

import threading
from collections import deque

LOOKUPS_AT_ONCE = 2
"""Lookups that work at the same time. They share the interpreter with delivery, and readers of the file with those who
log in: of these there are more, so some stay free.
"""


class Turn:
    """A place in the line of those who look something up. `with` waits for the turn, and ends it.

    It stands in line from the beginning, so a `with` must follow. A turn is not kept while a peer is waited for.
    """

    def __init__(self, lookups: "Lookups", account: str) -> None:
        self._lookups = lookups
        self.account = account
        self.news = threading.Event()
        """Set when the turn has come."""

    def __enter__(self) -> None:
        self.news.wait()

    def __exit__(self, *_: object) -> None:
        self._lookups.pass_on(self)


class Lookups:
    """The turns of those who look something up: up to `at_once`, one for each account, and the accounts in turn."""

    def __init__(self, at_once: int = LOOKUPS_AT_ONCE) -> None:
        self._lock = threading.Lock()  # without a rank: nothing else is taken under it
        # Guarded by the lock. Accounts that wait stand in the order in which it is their turn.
        self._free = at_once
        self._busy: set[str] = set()
        self._waiting: dict[str, deque[Turn]] = {}

    def turn(self, account: str) -> Turn:
        """Stand in line for an account, given by its key."""
        turn = Turn(self, account)
        with self._lock:
            if self._free and account not in self._busy:
                self._free -= 1
                self._begin_locked(turn)
            else:
                self._waiting.setdefault(account, deque()).append(turn)
        return turn

    def pass_on(self, turn: Turn) -> None:
        """End a turn: the account comes next that has waited for longest and has none."""
        with self._lock:
            self._busy.discard(turn.account)
            # Those that have one are as few as there may be at once, so this is soon found.
            account = next((account for account in self._waiting if account not in self._busy), None)
            if account is None:
                self._free += 1
                return
            line = self._waiting.pop(account)
            self._begin_locked(line.popleft())
            if line:
                self._waiting[account] = line  # behind all other accounts

    def _begin_locked(self, turn: Turn) -> None:
        assert self._lock.locked()
        self._busy.add(turn.account)
        turn.news.set()
