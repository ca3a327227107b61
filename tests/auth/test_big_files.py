"""Files of many accounts: what has not changed is not read again, and what is read piece by piece means the same."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.auth import record
from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends import htpasswd as hashfile
from chatsrv.auth.backends import yaml as yamlfile
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.backends.yaml import PIECES_AT_ONCE, YamlBackend
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError
from chatsrv.sharing.slots import Slots, Urgency, give_back
from tests.auth.editing import CHEAP, STORED

MANY = 300
HERE = LoginContext("127.0.0.1")
KINDS = [YamlBackend, HashedBackend]

WHOLE = "%YAML 1.1\n---\n"
"""Before a document, it has it read as a whole: no name begins so."""

LINES = [
    *[
        "a: x\n",
        "b: y\r\n",
        "c: {password: z, role: admin}\n",
        "d:\n",
        "e: |\n",
        "f: |+\n",
        "g: >-\n",
        "h: 'x\n",
        'i: "\n',
    ],
    *[
        "  password: x\n",
        "  role: moderator\n",
        "  from: [::1, 10.0.0.0/8]\n",
        "  from:\n",
        "  - ::1\n",
        "- ::1\n",
        "j': k'\n",
    ],
    *[
        "  text\n",
        "\n",
        "# c\n",
        "  # c\n",
        "k: &x y\n",
        "l: *x\n",
        "m: [1,\n",
        "n: 2]\n",
        "- \n",
        "? o\n",
    ],
    *[
        ": p\n",
        "q\n",
        "r: \u2028s: t\n",
        "u: v\x85",
        "'w w': x\n",
        "y: x # c\n",
        "z:",
        "\tx\n",
        " b: c\n",
        "A: x\n",
        "'\n",
        "é: x\n",
    ],
    *[
        'j": k"\n',
        "<<: *x\n",
        "<<: {a: b}\n",
        "}\n",
        "{s: t}\n",
        "\ue000a: x\n",
        "t: !!str x\n",
        "!!str u: x\n",
        "v: x\\\n",
    ],
]


def contents(kind):
    if kind is HashedBackend:
        return "".join(f"user{number}:{STORED}\n" for number in range(MANY))
    return "# people\n\n" + "".join(f"user{number}:\n  password_hash: '{STORED}'\n\n" for number in range(MANY))


@pytest.fixture
def read_anew(monkeypatch):
    """Names of the accounts that are read, not remembered."""
    names = []

    def counting(name, value, report):
        names.append(name)
        return record.read_record(name, value, report)

    for module in (yamlfile, hashfile):
        monkeypatch.setattr(module, "read_record", counting)
    return names


@pytest.fixture
def pauses(monkeypatch):
    """How long the pauses are in which those who chat go on."""
    lengths = []
    monkeypatch.setattr("chatsrv.auth.backends.yaml.time.sleep", lengths.append)
    return lengths


@pytest.fixture(params=KINDS)
def backend(request, tmp_path):
    path = tmp_path / "users"
    path.write_text(contents(request.param))
    path.chmod(0o600)
    return request.param(path, hasher=CHEAP)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda backend: backend.set_password("user7", "looking-glass"), ["user7"]),
        (lambda backend: backend.add(Account("zoe"), "looking-glass"), ["zoe"]),
        (lambda backend: backend.set_disabled("user299", True), ["user299"]),
        (lambda backend: backend.remove("user0"), []),
        (lambda backend: backend.remove("user299"), []),
    ],
)
def test_changing_an_account_reads_that_one_alone(backend, change, names, read_anew, pauses):
    change(backend)
    assert backend.lookup("user150").name == "user150"
    assert len(backend.list()) in (MANY - 1, MANY, MANY + 1)
    assert {*names} <= set(read_anew)
    assert len(set(read_anew)) <= 2  # an account that stands beside one that is gone may be another piece now
    assert pauses == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_reads_what_another_program_changed_and_no_more(kind, tmp_path, read_anew, pauses):
    path = tmp_path / "users"
    path.write_text(contents(kind))
    path.chmod(0o600)
    server, editor = kind(path, hasher=CHEAP), kind(path, hasher=CHEAP)
    editor.set_disabled("user7", True)
    editor.add(Account("zoe"), "looking-glass")
    editor.remove("user8")
    read_anew.clear()
    assert server.authenticate("zoe", "looking-glass", HERE).name == "zoe"
    assert set(read_anew) <= {"zoe", "user7", "user0"}
    assert [account.name for account in server.list()] == [account.name for account in editor.list()]
    assert server.disabled() == {"user7"}
    assert pauses == []


def test_a_file_that_has_changed_all_over_is_read_again_with_pauses(backend, pauses, tmp_path):
    path = tmp_path / "users"
    path.write_text(path.read_text().replace("user", "person"))
    assert backend.lookup("person7").name == "person7"
    assert MANY // PIECES_AT_ONCE - 1 <= len(pauses) <= MANY // PIECES_AT_ONCE + 1


@given(st.lists(st.sampled_from(LINES), max_size=12))
@settings(max_examples=150, deadline=None)
def test_what_is_read_in_pieces_is_what_it_is_as_a_whole(lines):
    text = "".join(lines)
    try:
        whole = YamlBackend.read((WHOLE + text).encode(), "users.yaml")
    except AccountsError:
        with pytest.raises(AccountsError):
            YamlBackend.read(text.encode(), "users.yaml")
        return
    assert not whole.pieces
    read = YamlBackend.read(text.encode(), "users.yaml")
    assert list(read.accounts.items()) == list(whole.accounts.items())


@given(st.lists(st.sampled_from(LINES[:20]), max_size=8), st.lists(st.sampled_from(LINES[:20]), max_size=8))
@settings(max_examples=80, deadline=None)
def test_what_is_read_again_is_what_it_is_when_read_for_the_first_time(old, new):
    try:
        before = YamlBackend.read("".join(old).encode(), "users.yaml")
        fresh = YamlBackend.read("".join(new).encode(), "users.yaml")
    except AccountsError:
        return
    assert YamlBackend.read("".join(new).encode(), "users.yaml", before) == fresh


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n# the end\n", "\n\n"])
def test_a_new_account_stands_at_the_end_whatever_the_last_line_is(tmp_path, ending):
    path = tmp_path / "users.yaml"
    newline = "\r\n" if ending == "\r\n" else "\n"
    text = f"a: x{newline}b: y{newline}c: z{ending}"
    path.write_bytes(text.encode())
    path.chmod(0o600)
    backend = YamlBackend(path, hasher=CHEAP)
    backend.add(Account("eve"), "looking-glass")
    written = path.read_bytes().decode()
    assert written.startswith(text if ending else text + newline)
    assert [account.name for account in backend.list()] == ["a", "b", "c", "eve"]
    assert written.count("\r\n") in (0, written.count("\n"))


@pytest.mark.parametrize("kind", KINDS)
def test_changes_by_many_at_once_are_all_there_in_the_end(kind, tmp_path):
    path = tmp_path / "users"
    path.write_text(contents(kind))
    path.chmod(0o600)
    backends = [kind(path, hasher=CHEAP) for _ in range(2)]
    start = threading.Barrier(6)

    def change(number):
        backend = backends[number % 2]
        start.wait(30)
        for turn in range(3):
            backend.set_password(f"user{number}", f"looking-glass {turn}")
            backend.add(Account(f"new{number}-{turn}"), "looking-glass")
            backend.set_disabled(f"user{number + 100}", turn != 1)
            backend.remove(f"user{200 + 3 * number + turn}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(change, range(6)))
    fresh = kind(path, hasher=CHEAP)
    names = {account.name for account in fresh.list()}
    assert names == {f"user{number}" for number in range(MANY) if not 200 <= number < 218} | {
        f"new{number}-{turn}" for number in range(6) for turn in range(3)
    }
    assert fresh.disabled() == {f"user{number + 100}" for number in range(6)}
    for backend in (*backends, fresh):
        assert backend.list() == fresh.list()
        for number in range(6):
            assert backend.authenticate(f"user{number}", "looking-glass 2", HERE).role is Role.MEMBER


@pytest.mark.parametrize("do", [lambda backend: backend.lookup("zoe"), lambda backend: backend.remove("user7")])
def test_whoever_reads_or_changes_a_file_lets_others_run_meanwhile(backend, do, tmp_path, monkeypatch):
    slots, free, read = Slots(1), [], backend.read
    monkeypatch.setattr(type(backend), "read", staticmethod(lambda *given: free.append(slots.free) or read(*given)))
    path = tmp_path / "users"
    path.write_text(path.read_text().replace("user1\n", "zoe\n").replace("user1:", "zoe:"))
    slots.take(Urgency.DEEDS)
    try:
        do(backend)
        assert slots.free == 0
    finally:
        give_back()
    assert free
    assert set(free) == {1}
