"""Files of accounts that are edited: nobody's change is lost, no half file is left, and who may read it stays."""

import os
import shutil
import stat
import subprocess
import sys
from contextlib import ExitStack

import pytest

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends import atomic
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.hashing import Hasher
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AccountsError, Unavailable
from tests.auth.editing import CHEAP

HERE = LoginContext("127.0.0.1")
DEADLINE_SECONDS = 30


def test_a_broken_file_is_not_edited(tmp_path):
    path = tmp_path / "users.yaml"
    path.write_text("alice: w\n")
    backend = YamlBackend(path, hasher=CHEAP)
    path.write_text("alice: 1\n")
    for change in (backend.list, lambda: backend.add(Account("b"), "x"), lambda: backend.remove("alice")):
        with pytest.raises(AccountsError, match="write it in quotes"):
            change()
    assert path.read_text() == "alice: 1\n"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o400])
def test_an_edited_file_keeps_its_mode_and_owner(tmp_path, mode):
    path = tmp_path / "users.yaml"
    path.write_text("alice: w\n")
    if os.geteuid() == 0:
        os.chown(path, 12345, 54321)
    path.chmod(mode)
    before = path.stat()
    if os.geteuid() != 0 and not mode & 0o200:
        with pytest.raises(AccountsError, match="cannot be changed"):
            YamlBackend(path, hasher=CHEAP).set_password("alice", "x")
        return
    YamlBackend(path, hasher=CHEAP).set_password("alice", "x")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


@pytest.mark.parametrize("backend_class", [YamlBackend, HashedBackend])
def test_a_new_file_is_for_its_owner_alone(tmp_path, backend_class):
    path = tmp_path / "users"
    old = os.umask(0)
    try:
        backend_class(path, hasher=CHEAP, create=True).add(Account("alice"), "x")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["users"]


def test_what_a_symbolic_link_points_to_is_edited_and_the_link_stays(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "accounts.yaml", tmp_path / "users.yaml"
    link.symlink_to("real/accounts.yaml")
    backend = YamlBackend(link, hasher=CHEAP, create=True)
    backend.add(Account("alice"), "x")
    backend.set_password("alice", "y")
    assert link.is_symlink()
    assert backend.authenticate("alice", "y", HERE).name == "alice"
    assert [entry.name for entry in target.parent.iterdir()] == ["accounts.yaml"]


def test_a_change_that_fails_on_the_way_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "users.yaml"
    path.write_text("alice: w\n")
    backend = YamlBackend(path, hasher=CHEAP)

    def disk_is_full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", disk_is_full)
    with pytest.raises(AccountsError, match=r"users\.yaml: cannot be changed \(No space left on device\)"):
        backend.set_password("alice", "x")
    assert path.read_text() == "alice: w\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["users.yaml"]
    new = YamlBackend(tmp_path / "new.yaml", hasher=CHEAP, create=True)
    with pytest.raises(AccountsError, match="No space left"):
        new.add(Account("alice"), "x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["users.yaml"]


def test_a_missing_directory_is_told(tmp_path):
    backend = YamlBackend(tmp_path / "no" / "users.yaml", hasher=CHEAP, create=True)
    with pytest.raises(AccountsError, match="cannot be changed"):
        backend.add(Account("alice"), "x")


def test_a_hash_that_has_no_turn_leaves_the_file_alone(tmp_path):
    class Busy(Hasher):
        def hash(self, password):
            raise Unavailable("too many")

    path = tmp_path / "users.yaml"
    with pytest.raises(Unavailable):
        YamlBackend(path, hasher=Busy(), create=True).add(Account("alice"), "x")
    assert not path.exists()


EDITOR = """
import sys
from pathlib import Path
from chatsrv.model.accounts import Account
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.hashing import Hasher
from chatsrv.auth.backends.yaml import YamlBackend

kind, path, prefix = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
backend = globals()[kind](Path(path), hasher=Hasher(memory_kib=8, passes=1), create=True)
for number in range(15):
    backend.add(Account(f"{prefix}{number}"), "x")
    if number % 3 == 0:
        backend.remove(f"{prefix}{number}")
"""


@pytest.mark.parametrize("backend_class", [YamlBackend, HashedBackend])
def test_editors_in_several_processes_lose_nothing(tmp_path, backend_class):
    path = tmp_path / "users"
    with ExitStack() as stack:
        editors = []
        for prefix in "abcd":
            arguments = [sys.executable, "-c", EDITOR, backend_class.__name__, str(path), prefix]
            editor = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            editors.append(stack.enter_context(editor))
        for editor in editors:
            assert editor.stdout.readline() == "ready\n"
        for editor in editors:
            editor.stdin.write("go\n")
            editor.stdin.flush()
        for editor in editors:
            assert editor.wait(DEADLINE_SECONDS) == 0
    expected = {f"{prefix}{number}" for prefix in "abcd" for number in range(15) if number % 3}
    assert {account.name for account in backend_class(path).list()} == expected
    assert [entry.name for entry in tmp_path.iterdir()] == ["users"]


def test_a_link_that_takes_the_place_of_the_new_file_is_not_followed(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    victim.chmod(0o644)
    file = tmp_path / "users"
    file.write_text("old")
    file.chmod(0o600)
    copystat = shutil.copystat

    def swap_and_copy(source, target, **options):
        (part,) = tmp_path.glob(".users.*.new")
        part.unlink()
        part.symlink_to(victim)
        copystat(source, target, **options)

    monkeypatch.setattr(shutil, "copystat", swap_and_copy)
    atomic.change_file(file, lambda _: b"new")
    assert victim.read_text() == "precious"
    assert stat.S_IMODE(victim.stat().st_mode) == 0o644
