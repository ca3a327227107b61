"""Settings: what is wrong is told all at once, each with file, line, key, value and what is accepted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from chatsrv.model.errors import SettingsError
from chatsrv.model.limits import Limits
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.settings import (
    CommandAuth,
    HashedAuth,
    Listener,
    MemoryAuth,
    MemoryHistory,
    Settings,
    SqliteHistory,
    YamlAuth,
    load,
    names_of,
)
from chatsrv.settings.manual import declared_keys, manual

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config" / "chatsrv.yaml"
GOOD = """\
listeners:
  - {protocol: plain, host: 127.0.0.1, port: 0}
auth: {backend: memory, users: {alice: wonderland}}
"""
CHOICE = "memory, yaml, hashed, command or the name of an installed plug-in"
ACCEPTED = f"accepted is a mapping whose backend is {CHOICE}, or a list of at least one such"


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "chatsrv.yaml"


def problems(file: Path, content: str | bytes) -> list[str]:
    """Return what is wrong with settings of that content, without the file's directory."""
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SettingsError) as caught:
        load(file)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [line.removeprefix(f"{file.parent}/") for line in str(caught.value).split("\n")]


def test_two_sections_make_a_server(settings_file: Path) -> None:
    settings_file.write_text(GOOD)
    settings = load(settings_file)
    (auth,) = settings.auth
    assert isinstance(auth, MemoryAuth)
    assert auth.users["alice"].get_secret_value() == "wonderland"
    assert settings.limits == Limits()
    assert (settings.listeners[0].protocol, settings.listeners[0].port) == ("plain", 0)


@pytest.mark.parametrize(("backend", "kind"), [("yaml", YamlAuth), ("hashed", HashedAuth)])
def test_paths_start_from_the_directory_of_the_file(settings_file: Path, backend: str, kind: type[YamlAuth]) -> None:
    settings_file.write_text(GOOD.split("auth")[0] + f"auth: {{backend: {backend}, path: ../users}}")
    (auth,) = load(settings_file).auth
    assert isinstance(auth, kind)
    assert auth.path == settings_file.parent / "../users"


def test_an_absolute_path_stays_as_it_is(settings_file: Path) -> None:
    settings_file.write_text(GOOD.split("auth")[0] + "auth: {backend: yaml, path: /etc/chat/users.yaml}")
    (auth,) = load(settings_file).auth
    assert isinstance(auth, YamlAuth)
    assert auth.path == Path("/etc/chat/users.yaml")


def test_a_section_whose_keys_are_all_commented_out_has_its_defaults(settings_file: Path) -> None:
    settings_file.write_text(GOOD + "limits:\n  # line_bytes: 100\nroles:\n")
    assert load(settings_file).limits == Limits()


def test_rooms_are_known_by_their_names_however_they_are_written(settings_file: Path) -> None:
    settings_file.write_text(GOOD + "rooms: {default: '#Hall', declared: [{name: Dev, topic: tea, unlogged: true}]}")
    rooms = load(settings_file).rooms
    (dev,) = rooms.declared
    assert rooms.default == "hall"
    assert (dev.name, dev.topic, dev.invite_only, dev.unlogged) == ("dev", "tea", False, True)


def test_values_are_frozen(settings_file: Path) -> None:
    settings_file.write_text(GOOD)
    settings = load(settings_file)
    with pytest.raises(ValidationError):
        settings.listeners[0].port = 1  # type: ignore[misc]
    (auth,) = settings.auth
    assert isinstance(auth, MemoryAuth)
    with pytest.raises(TypeError):
        auth.users["mallory"] = "x"  # type: ignore[index]


def test_a_password_is_not_shown_with_the_settings(settings_file: Path) -> None:
    settings_file.write_text(GOOD)
    assert "wonderland" not in repr(load(settings_file))


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("limits: {lnie_bytes: 100}", "4: limits.lnie_bytes is 100; there is no such key; did you mean line_bytes?"),
        ("line_bytes: 100", "4: line_bytes is 100; there is no such key here; did you mean limits.line_bytes?"),
        (
            "roles: {king: [alice]}",
            "4: roles.king is a list; there is no such key; accepted are admin, moderator",
        ),
        ("limits: {line_bytes: 4}", "4: limits.line_bytes is 4; accepted is a whole number from 64 to 65536"),
        ("limits:\n  burst: '5'", "5: limits.burst is '5'; accepted is a whole number from 1 to 1000000"),
        ("limits: {burst: yes}", "4: limits.burst is yes; accepted is a whole number from 1 to 1000000"),
        ("limits: {burst: }", "4: limits.burst is empty; accepted is a whole number from 1 to 1000000"),
        (
            "login: {exempt_networks: [10.0.0.0/8, 10.0.0.1/8]}",
            "4: login.exempt_networks[1] is 10.0.0.1/8; accepted is an address or a network",
        ),
        ("login: {exempt_networks: [5]}", "4: login.exempt_networks[0] is 5; accepted is an address or a network"),
        ("login: {exempt_networks: 10.0.0.0/8}", "is 10.0.0.0/8; accepted is a list of networks"),
        ("login: {reserved_names: [a b]}", "4: login.reserved_names[0] is a b; accepted is text, in quotes"),
        ("login: {legacy_hashes: true}", "4: login.legacy_hashes is true; accepted is refuse or rehash"),
        ("login: {legacy_hashes: accept}", "4: login.legacy_hashes is accept; accepted is refuse or rehash"),
        ("login: {rehash: sometimes}", "4: login.rehash is sometimes; accepted is true or false"),
        ("login: {guesses_per_acount: 5}", "there is no such key; did you mean guesses_per_account?"),
        ("limits: {login_seconds: 0}", "4: limits.login_seconds is 0; accepted is a number above 0 up to 3600"),
        ("history: {store: memory, keep_entries: .inf}", "accepted is a whole number from 1 to 10000000"),
        ("history: {store: redis}", "4: history.store is redis; accepted is memory or sqlite"),
        ("history: {keep_days: -1}", "4: history.keep_days is -1; accepted is a number from 0 to 36500"),
        ("history: {pth: a}", "4: history.pth is a; there is no such key; did you mean path?"),
        ("history: {store: }", "4: history.store is empty; accepted is memory or sqlite"),
        ("history: {path: }", "4: history.path is empty; accepted is a path; a relative one starts from"),
        ("history: 5", "4: history is 5; accepted is a mapping whose store is memory or sqlite"),
        ("history: {store: memory, path: a}", "history.path is a; there is no such key; accepted are store, keep_entr"),
        ("history: {store: sqlite, path: a, keep_days: -1}", "4: history.keep_days is -1; accepted is a number from 0"),
        ("history: {store: sqlite, path: a, durability: full}", "is full; accepted is process or power"),
        ("logging: info", "4: logging is info; accepted is a mapping with keys out of level"),
        ("logging: {level: loud}", "4: logging.level is loud; accepted is debug, info, warning or error"),
        (
            "limits: {burst: '20'}",
            "4: limits.burst is '20'; accepted is a whole number from 1 to 1000000; write it without quotes",
        ),
        ("login: {rehash: 'true'}", "4: login.rehash is 'true'; accepted is true or false; write it without quotes"),
        ("server: {name: my chat}", "4: server.name is my chat; accepted is text without spaces"),
        ("roles: {admin: alice}", "4: roles.admin is alice; accepted is a list of user names"),
        ("roles:\n  admin:\n  - bob\n  - 5", "7: roles.admin[1] is 5; accepted is text, in quotes"),
        ("roles:\n  admin: [al]\n  moderator: [bo, AL]", "6: roles.moderator[1] is AL; the name is under roles.admin"),
        ("limits: {burst: 5, burst: 6}", "4: limits.burst; the key stands in line 4 already"),
        ("roles: {admin: &a [*a]}", "4: roles.admin[0] is a list; an alias must not contain itself"),
        (
            "server: {time_zone: Europe/Atlantis}",
            "4: server.time_zone is Europe/Atlantis; accepted is local, UTC or a time zone such as Europe/Berlin",
        ),
        ("server: {time_zone: ../UTC}", "4: server.time_zone is ../UTC; accepted is local, UTC or"),
        ("server: {time_zone: Europe}", "4: server.time_zone is Europe; accepted is local, UTC or"),
        ("server: {name: 2020-13-45}", "4: server.name is 2020-13-45; YAML cannot read that value"),
        ("server: {name: !!python/name:os.system }", "4: server.name is empty; YAML cannot read that value"),
        ("server: !!python/object:object {}", "4: server is an empty mapping; the tag tag:yaml.org,2002:python/object"),
        (
            "rooms: {default: a b}",
            "4: rooms.default is a b; accepted is text, in quotes if it looks a number or begins",
        ),
        ("rooms: {default: '@bob'}", "4: rooms.default is '@bob'; accepted is text"),
        ("rooms: {default: server}", "4: rooms.default is server; accepted is text"),
        ("rooms: {create: king}", "4: rooms.create is king; accepted is member, moderator, admin or nobody"),
        ("rooms: {most: -1}", "4: rooms.most is -1; accepted is a whole number from 0 to 100000"),
        (
            "rooms: {declared: dev}",
            "4: rooms.declared is dev; accepted is a list of {name: ..., topic: ..., invite_only",
        ),
        ("rooms: {declared: [dev]}", "4: rooms.declared[0] is dev; accepted is a mapping with keys out of name, topic"),
        ("rooms: {declared: [{topic: tea}]}", "4: rooms.declared[0].name is missing; accepted is text"),
        (
            "rooms: {declared: [{name: dev}, {name: '#Dev'}]}",
            "4: rooms.declared[1].name is '#Dev'; the room is in the list already; accepted is each room once",
        ),
        (
            "rooms: {declared: [{name: lobby}, {name: l0bby}]}",
            "4: rooms.declared[1].name is l0bby; that looks like lobby; accepted is a name that does not",
        ),
        (
            'rooms: {declared: [{name: dev, topic: "\\x1b[2J"}]}',
            "rooms.declared[0].topic is '\\x1b[2J'; accepted is one line of up to 300 characters",
        ),
        ("rooms: {declared: [{name: dev, logged: true}]}", "there is no such key; did you mean unlogged?"),
        ("? [a]\n: 5", "4: ?; a key cannot be a list or a mapping"),
        ("7: 5", "4: 7 is 5; there is no such key"),
    ],
)
def test_a_wrong_value_is_told_with_line_key_value_and_what_is_accepted(
    settings_file: Path, added: str, told: str
) -> None:
    (problem,) = problems(settings_file, GOOD + added)
    assert problem.startswith("chatsrv.yaml:")
    assert told in problem


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a:\n\tb: 1\n", "chatsrv.yaml:2: this is not YAML; a tab cannot indent; accepted are spaces"),
        ("a: [1\nb: 2\n", "chatsrv.yaml:2: this is not YAML; did not find expected"),
        ("a: 1\n---\nb: 2\n", "chatsrv.yaml:2: this is not YAML; but found another document"),
        (b"a: 1\nb: \xff\n", "chatsrv.yaml:2: this is not YAML; accepted is text in UTF-8"),
        ("a: 1\nb: \x07\n", "chatsrv.yaml:2: this is not YAML; accepted is text without control characters"),
        ("[alice]", "chatsrv.yaml:1: the file is a list; accepted is a mapping with keys out of server, listeners"),
    ],
)
def test_what_is_no_settings_file_at_all_is_told_with_its_line(
    settings_file: Path, content: str | bytes, told: str
) -> None:
    (problem,) = problems(settings_file, content)
    assert problem.startswith(told)


def test_an_empty_file_lacks_what_must_be_there(settings_file: Path) -> None:
    listeners, auth = problems(settings_file, "")
    assert listeners.startswith("chatsrv.yaml: listeners is missing; accepted is a list of at least one {protocol:")
    assert auth == f"chatsrv.yaml: auth is missing; {ACCEPTED}"


def test_a_missing_file_is_told_in_a_sentence(settings_file: Path) -> None:
    with pytest.raises(SettingsError, match=r"chatsrv\.yaml: there is no such file; accepted is the path of a set"):
        load(settings_file)


def test_a_directory_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="this is a directory"):
        load(tmp_path)


def test_a_time_zone_is_known_on_a_machine_that_has_none_of_its_own(settings_file: Path) -> None:
    settings_file.write_text(f"{GOOD}server: {{time_zone: Europe/Berlin}}\n")
    command = "import sys; from chatsrv.settings import load; print(load(sys.argv[1]).server.time_zone)"
    run = subprocess.run(
        [sys.executable, "-c", command, str(settings_file)],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("Europe/Berlin\n", "")


@pytest.mark.parametrize(
    ("listeners", "told"),
    [
        ("", "listeners is empty; accepted is a list of at least one"),
        ("[]", "listeners is an empty list; accepted is a list of at least one"),
        ("5", "listeners is 5; accepted is a list of at least one"),
        ("[5]", "listeners[0] is 5; accepted is a mapping with keys out of protocol, name, host, port"),
        ("[{protocol: plian, port: 1}]", "listeners[0].protocol is plian; accepted is plain or telnet"),
        ("[{protocol: plain}]", "listeners[0].port is missing; accepted is a whole number from 0 to 65535"),
        ("[{protocol: plain, port: 65536}]", "listeners[0].port is 65536; accepted is a whole number from 0 to 65535"),
        ("[{protocol: plain, port: 1, host: ''}]", "listeners[0].host is ''; accepted is an address or host name"),
        ("[{protocol: plain, port: 1, host: 1.5}]", "listeners[0].host is 1.5; accepted is an address or host name"),
        (
            "[{protocol: plain, port: 1, host: a}, {protocol: telnet, port: 1, host: A}]",
            "listeners[1].port is 1; listeners[0] has that port on a; accepted is another port or host",
        ),
        (
            "[{protocol: plain, port: 1}, {protocol: plain, port: 2}, {protocol: telnet, port: 1, host: 127.0.0.1}]",
            "listeners[2].port is 1; listeners[0] has that port on 0.0.0.0; accepted is another port or host",
        ),
        (
            "[{protocol: plain, port: 1, host: '*'}, {protocol: telnet, port: 1, host: '::1'}]",
            "listeners[1].port is 1; listeners[0] has that port on *; accepted is another port or host",
        ),
        (
            "[{protocol: plain, port: 1, host: '::'}, {protocol: telnet, port: 1, host: '0:0::0'}]",
            "listeners[1].port is 1; listeners[0] has that port on ::; accepted is another port or host",
        ),
        (
            "[{protocol: plain, port: 1, host: '0.0.0.0'}, {protocol: telnet, port: 1, host: '*'}]",
            "listeners[1].port is 1; listeners[0] has that port on 0.0.0.0; accepted is another port or host",
        ),
        (
            "[{protocol: plain, port: 1, name: staff}, {protocol: telnet, port: 2, name: staff}]",
            "listeners[1].name is staff; another listener is called that already; accepted is another name",
        ),
        (
            "[{protocol: plain, port: 1, name: the staff}]",
            "listeners[0].name is the staff; accepted is a word that no other listener is called by",
        ),
        ("[{protocol: plain, port: 1, host: *}]", 'this is not YAML; accepted is "*" in quotes'),
    ],
)
def test_a_wrong_listener(settings_file: Path, listeners: str, told: str) -> None:
    (problem,) = problems(settings_file, f"{GOOD[GOOD.index('auth') :]}listeners: {listeners}\n")
    assert problem.startswith(f"chatsrv.yaml:2: {told}")


@pytest.mark.parametrize(
    "listeners",
    [
        "[{protocol: plain, port: 0}, {protocol: plain, port: 0}]",
        "[{protocol: plain, port: 1, host: 127.0.0.1}, {protocol: plain, port: 1, host: '::1'}]",
        "[{protocol: plain, port: 1, host: 127.0.0.1}, {protocol: plain, port: 1, host: 127.0.0.2}]",
        "[{protocol: plain, port: 1, host: 0.0.0.0}, {protocol: plain, port: 1, host: '::'}]",
        "[{protocol: plain, port: 1, host: 127.0.0.1}, {protocol: plain, port: 1, host: '::'}]",
    ],
)
def test_listeners_that_do_not_get_in_each_others_way(settings_file: Path, listeners: str) -> None:
    settings_file.write_text(f"{GOOD[GOOD.index('auth') :]}listeners: {listeners}\n")
    assert len(load(settings_file).listeners) == 2


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ("", f"auth is empty; {ACCEPTED}"),
        ("[]", f"auth is an empty list; {ACCEPTED}"),
        ("5", f"auth is 5; {ACCEPTED}"),
        (
            "[5]",
            f"auth[0]; accepted is a mapping whose backend is {CHOICE}",
        ),
        (
            "[{backend: yaml, path: a}, {path: a}]",
            f"auth[1].backend is missing; accepted is {CHOICE}",
        ),
        ("[{backend: yaml, path: a}, {backend: yaml}]", "auth[1].path is missing; accepted is a path"),
        ("[{backend: hashed, paht: a, path: b}]", "auth[0].paht; there is no such key; did you mean path?"),
        ("[{backend: memory, users: {al: c, AL: d}}]", "auth[0].users.AL; that is the same name as al"),
        ("{path: a, backend: yaml, burst: 5}", "auth.burst; there is no such key here; did you mean limits.burst?"),
        (
            "{path: a}",
            f"auth.backend is missing; accepted is {CHOICE}",
        ),
        (
            "{backend: ldap}",
            f"auth.backend is ldap; accepted is {CHOICE}",
        ),
        (
            "{backend: [yaml]}",
            f"auth.backend is a list; accepted is {CHOICE}",
        ),
        ("{backend: yaml}", "auth.path is missing; accepted is a path; a relative one starts from"),
        ("{backend: yaml, path: 5}", "auth.path is 5; accepted is a path"),
        ("{backend: hashed, path: }", "auth.path is empty; accepted is a path"),
        ("{backend: hashed, path: a, users: b}", "auth.users; there is no such key; accepted are backend, path"),
        ("{backend: memory, users: [a]}", "auth.users is a list; accepted is a mapping of user names to passwords"),
        (
            "{backend: memory, users: {a b: c}}",
            "auth.users.a b; accepted is text, in quotes if it looks a number; a name",
        ),
        (
            "{backend: memory, users: {al: '$apr1$HZqLD6Cw$LvZ9SHBYE3vW/3JjUNkiq/'}}",
            "auth.users.al; this is a hash: use password_hash in a users.yaml, or an htpasswd file",
        ),
        ("{backend: memory, users: {al: c, AL: d}}", "auth.users.AL; that is the same name as al"),
    ],
)
def test_a_wrong_backend(settings_file: Path, auth: str, told: str) -> None:
    (problem,) = problems(settings_file, f"{GOOD[: GOOD.index('auth')]}auth: {auth}\n")
    assert problem.startswith(f"chatsrv.yaml:3: {told}")


@pytest.mark.parametrize(
    ("written", "read"), [("off", "refuse"), ("no", "refuse"), ("refuse", "refuse"), ("rehash", "rehash")]
)
def test_legacy_hashes_may_be_off_as_yaml_has_it(settings_file: Path, written: str, read: str) -> None:
    settings_file.write_text(f"{GOOD}login: {{legacy_hashes: {written}}}\n")
    assert load(settings_file).login.legacy_hashes == read


def test_backends_may_be_listed(settings_file: Path) -> None:
    listed = "[{backend: memory, users: {al: c}}, {backend: yaml, path: a}]"
    settings_file.write_text(f"{GOOD[: GOOD.index('auth')]}auth: {listed}\n")
    first, second = load(settings_file).auth
    assert isinstance(first, MemoryAuth)
    assert isinstance(second, YamlAuth)
    assert second.path == settings_file.parent / "a"


@pytest.mark.parametrize("auth", ["{users: {al: 31337}}", "{users: {al: 31337, b: ''}}", "{usres: '31337'}"])
def test_a_password_is_never_told(settings_file: Path, auth: str) -> None:
    auth = auth.replace("{", "{backend: memory, ", 1)
    for written in (auth, f"[{auth}]"):
        told = problems(settings_file, f"{GOOD[: GOOD.index('auth')]}auth: {written}\n")
        assert not [line for line in told if "31337" in line]


def test_everything_wrong_is_told_at_once_in_the_order_of_the_file(settings_file: Path) -> None:
    content = """\
server: {name: ""}
listeners:
  - {protocol: irc, port: -1}
  - {prot: 1}
auth:
  backend: yaml
  paht: users.yaml
limits:
  burst: 0
  burst: 1
  brust: 2
"""
    told = problems(settings_file, content)
    assert [line.split(" ")[1].rstrip(";") for line in told] == [
        "server.name",
        "listeners[0].protocol",
        "listeners[0].port",
        "listeners[1].protocol",
        "listeners[1].port",
        "listeners[1].prot",
        "auth.path",
        "auth.paht",
        "limits.burst",
        "limits.brust",
    ]
    assert [line.split(":")[1] for line in told] == ["1", "3", "3", "4", "4", "4", "5", "7", "10", "11"]


def test_the_shipped_file_loads_and_shows_the_defaults() -> None:
    settings = load(SHIPPED)
    assert settings.limits == Limits()
    assert settings.login == LoginPolicy()
    assert settings.history == SqliteHistory(store="sqlite", path=str(SHIPPED.parent / "../var/chatsrv.db"))
    defaults = Settings.model_validate(
        {
            "listeners": [{"protocol": "plain", "port": 61116}],
            "auth": settings.auth,
            "history": settings.history,
        }
    )
    assert settings == defaults


def test_the_shipped_file_mentions_every_declared_key() -> None:
    text = SHIPPED.read_text()
    written = yaml.safe_load(text)
    for key in declared_keys():
        section, _, leaf = re.sub(r"\[0\]", "", key).partition(".")
        assert section in written, key
        assert re.search(rf"\b{leaf or section}\b:?", text), key
        if section in ("server", "roles", "login", "history", "limits", "logging") and leaf:
            assert leaf in written[section], key


def test_every_other_way_shown_in_the_shipped_file_loads(settings_file: Path) -> None:
    text = SHIPPED.read_text()
    shown = re.findall(r"^ *# (- \{.*\})", text, re.MULTILINE)
    assert shown
    for listener in shown:
        settings_file.write_text(f"listeners:\n  {listener}\nauth: {{backend: memory, users: {{}}}}\n")
        load(settings_file)
    (command,) = re.findall(r"^# auth: +#.*\n((?:#   .*\n)+)", text, re.MULTILINE)
    settings_file.write_text(GOOD.split("auth")[0] + "auth:\n" + command.replace("#   ", "  "))
    (auth,) = load(settings_file).auth
    assert isinstance(auth, CommandAuth)
    assert auth.command == (str(settings_file.parent / "check-login"), "--strict")
    assert auth == CommandAuth(backend="command", command=auth.command)
    (history,) = re.findall(r"^# (history: \{.*\})", text, re.MULTILINE)
    settings_file.write_text(f"{GOOD}{history}\n")
    memory = load(settings_file).history
    assert memory == MemoryHistory(store="memory") == Settings.model_validate(yaml.safe_load(GOOD)).history
    backends = re.findall(r"^# (auth: [\[{].*[\]}])", text, re.MULTILINE)
    assert [re.findall(r"backend: (\w+)", line) for line in backends] == [["hashed"], ["memory"], ["yaml", "hashed"]]
    for backend in backends:
        settings_file.write_text(f"listeners: [{{protocol: plain, port: 0}}]\n{backend}\n")
        load(settings_file)


def test_the_manual_is_up_to_date() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == manual(), "run `make docs`"


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ((("plain", ""), ("telnet", "")), ("plain", "telnet")),
        ((("plain", ""), ("plain", ""), ("plain", "")), ("plain", "plain #2", "plain #3")),
        ((("plain", ""), ("telnet", "plain")), ("plain #2", "plain")),
    ],
)
def test_a_listener_is_called_by_its_name_or_else_by_its_protocol(
    chosen: tuple[tuple[str, str], ...], names: tuple[str, ...]
) -> None:
    listeners = [
        Listener.model_validate({"protocol": protocol, "port": 0, **({"name": name} if name else {})})
        for protocol, name in chosen
    ]
    assert names_of(listeners) == names
