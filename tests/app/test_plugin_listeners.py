"""Kinds of listeners that installed packages bring: named in the settings, found, made, and spoken to."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from chatsrv.app import build, listening, rehearse
from chatsrv.model.errors import SettingsError
from chatsrv.settings import load
from chatsrv.settings.plugins import PROTOCOLS_GROUP
from tests.house import House
from tests.packages import PLUGINS, install, install_source
from tests.peer import DEADLINE_SECONDS

PLAIN = "{protocol: plain, host: 127.0.0.1, port: 0}"
JSON = "{protocol: json, host: 127.0.0.1, port: 0}"
HOUSE_RULES = """
from chatsrv import ListenerKind, PlainSession
from chatsrv.model.replies import Notice

def kind(greeting: str, times: int = 1):
    if times < 1:
        raise ValueError("times begin with 1")

    class Greeting(PlainSession):
        def opened(self):
            super().opened()
            for _ in range(times):
                self.reply(Notice(greeting))

    return ListenerKind(Greeting)
"""


@pytest.fixture
def house(site: Path) -> House:
    """Make a house, with a kind of listener installed."""
    install(PLUGINS / "chatsrv-json", site)
    return House(site.parent)


@pytest.fixture
def bring(site: Path) -> Callable[[str], None]:
    """Install a package that brings the kind `rules`, by the attribute `kind` of that source."""

    def install_kind(source: str) -> None:
        install_source(source, site, package="rules", group=PROTOCOLS_GROUP, name="rules", attribute="kind")

    return install_kind


def listen(house: House, *listeners: str) -> Path:
    """Write settings with those listeners, in the lines from 2 on."""
    lines = "\n".join(f"  - {listener}" for listener in listeners)
    house.settings.write_text(
        f"listeners:\n{lines}\nauth: {{backend: yaml, path: users.yaml}}\nhistory: {{store: memory}}\n"
    )
    return house.settings


def refusal(house: House, *listeners: str) -> str:
    """Return the one thing that is wrong with those listeners, as the start of a server tells it."""
    file = listen(house, *listeners)
    with pytest.raises(SettingsError) as caught:
        build(load(file), file)
    (problem,) = caught.value.problems
    return str(problem).removeprefix(f"{file}:")


def test_people_and_programs_meet_on_listeners_of_several_kinds(house: House) -> None:
    file = listen(house, PLAIN, JSON)
    with build(load(file), file) as app:
        app.start()
        with socket.create_connection(app.addresses[1], DEADLINE_SECONDS) as program, program.makefile("rb") as told:
            program.sendall(b"bob\nbuilder\n")
            assert json.loads(told.readline())["reply"] == "Welcome"
            with socket.create_connection(app.addresses[0], DEADLINE_SECONDS) as alice, alice.makefile("rb") as read:
                alice.sendall(b"alice\nwonderland\n/quit\n")
                assert json.loads(told.readline())["kind"] == "JOIN"
                read.read()


def test_options_make_each_listener_its_own(house: House, bring: Callable[[str], None]) -> None:
    bring(HOUSE_RULES)
    file = listen(
        house,
        "{protocol: rules, greeting: Be kind., host: 127.0.0.1, port: 0}",
        "{protocol: rules, greeting: Be brief., times: 2, host: 127.0.0.1, port: 0}",
    )
    with build(load(file), file) as app:
        app.start()
        for address, told in zip(app.addresses, (b"Be kind.\n", b"Be brief.\nBe brief.\n"), strict=True):
            with socket.create_connection(address, DEADLINE_SECONDS) as bob, bob.makefile("rb") as lines:
                bob.sendall(b"bob\nbuilder\n/quit\n")
                assert told in lines.read()


@pytest.mark.parametrize(
    ("listener", "told"),
    [
        ("{protocol: jsn, port: 0}", "2: listeners[0].protocol is jsn; accepted is plain or telnet (json, rules)"),
        (
            "{protocol: plain, port: 0, greeting: Hi}",
            "2: listeners[0].greeting is Hi; there is no such key; accepted are protocol, name, host, port",
        ),
        (
            "{protocol: rules, port: 0}",
            "2: listeners[0].greeting; the plug-in 'rules' of rules 1 needs this option",
        ),
        (
            "{protocol: rules, port: 0, greeting: Hi, time: 2}",
            "2: listeners[0].time; the plug-in 'rules' of rules 1 has no such option; did you mean times?",
        ),
        (
            "{protocol: rules, port: 0, greeting: Hi, times: 0}",
            "2: listeners[0].protocol; the plug-in 'rules' of rules 1 refuses its options: times begin with 1",
        ),
        (
            "{protocol: rules, port: -1, greeting: Hi}",
            "2: listeners[0].port is -1; accepted is a whole number from 0 to 65535",
        ),
        (
            "{protocol: rules, greeting: Hi}",
            "2: listeners[0].port is missing; accepted is a whole number from 0 to 65535",
        ),
    ],
)
def test_what_is_wrong_with_a_listener_is_told_with_line_and_remedy(
    house: House, bring: Callable[[str], None], listener: str, told: str
) -> None:
    bring(HOUSE_RULES)
    assert refusal(house, listener) == told


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("kind = 1", "cannot be called: rules_module:kind is of type int"),
        ("def kind(): return 'json'", "made something of type str, which is no ListenerKind"),
        (
            "from chatsrv import ListenerKind, LineSession\ndef kind(): return ListenerKind(LineSession)",
            "names no class of sessions; give it a ChatSession",
        ),
        (
            "from chatsrv import ListenerKind, ChatSession\ndef kind(): return ListenerKind(ChatSession)",
            "cannot be used: ChatSession speaks no wire format; give it a `protocol`",
        ),
        (
            "from chatsrv import ListenerKind, LoginServer, PlainSession\n"
            "def kind(): return ListenerKind(PlainSession, LoginServer)",
            "is no class of servers; give it a ChatServer",
        ),
        ("import no_such_module", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_a_plug_in_that_brings_no_kind_keeps_the_server_from_starting_with_a_sentence(
    house: House, bring: Callable[[str], None], source: str, told: str
) -> None:
    bring(source)
    assert refusal(house, "{protocol: rules, port: 0}").endswith(told)


def test_check_finds_a_kind_that_cannot_be_made(house: House, bring: Callable[[str], None]) -> None:
    bring(HOUSE_RULES)
    listen(house, "{protocol: rules, host: 127.0.0.1, port: 0}")
    done = house.run("check")
    assert done.exit_code == 1
    assert "listeners[0].greeting; the plug-in 'rules' of rules 1 needs this option" in done.stderr


def test_check_is_content_with_ports_that_a_server_with_these_settings_has(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "GREETING_SECONDS", DEADLINE_SECONDS)
    file = listen(house, PLAIN, JSON)
    with build(load(file), file) as app:
        app.start()
        (_, plain), (_, other) = app.addresses
        again = load(listen(house, PLAIN.replace("port: 0", f"port: {plain}"), JSON.replace("0}", f"{other}}}")))
        assert rehearse(again, file) == ([], {0, 1})


def test_check_names_the_port_of_a_plug_in_that_another_program_has(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        settings = load(listen(house, PLAIN, JSON.replace("0}", f"{port}, name: bots}}")))
        (wrong,), taken = rehearse(settings, "chat.yaml")
    assert not taken
    assert wrong.startswith(f"port {port} on 127.0.0.1 is in use; ")
    assert wrong.endswith("give listeners[1] (bots) another port in chat.yaml")


def test_check_names_two_listeners_of_a_plug_in_that_want_one_port(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    first = JSON.replace("0}", f"{port}}}")
    (wrong,), taken = rehearse(load(listen(house, first, first.replace("127.0.0.1", "localhost"))), "chat.yaml")
    assert not taken
    assert wrong.startswith(f"port {port} on localhost is that of listeners[0] already; ")


def test_a_kind_may_have_a_layer_below_its_wire_format(house: House, bring: Callable[[str], None]) -> None:
    bring("""
from chatsrv import ChatServer, ListenerKind, PlainSession
from chatsrv.net.wire import Wire

class SealedWire(Wire):
    is_encrypted = True

class SealedServer(ChatServer):
    def wire_for(self, request):
        return SealedWire(request)

class Telling(PlainSession):
    def opened(self):
        super().opened()
        if self.wire.is_encrypted:
            self.hang_up()

def kind():
    return ListenerKind(Telling, SealedServer)
""")
    file = listen(house, PLAIN.replace("plain", "rules"))
    with build(load(file), file) as app:
        app.start()
        with socket.create_connection(app.addresses[0], DEADLINE_SECONDS) as bob, bob.makefile("rb") as lines:
            bob.sendall(b"bob\nbuilder\n")
            assert b"Welcome, bob!" in lines.read()
