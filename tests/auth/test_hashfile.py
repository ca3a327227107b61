"""Behaviour of chatsrv.auth.backends.htpasswd, in turn with Apache's own htpasswd."""

import shutil
import subprocess
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashing import Hasher
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError, Denied
from chatsrv.model.loginpolicy import LoginPolicy
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


GOOD = CHEAP.hash("wonderland")


def flaws(text):
    """Return what is wrong in a file that has a good line beside `text`."""
    data = text if isinstance(text, bytes) else text.encode()
    document = HashedBackend.read(data + f"zoe:{GOOD}\n".encode(), "users.htpasswd")
    assert document.accounts["zoe"].opens("wonderland", CHEAP)
    return "\n".join(map(str, document.flaws("users.htpasswd", lambda record: CHEAP.takes(record.password_hash))))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# x\nalice:$apr1$HZqLD6Cw$LvZ9SHBYE3vW/3JjUNkiq/\n", "users.htpasswd:2: the password_hash of 'alice' is an"),
        ("alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", "is an unsalted SHA-1 hash; nobody can log in with this account"),
        ("alice:aa3kxsKzvuQMc\n", "is a DES crypt hash or clear text; nobody can log in with this account; give"),
        ("alice:s3cret\n", "users.htpasswd:1: the password_hash of 'alice' is clear text or a hash of a kind"),
        ("alice:!s3cret\n", "clear text or a hash of a kind"),
        ("alice:!\n", "the password_hash of 'alice' is missing; nobody"),
        ("alice:!!$2y$04$" + "." * 53 + "\n", "clear text or a hash of a kind"),
        ("alice:\n", "the password_hash of 'alice' is missing; nobody"),
        ("alice:realm:s3cret\n", "clear text or a hash of a kind that is not known"),
        ("alice:$2y$31$" + "." * 53 + "\n", "costs too much (31); nobody can log in with this account; give"),
        ("\n\ns3cret\n", "users.htpasswd:3: this line has no colon; the line is skipped; accepted is NAME:HASH"),
        (b"x\xff:s3\n", "users.htpasswd:1: this line is not UTF-8; the line is skipped; save"),
        ("a b:s3cret\n", "users.htpasswd:1: the name of an account is 'a b'; the line is skipped; a name has"),
        (WRITTEN_BY_APACHE.read_text() + f"ALICE:{GOOD}\n", ":7: the name of an account is 'ALICE'; the line is sk"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_told_with_its_number_never_its_secret_and_holds_up_no_other(text, told):
    assert told in flaws(text)
    assert "s3" not in flaws(text)
    assert len(flaws(text).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n\ns3cret\n", "users.htpasswd:3: this line has no colon; accepted is NAME:HASH"),
        (b"x\xff:s3\n", "users.htpasswd:1: this line is not UTF-8; save the file in UTF-8"),
        (f"alice:{GOOD}\ns3\0\n", "users.htpasswd:2: this line has a NUL byte; accepted is text"),
        ("alice: s3cret\n  a b: 'x'\n---\n: x\n- s3cret\n".replace("alice:", "al ice:"), "users.htpasswd:3: this line"),
    ],
)  # fmt: skip
def test_a_file_of_which_no_line_can_be_used_is_another_file(text, told):
    assert told in problems(text)
    assert "s3" not in problems(text)


def test_everything_wrong_is_told_in_the_order_of_the_file():
    told = flaws("a\n\nb:x\n# c\nd d:x\n").splitlines()
    assert [line.split(":")[1] for line in told] == ["1", "3", "5"]


APR1 = "$apr1$HZqLD6Cw$LvZ9SHBYE3vW/3JjUNkiq/"  # secret
SHA1 = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="  # secret


@pytest.mark.parametrize(("stored", "is_legacy"), [(APR1, True), (SHA1, True), ("secret", False), ("", False)])
def test_the_account_of_a_line_that_cannot_be_used_is_refused_and_told_once_until_it_has_a_new_password(
    path, caplog, stored, is_legacy
):
    path.write_text(f"alice:{GOOD}\nnewbie:{stored}\n")
    path.chmod(0o600)
    backend = HashedBackend(path, hasher=CHEAP)
    [record] = caplog.records
    assert record.levelname == "WARNING"
    told = record.getMessage()
    assert told.startswith(f"{path}:2: the password_hash of 'newbie' is ")
    remedy = "give it a new password with `chatsrv user passwd newbie` or `htpasswd -B`"
    assert f"nobody can log in with this account; {remedy}" in told
    assert "; accepted are argon2id, bcrypt" in told
    assert ("or say `legacy_hashes: rehash` under `login:`" in told) == is_legacy
    for password in ("secret", stored):
        with pytest.raises(Denied, match="account 'newbie' needs a new password: the stored hash is "):
            backend.authenticate("newbie", password, HERE)
    assert opens(backend, "alice", "wonderland")
    assert [account.name for account in backend.list()] == ["alice", "newbie"]

    backend.set_password("alice", "looking-glass")
    assert opens(backend, "alice", "looking-glass")
    assert path.read_text().endswith(f"\nnewbie:{stored}\n")
    assert len(caplog.records) == 1  # still wrong, and known
    backend.set_password("newbie", "builder")
    assert opens(backend, "newbie", "builder")
    backend.set_disabled("alice", True)
    assert len(caplog.records) == 1


def test_a_line_that_turns_bad_while_the_server_runs_is_told_and_changes_nothing_else(path, caplog):
    path.write_text(f"alice:{GOOD}\nbob:{GOOD}\n")
    path.chmod(0o600)
    backend = HashedBackend(path, hasher=CHEAP)
    path.write_text(f"# people\nalice:{GOOD}\nbob:{APR1}\ncarol:{GOOD}\n")
    assert opens(backend, "carol", "wonderland")
    assert opens(backend, "alice", "wonderland")
    assert not opens(backend, "bob", "wonderland")
    [record] = caplog.records
    assert record.getMessage().startswith(f"{path}:3: the password_hash of 'bob' is an MD5 hash (apr1); ")
    path.write_text(f"alice:{GOOD}\nbob:{APR1}\ncarol:{GOOD}\n")  # the same in another line is no news
    assert opens(backend, "carol", "wonderland")
    assert len(caplog.records) == 1


def test_many_lines_that_cannot_be_used_are_told_in_a_few(path, caplog):
    path.write_text(f"alice:{GOOD}\n" + "".join(f"user{number}:{APR1}\n" for number in range(13)))
    path.chmod(0o600)
    HashedBackend(path, hasher=CHEAP)
    assert len(caplog.records) == 11
    assert caplog.records[-1].getMessage() == f"{path}: 3 more lines cannot be used: 12, 13, 14"


@pytest.mark.parametrize(
    "after", [":Alice:a@example.org", ":", " # from accounting: until May", "\t# x", " ", ":$apr1$x$y", ":Zoë:\u2028"]
)
@pytest.mark.parametrize("mark", ["", "!", " ", "  !"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_stands_after_the_hash_is_kept_and_means_nothing(path, caplog, after, mark, newline):
    line = f"alice:{mark}{GOOD}{after}{newline}"
    path.write_bytes(f"{line}bob:{GOOD}{newline}".encode())
    path.chmod(0o600)
    backend = HashedBackend(path, hasher=CHEAP)
    assert not caplog.records
    backend.set_disabled("alice", False)
    enabled = line.replace("!", "")
    assert path.read_bytes().decode().startswith(enabled)
    assert opens(backend, "alice", "wonderland")
    backend.set_disabled("alice", True)
    assert path.read_bytes().decode().startswith(enabled.replace("$", "!$", 1))
    assert not opens(backend, "alice", "wonderland")
    backend.set_password("alice", "looking-glass")
    backend.set_disabled("alice", False)
    assert opens(backend, "alice", "looking-glass")
    first = path.read_bytes().decode().split(newline)[0]
    assert first.startswith(f"alice:{mark.replace('!', '')}$argon2id$")
    assert first.endswith(after)
    backend.remove("alice")
    assert path.read_bytes().decode() == f"bob:{GOOD}{newline}"


def test_lines_that_are_skipped_stay_whatever_is_changed(path):
    junk = b"no colon\nx\xff:y\na b:c\n"
    path.write_bytes(junk + f"alice:{GOOD}\n".encode() + junk)
    backend = HashedBackend(path, hasher=CHEAP)
    backend.add(Account("bob"), "builder")
    backend.set_disabled("alice", True)
    backend.set_password("bob", "bricks")
    backend.remove("bob")
    assert path.read_bytes() == junk + f"alice:!{GOOD}\n".encode() + junk


def test_the_first_of_two_lines_of_one_name_is_the_account_and_removing_it_removes_both(path):
    path.write_text(f"alice:{GOOD}\nbob:{GOOD}\nALICE:{STORED}:x\nalice:{GOOD}\n")
    backend = HashedBackend(path, hasher=CHEAP)
    assert opens(backend, "alice", "wonderland")
    backend.set_password("alice", "looking-glass")
    assert not opens(backend, "alice", "stored")
    backend.remove("Alice")
    assert path.read_text() == f"bob:{GOOD}\n"


@with_apache
@pytest.mark.parametrize("kind", ["-m", "-s"])
def test_what_apache_wrote_in_an_old_way_opens_once_and_is_replaced_by_what_apache_verifies(path, kind, caplog):
    subprocess.run([str(HTPASSWD), "-cb", kind, str(path), "newbie", "secret"], check=True, capture_output=True)
    path.chmod(0o600)
    policy = LoginPolicy(legacy_hashes="rehash", new_hashes="bcrypt", rehash=False)
    hasher = Hasher.of(policy)
    gate = Gate(HashedBackend(path, hasher=hasher), hasher=hasher, policy=policy)
    assert not caplog.records
    with pytest.raises(Denied, match="is wrong"):
        gate.admit("newbie", "Secret", HERE)
    before = path.read_text()
    account = gate.admit("newbie", "secret", HERE)
    assert path.read_text() == before
    gate.rehash(account, "secret")
    assert path.read_text().startswith("newbie:$2y$10$")
    assert gate.standing(account, HERE).credential == account.credential
    assert gate.admit("newbie", "secret", HERE).name == "newbie"
    subprocess.run([str(HTPASSWD), "-vb", str(path), "newbie", "secret"], check=True, capture_output=True)


@pytest.mark.parametrize("stored", [APR1, SHA1])
def test_a_refusal_of_a_legacy_hash_costs_what_every_other_costs(path, stored):
    path.write_text(f"newbie:{stored}\n")
    for takes_legacy in (False, True):
        hashes = []

        class Counting(Hasher):
            def hash(self, password):
                hashes.append(password)  # noqa: B023 - one loop, one list
                return super().hash(password)

        hasher = Counting(memory_kib=8, passes=1, takes_legacy=takes_legacy)
        gate = Gate(HashedBackend(path, hasher=hasher), hasher=hasher)
        with pytest.raises(Denied):
            gate.admit("newbie", "wrong", HERE)
        assert len(hashes) == 1


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


def test_a_users_yaml_is_taken_for_no_file_of_hashes(tmp_path):
    path = tmp_path / "users.yaml"
    path.write_text("alice: wonderland\nbob:\n  password: builder\n  from: ['::1']\n")
    with pytest.raises(AccountsError, match=r"no line of it holds a password hash; .* say `backend: yaml`"):
        HashedBackend(path).list()
