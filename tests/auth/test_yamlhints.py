"""Behaviour of chatsrv.auth.backends.yamlhints: passwords that YAML has cut short."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.backends.yamlhints import cut_passwords, cut_passwords_of_settings
from chatsrv.model.errors import AccountsError

COMMENT = (
    "YAML takes what stands after ` #` for a comment; put it in quotes: '...'; if it is a comment, write two spaces "
)
WORD = "YAML leaves out its first word, which begins with "


def hints(text: str) -> list[str]:
    return cut_passwords(text.encode(), "users.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("alice: s3cret #1\n", f"users.yaml:1: the password of 'alice' may be longer: {COMMENT}"),
        ("alice: s3cret # tea\n", COMMENT),
        ("alice: s3cret  #1\n", COMMENT),
        ("alice: s3cret\t#1\n", COMMENT),
        ("alice: s3cret #1", COMMENT),
        ("\ufeffalice: s3cret #1\r\nbob: b\r\n", COMMENT),
        ("bob: b\nalice:\n  role: member\n  password: s3cret #1\n", "users.yaml:4: the password of 'alice' may"),
        ("alice: {password: s3cret #1\n  , from: [::1]}\n", "users.yaml:1: the password of 'alice' may be longer"),
        ("alice: &s3cret tea\n", f"users.yaml:1: the password of 'alice' may be longer: {WORD}&; put it"),
        ("alice: ! s3cret\n", f"{WORD}!; put it in quotes"),
    ],
)  # fmt: skip
def test_a_password_without_quotes_that_may_go_on_is_told_and_not_shown(text: str, told: str) -> None:
    assert YamlBackend.read(text.encode(), "users.yaml").accounts
    [hint] = hints(text)
    assert told in hint
    assert "s3cret" not in hint


@pytest.mark.parametrize(
    "text",
    [
        "alice: wonderland\n",
        "alice: wonderland                 # a password, for trying out\n",
        "alice: wonderland  # a comment\n",
        "alice: wonderland  #\n",
        "alice: 'tea' #1\n",
        'alice: "&tea #1" # comment\n',
        "alice: tea#1\n",
        "alice: tea&biscuits !\n",
        "# people #1\nalice: tea\n",
        "alice: tea\n#bob: tea\n",
        "alice:\n  password_hash: $6$x #1\n  role: member #1\n",
        "alice: &tea wonderland\nbob: *tea\n",
        "alice: {password: tea, from: [::1]} #1\n",
    ],
)
def test_what_is_meant_so_is_not_told(text: str) -> None:
    assert hints(text) == []


def test_of_a_file_that_cannot_be_read_others_tell() -> None:
    for data in (b"\xff", b"alice: 's3", b"- alice #1\n", b"", b"alice #1"):
        assert cut_passwords(data, "users.yaml") == []
        assert cut_passwords_of_settings(data, "chatsrv.yaml") == []


@pytest.mark.parametrize("before", ["", "- "])
def test_passwords_in_the_settings_are_looked_at_as_well(before: str) -> None:
    text = f"server: {{name: a #1\n  }}\nauth:\n  {before}backend: memory\n  {' ' * len(before)}users:\n"
    text += "      alice: tea #1\n      bob: 'tea' #1\n"
    [hint] = cut_passwords_of_settings(text.encode(), "chatsrv.yaml")
    assert hint.startswith("chatsrv.yaml:6: the password of 'alice' may be longer: ")


@settings(deadline=None)
@given(st.text(alphabet="ab:{}[],'\"|>-?!&*#% \n\t\r0\\"))
def test_whatever_is_a_file_of_accounts_can_be_looked_through(text: str) -> None:
    with contextlib.suppress(AccountsError):
        YamlBackend.read(text.encode(), "users.yaml")
        hints(text)
