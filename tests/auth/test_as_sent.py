"""Passwords that preparing changes: what opens an account whose hash another program made, and what a refusal costs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.auth.backend import AuthBackend, LoginContext
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.chain import Chain
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashing import Hasher
from chatsrv.model.errors import AuthError, Denied, Penalised, TooOften
from chatsrv.model.loginpolicy import LoginPolicy
from tests.auth.counting import CountingHasher

HERE = LoginContext("192.0.2.1")
TODAY, WEAK = Hasher(memory_kib=16, passes=1), Hasher(memory_kib=8, passes=1)
CHANGED = {
    "a space that is not ASCII": ("blue\u00a0door", "blue door"),
    "decomposed letters": ("cafe\u0301 noir", "caf\u00e9 noir"),
    "the ohm sign": ("5 \u2126 or so", "5 \u03a9 or so"),
    "jamo": ("\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\uae00"),
    "an emoji with its selector": ("I \u2764\ufe0f tea", "I \u2764 tea"),
}
FORMS = pytest.mark.parametrize(("sent", "prepared"), CHANGED.values(), ids=CHANGED)


def refused(gate: Gate, password: str, name: str = "alice") -> AuthError:
    with pytest.raises(AuthError) as caught:
        gate.admit(name, password, HERE)
    return caught.value


@pytest.fixture(params=["memory", "yaml", "hashed"])
def make(request, tmp_path):
    """Return what makes a backend that has alice with a stored hash."""

    def backend(stored: str, hasher: Hasher = TODAY) -> AuthBackend:
        if request.param == "memory":
            return MemoryBackend({"alice": {"password_hash": stored}}, hasher=hasher)
        path = tmp_path / "users"
        is_yaml = request.param == "yaml"
        path.write_text(f"alice: {{password_hash: '{stored}'}}\n" if is_yaml else f"alice:{stored}\n")
        path.chmod(0o600)
        return (YamlBackend if is_yaml else HashedBackend)(path, hasher=hasher)

    return backend


@FORMS
def test_an_imported_hash_of_what_was_typed_is_opened_by_that_and_by_nothing_else(make, sent, prepared):
    gate = Gate(make(TODAY.hash(sent)), hasher=TODAY)
    assert gate.admit("alice", sent, HERE).name == "alice"
    assert isinstance(refused(gate, prepared), Denied)
    assert isinstance(refused(gate, sent + "x"), Denied)


@FORMS
def test_a_hash_of_the_prepared_form_is_opened_by_both(make, sent, prepared):
    gate = Gate(make(TODAY.hash(prepared)), hasher=TODAY)
    for typed in (sent, prepared):
        assert gate.admit("alice", typed, HERE).name == "alice"


def test_an_imported_hash_of_an_invisible_character_is_opened_though_it_cannot_be_set(make):
    gate = Gate(make(TODAY.hash("tea\u200btime")), hasher=TODAY)
    assert gate.admit("alice", "tea\u200btime", HERE).name == "alice"


def test_a_password_in_clear_is_compared_as_it_is_prepared():
    for written, _ in CHANGED.values():
        gate = Gate(MemoryBackend({"alice": written}, hasher=TODAY), hasher=TODAY)
        for sent in CHANGED.values():
            for typed in sent:
                if written in sent:
                    assert gate.admit("alice", typed, HERE).name == "alice"
                else:
                    assert isinstance(refused(Gate(MemoryBackend({"alice": written}), hasher=TODAY), typed), Denied)


@pytest.mark.parametrize(("typed", "hashes"), [("wrong", 1), ("wr\u00f6ng", 1), ("wrong\u00a0one", 2)], ids=ascii)
def test_every_refusal_costs_as_many_hashes_as_the_password_has_forms(typed, hashes):
    hasher = CountingHasher()
    users = {
        "clear": "wonderland",
        "strong": {"password_hash": hasher.hash("wonderland")},
        "weak": {"password_hash": WEAK.hash("wonderland")},
        "disabled": {"password_hash": hasher.hash(typed), "disabled": True},
        "elsewhere": {"password_hash": hasher.hash("wrong one"), "from": ["10.0.0.0/8"]},
    }
    gate = Gate(MemoryBackend(users, hasher=hasher), hasher=hasher)
    for name in (*users, "nobody"):
        before = hasher.hashes
        refused(gate, typed, name)
        assert hasher.hashes == before + hashes, name


def test_a_right_password_costs_a_second_hash_only_where_it_is_the_second_form():
    hasher = CountingHasher()
    users = {name: {"password_hash": hasher.hash(form)} for name, form in (("one", "a b"), ("two", "a\u00a0b"))}
    gate = Gate(MemoryBackend(users, hasher=hasher), hasher=hasher)
    for name, hashes in (("one", 1), ("two", 2)):
        before = hasher.hashes
        gate.admit(name, "a\u00a0b", HERE)
        assert hasher.hashes == before + hashes


KINDS = ("clear", "strong", "weak", "as sent")
TYPED = st.sampled_from(["wonderland", "wrong", "wonder\u00a0land", "wonder land"])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from(["alice", "bob"]), st.sampled_from(KINDS)), min_size=1), TYPED)
def test_every_refusal_costs_the_same_whatever_the_chain_holds(backends, typed):
    hasher = CountingHasher()
    secrets = {
        "clear": {"password": "wonderland"},
        "strong": {"password_hash": TODAY.hash("wonderland")},
        "weak": {"password_hash": WEAK.hash("wonderland")},
        "as sent": {"password_hash": TODAY.hash("wonder\u00a0land")},
    }
    links = [
        (f"number {number}", MemoryBackend({user: secrets[kind] for user, kind in users.items()}, hasher=hasher))
        for number, users in enumerate(backends)
    ]
    try:
        Gate(Chain(links), hasher=hasher).admit("alice", typed, HERE)
    except AuthError:
        assert hasher.hashes == (2 if "\u00a0" in typed else 1)


@pytest.mark.parametrize("kind", [YamlBackend, HashedBackend])
@FORMS
def test_a_weak_hash_is_renewed_from_what_it_was_made_of(tmp_path, kind, sent, prepared):
    path = tmp_path / "users"
    for form in (sent, prepared):
        stored = WEAK.hash(form)
        path.write_text(f"alice: {{password_hash: '{stored}'}}\n" if kind is YamlBackend else f"alice:{stored}\n")
        path.chmod(0o600)
        gate = Gate(kind(path, hasher=TODAY), hasher=TODAY)
        gate.rehash(gate.admit("alice", sent, HERE), sent)
        text = path.read_text().strip("'}\n")
        assert "m=16" in text
        assert TODAY.verify(form, text[text.index("$") :])


def test_each_form_that_is_sent_is_a_guess_of_its_own():
    gate = Gate(MemoryBackend({"alice": "wonderland"}, hasher=TODAY), hasher=TODAY)
    spaces = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    answers = [type(refused(gate, f"wrong{space}one")) for space in spaces]
    assert answers == [Denied] * 10 + [Penalised] * 2


def test_what_is_sent_shows_in_no_error_and_in_no_text_of_the_context():
    seen = []

    class Looking(AuthBackend):
        may_block = False

        def authenticate(self, username, password, context):
            seen.append((password, context))
            raise Denied("wrong")

    error = refused(Gate(Looking()), "sword\u00a0fish")
    [(password, context)] = seen
    assert (password, context.as_sent) == ("sword fish", "sword\u00a0fish")
    assert "sword" not in f"{error}{context!r}"
    refused(Gate(Looking()), "swordfish")
    assert seen[-1][1].as_sent == ""


def test_an_account_that_logs_in_too_often_is_told_so_whichever_form_opens_it():
    gate = Gate(
        MemoryBackend({"alice": {"password_hash": TODAY.hash("a\u00a0b")}}, hasher=TODAY),
        hasher=TODAY,
        policy=LoginPolicy(logins_per_minute=1),
        clock=lambda: 1000.0,
    )
    gate.admit("alice", "a\u00a0b", HERE)
    for _ in range(3):
        assert isinstance(refused(gate, "a\u00a0b"), TooOften)
    assert isinstance(refused(gate, "a b"), Denied)


def test_a_password_is_changed_though_the_old_one_is_of_another_form(tmp_path):
    path = tmp_path / "users.yaml"
    stored = TODAY.hash("old\u00a0password")
    path.write_text(f"alice: {{password_hash: '{stored}'}}\n")
    path.chmod(0o600)
    gate = Gate(YamlBackend(path, hasher=TODAY), hasher=TODAY)
    account = gate.admit("alice", "old\u00a0password", HERE)
    gate.change_password(account, "old\u00a0password", "nine \u2764\ufe0f long words", HERE)
    for typed in ("nine \u2764\ufe0f long words", "nine \u2764 long words"):
        assert gate.admit("alice", typed, HERE).name == "alice"
