"""Files of accounts that cannot be replaced: they are written in place, and nobody ever sees half of a change."""

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends import atomic, inplace
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.backends.inplace import contents_of, write_in_place
from chatsrv.auth.backends.livefile import read_file
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AccountsError
from tests.auth.editing import CHEAP
from tests.house import DEADLINE_SECONDS

HERE = LoginContext("127.0.0.1")
GOOD = CHEAP.hash("wonderland")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "users.yaml"
    path.write_text("# people\nalice: wonderland\n")
    path.chmod(0o600)
    return path


@contextmanager
def mounted(path: Path) -> Iterator[None]:
    """Mount the file at `path` by itself, as containers do with `-v ./users.yaml:/etc/chatsrv/users.yaml`."""
    source = path.with_name("source")
    source.write_bytes(path.read_bytes())
    source.chmod(0o600)
    if shutil.which("mount") is None:
        pytest.skip("needs mount")
    done = subprocess.run(["mount", "--bind", str(source), str(path)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def irreplaceable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file be one that cannot be replaced."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(atomic, "_replace", refuse)


class Snapshots:
    """Stands in for `os` in `inplace`: writes byte by byte, and keeps what is in the file before and after each."""

    def __init__(self) -> None:
        self.states: list[bytes] = []

    def pwrite(self, descriptor: int, data: memoryview, offset: int) -> int:
        for at in range(len(data)):
            os.pwrite(descriptor, data[at : at + 1], offset + at)
            self._look(descriptor)
        return len(data)

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def ftruncate(self, descriptor: int, length: int) -> None:
        os.ftruncate(descriptor, length)
        self._look(descriptor)

    def _look(self, descriptor: int) -> None:
        self.states.append(os.pread(descriptor, 1 << 20, 0))


def states_of_a_change(path: Path, old: bytes, new: bytes, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return what is in the file after each byte that a change in place writes."""
    path.write_bytes(old)
    snapshots = Snapshots()
    with monkeypatch.context() as patch, path.open("r+b") as file:
        patch.setattr(inplace, "os", snapshots)
        write_in_place(file.fileno(), old, new)
    assert path.read_bytes() == new
    return snapshots.states


def meaning(contents: bytes) -> list[bytes]:
    return [line for line in contents.split(b"\n") if line.strip() and not line.startswith(b"#")]


CHANGES = [
    (b"alice: wonderland\n", b"alice: wonderland\nbob: builder\n"),
    (b"alice: wonderland\nbob: builder\n", b"bob: builder\n"),
    (b"alice: wonderland\n", b"alice: underground\n"),
    (b"", b"alice: wonderland\n"),
    (b"alice: wonderland", b""),
    (b"alice: w\r\n\r\n\n\n", b"alice: x\n\n\n"),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_after_each_byte_that_is_written_the_contents_are_the_old_or_the_new_ones(path, old, new, monkeypatch):
    seen = [contents_of(state) for state in states_of_a_change(path, old, new, monkeypatch)]
    turn = next(at for at, contents in enumerate(seen) if contents == new)
    assert set(seen[turn:]) == {new}
    for contents in seen[:turn]:  # with blank lines after them, or the beginning of a comment
        assert meaning(contents) == meaning(old)


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_change_goes_on_from_whatever_an_interrupted_one_has_left(path, old, new, monkeypatch):
    for state in states_of_a_change(path, old, new, monkeypatch)[::23]:
        before = contents_of(state)
        newer = before + b"carol: x\n"
        seen = [contents_of(after) for after in states_of_a_change(path, state, newer, monkeypatch)]
        turn = seen.index(newer)
        assert set(seen[turn:]) == {newer}
        for contents in seen[:turn]:
            assert meaning(contents) == meaning(before)
        assert meaning(before) == meaning(new if before == new else old)


@pytest.mark.parametrize("block", [1, 7])
@pytest.mark.parametrize(("old", "new"), CHANGES[:3])
def test_the_draft_holds_whichever_blocks_of_the_new_contents_are_on_the_disk(path, old, new, block, monkeypatch):
    states = states_of_a_change(path, old, new, monkeypatch)
    first = next(state for state in states if contents_of(state) == new)
    last = next(state for state in reversed(states) if len(state) == len(first))
    for odd in (0, 1):
        mixed = b"".join(
            (first, last)[number % 2 == odd][at : at + block] for number, at in enumerate(range(0, len(first), block))
        )
        assert contents_of(mixed) == new


def test_what_another_program_appends_to_an_interrupted_file_is_not_lost(path, monkeypatch):
    old, new = CHANGES[0]
    for state in states_of_a_change(path, old, new, monkeypatch)[:-1]:
        appended = state + (b"" if state.endswith(b"\n") else b"\n") + b"carol: x\n"
        lines = contents_of(appended).split(b"\n")
        assert b"alice: wonderland" in lines
        assert b"carol: x" in lines


def test_zeros_that_a_power_failure_leaves_of_a_draft_mean_nothing():
    assert contents_of(b"alice: w\n" + b"\0" * 4096) == b"alice: w\n"


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_whatever_a_file_holds_is_written_in_place(tmp_path_factory, old, new):
    old, new = old.rstrip(b"\0"), new.rstrip(b"\0")
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(old)
    with path.open("r+b") as file:
        write_in_place(file.fileno(), old, new)
    assert path.read_bytes() == new


def test_without_room_for_the_draft_nothing_has_changed(path, monkeypatch):
    before = path.read_bytes()
    written = []

    def disk_is_full(descriptor, data, offset):
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(offset)
        return os.pwrite(descriptor, data[:10], offset)

    with path.open("r+b") as file, monkeypatch.context() as patch:
        patch.setattr(inplace, "os", Snapshots())
        patch.setattr(inplace.os, "pwrite", disk_is_full, raising=False)
        with pytest.raises(OSError, match="No space left"):
            write_in_place(file.fileno(), before, before + b"bob: builder\n")
    assert path.read_bytes() == before


def test_a_file_that_is_too_long_for_a_draft_is_not_written_in_place(path, monkeypatch):
    monkeypatch.setattr(inplace, "MOST_BYTES", 100)
    with path.open("r+b") as file, pytest.raises(OSError, match="too long to be changed in place"):
        write_in_place(file.fileno(), path.read_bytes(), b"x" * 100)
    assert path.read_text() == "# people\nalice: wonderland\n"


# ---------------------------------------------------------------------------- through the backends


@pytest.mark.parametrize("kind", [YamlBackend, HashedBackend])
def test_accounts_in_a_file_that_is_mounted_by_itself_can_be_changed(tmp_path, kind):
    path = tmp_path / "users"
    path.write_text("alice: wonderland\n" if kind is YamlBackend else f"alice:{GOOD}\n")
    path.chmod(0o600)
    with mounted(path):
        before = path.stat()
        backend, server = kind(path, hasher=CHEAP), kind(path, hasher=CHEAP)
        backend.add(Account("bob"), "builder")
        backend.set_password("alice", "looking-glass")
        assert server.authenticate("alice", "looking-glass", HERE).name == "alice"
        backend.remove("bob")
        assert [account.name for account in server.list()] == ["alice"]
        after = path.stat()
        assert (after.st_ino, after.st_mode, after.st_uid) == (before.st_ino, before.st_mode, before.st_uid)
        assert path.read_bytes() == (tmp_path / "source").read_bytes()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["source", "users"]


def test_a_file_that_was_replaced_where_it_is_mounted_from_is_told_and_not_changed(path, caplog):
    with mounted(path):
        backend = YamlBackend(path, hasher=CHEAP)
        assert not caplog.records
        other = path.with_name("other")
        other.write_text("alice: elsewhere\n")
        other.replace(path.with_name("source"))
        assert backend.authenticate("alice", "wonderland", HERE).name == "alice"
        [record] = caplog.records
        assert "the file that is mounted here was replaced where it comes from" in record.getMessage()
        with pytest.raises(AccountsError, match="was replaced where it comes from; mount its directory instead"):
            backend.set_password("alice", "looking-glass")
        assert path.read_text() == "# people\nalice: wonderland\n"
        assert len(caplog.records) == 1


@pytest.mark.parametrize("kind", [YamlBackend, HashedBackend])
def test_a_file_that_cannot_be_replaced_is_written_in_place(tmp_path, kind, irreplaceable):
    path = tmp_path / "users"
    path.write_text("alice: wonderland\n" if kind is YamlBackend else f"alice:{GOOD}\n")
    path.chmod(0o640)
    before = path.stat()
    backend, server = kind(path, hasher=CHEAP), kind(path, hasher=CHEAP)
    backend.add(Account("bob"), "builder")
    backend.set_password("alice", "looking-glass")
    assert server.authenticate("alice", "looking-glass", HERE).name == "alice"
    backend.remove("bob")
    assert [account.name for account in server.list()] == ["alice"]
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)
    assert [entry.name for entry in tmp_path.iterdir()] == ["users"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_in_a_directory_where_this_user_may_make_none_is_written_in_place(path):
    path.parent.chmod(0o500)
    try:
        YamlBackend(path, hasher=CHEAP).set_password("alice", "looking-glass")
        assert YamlBackend(path, hasher=CHEAP).authenticate("alice", "looking-glass", HERE).name == "alice"
    finally:
        path.parent.chmod(0o700)


KILLED = """
import os, sys
from pathlib import Path
from chatsrv.auth.backends import atomic
from chatsrv.auth.backends import inplace

calls, last = [], int(sys.argv[2])
def pwrite(descriptor, data, offset, really=os.pwrite):
    calls.append(offset)
    if len(calls) == last:
        really(descriptor, data[: len(data) // 2], offset)
        os.kill(os.getpid(), 9)
    return really(descriptor, data, offset)
def refuse(*_):
    raise OSError(16, "busy")
os.pwrite = pwrite
atomic._replace = refuse
atomic.change_file(Path(sys.argv[1]), lambda old: old.replace(b"wonderland", b"looking-glass"))
"""


@pytest.mark.parametrize(("writes", "password"), [(1, "wonderland"), (2, "looking-glass")])
def test_whoever_is_killed_half_way_leaves_the_old_accounts_or_the_new_ones(
    path, writes, password, irreplaceable, caplog
):
    server = YamlBackend(path, hasher=CHEAP)
    arguments = [sys.executable, "-c", KILLED, str(path), str(writes)]
    assert subprocess.run(arguments, timeout=DEADLINE_SECONDS, check=False).returncode == -9
    assert b"chatsrv was " in path.read_bytes()
    assert server.authenticate("alice", password, HERE).name == "alice"
    again = YamlBackend(path, hasher=CHEAP)  # the next start puts it right, for whoever else reads the file
    assert path.read_text() == f"# people\nalice: {password}\n"
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: a change that was interrupted while the file was written is finished"
    ]
    assert again.authenticate("alice", password, HERE).name == "alice"
    server.set_password("alice", "through")
    assert again.authenticate("alice", "through", HERE).name == "alice"


def test_whoever_reads_while_others_write_in_place_sees_whole_contents(path, irreplaceable):
    wanted = [b"alice: " + letter * 5000 + b"\n" for letter in (b"a", b"b", b"c", b"d")]
    path.write_bytes(wanted[0])
    is_over = threading.Event()

    def write() -> None:
        for number in range(40):
            atomic.change_file(path, lambda _, number=number: wanted[number % 4])
        is_over.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = set()
        while not is_over.is_set():
            seen.add(read_file(path)[0])
        assert seen <= set(wanted)
    finally:
        writer.join(DEADLINE_SECONDS)
