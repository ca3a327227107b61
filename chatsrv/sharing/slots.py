"""Slots: how many session threads run at once, and which of those that have a reason to run goes first.

Threads that wake up together share the interpreter with the few that people wait for: a thousand of them, and a line
takes seconds. So a session's thread needs a slot to run, and gives it back whenever it waits for something. Knows
nothing of sockets and sessions. Any thread may call; on one that has no slot, a bot's say, `step_aside` does nothing.

A thread waits for a slot under no lock, since the thread that has the slot may be waiting for that lock. A thread that
holds a lock takes its slot `at_once`.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from enum import IntEnum
from threading import Lock, get_ident
from types import TracebackType

from chatsrv.sharing.locks import Lock as Turn
from chatsrv.sharing.locks import expect_none_held


class Urgency(IntEnum):
    """The order in which threads get a slot."""

    TALK = 0
    """Somebody who is in a conversation sends something. What it is comes out when it has been read."""
    DEEDS = 1
    """Somebody who is logged in asks for something else, or has not said anything for a while."""
    LOGINS = 2
    STRANGERS = 3
    """Somebody is not logged in, or leaves: nobody waits for that."""


AT_ONCE = 1
"""Threads that run at once. They share one interpreter, and give their slot back before they wait for anything else.
`tests/bench --only crowd-are-cut-off`: a line took up to 47 ms with one slot where it took 135 with four.
"""

LESS_URGENT_EVERY = 8
"""One slot in so many goes to each urgency in turn, so that a busy chat still lets people in and out."""


class Slots:
    """Gives out `most` slots. Calls `crowded` when a thread has to wait for one: see `lend`.

    It has no lock: a thread that loses the interpreter while it holds one would stop all the others. Each step is one
    of the interpreter's, and each thread that lines up or gives back looks afterwards whether there is both a free slot
    and a thread in line.
    """

    def __init__(self, most: int = AT_ONCE, crowded: Callable[[], None] = lambda: None) -> None:
        self._crowded = crowded
        self._free = deque([None] * most)
        self._owed: deque[None] = deque()  # slots beyond `most`, taken at once
        self._lent: deque[None] = deque()  # slots beyond `most`, lent
        self._lines: tuple[deque[Turn], ...] = tuple(deque() for _ in Urgency)
        self.given = 0
        """How many slots were given to threads that waited. Threads count without a lock, so it may miss some."""

    @property
    def free(self) -> int:
        """How many slots nobody has."""
        return len(self._free)

    @property
    def beyond(self) -> int:
        """How many slots more than the most there are at the moment."""
        return len(self._owed) + len(self._lent)

    @property
    def waiting(self) -> int:
        """How many threads wait for a slot."""
        return sum(map(len, self._lines))

    @property
    def is_crowded(self) -> bool:
        """Whether any thread waits for a slot."""
        return any(self._lines)

    def has_before(self, urgency: Urgency) -> bool:
        """Tell whether a thread waits with something more urgent."""
        return any(self._lines[:urgency])

    def take(self, urgency: Urgency) -> None:
        """Wait for a slot, and have this thread hold it.

        Raises:
            LockOrderError: in the tests, if this thread holds a lock.
        """
        expect_none_held("a slot")
        if self.is_crowded or not self._took_free():
            turn = taken_turn()
            self.line_up(((urgency, turn),))
            self._crowded()
            turn.acquire()
        hold(self, urgency)

    def take_at_once(self, urgency: Urgency) -> None:
        """Have this thread hold a slot, beyond the most if none is free."""
        if not self._took_free():
            self._owed.append(None)
        hold(self, urgency)

    def line_up(self, waiting: Iterable[tuple[Urgency, Turn]]) -> None:
        """Have threads wait in line: each turn is released when its slot is there. Its thread calls `hold` then."""
        lines = self._lines
        for urgency, turn in waiting:
            lines[urgency].append(turn)
        self._give()

    def give_back(self) -> None:
        """Give back a slot."""
        if self._owed or (self._lent and not self.is_crowded):
            with contextlib.suppress(IndexError):  # another thread gave back at the same moment
                (self._owed or self._lent).pop()
                return
        self._free.append(None)
        self._give()

    def lend(self) -> None:
        """Give out one slot more until no thread waits: whoever has the others does something that takes long."""
        self._lent.append(None)
        self._free.append(None)
        self._give()

    def _took_free(self) -> bool:
        try:
            self._free.pop()
        except IndexError:
            return False
        return True

    def _give(self) -> None:
        lines = self._lines
        while any(lines) and self._took_free():
            self.given += 1
            rounds, is_in_order = divmod(self.given, LESS_URGENT_EVERY)
            first = 0 if is_in_order else rounds % len(lines)
            try:
                next(filter(None, lines[first:] + lines[:first])).popleft().release()
            except (StopIteration, IndexError):  # another thread was faster
                self._free.append(None)


def taken_turn() -> Turn:
    """Return what `Slots.line_up` takes: a lock that is taken."""
    turn = Lock()
    turn.acquire()
    return turn


_held: dict[int, tuple[Slots, Urgency]] = {}  # by thread; each uses its own key alone


def hold(slots: Slots, urgency: Urgency) -> None:
    """Note that this thread has a slot, or that it is for something of another urgency from now on."""
    _held[get_ident()] = slots, urgency


def give_back() -> None:
    """Give back this thread's slot, if it has one: it ends, or is about to wait for one again."""
    if held := _held.pop(get_ident(), None):
        held[0].give_back()


def give_way(urgency: Urgency) -> None:
    """Let those threads run first that wait with something more urgent than what this one is about to do.

    Called under no lock. A thread without a slot goes on.
    """
    ident = get_ident()
    if held := _held.get(ident):
        slots = held[0]
        if slots.has_before(urgency):
            give_back()
            slots.take(urgency)
        else:
            _held[ident] = slots, urgency


class _Aside:
    """The block of `step_aside`."""

    __slots__ = ("_held", "_is_at_once")

    def __init__(self, is_at_once: bool) -> None:
        self._is_at_once = is_at_once

    def __enter__(self) -> None:
        self._held = _held.pop(get_ident(), None)
        if self._held:
            self._held[0].give_back()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held:
            slots, urgency = self._held
            (slots.take_at_once if self._is_at_once else slots.take)(urgency)


def step_aside(*, at_once: bool = False) -> _Aside:
    """Have this thread give its slot to others within the `with` block, in which it waits for something.

    After the block it waits for a slot again, or takes one `at_once`: then it may hold a lock. A thread without a slot
    goes on without one.
    """
    return _Aside(at_once)
