"""How often one account may log in and change its password: by a clock that only tests move."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

import pytest

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.gate import Gate
from chatsrv.auth.line import Party
from chatsrv.auth.rates import Rate
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AccountsError, Denied, TooOften, Unavailable
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.model.refusals import PasswordChangesFail, TooManyPasswords
from tests.auth.counting import CountingHasher
from tests.auth.guessing import DEADLINE_SECONDS, ELSEWHERE, HERE, Clock, Door
from tests.refusing import refused

NEW = "correct horse battery {}"


class House:
    """A gate with bob's account in a file, and its clock."""

    def __init__(self, tmp_path, **policy):
        self.clock, self.hasher = Clock(), CountingHasher()
        path = tmp_path / "users.yaml"
        path.write_text("")
        path.chmod(0o600)
        self.backend = YamlBackend(path, hasher=self.hasher)
        self.backend.add(Account("bob"), NEW.format(0))
        self.backend.add(Account("carol"), NEW.format(0))
        self.gate = Gate(self.backend, hasher=self.hasher, policy=LoginPolicy(**policy), clock=self.clock)
        self.hasher.hashes = 0

    def login(self, address=HERE, name="bob", password=""):
        return self.gate.admit(name, password or NEW.format(0), LoginContext(address))


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, logins_per_minute=3, password_changes_per_hour=2)


def test_so_many_fit_in_and_run_out_one_after_the_other():
    clock = Clock()
    rate = Rate(3, 60.0, clock)
    assert [rate.take("bob") for _ in range(4)] == [0, 0, 0, 20]
    assert rate.wait_seconds("bob") == 20
    assert rate.take("carol") == 0
    clock.now += 19
    assert rate.take("bob") == 1
    clock.now += 1
    assert [rate.take("bob"), rate.take("bob")] == [0, 20]
    clock.now += 1000
    assert [rate.take("bob") for _ in range(4)] == [0, 0, 0, 20]


def test_no_limit_keeps_nothing():
    rate = Rate(0, 60.0, Clock())
    assert not any(rate.take("bob") for _ in range(1000))
    assert rate.wait_seconds("bob") == rate.kept == 0


def test_accounts_that_came_long_ago_are_forgotten():
    clock = Clock()
    rate = Rate(3, 60.0, clock)
    for number in range(5000):
        clock.now += 1
        rate.take(f"user{number}")
    assert rate.kept <= 1025


@pytest.mark.parametrize("seed", range(3))
def test_many_at_once_get_no_more_than_one_after_the_other(seed):
    rate = Rate(50 + seed, 60.0, Clock())
    start = threading.Barrier(8)

    def take(_):
        start.wait(DEADLINE_SECONDS)
        return sum(not rate.take("bob") for _ in range(40))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 50 + seed


def test_an_account_logs_in_so_often_from_wherever_and_others_do_not_notice(house):
    for address in (HERE, ELSEWHERE, HERE):
        house.login(address)
    with pytest.raises(TooOften, match=r"account 'bob' logs in more often than .* says \(3\)") as caught:
        house.login("203.0.113.9")
    assert caught.value.seconds == 20
    assert house.login(name="carol").name == "carol"
    house.clock.now += 20
    assert house.login().name == "bob"


def test_what_is_refused_for_that_costs_no_hash_the_second_time_and_one_line_of_the_log(house, caplog):
    caplog.set_level(logging.WARNING, "chatsrv.auth")
    for _ in range(3):
        house.login()
    for _ in range(50):
        with pytest.raises(TooOften):
            house.login()
    assert house.hasher.hashes == 4
    assert len(caplog.records) == 1
    house.clock.now += 60
    for _ in range(3):
        house.login()
    with pytest.raises(TooOften, match="so were 49 more since the last such line"):
        house.login()
    assert len(caplog.records) == 2


def test_nobody_learns_a_password_from_where_its_account_may_not_log_in(house):
    house.backend.add(Account("dave", networks=(ip_network("192.0.2.0/24"),)), NEW.format(0))
    for _ in range(3):
        house.login("192.0.2.7", "dave")
    for _ in range(2):
        with pytest.raises(TooOften):
            house.login("192.0.2.7", "dave")
    with pytest.raises(Denied, match="may log in only from"):
        house.login("203.0.113.9", "dave")


def test_a_busy_account_that_comes_from_many_addresses_costs_no_more_than_one_hash_for_each(house):
    for _ in range(3):
        house.login()
    house.hasher.hashes = 0
    for number in 2 * [*range(20)]:
        with pytest.raises(TooOften):
            house.login(f"198.51.100.{number}")
    assert house.hasher.hashes == 20


def test_wrong_passwords_count_for_nothing_there_and_are_refused_as_ever(house):
    for number in range(9):
        with pytest.raises(Denied):
            house.login(password=f"guess {number}")
    house.login(ELSEWHERE)
    house.login(ELSEWHERE)
    house.login(ELSEWHERE)
    with pytest.raises(TooOften):
        house.login(ELSEWHERE)
    with pytest.raises(Denied, match="is wrong"):  # and costs what a wrong one costs
        house.login("203.0.113.9", password="another guess")
    assert house.hasher.hashes == 9 + 4 + 1


def test_being_refused_for_that_is_held_against_nobody(house):
    for _ in range(3):
        house.login()
    for _ in range(40):
        with pytest.raises(TooOften):
            house.login()
    house.clock.now += 60
    assert house.login().name == "bob"


def test_an_account_changes_its_password_so_often_and_is_told_how_long_to_wait(house):
    bob, context = house.login(), LoginContext(HERE)
    bob = house.gate.change_password(bob, NEW.format(0), NEW.format(1), context)
    with pytest.raises(Denied):  # does not count
        house.gate.change_password(bob, "wrong", NEW.format(2), context)
    bob = house.gate.change_password(bob, NEW.format(1), NEW.format(2), context)
    hashes = house.hasher.hashes
    with refused(TooManyPasswords(2, 1800)):
        house.gate.change_password(bob, NEW.format(2), NEW.format(3), context)
    assert house.hasher.hashes == hashes
    house.clock.now += 1800
    house.gate.change_password(bob, NEW.format(2), NEW.format(3), context)
    assert house.login(password=NEW.format(3)).name == "bob"


def test_what_the_backend_cannot_change_is_told_as_before(house, monkeypatch):
    def fail(*_):
        raise AccountsError("no room")

    bob = house.login()
    monkeypatch.setattr(house.backend, "set_password", fail)
    with refused(PasswordChangesFail()):
        house.gate.change_password(bob, NEW.format(0), NEW.format(1), LoginContext(HERE))


def test_a_login_takes_its_turn_as_the_account_and_site_that_it_comes_from():
    parties = []
    door = Door()

    def come(address, name="alice", error=None):
        try:
            with door.penalties.attempt(address, name, "right") as party:
                parties.append(party)
                if error:
                    raise error
        except Unavailable:
            return

    come(HERE, error=Unavailable("away"))
    come(HERE)
    come(HERE)
    come(ELSEWHERE)
    come(HERE, "bob")
    assert parties == [
        Party("alice", HERE),
        Party("alice", HERE),
        Party("alice", HERE, is_known=True),
        Party("alice", ELSEWHERE),
        Party("bob", HERE),
    ]


def test_behind_an_address_that_is_trusted_nobody_suffers_from_neighbours():
    door = Door(exempt_networks=("192.0.2.0/24",))
    for is_known in (False, True):
        with door.penalties.attempt(HERE, "alice", "right") as party:
            assert party == Party("alice", "", is_known)


def test_the_whole_gate_asks_for_hashes_on_behalf_of_whoever_logs_in(monkeypatch):
    parties = []
    monkeypatch.setattr("chatsrv.auth.turns.Line.join", lambda _self, party, _what: parties.append(party) or 1 // 0)
    gate = Gate(MemoryBackend({"alice": "wonderland"}))
    for name in ("mallory", "alice"):
        with pytest.raises(ZeroDivisionError):
            gate.admit(name, "wrong", LoginContext(HERE))
    assert parties == [Party("mallory", HERE), Party("alice", HERE)]
