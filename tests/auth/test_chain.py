"""Behaviour of chatsrv.auth.chain: who is asked, who is not, and what is told about it."""

import logging
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.auth.backend import AuthBackend, LoginContext
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.chain import Answer, AnswerCount, Chain, Outcome
from chatsrv.auth.hashing import Hasher
from chatsrv.auth.workers import Workers
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AuthError, Denied, Unavailable, UnknownUser
from chatsrv.testing.auth import AuthBackendContract

HERE = LoginContext("127.0.0.1")
DEADLINE_SECONDS = 30


class Saying(AuthBackend):
    """Gives one answer to all, and remembers that it was asked."""

    def __init__(self, answer=None, *, may_block=False, version=None):
        self.answer = answer if answer is not None else UnknownUser("who?")
        self.may_block = may_block
        self.at = version
        self.asked = 0
        self.threads = set()
        self.is_closed = False

    def authenticate(self, username, password, context):
        return self._say()

    def lookup(self, username):
        return self._say()

    def _say(self):
        self.asked += 1
        self.threads.add(threading.current_thread())
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    @property
    def version(self):
        if isinstance(self.at, BaseException):
            raise self.at
        return self.at

    def close(self):
        self.is_closed = True
        if isinstance(self.answer, RuntimeError | SystemExit):
            raise self.answer


class TestContract(AuthBackendContract):
    def make_backend(self):
        first = MemoryBackend({"carol": "christmas"})
        second = MemoryBackend({"Alice": "wonderland", "bob": "builder"})
        return Chain([("first", first), ("second", second)])


def ask(*backends, heard=lambda _: None, **options):
    chain = Chain([(f"number {number}", backend) for number, backend in enumerate(backends, 1)])
    return chain.ask("alice", "wonderland", HERE, heard=heard, **options)


def test_an_unknown_name_asks_the_next_and_yes_is_the_end():
    first, second, third = Saying(), Saying(Account("Alice")), Saying(Account("Other"))
    assert ask(first, second, third).name == "Alice"
    assert (first.asked, second.asked, third.asked) == (1, 1, 0)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Denied("wrong"), Denied),
        (Unavailable("away"), Unavailable),
        (AuthError("no"), AuthError),
        (RuntimeError("broken"), Unavailable),
        (SystemExit(1), Unavailable),
        (False, Unavailable),
        (Account("a\nb"), Unavailable),
        (Account(b"alice"), Unavailable),
        (Account("alice", "king"), Unavailable),
        (Account("alice", networks=("10.0.0.0/8",)), Unavailable),
        (Account("alice", networks=None), Unavailable),
    ],
)
def test_no_weaker_backend_answers_for_one_that_refused_or_is_away(answer, kind):
    second = Saying(Account("Alice"))
    with pytest.raises(AuthError, match=r"^number 1: ") as caught:
        ask(Saying(answer), second)
    assert type(caught.value) is kind
    assert second.asked == 0


def test_a_name_that_nobody_knows_is_told_with_what_each_said():
    with pytest.raises(UnknownUser, match=r"^number 1: who\?; number 2: there is no account 'alice'$"):
        ask(Saying(), MemoryBackend({}))


def test_a_broken_backend_is_logged_by_its_label(caplog):
    with caplog.at_level(logging.ERROR), pytest.raises(Unavailable, match="the auth backend failed: KeyError"):
        ask(Saying(), Saying(KeyError("x")))
    assert caplog.records[0].getMessage() == "auth backend number 2 failed on a login as 'alice'"
    assert "wonderland" not in caplog.text


def test_a_backend_that_fails_on_every_login_has_one_traceback_a_minute(caplog, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("chatsrv.auth.chain.time.monotonic", lambda: now[0])
    chain = Chain([("ldap", Saying(KeyError("x"))), ("other", Saying(KeyError("y")))])
    with caplog.at_level(logging.ERROR):
        for now[0] in (0.0, 1.0, 59.0, 61.0, 62.0):
            with pytest.raises(Unavailable, match="the auth backend failed: KeyError"):
                chain.authenticate("alice", "wonderland", HERE)
    assert [record.getMessage() for record in caplog.records] == ["auth backend ldap failed on a login as 'alice'"] * 2


@pytest.mark.parametrize("kind", [UnknownUser, Denied, Unavailable])
@pytest.mark.parametrize("label", ["", "ldap"])
def test_what_a_backend_says_is_one_line_of_the_log_without_control_characters(label, kind):
    chain = Chain([(label, Saying(kind("zoë's \x1b[2Jserver\n2026 INFO all is well \u202e")))])
    said = f"{label}{': ' * bool(label)}zoë's \\x1b[2Jserver\\n2026 INFO all is well \\u202e"
    with pytest.raises(kind) as caught:
        chain.authenticate("alice", "wonderland", HERE)
    assert str(caught.value) == said
    if kind is not UnknownUser:  # of a lookup that nobody can answer, no text is left
        with pytest.raises(kind) as caught:
            chain.lookup("alice")
        assert str(caught.value) == said


def test_each_answer_is_heard_and_counted():
    chain = Chain([("ldap", Saying()), ("", MemoryBackend({"alice": "wonderland"})), ("last", Saying())])
    heard = []
    chain.ask("alice", "wonderland", HERE, heard=heard.append)
    assert heard == [
        Answer("ldap", Outcome.UNKNOWN, "ldap: who?"),
        Answer("MemoryBackend", Outcome.ADMITTED),
    ]
    with pytest.raises(Denied):
        chain.authenticate("alice", "wrong", HERE)
    counted = [count for count in chain.count() if count.times]
    assert counted == [
        AnswerCount("ldap", Outcome.UNKNOWN, 2),
        AnswerCount("MemoryBackend", Outcome.ADMITTED, 1),
        AnswerCount("MemoryBackend", Outcome.DENIED, 1),
    ]
    assert len(chain.count()) == 15


def test_only_backends_that_may_block_get_a_thread_of_their_own():
    quick, slow = Saying(), Saying(Account("Alice"), may_block=True)
    ask(quick, slow, workers=Workers(DEADLINE_SECONDS, 1))
    assert quick.threads == {threading.current_thread()}
    assert threading.current_thread() not in slow.threads


def test_a_backend_that_hangs_is_away_and_the_next_is_not_asked():
    class Hanging(AuthBackend):
        let_go = threading.Event()

        def authenticate(self, username, password, context):
            assert self.let_go.wait(DEADLINE_SECONDS)
            raise UnknownUser("who?")

    second = Saying(Account("Alice"))
    hanging = Hanging()
    try:
        with pytest.raises(Unavailable, match=r"^number 1 did not answer within 0\.001 seconds"):
            ask(hanging, second, workers=Workers(0.001, 1))
        assert second.asked == 0
    finally:
        hanging.let_go.set()


def test_a_chain_may_block_if_a_link_may():
    assert not Chain([("a", Saying()), ("b", Saying())]).may_block
    assert Chain([("a", Saying()), ("b", Saying(may_block=True))]).may_block
    assert Chain([("a", Saying()), ("c", Chain([("b", Saying(may_block=True))]))]).may_block


def test_an_account_is_looked_up_where_it_logged_in():
    first, second = Saying(), Saying(Account("Alice"))
    chain = Chain([("a", first), ("b", second)])
    assert chain.lookup("alice").name == "Alice"  # nobody has logged in: all are asked
    chain.ask("alice", "wonderland", HERE)
    first.answer = Unavailable("cannot look up")
    assert chain.lookup("alice").name == "Alice"
    second.answer = UnknownUser("gone")
    with pytest.raises(UnknownUser):
        chain.lookup("alice")
    with pytest.raises(Unavailable):
        chain.lookup("bob")
    assert chain.vouching("alice") is second


def test_an_account_that_may_not_be_used_is_known_where_it_is_and_nowhere_behind():
    class Disabled(Saying):
        def known(self, username):
            return Account("Alice")

    first = Disabled(Denied("disabled"))
    chain = Chain([("a", Saying()), ("b", first), ("c", Saying(Account("alice")))])
    with pytest.raises(Denied, match=r"^b: disabled$"):
        chain.lookup("alice")
    assert chain.known("alice").name == "Alice"


def test_the_version_changes_with_any_that_can_be_watched():
    first, second = Saying(), Saying(version=1)
    chain = Chain([("a", first), ("b", second)])
    before = chain.version
    assert chain.version == before
    second.at = 2
    assert chain.version != before
    assert Chain([("a", first)]).version is None


@pytest.mark.parametrize("error", [ConnectionError("away"), SystemExit(1), Unavailable("away")], ids=repr)
def test_a_version_that_cannot_be_told_blinds_nobody_to_the_other_backends(error, caplog):
    first, second = Saying(version=1), Saying(version=1)
    chain = Chain([("a", first), ("b", second)])
    before = chain.version
    first.at = error
    assert chain.version == before
    second.at = 2
    assert chain.version != before
    told = [record.getMessage() for record in caplog.records]
    assert told == ([] if isinstance(error, Unavailable) else ["auth backend a failed on a version"])
    before = chain.version
    first.at = 2
    assert chain.version != before


def test_a_version_that_could_never_be_told_is_watched_until_it_can():
    backend = Saying(version=ConnectionError("away"))
    chain = Chain([("a", backend)])
    before = chain.version
    assert before is not None
    backend.at = 1
    assert chain.version != before


@pytest.mark.parametrize("error", [ConnectionError("away"), SystemExit(1)], ids=repr)
@pytest.mark.parametrize("may_block", [False, True])
def test_a_broken_lookup_is_unavailable_and_logged_once_until_it_works_again(error, may_block, caplog):
    backend = Saying(error, may_block=may_block)
    chain = Chain([("a", backend)])
    workers = Workers(DEADLINE_SECONDS, 1)
    for _ in range(3):
        with pytest.raises(Unavailable, match=rf"^a: the lookup failed: {type(error).__name__}$"):
            chain.lookup("alice", workers)
    assert [record.getMessage() for record in caplog.records] == ["auth backend a failed on a lookup"]
    backend.answer = Account("alice")
    assert chain.lookup("alice", workers).name == "alice"
    backend.answer = error
    with pytest.raises(Unavailable):
        chain.lookup("alice", workers)
    assert len(caplog.records) == 2
    for backend.answer in (False, Account("alice", "king")):
        with pytest.raises(Unavailable, match="TypeError"):
            chain.lookup("alice", workers)


def test_a_backend_on_a_thread_of_its_own_that_exits_is_broken_and_no_more(caplog):
    with pytest.raises(Unavailable, match="the auth backend failed: SystemExit"):
        ask(Saying(SystemExit(1), may_block=True), workers=Workers(DEADLINE_SECONDS, 1))
    assert len(caplog.records) == 1


@pytest.mark.parametrize("error", [RuntimeError("broken"), SystemExit(1)], ids=repr)
def test_closing_closes_all_whatever_one_raises(error, caplog):
    backends = [Saying(error), Saying()]
    Chain([("a", backends[0]), ("b", backends[1])]).close()
    assert all(backend.is_closed for backend in backends)
    assert "auth backend a failed while it was closed" in caplog.text


@pytest.mark.parametrize("labels", [[], ["a", "a"]])
def test_a_chain_needs_backends_with_labels_of_their_own(labels):
    with pytest.raises(ValueError, match="each a label of its own"):
        Chain([(label, Saying()) for label in labels])


def test_a_weak_hash_is_renewed_in_the_backend_that_let_the_account_in(tmp_path):
    path = tmp_path / "users.yaml"
    path.write_text(f"alice: {{password_hash: '{Hasher(memory_kib=8, passes=1).hash('wonderland')}'}}\n")
    path.chmod(0o600)
    today = Hasher(memory_kib=16, passes=1)
    chain = Chain([("a", Saying()), ("b", YamlBackend(path, hasher=today))])
    with pytest.raises(UnknownUser):
        chain.rehash("alice", "wonderland")
    chain.ask("alice", "wonderland", HERE)
    assert chain.rehash("alice", "wonderland")
    assert not chain.rehash("alice", "wonderland")
    assert "m=16" in path.read_text()


ANSWERS = {
    "yes": Account("Alice"),
    "unknown": UnknownUser("who?"),
    "denied": Denied("wrong"),
    "away": Unavailable("away"),
    "broken": RuntimeError("broken"),
}


@given(st.lists(st.sampled_from(sorted(ANSWERS)), min_size=1, max_size=6))
def test_whatever_the_backends_say_the_first_that_knows_decides(answers):
    backends = [Saying(ANSWERS[answer]) for answer in answers]
    place = next((place for place, answer in enumerate(answers) if answer != "unknown"), None)
    decided = "unknown" if place is None else answers[place]
    expected = {"unknown": UnknownUser, "denied": Denied}.get(decided, Unavailable)
    if decided == "yes":
        assert ask(*backends).name == "Alice"
    else:
        with pytest.raises(expected):
            ask(*backends)
    asked = len(answers) if place is None else place + 1
    assert [backend.asked for backend in backends] == [1] * asked + [0] * (len(answers) - asked)
