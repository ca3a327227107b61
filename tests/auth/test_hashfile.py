"""Behaviour of chatsrv.auth.hashfile, in turn with Apache's own htpasswd."""

import shutil
import subprocess
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.accounts import Account, Role
from chatsrv.auth.backend import LoginContext
from chatsrv.auth.hashfile import HashedBackend
from chatsrv.errors import AccountsError, Denied
from chatsrv.testing.auth import EditableBackendContract
from tests.auth.editing import CHEAP, STORED, edited, with_nobody_left

HERE = LoginContext("127.0.0.1")
WRITTEN_BY_APACHE = Path(__file__).with_name("files") / "apache.htpasswd"
APACHE_PASSWORDS = {
    "alice": "wonderland",  # bcrypt
    "bob": "builder",  # SHA-256-crypt
    "carol": "christmas",  # SHA-512-crypt
    "zoë": "sauerkraut",  # bcrypt at another cost
    "dave": "dove",  # SHA-512-crypt with rounds
}
HTPASSWD = shutil.which("htpasswd")
with_apache = pytest.mark.skipif(
    HTPASSWD is None, reason="needs Apache's htpasswd; its file in tests/auth/files is read anyway"
)


class TestContract(EditableBackendContract):
    keeps_roles = False

    @pytest.fixture(autouse=True)
    def directory(self, tmp_path):
        self.path = tmp_path / "users.htpasswd"

    def make_backend(self):
        self.path.write_text(f"# people\nalice:{CHEAP.hash('wonderland')}\n")
        self.path.chmod(0o600)
        return HashedBackend(self.path, hasher=CHEAP)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "users.htpasswd"


def opens(backend, name, password):
    try:
        return backend.authenticate(name, password, HERE) is not None
    except Denied:
        return False


def problems(text):
    with pytest.raises(AccountsError) as caught:
        HashedBackend.read(text if isinstance(text, bytes) else text.encode(), "users.htpasswd")
    return str(caught.value)


def test_a_file_that_apache_wrote_opens():
    backend = HashedBackend(WRITTEN_BY_APACHE, hasher=CHEAP)
    assert [account.name for account in backend.list()] == ["alice", "bob", "carol", "Zoë", "dave"]
    for name, password in APACHE_PASSWORDS.items():
        assert opens(backend, name, password)
        assert not opens(backend, name, password + "x")


@with_apache
@pytest.mark.parametrize("kind", [("-B", "-C", "4"), ("-2",), ("-5",)])
def test_apache_and_we_edit_one_file_in_turn(path, kind):
    def apache(*arguments):
        subprocess.run([str(HTPASSWD), *arguments], check=True, capture_output=True)

    backend = HashedBackend(path, hasher=CHEAP, create=True)
    backend.add(Account("Alice"), "wonderland")
    apache("-b", *kind, str(path), "bob", "builder")
    assert opens(backend, "bob", "builder")
    backend.add(Account("carol"), "christmas")
    apache("-b", *kind, str(path), "Alice", "looking-glass")
    assert opens(backend, "alice", "looking-glass")
    assert not opens(backend, "alice", "wonderland")
    backend.set_password("bob", "bricks")
    apache("-D", str(path), "carol")
    assert opens(backend, "bob", "bricks")
    assert [account.name for account in backend.list()] == ["Alice", "bob"]


@with_apache
def test_apache_verifies_what_we_keep_of_its_hashes(path):
    shutil.copy(WRITTEN_BY_APACHE, path)
    HashedBackend(path, hasher=CHEAP).remove("bob")
    for name in ("alice", "Zoë"):
        subprocess.run(
            [str(HTPASSWD), "-vb", str(path), name, APACHE_PASSWORDS[name.lower()]], check=True, capture_output=True
        )


@with_apache
@pytest.mark.parametrize("kind", [("-B", "-C", "4"), ("-2",), ("-5",)])
def test_apache_refuses_the_password_of_a_disabled_account_and_takes_it_again(path, kind):
    def apache(*arguments):
        return subprocess.run([str(HTPASSWD), *arguments], capture_output=True, check=False).returncode

    apache("-cb", *kind, str(path), "bob", "builder")
    backend = HashedBackend(path, hasher=CHEAP)
    backend.set_disabled("bob", True)
    assert path.read_text().startswith("bob:!$")
    assert apache("-vb", str(path), "bob", "builder") != 0
    assert apache("-vb", str(path), "bob", "!builder") != 0
    backend.set_disabled("bob", False)
    assert apache("-vb", str(path), "bob", "builder") == 0
    backend.set_disabled("bob", True)
    apache("-b", *kind, str(path), "bob", "bricks")  # Apache knows nothing of that mark: it enables the account
    assert opens(backend, "bob", "bricks")


def test_a_disabled_account_is_told_apart_in_the_log(path):
    path.write_text(f"alice:!{CHEAP.hash('wonderland')}\n")
    backend = HashedBackend(path, hasher=CHEAP)
    with pytest.raises(Denied, match="account 'alice' is disabled"):
        backend.authenticate("alice", "wonderland", HERE)
    with pytest.raises(Denied, match="account 'alice' is disabled"):
        backend.lookup("alice")
    with pytest.raises(Denied, match="the password for account 'alice' is wrong"):
        backend.authenticate("alice", "x", HERE)


def test_a_role_is_refused_with_a_way_out(path):
    path.write_text(f"alice:{CHEAP.hash('wonderland')}\n")
    with pytest.raises(AccountsError, match="cannot hold the role of 'alice'; give it in the settings under `roles:`"):
        HashedBackend(path, hasher=CHEAP).set_role("alice", Role.ADMIN)


def test_new_hashes_are_argon2id_at_the_recommended_cost(path):
    backend = HashedBackend(path, create=True)
    backend.add(Account("Alice"), "wonderland")
    assert path.read_text().startswith("Alice:$argon2id$v=19$m=19456,t=2,p=1$")
    assert opens(backend, "alice", "wonderland")


def test_role_and_networks_are_refused_in_words(path):
    backend = HashedBackend(path, hasher=CHEAP, create=True)
    for account in (Account("a", Role.ADMIN), Account("a", networks=(ip_network("::1"),))):
        with pytest.raises(AccountsError, match="cannot hold the role or the networks of an account; accepted is a"):
            backend.add(account, "x")
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# x\nalice:$apr1$HZqLD6Cw$LvZ9SHBYE3vW/3JjUNkiq/\n", "users.htpasswd:2: the password_hash of 'alice' is an"),
        ("alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", "is an unsalted SHA-1 hash; accepted are argon2id, bcrypt"),
        ("alice:aa3kxsKzvuQMc\n", "is a DES crypt hash or clear text; accepted are"),
        ("alice:s3cret\n", "users.htpasswd:1: the password_hash of 'alice' is clear text or a hash of a kind"),
        ("alice:!s3cret\n", "clear text or a hash of a kind"),
        ("alice:!\n", "clear text or a hash of a kind"),
        ("alice:!!$2y$04$" + "." * 53 + "\n", "clear text or a hash of a kind"),
        ("alice:\n", "clear text or a hash of a kind that is not known"),
        ("alice:realm:s3cret\n", "clear text or a hash of a kind that is not known"),
        ("alice:$2y$31$" + "." * 53 + "\n", "costs too much (31); accepted is a cost of 4 to 16"),
        ("\n\ns3cret\n", "users.htpasswd:3: this line has no colon; accepted is NAME:HASH"),
        (b"x\xff:s3\n", "users.htpasswd:1: this line is not UTF-8"),
        ("a b:s3cret\n", "users.htpasswd:1: the name of an account is 'a b'; a name has"),
        (WRITTEN_BY_APACHE.read_text() + "ALICE:" + CHEAP.hash("x"), ":7: the name of an account is 'ALICE'; it"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_but_never_the_secret(text, told):
    assert told in problems(text)
    assert "s3" not in problems(text)


def test_everything_wrong_is_told_at_once():
    assert [line.split(":")[1] for line in problems("a\n\nb:x\n# c\nd d:x\n").splitlines()] == ["1", "3", "5", "5"]


@settings(deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="ab:$\n\r#"), st.binary()))
def test_whatever_the_file_holds_it_is_read_or_refused(text):
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    try:
        document = HashedBackend.read(data, "users.htpasswd")
    except AccountsError:
        return
    assert b"".join(document.lines) == data


hash_lines = st.tuples(
    st.sampled_from(["alice", "Bob", "Zoë", "x-1"]), st.sampled_from(["", "# comment: x\n", "\n", " \n"])
)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(hash_lines, unique_by=lambda line: line[0], min_size=1),
    st.data(),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_a_change_of_one_account_in_any_htpasswd_changes_nothing_else(tmp_path_factory, lines, data, newline, is_ended):
    tmp_path = tmp_path_factory.getbasetemp()
    old = CHEAP.hash("old")
    parts = [(before.replace("\n", newline), f"{name}:{old}{newline}") for name, before in lines]
    text = "".join(before + line for before, line in parts)
    text = text if is_ended else text.removesuffix(newline)
    name = data.draw(st.sampled_from([name for name, _ in lines]))
    line = next(line for _, line in parts if line.startswith(name))
    line = line if line in text else line.removesuffix(newline)

    result = edited(HashedBackend, tmp_path, text, lambda backend: backend.set_password(name, "x"))
    assert result == text.replace(line, line.replace(old, STORED))
    result = edited(HashedBackend, tmp_path, text, lambda backend: backend.remove(name))
    left = text.replace(line, "")
    assert result == (left if len(lines) > 1 else with_nobody_left(left))
    result = edited(HashedBackend, tmp_path, text, lambda backend: backend.add(Account("eve"), "x"))
    newline = newline if newline in text else "\n"  # a single line without an end does not tell
    assert result == text + ("" if is_ended else newline) + f"eve:{STORED}{newline}"
