"""A chat server in a process of its own that is to be killed: `python -m tests.roomlog.killed FILE DURABILITY`.

Prints its port, and serves until it is killed. Whoever starts it reads that line.
"""

import sys

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.chat.hub import Hub
from chatsrv.model.limits import Limits
from chatsrv.net.listening.server import ChatServer
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.peer import PASSWORDS


def main() -> None:
    store = SqliteStore(sys.argv[1], durability="power" if sys.argv[2] == "power" else "process")
    limits = Limits(messages_per_second=0, connections_per_address=0)
    auth = MemoryBackend(PASSWORDS)
    with ChatServer(("127.0.0.1", 0), PlainSession, auth=auth, hub=Hub(store), limits=limits) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
