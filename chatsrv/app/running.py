"""A chat server with all its listeners, as the settings describe it: started, served and closed.

    build(settings)   one hub, delivery, gate, watch and turnstile for every listener, and bots
    App.serve()       start, wait for `stop()`, SIGINT, SIGTERM or SIGHUP, say goodbye to everybody, return

Decides nothing about chat, names or bytes. `serve()` belongs to the main thread and tunes the whole process; `start()`
and `close()` leave the process alone, and any one thread may call them. `stop()` may be called from any thread.
"""

import gc
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from chatsrv.app.building import bots_of, commands_of, hub_of, store_of
from chatsrv.app.door import gate_of, places_of
from chatsrv.app.history import log_place
from chatsrv.app.kinds import kinds_of
from chatsrv.app.listening import hosts_of, is_without_ipv6, what_to_do
from chatsrv.app.process import STOP_SIGNALS, give_memory_back, ring_on_stop_signals, tune_process
from chatsrv.bots import Bots
from chatsrv.model.errors import CannotStart, Refused
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.listening.turnstile import Turnstile
from chatsrv.net.sessions.watch import Watch
from chatsrv.settings import Settings, names_of, zone_of
from chatsrv.sharing.flood import Buckets
from chatsrv.wording.refusals import explain

logger = logging.getLogger(__name__)

BOTS_SECONDS = 1.0
"""How long sessions wait for bots to leave before they end themselves."""

GIVE_BACK_SECONDS = 60.0
"""How often free memory is given back: of itself, glibc gives back what lies at the end of an arena."""

FREE_PORT_TRIES = 10
"""How often a port is looked for that is free with IPv4 and with IPv6."""


def print_at_once(line: str) -> None:
    """Print a line, and flush it: a program may be waiting for it."""
    print(line, flush=True)


class App:
    """A chat server with all its listeners. A context manager: leaving it closes the server."""

    def __init__(self, settings: Settings, file: str | Path = "the settings") -> None:
        self._settings = settings
        self._file = file
        self._kinds = kinds_of(settings, file)
        self._names = names_of(settings.listeners)
        commands = commands_of(settings, file)
        self._waiting_bots = bots_of(settings, file)
        self._bots: Bots | None = None
        with ExitStack() as undo:
            self._store = undo.enter_context(closing(store_of(settings.history, settings.limits.log_bytes)))
            self._hub = hub_of(settings, self._store, commands)
            self._gate = gate_of(settings, places_of(settings))
            undo.pop_all()
        self._watch = Watch(self._gate)
        self._delivery = Delivery(settings.limits)
        self._turnstile = Turnstile.of(settings.limits)
        self._buckets = Buckets(settings.limits.messages_per_second, settings.limits.burst)
        self._servers: list[ChatServer] = []
        self._threads: list[threading.Thread] = []
        self._bell, self._ringer = socket.socketpair()
        self._ringer.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where the server listens: for each listener its addresses, and the port that it really has there."""
        return [(str(server.server_address[0]), server.server_address[1]) for server in self._servers]

    def start(self) -> None:
        """Listen on every address of the settings, let the bots in, and return.

        Raises:
            CannotStart: one of them cannot be had. Nothing is listening then.
        """
        with ExitStack() as undo:
            servers = [
                undo.enter_context(server)
                for number in range(len(self._settings.listeners))
                for server in self._bound(number)
            ]
            undo.pop_all()
        self._servers = servers
        self._delivery.start()
        self._watch.start()
        for server in self._servers:
            thread = threading.Thread(target=server.serve_forever, name=f"accept-{server.server_address[1]}")
            thread.start()
            self._threads.append(thread)
        log_place(self._settings.history, self._file)
        self._bots = Bots(self._servers[0])  # all servers are one chat
        for bot, room in self._waiting_bots:
            try:
                self._bots.add(bot, room)
            except Refused as refused:  # banned, as a rule; a chat without a bot is better than none
                logger.error("the bot %s is not let in: %s", bot.name, explain(refused.why))

    def _bound(self, number: int) -> list[ChatServer]:
        """Return the servers of a listener, one for each of its addresses.

        Raises:
            CannotStart: one of them cannot be had.
        """
        listener = self._settings.listeners[number]
        try:
            hosts = hosts_of(listener)
            for _ in range(FREE_PORT_TRIES if not listener.port else 0):
                with suppress(OSError):  # the port that IPv4 got may not be free with IPv6
                    return self._bound_to(hosts, number)
            return self._bound_to(hosts, number)
        except OSError as error:
            raise CannotStart(what_to_do(error, self._settings, number, self._file)) from error

    def _bound_to(self, hosts: tuple[str, ...], number: int) -> list[ChatServer]:
        servers: list[ChatServer] = []
        with ExitStack() as undo:
            for host in hosts:
                port = servers[0].server_address[1] if servers else self._settings.listeners[number].port
                try:
                    servers.append(undo.enter_context(self._server((host, port), number)))
                except OSError as error:
                    if not servers or not is_without_ipv6(error, host):
                        raise
                    logger.info("%s listens on IPv4 alone: this machine has no IPv6", self._names[number])
            undo.pop_all()
        return servers

    def _server(self, address: tuple[str, int], number: int) -> ChatServer:
        kind = self._kinds[number]
        return kind.server(
            address,
            kind.session,
            auth=self._gate,
            limits=self._settings.limits,
            hub=self._hub,
            delivery=self._delivery,
            turnstile=self._turnstile,
            buckets=self._buckets,
            watch=self._watch,
            name=self._names[number],
            time_zone=zone_of(self._settings.server.time_zone),
        )

    def serve(self, announce: Callable[[str], None] = print_at_once) -> None:
        """Run the server until `stop()`, SIGINT, SIGTERM or SIGHUP. A second SIGINT or SIGTERM kills it at once.

        SIGINT and SIGHUP stay ignored if they were, as by `nohup`. `announce` is told where the server listens.

        Raises:
            CannotStart: an address cannot be had.
        """
        tune_process(self._settings.limits.connections)
        with ring_on_stop_signals(self._ringer) as let_signals_kill, self:
            self.start()
            for host, port in self.addresses:
                announce(f"Chat server is listening on {f'[{host}]' if ':' in host else host}:{port}")
            gc.collect()
            gc.freeze()
            while not self._is_rung():
                give_memory_back()
            let_signals_kill()
            logger.info("Stopping")

    def _is_rung(self) -> bool:
        """Wait until the bell is rung, for `GIVE_BACK_SECONDS` at most; tell whether the server is to stop."""
        self._bell.settimeout(GIVE_BACK_SECONDS)
        try:
            return self._bell.recv(1)[0] in (0, *STOP_SIGNALS)
        except TimeoutError:
            return False

    def stop(self) -> None:
        """Make `serve()` return. Does not wait for it."""
        self._ringer.send(b"\0")

    def close(self) -> None:
        """Say goodbye to every session, and let go of everything. Returns when that is done.

        Sessions, bots and backends that have not ended `linger_seconds` and `STOP_SECONDS` later are abandoned.
        """
        closers = [threading.Thread(target=_close, args=(server,)) for server in self._servers]
        if self._bots:  # they leave first, so that people see it, unless one is busy
            leaving = threading.Thread(target=self._bots.close)
            leaving.start()
            leaving.join(BOTS_SECONDS)
            closers.append(leaving)
        for thread in closers[: len(self._servers)]:
            thread.start()
        self._watch.stop()
        for thread in (*closers, *self._threads):
            thread.join()
        self._delivery.stop()
        self._store.close()
        self._gate.close()
        self._bell.close()
        self._ringer.close()


def build(settings: Settings, file: str | Path = "the settings") -> App:
    """Return the server that `settings` describe; `file` is what messages call them."""
    return App(settings, file)


def _close(server: ChatServer) -> None:
    server.shutdown()
    server.server_close()
