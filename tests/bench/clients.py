"""The crowd: non-blocking connections that log in, a few at a time, and are read whenever bytes are there.

Knows the login dialogue (`Username: `, `Password: `, `Welcome, NAME!`), how one joins rooms, and nothing of what is
said after that. Connects to 127.0.0.1 only, from many addresses of 127.0.0.0/24 so that ports do not run out. One
thread.
"""

import select
import socket
import struct
import time
from collections.abc import Callable, Sequence

from bench.stream import Reading

RECEIVE_BYTES = 262_144
IN_FLIGHT = 32
SOURCE_ADDRESSES = 64
IP_BIND_ADDRESS_NO_PORT = 24  # Linux; named in `socket` since Python 3.12
SWEEP_SECONDS = 0.05
STOPPED_BUFFER_BYTES = 4096
LEFT_LOBBY = b"You left lobby. "
WAIT = b"Login is not possible at the moment."

Steps = Sequence[tuple[bytes, bytes]]
"""A dialogue: what the server says, and what it is answered."""


class LoadError(Exception):
    """The run cannot be measured: a login failed, a connection was lost, a deadline passed."""


class ToldToWait(LoadError):
    """The server said that a login is not possible at the moment."""


class Client:
    """One connection. `password` is that of its account; empty: `p` and its number.

    With `rooms`, to log in is to join those, too, and to leave the lobby for them.
    """

    def __init__(
        self, number: int, *, stops_reading: bool = False, password: str = "", rooms: Sequence[str] = ()
    ) -> None:
        self.number = number
        self.password = (password or f"p{number}").encode()
        self.stops_reading = stops_reading
        self.rooms = rooms
        self.reading = Reading()
        self.watched: list[int] = []  # authors whose messages are acknowledged by this reader
        self.is_sampled = False
        self.is_open = False
        self.is_logged_in = False
        self.began_at = 0.0
        self.unsent = b""
        self.heard = b""  # since the last step of the login
        self.steps: list[tuple[bytes, bytes]] = []

    def login(self) -> Steps:
        """Give the steps of its login, from the connection on."""
        return [
            (b"Username: ", b"u%d\n" % self.number),
            (b"Password: ", self.password + b"\n"),
            (b"Welcome, u%d!" % self.number, b""),
        ]

    def connect(self, port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.stops_reading:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STOPPED_BUFFER_BYTES)
        self.sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        self.sock.bind((f"127.0.0.{1 + self.number % SOURCE_ADDRESSES}", 0))
        self.began_at = time.monotonic()
        self.is_open = True
        self.expect(self.login())
        if self.rooms:
            joins = "".join([f"/join {room}\n" for room in self.rooms])
            self.steps[-1:] = [(self.steps[-1][0], f"{joins}/part lobby\n".encode()), (LEFT_LOBBY, b"")]
        self.sock.connect_ex(("127.0.0.1", port))
        self.receive_into = self.sock.recv_into
        self.fd = self.sock.fileno()

    def close(self) -> None:
        if self.is_open:
            self.sock.close()
            self.is_open = False

    def cut(self) -> None:
        """Close with a reset, as a connection that is lost."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def expect(self, steps: Steps) -> None:
        """Begin a dialogue with these steps: what is waited for, and what is answered."""
        self.is_logged_in, self.heard, self.steps = False, b"", list(steps)

    def log_in(self) -> bool:
        """Take the dialogue as far as it goes now; whether this was the last step."""
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return False
        except OSError as error:
            raise LoadError(f"client {self.number}: login broke off: {error}") from None
        if not data:
            raise LoadError(f"client {self.number}: hung up during the login, after {self.heard[-80:]!r}")
        self.heard += data
        if WAIT in self.heard:
            raise ToldToWait(f"client {self.number}: {WAIT.decode()}")
        while self.steps:
            prompt, answer = self.steps[0]
            at = self.heard.find(prompt)
            if at < 0:
                return False
            self.heard = self.heard[at + len(prompt) :]
            del self.steps[0]
            if answer:
                self.sock.send(answer)
        self.is_logged_in = True
        return True

    def send(self, data: bytes) -> None:
        """Send, and keep what the server does not take for the next time."""
        if self.unsent:
            data = self.unsent + data
            self.unsent = b""
        try:
            size = self.sock.send(data)
        except BlockingIOError:
            size = 0
        except OSError:
            return  # reading tells that the connection is gone
        if size < len(data):
            self.unsent = data[size:]


class Crowd:
    """All clients of a run, and the two sets they are polled in: promptly, or now and then (which is cheaper)."""

    def __init__(self, port: int, clients: list[Client]) -> None:
        self.port = port
        self.clients = clients
        self.by_fd: dict[int, Client] = {}
        self.prompt = select.epoll()
        self.lazy = select.epoll()
        self.view = memoryview(bytearray(RECEIVE_BYTES))
        self.hung_up: list[Client] = []

    def log_in(self, deadline: float, settle_seconds: float) -> list[float]:
        """Log everybody in, wait until the server has had nothing to tell for a while; how long each login took."""
        waiting, in_flight = self.clients[::-1], 0
        times: list[float] = []
        swept_at = quiet_since = time.monotonic()
        while len(times) < len(self.clients) or time.monotonic() - quiet_since < settle_seconds:
            while waiting and in_flight < IN_FLIGHT:
                self.open(waiting.pop(), self.prompt)
                in_flight += 1
            for fd, _event in self.prompt.poll(SWEEP_SECONDS):
                client = self.by_fd[fd]
                if client.log_in():
                    times.append(time.monotonic() - client.began_at)
                    in_flight -= 1
                    self.prompt.unregister(fd)
                    if not client.stops_reading:
                        self.lazy.register(fd, select.EPOLLIN)
            now = time.monotonic()
            if now > deadline:
                raise LoadError(f"after the time limit {len(times)} of {len(self.clients)} had logged in")
            if now - swept_at >= SWEEP_SECONDS:
                heard = self._sweep()
                swept_at = time.monotonic()
                if heard or len(times) < len(self.clients):
                    quiet_since = swept_at
        return times

    def _sweep(self) -> int:
        """Throw away what the server has told those who are logged in; how many bytes that was."""
        total = 0
        for fd, _event in self.lazy.poll(0, len(self.clients)):
            total += self.receive(self.by_fd[fd])
        if self.hung_up:
            raise LoadError(f"client {self.hung_up[0].number} was hung up before the traffic began")
        return total

    def open(self, client: Client, poll: select.epoll) -> None:
        client.connect(self.port)
        self.by_fd[client.fd] = client
        poll.register(client.fd, select.EPOLLIN)

    def receive(self, client: Client) -> int:
        """Read once into `view`; how many bytes. A lost connection is noted in `hung_up`."""
        try:
            size = client.receive_into(self.view)
        except BlockingIOError:
            return 0
        except OSError:
            size = 0
        if not size:
            client.close()
            self.hung_up.append(client)
        return size

    def share_out(self, is_prompt: Callable[[Client], bool]) -> None:
        """Put every reading client into one of the two sets, for the traffic."""
        for client in self.clients:
            if is_prompt(client) and not client.stops_reading:
                self.lazy.unregister(client.fd)
                self.prompt.register(client.fd, select.EPOLLIN)

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.prompt.close()
        self.lazy.close()
