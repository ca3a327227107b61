"""The only wiring: settings in, a running chat server out.

    build(settings)   one hub, delivery, gate, watch and turnstile, a server for every listener, and bots
    App.serve()       start, wait for `stop()`, SIGINT, SIGTERM or SIGHUP, say goodbye to everybody, return

Decides nothing about chat, names or bytes. `serve()` belongs to the main thread and tunes the whole process; `start()`
and `close()` leave the process alone, and any one thread may call them. `stop()` may be called from any thread.
"""

import ctypes
import gc
import logging
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chatsrv.app.door import gate_of, places_of
from chatsrv.app.listening import hosts_of, is_without_ipv6, what_to_do
from chatsrv.app.sessions import PlainSession, TelnetSession
from chatsrv.bots import Bot, Bots
from chatsrv.chat.commandplugin import CommandPlugin
from chatsrv.chat.hub import Declared, Hub, RoomRules
from chatsrv.chat.missed import CatchingUp
from chatsrv.model.accounts import Role
from chatsrv.model.errors import ChatError, PluginError, Refused
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.listening.turnstile import Turnstile
from chatsrv.net.sessions.watch import Watch
from chatsrv.roomlog.base import LogStore
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite.backup import Progress
from chatsrv.roomlog.sqlite.file import HistoryFile
from chatsrv.roomlog.sqlite.outlook import examine
from chatsrv.roomlog.sqlite.rescue import Rescued, rescue
from chatsrv.roomlog.sqlite.restoring import Restored, restore
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.settings import (
    Listener,
    MemoryHistory,
    Settings,
    SqliteHistory,
    default_place,
    place_beside,
    wrong_at,
    zone_of,
)
from chatsrv.settings.plugins import BOTS_GROUP, COMMANDS_GROUP, make
from chatsrv.sharing.flood import Buckets
from chatsrv.text.names import prepare_name

logger = logging.getLogger(__name__)

SESSIONS = {"plain": PlainSession, "telnet": TelnetSession}
"""The kind of session that speaks each protocol of the settings."""

THREAD_STACK_BYTES = 256 * 1024
"""Measured: deep enough for every session, and ten thousand of them reserve 2.5 GiB of addresses instead of 80."""

BOTS_SECONDS = 1.0
"""How long sessions wait for bots to leave before they end themselves."""

FILES_BESIDE_CONNECTIONS = 64
"""Descriptors for listeners, files, the log and what libraries open, beside one for each connection."""

GIVE_BACK_SECONDS = 60.0
"""How often free memory is given back: of itself, glibc gives back what lies at the end of an arena."""

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""glibc's numbers of these settings, from malloc.h."""

ARENAS = 4
"""Arenas that threads allocate from. glibc makes eight for each core."""

LARGE_BLOCK_BYTES = 1_000_000
"""Far above whatever a session needs at once, far below a password hash."""

FREE_PORT_TRIES = 10
"""How often a port is looked for that is free with IPv4 and with IPv6."""

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_KILLING_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
"""Those of which a second one kills. A terminal that is closed may send SIGHUP twice."""


def print_at_once(line: str) -> None:
    """Print a line; whoever waits for it has it on return."""
    print(line, flush=True)


class CannotStart(ChatError):
    """The server cannot start with these settings on this machine. The text says what to do."""


class App:
    """A chat server with all its listeners. A context manager: leaving it closes the server."""

    def __init__(self, settings: Settings, file: str | Path = "the settings") -> None:
        self._settings = settings
        self._file = file
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
        _tell_history(self._settings.history, self._file)
        self._bots = Bots(self._servers[0])  # all servers are one chat
        for bot, room in self._waiting_bots:
            try:
                self._bots.add(bot, room)
            except Refused as refusal:  # banned, as a rule; a chat without a bot is better than none
                logger.error("the bot %s is not let in: %s", bot.name, refusal)

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
                    return self._bound_to(hosts, listener)
            return self._bound_to(hosts, listener)
        except OSError as error:
            raise CannotStart(what_to_do(error, self._settings, number, self._file)) from error

    def _bound_to(self, hosts: tuple[str, ...], listener: Listener) -> list[ChatServer]:
        servers: list[ChatServer] = []
        with ExitStack() as undo:
            for host in hosts:
                port = servers[0].server_address[1] if servers else listener.port
                try:
                    servers.append(undo.enter_context(self._server((host, port), listener.protocol)))
                except OSError as error:
                    if not servers or not is_without_ipv6(error, host):
                        raise
                    logger.info("%s listens on IPv4 alone: this machine has no IPv6", listener.protocol)
            undo.pop_all()
        return servers

    def _server(self, address: tuple[str, int], protocol: str) -> ChatServer:
        return ChatServer(
            address,
            SESSIONS[protocol],
            auth=self._gate,
            limits=self._settings.limits,
            hub=self._hub,
            delivery=self._delivery,
            turnstile=self._turnstile,
            buckets=self._buckets,
            watch=self._watch,
            name=protocol,
            time_zone=zone_of(self._settings.server.time_zone),
        )

    def serve(self, announce: Callable[[str], None] = print_at_once) -> None:
        """Run the server until `stop()`, SIGINT, SIGTERM or SIGHUP. A second SIGINT or SIGTERM kills it at once.

        SIGINT and SIGHUP stay ignored if they were, as by `nohup`. `announce` is told where the server listens.

        Raises:
            CannotStart: an address cannot be had.
        """
        tune_process(self._settings.limits.connections)
        with _ringing(self._ringer) as let_signals_kill, self:
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
            return self._bell.recv(1)[0] in (0, *_STOP_SIGNALS)
        except TimeoutError:
            return False

    def stop(self) -> None:
        """Make `serve()` return. Does not wait for it."""
        self._ringer.send(b"\0")

    def close(self) -> None:
        """Say goodbye to every session, and let go of everything. Returns when that is done.

        Sessions, bots and backends that have not ended `linger_seconds` and `STOP_SECONDS` later are left behind.
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


def commands_of(settings: Settings, file: str | Path = "the settings") -> dict[str, CommandPlugin]:
    """Return the commands that plug-ins bring, by name.

    Raises:
        SettingsError: a plug-in cannot be used.
    """
    made: dict[str, CommandPlugin] = {}
    for number, name in enumerate(settings.commands):
        try:
            made[name] = make(
                COMMANDS_GROUP,
                name,
                {},
                CommandPlugin,  # type: ignore[type-abstract]  # it is only asked about, never made
                directory=Path(),
            )
        except PluginError as error:
            told = f"{error}: {error.option}" if error.option else str(error)
            raise wrong_at(file, ("commands", number), told) from error
    return made


def bots_of(settings: Settings, file: str | Path = "the settings") -> list[tuple[Bot, str]]:
    """Return the bots that plug-ins bring, each with the name of its room, empty for the default one.

    Raises:
        SettingsError: a plug-in cannot be used, or the name of its bot cannot, or there is no such room.
    """
    made: dict[str, tuple[Bot, str]] = {}
    rooms = (settings.rooms.default, *(room.name for room in settings.rooms.declared))
    for number, chosen in enumerate(settings.bots):
        steps: tuple[str | int, ...] = ("bots", number)
        if chosen.room is not None and chosen.room not in rooms:
            told = f"there is no room {chosen.room}; accepted is one of {', '.join(rooms)}"
            raise wrong_at(file, (*steps, "room"), told)
        try:
            bot = make(BOTS_GROUP, chosen.bot, chosen.options, Bot, directory=Path(file).parent)
            name = prepare_name(bot.name)
        except PluginError as error:
            raise wrong_at(file, (*steps, error.option) if error.option else steps, str(error)) from error
        except ValueError as error:
            raise wrong_at(file, steps, f"a bot cannot be called {bot.name!r}: {error}") from error
        if name in made:
            raise wrong_at(file, steps, f"there is a bot called {bot.name!r} already")
        made[name] = (bot, chosen.room or "")
    return list(made.values())


def store_of(history: MemoryHistory | SqliteHistory, keep_bytes: int) -> LogStore:
    """Return where the settings have the room logs kept, which keep so much in memory.

    Raises:
        StoreError: that place cannot be used.
    """
    if isinstance(history, MemoryHistory):
        return MemoryStore(keep_entries=history.keep_entries, keep_bytes=keep_bytes)
    return SqliteStore(
        history.path,
        durability=history.durability,
        keep_entries=history.keep_entries,
        keep_days=history.keep_days,
        keep_bytes=keep_bytes,
    )


def examine_history(history: MemoryHistory | SqliteHistory) -> None:
    """See whether the room logs could be kept where the settings say, changing nothing.

    Raises:
        StoreError: they could not.
    """
    if isinstance(history, SqliteHistory):
        examine(history.path)


def history_file(path: Path) -> HistoryFile:
    """Open the file of the room logs at `path`, to look into it or erase from it while a server may use it.

    Raises:
        StoreError: it is not there, or no such file.
    """
    return HistoryFile(path)


def rescue_history(damaged: Path, path: Path, progress: Progress) -> Rescued:
    """Save what can be read of a damaged file of room logs in a new one at `path`."""
    return rescue(damaged, path, progress)


def restore_history(backup: Path, path: Path, progress: Progress) -> Restored:
    """Put a backup in place of the room logs at `path`; see `chatsrv.roomlog.sqlite.restoring`."""
    return restore(backup, path, progress=progress)


def _tell_history(history: MemoryHistory | SqliteHistory, file: str | Path) -> None:
    """Log where the history is, and if there is another one where somebody may expect it."""
    if isinstance(history, MemoryHistory):
        logger.info("The history is kept in memory, until the server stops")
        return
    logger.info("The history is kept in %s", history.path)
    if unused := unused_history(history, file):
        logger.warning(
            "%s is a history, too, and not the one that is used: move it away, or name it as history.path", unused
        )


def unused_history(history: SqliteHistory, file: str | Path) -> Path | None:
    """Return the history beside the settings in `file`, if there is one and `STATE_DIRECTORY` leads away from it."""
    with suppress(ValueError):
        place = place_beside(Path(file))
        if history.path == default_place(Path(file)) != place and place.is_file():
            return place
    return None


def hub_of(settings: Settings, store: LogStore, commands: Mapping[str, CommandPlugin]) -> Hub:
    """Return all rooms as the settings want them, and as they were left in `store`.

    Raises:
        CannotStart: what was decided about rooms cannot be read.
    """
    rooms = settings.rooms
    try:
        return Hub(
            store,
            rooms.default,
            catching_up=CatchingUp(settings.history.catch_up_entries, settings.history.newcomer_entries),
            quiet_above=rooms.quiet_above,
            commands=commands,
            declared=[Declared(room.name, room.topic, room.invite_only, not room.unlogged) for room in rooms.declared],
            rules=RoomRules(
                None if rooms.create == "nobody" else Role(rooms.create),
                rooms.most,
                rooms.changes_per_minute,
                rooms.most_of_one,
                rooms.presence_per_minute,
            ),
        )
    except Refused as refusal:
        raise CannotStart(str(refusal.__cause__ or refusal)) from refusal


def tune_process(connections: int) -> None:
    """Make room in this process for so many connections: descriptors, and small stacks for the threads to come."""
    threading.stack_size(THREAD_STACK_BYTES)
    _tune_allocator()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    except (ValueError, OSError) as error:  # macOS: the hard limit may be more than the kernel grants
        logger.debug("The limit of open files stays at %d: %s", soft, error)
    if soft != resource.RLIM_INFINITY and soft < connections + FILES_BESIDE_CONNECTIONS:
        logger.warning(
            "The system allows %d open files, too few for limits.connections %d; raise it (ulimit -n %d) or lower that",
            soft,
            connections,
            connections + FILES_BESIDE_CONNECTIONS,
        )


def _tune_allocator() -> None:
    """Have the C library map every large block by itself, as glibc does until the first one was freed.

    Password hashes are 19 MiB each and are made on many threads, of which glibc would keep a freed one apiece. And have
    all threads share a few arenas: one thread at a time runs Python, and of each arena some pages are never empty.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's alone
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        mallopt(M_ARENA_MAX, ARENAS)


def give_memory_back() -> None:
    """Have the C library give the system back the pages that are free. Takes some milliseconds."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if malloc_trim:
        malloc_trim(0)


@contextmanager
def _ringing(ringer: socket.socket) -> Iterator[Callable[[], None]]:
    """Have stop signals write their number to `ringer`; after a call of the `with`'s value, the next one kills.

    A wake-up descriptor and not a handler that sets an event: a handler may run while this very thread holds the
    event's lock.
    """
    heeded = [number for number in _STOP_SIGNALS if number is signal.SIGTERM or not _is_ignored(number)]
    previous = {number: signal.signal(number, lambda *_: None) for number in heeded}
    descriptor = signal.set_wakeup_fd(ringer.fileno(), warn_on_full_buffer=False)

    def hand_back(handlers: Mapping[signal.Signals, Any]) -> None:
        signal.set_wakeup_fd(descriptor)
        for number, handler in handlers.items():
            signal.signal(number, handler)

    try:
        yield lambda: hand_back(dict.fromkeys(_KILLING_SIGNALS.intersection(heeded), signal.SIG_DFL))
    finally:
        hand_back(previous)


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


def _close(server: ChatServer) -> None:
    server.shutdown()
    server.server_close()
