"""Where a server listens: each host means what it says, and one means both kinds of address."""

import errno
import socket
from pathlib import Path

import pytest

from chatsrv.app import build, listening
from chatsrv.app.listening import hosts_of, rehearse
from chatsrv.model.errors import CannotStart
from chatsrv.settings import Listener, Settings
from tests.peer import DEADLINE_SECONDS


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def settings(*hosts: str, port: int = 0) -> Settings:
    listeners = [{"protocol": "plain", "host": host, "port": port} for host in hosts]
    return Settings.model_validate({"listeners": listeners, "auth": {"backend": "memory", "users": {"alice": "tea"}}})


def free_port() -> int:
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as holder:
        return int(holder.getsockname()[1])


def greets(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), DEADLINE_SECONDS) as connection:
            return connection.recv(4) == b"User"
    except ConnectionRefusedError:
        return False


@pytest.mark.parametrize(
    ("host", "hosts"),
    [
        ("*", ("0.0.0.0", "::")),
        ("0.0.0.0", ("0.0.0.0",)),
        ("::", ("::",)),
        ("0:0:0:0:0:0:0:1", ("::1",)),
        ("::ffff:127.0.0.1", ("127.0.0.1",)),
        ("localhost", ("127.0.0.1",)),
    ],
)
def test_what_hosts_mean(host: str, hosts: tuple[str, ...]) -> None:
    assert hosts_of(Listener(protocol="plain", host=host, port=1)) == hosts


@pytest.mark.parametrize("host", ["no.invalid", "x" * 70, "a..b"])
def test_a_host_that_there_is_not_is_told_in_a_sentence(host: str) -> None:
    wrong, taken = rehearse(settings(host), "chat.yaml")
    assert wrong == [f"there is no host {host}; give listeners[0] an address of this machine as host in chat.yaml"]
    assert not taken
    with build(settings(host)) as app, pytest.raises(CannotStart, match="there is no host"):
        app.start()


@needs_ipv6
@pytest.mark.parametrize(
    ("host", "reached"),
    [("*", {"127.0.0.1", "::1"}), ("::", {"::1"}), ("0.0.0.0", {"127.0.0.1"})],
)
@pytest.mark.parametrize("is_any_port", [True, False])
def test_who_reaches_a_listener(host: str, reached: set[str], is_any_port: bool) -> None:
    with build(settings(host, port=0 if is_any_port else free_port())) as app:
        app.start()
        (port,) = {port for _, port in app.addresses}
        assert {address for address in ("127.0.0.1", "::1") if greets(address, port)} == reached


@needs_ipv6
def test_both_kinds_may_be_listened_to_on_one_port_by_two_listeners() -> None:
    chosen = settings("0.0.0.0", "::", port=free_port())
    assert rehearse(chosen, "chat.yaml") == ([], set())
    with build(chosen) as app:
        app.start()
        assert [host for host, _ in app.addresses] == ["0.0.0.0", "::"]


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_without_ipv6_all_addresses_are_those_of_ipv4(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    without_ipv6(number, monkeypatch)
    assert rehearse(settings("*"), "chat.yaml") == ([], set())
    with build(settings("*")) as app:
        app.start()
        assert [host for host, _ in app.addresses] == ["0.0.0.0"]


def test_without_ipv6_a_listener_of_ipv6_alone_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    without_ipv6(errno.EAFNOSUPPORT, monkeypatch)
    told = "this machine has no IPv6; give listeners[0] another host in the settings (0.0.0.0 is any of IPv4)"
    assert rehearse(settings("::"), "the settings")[0] == [told]
    with build(settings("::")) as app, pytest.raises(CannotStart) as error:
        app.start()
    assert str(error.value) == told


def without_ipv6(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(sock: socket.socket) -> None:
        if sock.family == socket.AF_INET6:
            raise OSError(number, "no IPv6")

    monkeypatch.setattr(listening, "alone_in_its_family", refuse)
    monkeypatch.setattr("chatsrv.net.listening.server.alone_in_its_family", refuse)


def test_a_port_of_another_program_is_not_taken_for_a_chat_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "GREETING_SECONDS", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        wrong, taken = rehearse(settings("127.0.0.1", port=port), Path("chat.yaml"))
    assert not taken
    assert wrong == [
        f"port {port} on 127.0.0.1 is in use; stop the program that holds it, "
        "or give listeners[0] another port in chat.yaml"
    ]
