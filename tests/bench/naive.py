"""The beginner's chat server, to compare with: one thread per client, a dict of users, one lock, `sendall` in a loop.

As short as such a server is usually written; TCP_NODELAY is on, since without it the kernel would coalesce for it and
hold lines back for up to 40 ms. It limits nothing, announces nobody, and stands still as soon as one client stops
reading. Every thread writes to every socket, under the lock.
"""

import socket
import threading
from contextlib import suppress
from typing import NoReturn


class NaiveServer:
    """Listens on a free port of 127.0.0.1 as soon as it is made."""

    def __init__(self, users: dict[str, str]) -> None:
        self._users = users
        self._clients: dict[socket.socket, str] = {}
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.server_address: tuple[str, int] = self._listener.getsockname()

    def serve_forever(self) -> NoReturn:
        while True:
            client, _address = self._listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        lines = client.makefile("rb")
        try:
            client.sendall(b"Username: ")
            name = lines.readline().decode().strip()
            client.sendall(b"Password: ")
            if self._users.get(name) != lines.readline().decode().strip():
                client.sendall(b"Login failed.\n")
                return
            with self._lock:
                client.sendall(f"Welcome, {name}!\n".encode())
                self._clients[client] = name
            for line in lines:
                said = f"<{name}> ".encode() + line
                with self._lock:
                    for other in self._clients:
                        if other is not client:
                            with suppress(OSError):  # its own thread takes it off the list
                                other.sendall(said)
        except OSError:
            pass  # gone
        finally:
            with self._lock:
                self._clients.pop(client, None)
            lines.close()
            client.close()
