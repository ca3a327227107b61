"""The wiring: what the settings say is what the server does, and nothing is left when it has ended."""

import contextlib
import gc
import resource
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from chatsrv.app import App, build, running
from chatsrv.app.building import store_of
from chatsrv.app.kinds import KINDS
from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AccountsError, CannotStart
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.settings import Listener, Settings
from tests.peer import DEADLINE_SECONDS


def settings(**sections: object) -> Settings:
    """Return settings of a server for alice and bob on two free ports of this machine."""
    listener = {"protocol": "plain", "host": "127.0.0.1", "port": 0}
    auth = {"backend": "memory", "users": {"alice": "wonderland", "bob": "builder"}}
    return Settings.model_validate({"listeners": [listener, listener], "auth": auth, **sections})


def connect(app: App, number: int = 0) -> socket.socket:
    return socket.create_connection(app.addresses[number], DEADLINE_SECONDS)


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    said = b""
    while wanted not in said:
        piece = connection.recv(4096)
        assert piece, f"{wanted!r} is not in {said!r}"
        said += piece
    return said


def test_every_protocol_of_the_settings_has_a_kind_of_listener() -> None:
    assert set(KINDS) == set(get_args(Listener.model_fields["protocol"].annotation))


def test_people_on_different_listeners_meet() -> None:
    with build(settings()) as app:
        app.start()
        with connect(app, 0) as alice, connect(app, 1) as bob:
            alice.sendall(b"alice\nwonderland\n")
            read_until(alice, b"Welcome, alice!")
            bob.sendall(b"bob\nbuilder\n")
            read_until(alice, b"* bob joined")


def test_a_backend_is_told_the_name_of_the_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    authenticate = MemoryBackend.authenticate

    def note(self: MemoryBackend, username: str, password: str, context: LoginContext) -> Account:
        asked.append(context.listener)
        return authenticate(self, username, password, context)

    monkeypatch.setattr(MemoryBackend, "authenticate", note)
    plain = {"protocol": "plain", "host": "127.0.0.1", "port": 0}
    with build(settings(listeners=[plain, {**plain, "name": "staff"}])) as app:
        app.start()
        for number in (0, 1):
            with connect(app, number) as alice:
                alice.sendall(b"alice\nwonderland\n")
                read_until(alice, b"Welcome, alice!")
    assert asked == ["plain", "staff"]


def test_a_room_above_the_size_of_the_settings_tells_nobody_who_comes() -> None:
    with build(settings(rooms={"quiet_above": 1})) as app:
        app.start()
        with connect(app) as alice, connect(app) as bob:
            alice.sendall(b"alice\nwonderland\n")
            read_until(alice, b"Welcome, alice!")
            bob.sendall(b"bob\nbuilder\nhello\n")
            assert b"joined" not in read_until(alice, b"<bob> hello\n")
            alice.sendall(b"/who\n")
            read_until(alice, b"Here now: alice, bob.")


@pytest.mark.parametrize("name", ["local", "UTC", "Asia/Kathmandu"])
def test_times_are_told_in_the_time_zone_of_the_settings(name: str) -> None:
    zone = {"local": None, "UTC": UTC}.get(name, ZoneInfo("Asia/Kathmandu"))
    before = datetime.now(zone)
    with build(settings(server={"time_zone": name})) as app:
        app.start()
        with connect(app) as alice:
            alice.sendall(b"alice\nwonderland\nhello\n/history\n")
            told = read_until(alice, b"] <alice> hello\n")
    assert any(f"{moment:%H:%M}] <alice> hello" in told.decode() for moment in (before, datetime.now(zone)))


def test_one_watch_looks_after_the_sessions_of_all_listeners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatsrv.net.sessions.watch.WATCH_SECONDS", 0.02)
    users = tmp_path / "users.yaml"
    users.write_text("alice: wonderland\nbob: builder\n")
    with build(settings(auth={"backend": "yaml", "path": str(users)})) as app:
        app.start()
        assert [thread.name for thread in threading.enumerate()].count("account watch") == 1
        with connect(app, 0) as alice, connect(app, 1) as bob:
            for connection, login in ((alice, b"alice\nwonderland\n"), (bob, b"bob\nbuilder\n")):
                connection.sendall(login)
                read_until(connection, b"Welcome, ")
            users.write_text("carol: christmas\n")
            for connection in (alice, bob):
                read_until(connection, b"Your account may not be used here any more.")
    assert "account watch" not in [thread.name for thread in threading.enumerate()]


def test_closing_says_goodbye_on_every_listener() -> None:
    app = build(settings())
    app.start()
    with connect(app, 0) as alice, connect(app, 1) as bob:
        for connection, login in ((alice, b"alice\nwonderland\n"), (bob, b"bob\nbuilder\n")):
            connection.sendall(login)
            read_until(connection, b"Welcome, ")
        app.close()
        read_until(alice, b"The server is shutting down.")
        read_until(bob, b"The server is shutting down.")


def test_connections_are_counted_over_all_listeners() -> None:
    with build(settings(limits={"connections": 1})) as app:
        app.start()
        with connect(app, 0) as first:
            read_until(first, b"Username: ")
            with connect(app, 1) as second:
                read_until(second, b"The server is full.")


def test_what_was_never_started_leaves_nothing_behind() -> None:
    with build(settings()):
        pass


def test_a_server_that_cannot_start_leaves_nothing_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        free = {"protocol": "plain", "host": "127.0.0.1", "port": 0}
        with (
            build(settings(listeners=[free, {**free, "port": port}]), "chat.yaml") as app,
            pytest.raises(
                CannotStart, match=rf"^port {port} on 127\.0\.0\.1 is in use; .* listeners\[1\] .* chat\.yaml$"
            ),
        ):
            app.start()
        assert app.addresses == []


def test_a_port_below_1024_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with (
        build(settings()) as app,
        pytest.raises(
            CannotStart, match=r"is not for this user; give listeners\[0\] a port above 1023 in the settings"
        ),
    ):
        app.start()


def test_accounts_that_cannot_be_read_keep_the_server_from_starting(tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match="users"):
        build(settings(auth={"backend": "yaml", "path": str(tmp_path / "users.yaml")}))


def test_building_leaves_the_process_as_it_was() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with build(settings()) as app:
        app.start()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_the_logs_keep_in_memory_half_of_what_the_settings_allow(tmp_path: Path, store: str) -> None:
    history = {"store": store, **({"path": str(tmp_path / "chat.db")} if store == "sqlite" else {})}
    chosen = settings(history=history, limits={"memory_bytes": 16_777_216})
    with contextlib.closing(store_of(chosen.history, chosen.limits.log_bytes)) as logs:
        assert isinstance(logs, (MemoryStore, SqliteStore))
        unrecorded_bytes = logs.unrecorded.shelf.most_bytes if isinstance(logs, SqliteStore) else 0
        assert logs.shelf.most_bytes + unrecorded_bytes == 8_388_608


def test_free_memory_is_given_back_while_the_server_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    server = build(settings())
    given_back: list[None] = []

    def give_back() -> None:
        give_memory_back()
        given_back.append(None)
        if len(given_back) == 2:
            server.stop()

    monkeypatch.setattr(running, "GIVE_BACK_SECONDS", 0.001)
    give_memory_back = running.give_memory_back
    monkeypatch.setattr(running, "give_memory_back", give_back)
    monkeypatch.setattr(running, "tune_process", lambda _: None)  # this process is the tests'
    monkeypatch.setattr(gc, "freeze", lambda: None)
    server.serve()
    assert len(given_back) == 2
