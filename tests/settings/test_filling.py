"""Settings that leave things out or open: where the history is then, and words in capital letters."""

from pathlib import Path

import pytest

from chatsrv.model.errors import SettingsError
from chatsrv.settings import MemoryHistory, SqliteHistory, YamlAuth, load
from tests.settings.test_settings import GOOD, problems

BLOCK = """\
auth: {backend: memory, users: {}}
listeners:
  - protocol: plain
    port: 0
"""


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "chatsrv.yaml"


def history(file: Path, section: str = "") -> SqliteHistory:
    """Return what settings of that `section` say of the history, which is in a file."""
    file.write_text(f"{GOOD}{section}\n")
    found = load(file).history
    assert isinstance(found, SqliteHistory)
    return found


# ---------------------------------------------------------------------------- the history


@pytest.mark.parametrize("section", ["", "history:", "history: {}", "history: {store: sqlite}"])
def test_a_history_of_which_nothing_is_said_is_beside_the_settings(settings_file: Path, section: str) -> None:
    expected = SqliteHistory(path=str(settings_file.parent / "chatsrv.db"))
    assert history(settings_file, section) == expected


def test_what_is_said_of_the_history_holds_without_its_store_and_place(settings_file: Path) -> None:
    found = history(settings_file, "history: {keep_days: 30, durability: power}")
    assert (found.keep_days, found.durability, found.path) == (30, "power", settings_file.with_name("chatsrv.db"))
    assert history(settings_file, "history: {path: var/chat.db}").path == settings_file.parent / "var/chat.db"


def test_a_history_in_memory_has_to_be_asked_for(settings_file: Path) -> None:
    settings_file.write_text(f"{GOOD}history: {{store: memory}}\n")
    assert load(settings_file).history == MemoryHistory(store="memory")


def test_each_settings_file_of_a_directory_has_a_history_of_its_own(tmp_path: Path) -> None:
    names = ["team.yaml", "family.yml", "chat.dev.yaml", "chat.prod.yaml", "chat.dev", "chat.prod", "plain"]
    places = [history(tmp_path / name).path.name for name in names]
    assert places == ["team.db", "family.db", "chat.dev.db", "chat.prod.db", "chat.dev.db", "chat.prod.db", "plain.db"]


@pytest.mark.parametrize("given", ["/var/lib/chat", "/var/lib/chat/", "/var/lib/chat:/var/lib/other"])
def test_systemd_says_where_the_history_is(settings_file: Path, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", given)
    assert history(settings_file).path == Path("/var/lib/chat/chatsrv.db")
    assert history(settings_file.with_name("team.yaml")).path == Path("/var/lib/chat/team.db")
    assert history(settings_file, "history: {path: here.db}").path == settings_file.with_name("here.db")


def test_an_empty_state_directory_is_none(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "")
    assert history(settings_file).path == settings_file.with_name("chatsrv.db")


def test_the_place_does_not_depend_on_where_a_command_is_run(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text(GOOD)
    monkeypatch.chdir(settings_file.parent)
    (found,) = {load("chatsrv.yaml").history, load(settings_file).history}
    assert found == SqliteHistory(path=str(settings_file.with_name("chatsrv.db")))


def test_a_state_directory_that_depends_on_where_one_is_is_refused(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "state")
    (problem,) = problems(settings_file, f"{GOOD}history: {{keep_days: 5}}\n")
    assert problem.startswith(
        "chatsrv.yaml:4: history.path is missing; STATE_DIRECTORY in the environment is state, wh"
    )


@pytest.mark.parametrize("name", ["/dev/stdin", "/proc/self/fd/0"])
def test_settings_out_of_a_pipe_have_to_say_where_the_history_is(
    name: str, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda _: GOOD.encode())
    with pytest.raises(SettingsError, match=r"history.path is missing; the settings come out of a pipe, and the"):
        load(name)
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/chat")
    assert isinstance(load(name).history, SqliteHistory)


def test_everything_else_that_is_wrong_is_told_too(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "state")
    told = problems(settings_file, f"{GOOD}limits: {{burst: 0}}\n")
    assert [line.split(" ")[1] for line in told] == ["history.path", "limits.burst"]


# ---------------------------------------------------------------------------- capital letters


def test_words_of_a_choice_may_have_capital_letters(settings_file: Path) -> None:
    settings_file.write_text("""\
listeners: [{protocol: Plain, port: 0}]
auth: [{backend: YAML, path: users.yaml}]
login: {new_hashes: Bcrypt}
history: {store: SQLite, path: a, durability: POWER}
rooms: {create: Moderator}
logging: {level: INFO}
""")
    settings = load(settings_file)
    assert settings.listeners[0].protocol == "plain"
    assert isinstance(settings.auth[0], YamlAuth)
    assert settings.login.new_hashes == "bcrypt"
    assert isinstance(settings.history, SqliteHistory)
    assert (settings.history.durability, settings.rooms.create) == ("power", "moderator")
    assert settings.logging.level == "info"


def test_a_backend_in_capital_letters_needs_no_list(settings_file: Path) -> None:
    settings_file.write_text(GOOD.replace("memory", "Memory"))
    assert load(settings_file).auth[0].backend == "memory"


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("logging: {level: LOUD}", "4: logging.level is LOUD; accepted is debug, info, warning or error"),
        ("history: {store: SQLite, durability: Full}", "4: history.durability is Full; accepted is process or power"),
        ("history: {store: Memory, path: a}", "4: history.path is a; there is no such key; accepted are store, keep_"),
    ],
)
def test_a_wrong_word_is_told_as_it_is_written(settings_file: Path, added: str, told: str) -> None:
    (problem,) = problems(settings_file, GOOD + added)
    assert told in problem


def test_names_and_passwords_keep_their_capital_letters(settings_file: Path) -> None:
    settings_file.write_text(GOOD.replace("alice: wonderland", "Plain: INFO"))
    (auth,) = load(settings_file).auth
    assert {name: secret.get_secret_value() for name, secret in auth.users.items()} == {"Plain": "INFO"}


# ---------------------------------------------------------------------------- quotes


@pytest.mark.parametrize("address", ["::", "::1", "fe80::", "2001:db8::"])
def test_an_address_that_lacks_quotes_is_told_so(settings_file: Path, address: str) -> None:
    (problem,) = problems(settings_file, GOOD.replace("127.0.0.1", address))
    assert problem == (
        f'chatsrv.yaml:2: this is not YAML; an address with colons has to be in quotes; accepted is "{address}"'
    )


@pytest.mark.parametrize("address", ["::", "fe80::"])
def test_so_is_one_on_a_line_of_its_own(settings_file: Path, address: str) -> None:
    (problem,) = problems(settings_file, f"{BLOCK}    host: {address}\n")
    assert problem.startswith("chatsrv.yaml:5: this is not YAML; an address with colons has to be in quotes")
    assert problem.endswith(f'"{address}"')


@pytest.mark.parametrize("network", ["::1", "::/0", "fe80::"])
def test_so_is_one_in_a_list(settings_file: Path, network: str) -> None:
    (problem,) = problems(settings_file, f"{GOOD}login: {{exempt_networks: [10.0.0.0/8, {network}]}}\n")
    assert problem.endswith(f'an address with colons has to be in quotes; accepted is "{network}"')


def test_so_is_one_that_yaml_takes_for_a_number_or_a_mapping(settings_file: Path) -> None:
    host, network = problems(
        settings_file, f"{BLOCK}    host: 1:2:3:4:5:6:7:8\nlogin:\n  exempt_networks:\n  - '::1'\n  - fe80::\n"
    )
    assert host.startswith("chatsrv.yaml:5: listeners[0].host is 1:2:3:4:5:6:7:8; accepted is an address or host name")
    assert host.endswith("; write it in quotes, as it has colons")
    assert network.startswith("chatsrv.yaml:9: login.exempt_networks[1] is a mapping; accepted is an address or a net")
    assert network.endswith("; write it in quotes, as it has colons")


def test_an_address_in_quotes_is_one(settings_file: Path) -> None:
    settings_file.write_text(GOOD.replace("127.0.0.1", "'::'"))
    assert load(settings_file).listeners[0].host == "::"


@pytest.mark.parametrize("host", ["*:80", "@home", "`x`", "%h"])
def test_a_sign_that_means_something_in_yaml_is_told_to_need_quotes(settings_file: Path, host: str) -> None:
    (problem,) = problems(settings_file, GOOD.replace("127.0.0.1", host))
    assert problem == (
        "chatsrv.yaml:2: this is not YAML; a value that begins with a sign such as * or @ has to be in quotes"
    )


@pytest.mark.parametrize("line", ["a: 1: 2", "a: 'x", "  - b: c: d", "password: a::b: c"])
def test_other_mistakes_are_told_as_they_were(settings_file: Path, line: str) -> None:
    told = "\n".join(problems(settings_file, f"{GOOD}{line}\n"))
    assert "this is not YAML" in told
    assert "quotes" not in told


# ---------------------------------------------------------------------------- another file


@pytest.mark.parametrize(
    "content",
    [
        "alice: wonderland-17\nbob: {password: builder-17}\n",
        "root:$6$salt-17$hash:19000:0:99999:7:::\n",
        "TOKEN=secret-17\n",
        "-----BEGIN KEY-----\nsecret-17\n-----END KEY-----\n",
        "- secret-17\n",
        "secret-17: !mine {a: secret-17}\nsecret-17: 5\n",
        "limits: {}\nalice: wonderland-17\nbob: !mine secret-17\n",
    ],
)
def test_nothing_of_a_file_that_is_not_settings_is_told(settings_file: Path, content: str) -> None:
    told = problems(settings_file, content)
    assert "-17" not in "".join(told)
    assert len(told) == 1 or content.startswith("limits")


def test_a_file_that_is_not_settings_is_told_in_one_line(settings_file: Path) -> None:
    (problem,) = problems(settings_file, "alice: wonderland\nbob: builder\n")
    assert problem.startswith(
        "chatsrv.yaml:1: this is not a settings file; accepted is a mapping with keys out of server, listeners, auth, "
    )


def test_a_misspelt_section_among_right_ones_is_told_with_its_value(settings_file: Path) -> None:
    (problem,) = problems(settings_file, f"{GOOD}line_bytes: 100\n")
    assert problem.startswith("chatsrv.yaml:4: line_bytes is 100; there is no such key here")
