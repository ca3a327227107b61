"""Behaviour of chatsrv.auth.hashing."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.auth.hashing import Hasher, check_hash
from chatsrv.model.errors import Unavailable
from chatsrv.model.loginpolicy import LoginPolicy

# Written by Apache's htpasswd 2.4 (-B, -2, -5) and PHP for the password "secret".
BCRYPT = "$2y$05$FY9mEU/pw6TcyUqkWjZg6u8B/7CyxnMTLO9BrBJOkiG31hyKUr6.2"
SHA256 = "$5$9WvxDSz8LCQ5O7Q8$hUKTulnoPngySMcmTauC9ehkKg4uOTPODfxdmy9P4TC"
SHA512 = "$6$w4fCUkGfJv5naPp0$tYVcIv7OArLg9Wt.qMYn3r7R/adT3llb4V.tF0k8K17BYnnkWwIkpthkAMuMVr2EAAZHAhXwddJlk3Hk6hpDn/"

DEADLINE_SECONDS = 10


def cheap(**options):
    return Hasher(memory_kib=8, passes=1, **options)


@pytest.mark.parametrize("stored", [BCRYPT, SHA256, SHA512, BCRYPT.replace("2y", "2b"), BCRYPT.replace("2y", "2a")])
def test_strong_hashes_of_other_programs_are_accepted(stored):
    check_hash(stored)
    assert cheap().verify("secret", stored)
    assert not cheap().verify("Secret", stored)
    assert cheap().is_weaker(stored)


def test_a_new_hash_is_argon2id_at_the_recommended_cost_by_default():
    stored = Hasher().hash("secret")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    check_hash(stored)
    assert Hasher().verify("secret", stored)
    assert not Hasher().is_weaker(stored)


def test_a_hash_below_todays_setting_is_weaker():
    assert Hasher().is_weaker(cheap().hash("secret"))
    assert not cheap().is_weaker(Hasher().hash("secret"))


@pytest.mark.parametrize(
    ("stored", "what"),
    [
        ("$apr1$HZqLD6Cw$LvZ9SHBYE3vW/3JjUNkiq/", "MD5"),
        ("$1$HZqLD6Cw$LvZ9SHBYE3vW/3JjUNkiq/", "MD5"),
        ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "SHA-1"),
        ("aa3kxsKzvuQMc", "DES"),
        ("secret", "clear text"),
        ("", "missing"),
        ("$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D", "not known"),
        ("{SSHA}abcdefgh", "not known"),
        ("$argon2i$v=19$m=8,t=1,p=1$fK+19r7XmtO6dw7BuFfKeQ$JT8Bk9Pvn7p7Ja1YQ3MkNLPagKkC5izKm4essw2+6Lg", "argon2id"),
        ("$argon2id$v=19$m=8,t=0,p=1$fK+19r7XmtO6dw7BuFfKeQ$JT8Bk9Pvn7p7Ja1YQ3MkNLPagKkC5izKm4essw2+6Lg", "damaged"),
        ("$argon2id$v=19$m=8,t=1,p=1$f$J", "damaged"),
        ("$2x$05$FY9mEU/pw6TcyUqkWjZg6u8B/7CyxnMTLO9BrBJOkiG31hyKUr6.2", "outdated"),
        (BCRYPT[:-1], "damaged"),
        (BCRYPT + ":extra", "damaged"),
        (BCRYPT.replace("$05$", "$03$"), "damaged"),
        (SHA512 + "\n", "damaged"),
        (SHA512.replace("$6$", "$6$rounds=999$"), "damaged"),
    ],
)
def test_weak_damaged_and_unknown_hashes_are_refused_by_kind_without_being_shown(stored, what):
    with pytest.raises(ValueError, match="accepted are argon2id, bcrypt") as caught:
        check_hash(stored)
    assert what in str(caught.value)
    assert not cheap().takes(stored)
    assert not stored or stored not in str(caught.value)
    with pytest.raises(ValueError, match="accepted are"):
        cheap().verify(stored, stored)


# Written by crypt(3) of libxcrypt for the password "secret".
ODD_SALTS = [
    "$6$ab+cd$Tnol/oNkiCWHAETXpHeRo5WGMZQ2QDUcGfMR9LOYKpkz.G1RhIbPtPN0Lqcnu9h5k0ajiUYMDvGbXfk36ItB.1",
    "$6$ab-cd$I/RAYBe2Qh84MJsWiUZMoDfa8a0Oom0vRJSnSUKXaKeOmnHf9aJ.yX5aTBTtOS1M6De8zPd.uTuxuf/8tII05/",
    "$6$ab=cd$FiCWiLfP2qED72Dd66ewpJu0FvPJDVyPVQ9Rc86Tosvhxer1rKIblXVkCfh1WwgHImQ8om9eD2S8AijeXv.qh0",
    "$6$ab_cd$YYxkQZZHll2EjdXQLOQuthBwjobPayM0DmagHzYYDfmDCsXv6ZjuuBUqWGHQUgZA25q8O3mZabQlgt7Dmr2oG.",
    '$5$_a+b=c-d~"#$QbomaO8nB/gOCXKY552k.Uc5kSAxGPQzBuYrta5YNU8',
    "$6$rounds=1000$-_+=/.#$XNqlPzOJ8qQ9D1zfkBS3ilMcM43CKaanURI4yM06cm3qNYxaMbVzghkPwgs63W8FfurlePFfxJdpp0lREbfI50",
    "$6$$2M9DchxW4txWyTYoZrH9D3VvAAQxBpEezYsLY6Cao.jwzEXpyL9xwip9hiUZX7GqTqe/E/z6iKvZqXUuqniQH.",
]


@pytest.mark.parametrize("stored", ODD_SALTS)
def test_every_salt_that_crypt_takes_is_taken(stored):
    assert cheap().verify("secret", stored)
    assert not cheap().verify("Secret", stored)


@pytest.mark.parametrize("salt", ["a b", "a\tb", "rounds=5000", "x" * 17, "ä"])
def test_a_salt_that_crypt_does_not_take_is_told(salt):
    _, _, _, digest = SHA512.split("$")
    with pytest.raises(ValueError, match="a damaged SHA-crypt hash"):
        check_hash(f"$6${salt}${digest}")


APR1 = "$apr1$HZqLD6Cw$LvZ9SHBYE3vW/3JjUNkiq/"
SHA1 = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="


@pytest.mark.parametrize("stored", [APR1, SHA1])
def test_legacy_hashes_are_verified_and_to_be_replaced_only_if_the_policy_says_so(stored):
    hasher = Hasher.of(LoginPolicy(legacy_hashes="rehash", rehash=False))
    assert hasher.takes(stored)
    assert hasher.replaces(stored)
    assert hasher.verify("secret", stored)
    assert not hasher.verify("Secret", stored)
    assert not hasher.replaces(BCRYPT)
    assert not Hasher.of(LoginPolicy()).takes(stored)
    with pytest.raises(ValueError, match="accepted are argon2id, bcrypt"):
        Hasher.of(LoginPolicy()).verify("secret", stored)


@pytest.mark.parametrize("stored", [APR1[:-1], SHA1[:-1], APR1 + "x", "$1$" + APR1[6:], "aa3kxsKzvuQMc", "secret", ""])
def test_what_is_no_whole_legacy_hash_is_refused_all_the_same(stored):
    assert not Hasher(takes_legacy=True).takes(stored)


@pytest.mark.parametrize(
    "stored",
    [BCRYPT, SHA256, SHA512, APR1, SHA1, Hasher(memory_kib=8, passes=1).hash("secret")],
    ids=["bcrypt", "sha256", "sha512", "apr1", "sha1", "argon2id"],
)
def test_a_stored_hash_is_no_new_password(stored):
    for hasher in (cheap(), Hasher(kind="bcrypt", bcrypt_cost=4)):
        with pytest.raises(ValueError, match="this is a stored hash; accepted is the password"):
            hasher.hash(stored)


@pytest.mark.parametrize(
    ("stored", "limit"),
    [
        (
            "$argon2id$v=19$m=4194304,t=1,p=1$fK+19r7XmtO6dw7BuFfKeQ$JT8Bk9Pvn7p7Ja1YQ3MkNLPagKkC5izKm4essw2+6Lg",
            "1048576",
        ),
        (
            "$argon2id$v=19$m=19456,t=9999,p=1$fK+19r7XmtO6dw7BuFfKeQ$JT8Bk9Pvn7p7Ja1YQ3MkNLPagKkC5izKm4essw2+6Lg",
            "4194304",
        ),
        ("$argon2id$v=19$m=19456,t=1,p=99$fK+19r7XmtO6dw7BuFfKeQ$JT8Bk9Pvn7p7Ja1YQ3MkNLPagKkC5izKm4essw2+6Lg", "p=16"),
        (BCRYPT.replace("$05$", "$31$"), "4 to 16"),
        (SHA512.replace("$6$", "$6$rounds=999999999$"), "1000000"),
        (SHA256.replace("$5$", "$5$rounds=1000001$"), "1000000"),
    ],
)
def test_a_hash_that_would_take_minutes_or_gigabytes_is_refused_with_the_limit(stored, limit):
    with pytest.raises(ValueError, match=r"accepted (is|are)") as caught:
        check_hash(stored)
    assert limit in str(caught.value)


@settings(deadline=None)
@given(st.one_of(st.text(), st.from_regex(r"\$(argon2id|2y|5|6)\$[a-z0-9$,=./]*", fullmatch=True)))
def test_whatever_is_stored_only_value_error_escapes(stored):
    with pytest.raises(ValueError, match="accepted"):
        check_hash(stored)


def test_bcrypt_looks_at_72_bytes_as_apache_does():
    from passlib.hash import bcrypt

    stored = bcrypt.using(rounds=4).hash("x" * 72)
    assert cheap().verify("x" * 80, stored)
    assert not cheap().verify("x" * 71, stored)


@pytest.mark.parametrize("password", ["nul\0", "\ud800", "x" * 5000])
@pytest.mark.parametrize("stored", [BCRYPT, SHA512, cheap().hash("secret")], ids=["bcrypt", "sha512", "argon2id"])
def test_a_password_that_cannot_be_hashed_is_wrong(stored, password):
    assert not cheap().verify(password, stored)


class Held(Hasher):
    """A hasher whose hashes wait until they may go on."""

    def __init__(self, **options):
        super().__init__(memory_kib=8, passes=1, **options)
        self.go_on = threading.Event()
        self.begun = threading.Semaphore(0)
        self.now = self.most = 0
        self.counting = threading.Lock()

    @property
    def _maker(self):
        with self.counting:
            self.now += 1
            self.most = max(self.most, self.now)
        self.begun.release()
        assert self.go_on.wait(DEADLINE_SECONDS)
        with self.counting:
            self.now -= 1
        return super()._maker


def test_no_more_hashes_are_at_work_than_allowed():
    hasher = Held(at_work=2)
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(hasher.hash, "secret") for _ in range(8)]
        assert hasher.begun.acquire(timeout=DEADLINE_SECONDS)
        assert hasher.begun.acquire(timeout=DEADLINE_SECONDS)
        hasher.go_on.set()
        assert all(hasher.verify("secret", job.result()) for job in jobs)
    assert hasher.most == 2


def test_a_login_beyond_the_waiting_line_is_told_so():
    hasher = Held(at_work=1, waiting=0)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(hasher.hash, "secret")
        assert hasher.begun.acquire(timeout=DEADLINE_SECONDS)
        with pytest.raises(Unavailable, match="0 logins wait for a password hash already"):
            hasher.hash("secret")
        with pytest.raises(Unavailable, match="wait"):
            hasher.verify("secret", BCRYPT)
        hasher.go_on.set()
        assert hasher.verify("secret", job.result())


def test_a_login_that_waits_too_long_for_its_turn_is_told_so():
    hasher = Held(at_work=1, waiting=1, waiting_seconds=0.001)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(hasher.hash, "secret")
        assert hasher.begun.acquire(timeout=DEADLINE_SECONDS)
        for _ in range(2):  # the place in the line is given back
            with pytest.raises(Unavailable, match=r"waited 0[.]001 seconds"):
                hasher.hash("secret")
        hasher.go_on.set()
        job.result()


FIRST_HASHES = """
import sys, threading
from chatsrv.auth.hashing import Hasher
sys.setswitchinterval(1e-6)
hasher, start, made = Hasher(memory_kib=8, passes=1, at_work=8), threading.Barrier(8), []
def make():
    start.wait()
    made.append(hasher.hash("password"))
threads = [threading.Thread(target=make) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(made))
"""


def test_the_first_hashes_of_a_process_can_be_made_at_the_same_time() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_HASHES], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("8\n", "")
