"""Behaviour of chatsrv.auth.backends.livefile, through a backend: real files, changed while it runs."""

import logging
import os
import tracemalloc

import pytest

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.backends.livefile import read_file
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.hashing import Hasher
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AccountsError, Denied, Unavailable, UnknownUser

HERE = LoginContext("127.0.0.1")
CHEAP = Hasher(memory_kib=8, passes=1)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "users.yaml"
    path.write_text("alice: wonderland\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.WARNING, "chatsrv.auth")
    return caplog


def opens(backend, name, password):
    try:
        return backend.authenticate(name, password, HERE) is not None
    except (Denied, UnknownUser):
        return False


def test_a_short_file_is_read_with_little_memory(path):
    tracemalloc.start()
    try:
        assert read_file(path)[0] == b"alice: wonderland\n"
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 << 20


def test_a_change_counts_from_the_next_login_on(path):
    backend = YamlBackend(path)
    assert opens(backend, "alice", "wonderland")
    path.write_text("bob: builder\n")
    assert not opens(backend, "alice", "wonderland")
    assert opens(backend, "bob", "builder")


def test_a_version_never_comes_back_though_the_contents_do(path):
    backend = YamlBackend(path)
    versions = []
    for text in ("alice: wonderland\n", "alice: other\n") * 3:
        path.write_text(text)
        versions += [backend.version, backend.version]
    assert versions[::2] == versions[1::2]
    assert len(set(versions)) == 6


def test_changes_of_the_same_length_within_one_tick_of_the_clock_are_noticed(path, monkeypatch):
    monkeypatch.setattr("chatsrv.auth.backends.livefile._stamp", lambda _: (0, 0, 0, 0, 0))  # a slow clock
    backend = YamlBackend(path)
    before = path.stat()
    for number in range(20):
        with path.open("r+b") as file:  # the same inode
            file.write(b"alice: wonder%04d\n" % number)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert opens(backend, "alice", f"wonder{number:04}"), number


def test_a_file_that_was_replaced_by_one_of_the_same_size_and_time_is_noticed(path):
    backend = YamlBackend(path)
    before = path.stat()
    other = path.with_name("other")
    other.write_text("alice: underground\n"[: before.st_size - 1] + "\n")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert not opens(backend, "alice", "wonderland")


def test_an_unchanged_file_is_not_read_again(path, monkeypatch):
    os.utime(path)
    backend = YamlBackend(path)
    monkeypatch.setattr("chatsrv.auth.backends.livefile._YOUNG_NS", -(10**18))
    path.write_text("alice: wonderland2\n")
    assert opens(backend, "alice", "wonderland2")
    monkeypatch.setattr("chatsrv.auth.backends.livefile.read_file", None)  # calling it would be a TypeError
    assert opens(backend, "alice", "wonderland2")


def test_a_broken_edit_keeps_the_accounts_and_is_logged_once_with_its_line(path, log):
    backend = YamlBackend(path)
    path.write_text("alice: w\nbob: 4711\ncarol: yes\n")
    for _ in range(3):
        assert opens(backend, "alice", "wonderland")
    [record] = log.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == (
        f"{path}:2: the password of 'bob' is a number; write it in quotes: '...' (and 1 more); "
        "the accounts last read stay in force"
    )
    os.utime(path)  # touched, and still the same
    assert opens(backend, "alice", "wonderland")
    assert len(log.records) == 1
    path.write_text("alice: w\nbob: 4712\n")  # another mistake
    assert opens(backend, "alice", "wonderland")
    assert len(log.records) == 2
    path.write_text("alice: w\nbob: '4712'\n")
    assert opens(backend, "bob", "4712")
    assert opens(backend, "alice", "w")
    assert len(log.records) == 2


def test_a_file_that_vanishes_keeps_its_accounts_is_logged_once_and_counts_again_when_it_is_back(path, log):
    backend = YamlBackend(path)
    away = path.rename(path.with_name("away"))
    for _ in range(3):
        assert opens(backend, "alice", "wonderland")
    assert [record.levelname for record in log.records] == ["ERROR"]
    assert "No such file" in log.text
    away.rename(path)
    assert opens(backend, "alice", "wonderland")
    path.write_text("bob: builder\n")
    assert opens(backend, "bob", "builder")
    assert len(log.records) == 1


def test_a_file_that_cannot_be_opened_for_a_moment_is_read_as_soon_as_it_can(path, log):
    backend = YamlBackend(path)
    path.rename(path.with_name("away"))
    path.mkdir()
    assert opens(backend, "alice", "wonderland")
    assert "regular file" in log.text or "directory" in log.text
    path.rmdir()
    path.write_text("bob: builder\n")
    assert opens(backend, "bob", "builder")


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o602, 0o640])
def test_a_file_that_others_may_read_or_write_is_warned_about_once_a_load(path, log, mode):
    path.chmod(mode)
    backend = YamlBackend(path)
    assert opens(backend, "alice", "wonderland")
    [record] = log.records
    assert record.levelname == "WARNING"
    assert f"open to others than its owner (mode {mode:04o}); accepted is 0600" in record.getMessage()
    path.chmod(0o600)
    assert opens(backend, "alice", "wonderland")
    assert len(log.records) == 1
    path.chmod(mode)
    assert opens(backend, "alice", "wonderland")
    assert len(log.records) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to give files away")
@pytest.mark.parametrize(
    ("mode", "user", "group", "is_told"),
    [
        (0o640, 0, 54321, False),  # shared, as with Apache
        (0o640, 12345, 54321, False),
        (0o640, 12345, 0, False),  # somebody else's, which this user reads as one of its group
        (0o640, 0, 0, True),
        (0o660, 0, 54321, True),
        (0o620, 0, 54321, True),
        (0o644, 0, 54321, True),
        (0o604, 12345, 54321, True),
    ],
)
def test_a_file_that_a_group_was_given_to_read_is_not_warned_about(path, log, mode, user, group, is_told):
    os.chown(path, user, group)
    path.chmod(mode)
    YamlBackend(path)
    assert [record.levelname for record in log.records] == ["WARNING"] * is_told
    assert not is_told or "or 0640 for a group that shares the file" in log.text


def test_a_file_that_changes_while_it_is_read_is_read_again(path, monkeypatch):
    monkeypatch.setattr("chatsrv.auth.backends.livefile._YOUNG_NS", 10**18)
    contents = [b"alice: a\n", b"alice: b\n", b"alice: c\n", b"alice: c\n", b"alice: d\n"]
    status = path.stat()
    monkeypatch.setattr("chatsrv.auth.backends.livefile._read", lambda _: (contents.pop(0), status))
    assert read_file(path)[0] == b"alice: c\n"
    assert contents == [b"alice: d\n"]
    numbers = iter(range(1000))
    monkeypatch.setattr("chatsrv.auth.backends.livefile._read", lambda _: (b"%d" % next(numbers), status))
    with pytest.raises(OSError, match="changes all the time"):
        read_file(path)


@pytest.mark.parametrize("emptied", ["", "\n", "# people\n", "{}\n", "# no accounts of mine\n"])
def test_a_file_that_loses_all_accounts_keeps_them_and_is_logged_once_with_what_to_do(path, log, emptied):
    backend = YamlBackend(path)
    path.write_text(emptied)
    for _ in range(3):
        assert opens(backend, "alice", "wonderland")
    [record] = log.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == (
        f"{path}: there is no account left in it; if that is meant, write the line `# no accounts` into it; "
        "the accounts last read stay in force"
    )
    path.write_text("bob: builder\n")
    assert opens(backend, "bob", "builder")
    assert not opens(backend, "alice", "wonderland")


@pytest.mark.parametrize("kind", [YamlBackend, HashedBackend])
@pytest.mark.parametrize("emptied", ["# no accounts\n", "\ufeff# no accounts", "# people\r\n  # no accounts \r\n\r\n"])
def test_a_file_that_says_that_it_has_no_accounts_is_believed(path, log, emptied, kind):
    path.write_text(f"alice:{CHEAP.hash('wonderland')}\n" if kind is HashedBackend else "alice: wonderland\n")
    backend = kind(path, hasher=CHEAP)
    path.write_text(emptied, encoding="utf-8")
    assert not opens(backend, "alice", "wonderland")
    assert "no accounts in it; nobody can log in" in log.text


@pytest.mark.parametrize("kind", [YamlBackend, HashedBackend])
def test_the_last_account_that_is_removed_is_gone_for_a_running_server_and_the_next_one_counts(tmp_path, kind):
    path = tmp_path / "users"
    editor = kind(path, hasher=CHEAP, create=True)
    editor.add(Account("alice"), "wonderland")
    server = kind(path, hasher=CHEAP)
    assert opens(server, "alice", "wonderland")
    editor.remove("alice")
    assert path.read_text() == "# no accounts\n"
    assert not opens(server, "alice", "wonderland")
    editor.add(Account("bob"), "builder")
    assert "no accounts" not in path.read_text()
    assert opens(server, "bob", "builder")


def test_an_empty_file_is_warned_about(path, log):
    path.write_text("")
    with pytest.raises(UnknownUser):
        YamlBackend(path).authenticate("alice", "wonderland", HERE)
    assert "no accounts in it; nobody can log in" in log.text


@pytest.mark.parametrize(
    "make", [lambda path: None, lambda path: path.mkdir(), os.mkfifo, lambda path: path.symlink_to("x")]
)
def test_a_server_does_not_start_on_a_file_that_cannot_be_read(tmp_path, make, log):
    path = tmp_path / "users.yaml"
    make(path)
    with pytest.raises(AccountsError, match=r"users\.yaml: cannot be read \(.+\); accepted is a file that"):
        YamlBackend(path)
    assert log.records == []


def test_a_server_does_not_start_on_a_broken_file(path, log):
    path.write_text("alice: 1\nbob: 2\n")
    with pytest.raises(AccountsError) as caught:
        YamlBackend(path)
    assert len(str(caught.value).splitlines()) == 2
    assert log.records == []


def test_a_file_beyond_every_measure_is_refused(path):
    with path.open("r+b") as file:
        file.truncate(2**31)
    with pytest.raises(AccountsError, match="longer than 67108864 bytes"):
        YamlBackend(path)


def test_with_create_a_missing_file_has_no_accounts_until_one_is_added(tmp_path, log):
    path = tmp_path / "users.yaml"
    backend = YamlBackend(path, create=True, hasher=CHEAP)
    assert backend.list() == []
    with pytest.raises(Unavailable, match="No such file"):
        backend.authenticate("alice", "wonderland", HERE)
    for change in (lambda: backend.remove("alice"), lambda: backend.set_password("alice", "x")):
        with pytest.raises(AccountsError, match="there is no account 'alice'"):
            change()
        assert not path.exists()
    backend.add(Account("alice"), "wonderland")
    assert opens(backend, "alice", "wonderland")
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("alice: 1\n")
    with pytest.raises(AccountsError, match="write it in quotes"):
        YamlBackend(path, create=True)


def test_contents_that_were_read_are_not_parsed_again_neither_to_be_edited_nor_after(path):
    parsed = []

    class Counting(YamlBackend):
        @staticmethod
        def read(data, file, before=None):
            parsed.append(data)
            return YamlBackend.read(data, file, before)

    backend = Counting(path, hasher=CHEAP)
    assert backend.list()
    assert backend.disabled() == frozenset()
    assert len(parsed) == 1
    backend.set_password("alice", "looking-glass")
    assert opens(backend, "alice", "looking-glass")
    assert backend.list()
    assert parsed == [b"alice: wonderland\n", path.read_bytes()]
