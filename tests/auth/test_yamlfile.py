"""Behaviour of chatsrv.auth.backends.yaml: what a users.yaml may hold, and what is told about the rest."""

import contextlib
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.hashing import Hasher
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError
from chatsrv.testing.auth import EditableBackendContract

HERE = LoginContext("127.0.0.1")
CHEAP = Hasher(memory_kib=8, passes=1)


class TestContract(EditableBackendContract):
    @pytest.fixture(autouse=True)
    def directory(self, tmp_path):
        self.path = tmp_path / "users.yaml"

    def make_backend(self):
        self.path.write_text("alice: wonderland\n")
        self.path.chmod(0o600)
        return YamlBackend(self.path, hasher=CHEAP)


def accounts(text):
    data = text if isinstance(text, bytes) else text.encode()
    return YamlBackend.read(data, "users.yaml").accounts


def problems(text):
    with pytest.raises(AccountsError) as caught:
        accounts(text)
    return str(caught.value)


def test_both_forms_of_an_entry_are_read():
    stored = CHEAP.hash("builder")
    text = f"""\
# people
Alice: wonderland
"bob":
  password_hash: {stored}
  role: moderator
  from: [127.0.0.0/8, ::1, 2001:db8::/32]
"yes": 'no'
"""
    read = accounts(text)
    assert list(read) == ["alice", "bob", "yes"]
    assert read["alice"].account == Account("Alice")
    networks = tuple(map(ip_network, ("127.0.0.0/8", "::1", "2001:db8::/32")))
    assert read["bob"].account == Account("bob", Role.MODERATOR, networks)
    assert read["bob"].opens("builder", CHEAP)
    assert read["yes"].opens("no", CHEAP)


@pytest.mark.parametrize(
    "networks", ["[::1]", "[127.0.0.0/8, ::1]", "[ ::1, 127.0.0.0/8 ]", '["::1"]', "\n    - ::1\n    - 127.0.0.1"]
)
def test_networks_may_be_written_as_people_write_them(networks):
    read = accounts(f"alice:\n  password: '::1 ::1'\n  from: {networks}\n")["alice"]
    assert read.account.may_come_from("::1")
    assert read.opens("::1 ::1", CHEAP)


@pytest.mark.parametrize("text", ["", "\n", "# nobody yet\n", "---\n", "{}", "\ufeff"])
def test_a_file_without_accounts_is_no_error(text):
    assert accounts(text) == {}


@pytest.mark.parametrize(
    "text", ["\ufeffalice: w\n", "alice: w\r\nbob: b\r\n", "--- # x\nalice: w\n...\n", "{alice: w}", "? alice\n: w"]
)
def test_other_editors_habits_are_read(text):
    assert "alice" in accounts(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- alice\n- bob\n", "users.yaml:1: the file is a list; accepted is a mapping of names to passwords"),
        ("alice\n", "users.yaml:1: the file is a text or a number; accepted is a mapping"),
        ("alice: w\nbob:\n\tpassword: s3cret\n", "users.yaml:3: this is not YAML"),
        ("alice: w\nbob:\n\tpassword: s3cret\n", "indented with spaces, never with tabs"),
        ("alice: w\nbob: 's3cret\n", "users.yaml:3: this is not YAML"),
        ("alice: w\nbob: s3cret: x\n", "users.yaml:2: this is not YAML"),
        ("alice: w\n---\nbob: w\n", "users.yaml:2: this is not YAML"),
        ("alice: w\nbob: s3\x07cret\n", "users.yaml:2: this line has a control character"),
        (b"alice: w\nbob: s3\xffcret\n", "users.yaml:2: this line is not UTF-8; save the file in UTF-8"),
        ("alice: w\nbob: " + "[" * 100_000, "users.yaml:2: this is nested too deeply"),
        ("alice: w\nbob: b\nAlice: x\n", "users.yaml:3: the name of an account is 'Alice'; it is the same as 'alice'"),
        ("alice: w\nalice: x\n", "users.yaml:2: the name of an account is 'alice'; it is the same as 'alice' in "),
        ("alice: 4711\n", "users.yaml:1: the password of 'alice' is a number; write it in quotes: '...'"),
        ("alice: 1.5\n", "is a number"),
        ("alice: 12:30:45\n", "is a number"),
        ("alice: yes\n", "the password of 'alice' is a yes/no value; write it in quotes"),
        ("alice:\n", "the password of 'alice' is empty"),
        ("alice: ''\n", "the password of 'alice' cannot be one"),
        ("alice: 2024-01-01\n", "the password of 'alice' is a date; write it in quotes"),
        ("alice: [s3cret]\n", "the password of 'alice' is a list"),
        ("4711: s3cret\n", "users.yaml:1: the name of an account is a number; write it in quotes"),
        ("no: s3cret\n", "the name of an account is a yes/no value"),
        ("[a]: s3cret\n", "the name of an account is a list"),
        ("<<: {alice: s3cret}\n", "the name of an account is a merge key, which is not supported"),
        ("alice: !!python/object:os.system s3cret\n", "the password of 'alice' is no text"),
        ("alice: &a {password: *a}\n", "the password of 'alice' is a mapping"),
        ("alice:\n  password: w\n  pasword: s3cret\n", "users.yaml:3: a key of account 'alice' is 'pasword'; acc"),
        ("alice: {s3cret}\n", "users.yaml:1: a key of account 'alice' without a value is unknown; acc"),
        ("alice: *s3cret\n", "users.yaml:1: this is not YAML: found undefined alias; accepted is YAML"),
        ("a: &s3cret w\nb: &s3cret w\n", "users.yaml:2: this is not YAML: second occurrence; "),
        ("alice:\n  password: w\n  password: s3cret\n", "users.yaml:3: a key is 'password'; it stands there twice"),
        ("alice:\n  role: admin\n", "users.yaml:1: account 'alice' has neither password nor password_hash"),
        ("alice:\n  password: w\n  role: king\n", "users.yaml:3: the role of 'alice' is 'king'; accepted are admin"),
        ("alice:\n  password: w\n  from: [10.0.0.300]\n", "users.yaml:3: a network of 'alice' is '10.0.0.300'; accep"),
        ("alice:\n  password: w\n  from: [1.5]\n", "users.yaml:3: a network of 'alice' is a number"),
        ("alice:\n  password: w\n  from: {a: b}\n", "users.yaml:3: the `from` of 'alice' is a mapping"),
        ("alice: '$2y$05$FY9mEU/pw6TcyUqkWjZg6u8B/7CyxnMTLO9BrBJOkiG31hyKUr6.2'\n",
         "users.yaml:1: the password of 'alice' cannot be one; this is a hash: use password_hash, as in `"),
        ("alice:\n  role: admin\n  password: '{SHA}5en6G6MezRroT3XKqkdPOmY/s3c='\n",
         "users.yaml:3: the password of 'alice' cannot be one; this is a hash: use password_hash"),
        ("alice:\n  password_hash: 7\n", "users.yaml:2: the password_hash of 'alice' is a number"),
        ("a b: s3cret\n", "users.yaml:1: the name of an account is 'a b'; a name has 1 to 64 bytes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_what_is_accepted_but_never_the_password(text, told):
    assert told in problems(text)
    assert "s3" not in problems(text)


HASHES = [CHEAP.hash("x"), "$apr1$HZqLD6Cw$LvZ9SHBYE3vW/3JjUNkiq/", "topsecret", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="]


@pytest.mark.parametrize("before", ["# people\n\n", "%YAML 1.1\n---\n"])  # read in pieces, or as a whole
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_account_with_a_hash_that_cannot_be_used_holds_up_no_other(before, newline):
    accounts = zip(("alice", "bob", "carol", "dave"), HASHES, strict=True)
    entries = [f"{name}:\n  role: admin\n  password_hash: '{stored}'\n" for name, stored in accounts]
    document = YamlBackend.read((before + "".join(entries)).replace("\n", newline).encode(), "users.yaml")
    assert document.accounts["alice"].opens("x", CHEAP)
    told = [str(flaw) for flaw in document.flaws("users.yaml", lambda record: False)]
    assert [flaw.partition(" is ")[0] for flaw in told] == [
        "users.yaml:8: the password_hash of 'bob'",
        "users.yaml:11: the password_hash of 'carol'",
        "users.yaml:14: the password_hash of 'dave'",
    ]
    assert "topsecret" not in "".join(told)
    assert "give it a new password with `chatsrv user passwd carol`" in told[1]


def test_everything_wrong_is_told_at_once_in_the_order_of_the_file():
    told = problems("alice: 1\nbob:\n  password: b\n  role: king\n  from: [x]\ncarol: c\nCarol: d\n").splitlines()
    assert [line.partition(": ")[0] for line in told] == [f"users.yaml:{line}" for line in (1, 4, 5, 7)]


@settings(deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="ab:{}[],'\"|>-?!&*#% \n\t\r0\\"), st.binary()))
def test_whatever_the_file_holds_only_accounts_error_escapes(text):
    with contextlib.suppress(AccountsError):
        accounts(text.encode("utf-8", "replace") if isinstance(text, str) else text)
