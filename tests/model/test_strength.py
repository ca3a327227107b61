"""The floor for new passwords."""

import pytest

from chatsrv.model.strength import PasswordPolicy, check_new_password

FLOOR = PasswordPolicy()
OFF = PasswordPolicy(least_characters=1, refuse_common=False)


@pytest.mark.parametrize(
    "password", ["wonderland", "looking-glass", "wonderland8", "пароль-из-слов", "  spaces  ", "aliceinwonderland"]
)  # fmt: skip
def test_what_nobody_tries_first_is_accepted(password: str) -> None:
    check_new_password(password, FLOOR, ("alice", "chat.example.org"))


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("", "has at least 8 characters; this one is shorter"),
        ("1234567", "this one is shorter"),
        ("üüüüüüü", "this one is shorter"),
        ("password", "none of the commonest"),
        ("PassWord123", "none of the commonest"),
        ("AliceSmith", "not the name of the account or the server"),
        ("alicesmith1999!", "not the name of the account"),
        ("htimsecila", "not the name of the account"),
        ("chat.example.org", "not the name of the account or the server"),
        ("zzzzzzzzzz", "no run of letters"),
        ("ABCDEFGHIJ", "no run of letters"),
        ("jihgfedcba", "no run of letters"),
    ],
)
def test_what_everybody_tries_first_is_refused_in_words(password: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        check_new_password(password, FLOOR, ("alicesmith", "chat.example.org"))
    assert password in ("", "password") or password not in str(caught.value)


@pytest.mark.parametrize("password", ["x", "password", "alice", "1234"])
def test_the_floor_can_be_lowered(password: str) -> None:
    check_new_password(password, OFF, ("alice",))


def test_the_length_can_be_raised() -> None:
    with pytest.raises(ValueError, match="at least 12 characters"):
        check_new_password("looking-gla", PasswordPolicy(least_characters=12))
