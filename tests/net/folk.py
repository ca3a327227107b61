"""Folk for tests of rooms: real sockets whose owners type something, and have seen everything that came of it.

Knows nothing of the server's insides. One thread uses a person, and a `Village` is the test's.
"""

import contextlib
import itertools
import re
from collections.abc import Iterator
from datetime import UTC, tzinfo

from chatsrv.app.sessions import PlainSession
from chatsrv.chat.hub import Hub
from chatsrv.model.accounts import Role
from chatsrv.model.limits import Limits
from chatsrv.net.listening.server import ChatServer, LoginServer
from tests.peer import Peer, open_gate, running

ROLES = {"alice": Role.ADMIN, "carol": Role.MODERATOR}
_NAMES = itertools.count()
_TIMED = re.compile(r"^\[(?:\d{4}-\d\d-\d\d )?\d\d:\d\d\] ")


class Person(Peer):
    """One device of somebody, logged in."""

    def __init__(self, server: LoginServer, name: str, **options: int) -> None:
        super().__init__(server, **options)
        self.log_in(name)

    def does(self, *lines: str) -> list[str]:
        """Type lines; return all that was shown up to the answer to the last of them, times of before left out.

        Whatever somebody else did before, who has seen the answer to it, is in it.
        """
        mark = f"mark{next(_NAMES)}"
        self.send("".join(f"{line}\n" for line in (*lines, f"/join {mark}")).encode())
        seen = []
        while not (line := self.line()).startswith(f"There is no room {mark}. "):
            seen.append(_TIMED.sub("", line))
        return seen

    def sees(self) -> list[str]:
        """Return what was shown since the last time."""
        return self.does()

    def sees_up_to(self, *lines: str) -> list[str]:
        """Return what is shown until all of these lines were, in whatever order."""
        seen: list[str] = []
        awaited = set(lines)
        while awaited:
            seen.append(_TIMED.sub("", self.line()))
            awaited.discard(seen[-1])
        return seen

    def quits(self) -> None:
        """Quit, and read everything until the end of the stream, which acknowledges it."""
        self.type("/quit")
        self.rest()
        self.socket.close()


class Village:
    """A server, and everybody who ever logged in there. alice is an admin, carol a moderator."""

    def __init__(self, server: ChatServer) -> None:
        self.server = server
        self._people = contextlib.ExitStack()

    def log_in(self, name: str, **options: int) -> Person:
        return self._people.enter_context(Person(self.server, name, **options))

    def log_in_all(self, *names: str) -> list[Person]:
        """Log several in; nobody has anything to see yet."""
        people = [self.log_in(name) for name in names]
        for person in people:
            person.sees()
        return people

    def close(self) -> None:
        self._people.close()


@contextlib.contextmanager
def village(hub: Hub | None = None, *, time_zone: tzinfo | None = UTC, **limits: float) -> Iterator[Village]:
    """Run a chat for a while."""
    values = {"messages_per_second": 0, "connections_per_address": 0, "linger_seconds": 20.0, **limits}
    gate = open_gate(ROLES)
    server = ChatServer(
        ("127.0.0.1", 0), PlainSession, auth=gate, hub=hub or Hub(), limits=Limits(**values), time_zone=time_zone
    )
    with running(server), contextlib.closing(Village(server)) as found:
        yield found
