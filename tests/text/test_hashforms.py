"""Behaviour of chatsrv.text.hashforms: a stored hash is told from a password, whichever program wrote it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from passlib import hash as handlers

from chatsrv.text.hashforms import is_hash

KINDS = [
    *("argon2", "bcrypt", "bcrypt_sha256", "scrypt", "sha256_crypt", "sha512_crypt", "md5_crypt", "apr_md5_crypt"),
    *("sha1_crypt", "sun_md5_crypt", "phpass", "pbkdf2_sha1", "pbkdf2_sha256", "pbkdf2_sha512", "bsd_nthash"),
    *("ldap_sha1", "ldap_salted_sha1", "ldap_salted_sha512", "ldap_md5", "ldap_salted_md5", "ldap_des_crypt"),
    *("ldap_bcrypt", "ldap_sha512_crypt", "ldap_pbkdf2_sha256", "atlassian_pbkdf2_sha1", "cta_pbkdf2_sha1"),
    *("django_pbkdf2_sha256", "django_bcrypt", "django_bcrypt_sha256", "django_argon2", "django_salted_sha1"),
    *("mysql41",),
]
CHEAP = {"bcrypt": 4, "scrypt": 1, "phpass": 7, "argon2": 1}
OTHERS = [
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",  # yescrypt, what Debian has
    "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
    "$2x$05$FY9mEU/pw6TcyUqkWjZg6u8B/7CyxnMTLO9BrBJOkiG31hyKUr6.2",
    "!$6$w4fCUkGfJv5naPp0$tYVcIv7OArLg9Wt.qMYn3r7R/adT3llb4V.tF0k8K17BYnnkWwIkpthkAMuMVr2EAAZHAhXwddJlk3Hk6hpDn/",
    "$6$a-b_c+d=$tYVcIv7OArLg9Wt.qMYn3r7R/adT3llb4V.tF0k8K17BYnnkWwIkpthkAMuMVr2EAAZHAhXwddJlk3Hk6hpDn/",
    "{BLF-CRYPT}$2y$05$FY9mEU/pw6TcyUqkWjZg6u8B/7CyxnMTLO9BrBJOkiG31hyKUr6.2",
    "{SHA256.HEX}2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
    "scrypt:32768:8:1$x2H1zq$" + "0f" * 64,
    "SCRAM-SHA-256$4096:4LdY7NKzxBb1dz1mBtC8Pg==$nNoGS4zDbuIV1mVqZYgYVv5rMcm0Xv0bnqq2bmqT8Fw=:3yXg0dYl5mXbF+uVt5g=",
    "md5" + "0f" * 16,
]
PASSWORDS = [
    *("wonderland", "correct horse battery staple", "$5 is not enough", "$1$", "$money$", "$2y$", "{SHA}", "***"),
    *("0f" * 16, "0F" * 20, "aa3kxsKzvuQMc", "pbkdf2", "md5sum of nothing at all, or so they say", "$a$b$c$d", "{a}b"),
    *("!$6$", "SCRAM-SHA-256", "a$2y$05$FY9mEU/pw6TcyUqkWjZg6u8B/7CyxnMTLO9BrBJOkiG31hyKUr6.2 in a sentence", ""),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hash_of_each_kind_that_libpass_knows_is_told(kind):
    handler = getattr(handlers, kind)
    if "rounds" in handler.setting_kwds:
        handler = handler.using(rounds=next((cost for name, cost in CHEAP.items() if name in kind), 1000))
    stored = handler.hash("secret")
    assert is_hash(stored), stored


@pytest.mark.parametrize("stored", OTHERS)
def test_hashes_of_other_programs_are_told(stored):
    assert is_hash(stored)


@pytest.mark.parametrize("password", PASSWORDS)
def test_passwords_that_look_odd_are_none(password):
    assert not is_hash(password)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFXYZ !#%&()+,-./<=>?@[]^_|~äß東", max_size=64))
def test_what_has_neither_dollars_nor_braces_nor_digits_is_none(password):
    assert not is_hash(password)


@pytest.mark.parametrize("letters", ["$a$" + "x" * 1019 + " ", "$" * 1024, "{SHA}" + "a" * 1018 + " ", "pbkdf2:$" * 99])
def test_the_longest_passwords_are_looked_at_in_no_time(letters):
    assert not is_hash(letters)
    assert not is_hash(letters * 1000)  # longer than any password
