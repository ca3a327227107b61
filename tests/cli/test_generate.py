"""`chatsrv user add --generate` and `passwd --generate`: a random password, printed once."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.house import DEADLINE_SECONDS, USERS, House

PASSWORD = re.compile(r"[a-z2-9]{5}(?:-[a-z2-9]{5}){3,}\n")
ONCE = "The password is printed only this once; what is kept is a hash of it.\n"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.mark.parametrize(
    ("command", "name", "said"), [("add", "dave", "Added dave.\n"), ("passwd", "bob", "Changed the password of bob.\n")]
)
def test_a_generated_password_is_alone_on_standard_output_and_opens_the_account(
    house: House, command: str, name: str, said: str
) -> None:
    done = house.run("user", command, "--generate", name)
    assert (done.exit_code, done.stderr) == (0, said + ONCE)
    assert PASSWORD.fullmatch(done.stdout)
    assert done.stdout.strip() not in house.users.read_text()
    assert house.run("user", "check", name, "--password-stdin", stdin=done.stdout).exit_code == 0


def test_no_two_generated_passwords_are_the_same(house: House) -> None:
    assert len({house.run("user", "passwd", "--generate", "bob").stdout for _ in range(5)}) == 5


@pytest.mark.parametrize("least", [1, 23, 24, 64])
@pytest.mark.parametrize("kind", ["argon2id", "bcrypt"])
def test_a_generated_password_is_long_enough_for_the_settings(house: House, least: int, kind: str) -> None:
    more = f"passwords: {{least_characters: {least}}}\nlogin: {{new_hashes: {kind}}}"
    house.use("{backend: yaml, path: users.yaml}", more)
    done = house.run("user", "add", "--generate", "dave")
    assert done.exit_code == 0, done.stderr
    assert len(done.stdout.strip()) >= least


def test_a_password_cannot_be_generated_and_given(house: House) -> None:
    done = house.run("user", "add", "--generate", "--password-stdin", "dave", stdin="wenceslas\n")
    assert done.exit_code == 2
    assert "--generate and --password-stdin cannot be given together" in done.stderr
    assert house.users.read_text() == USERS


def test_nothing_is_printed_when_the_account_cannot_be_added(house: House) -> None:
    done = house.run("user", "add", "--generate", "alice")
    assert (done.exit_code, done.stdout) == (1, "")


def test_a_generated_password_that_cannot_be_printed_is_told_with_the_remedy(house: House) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            house.command("user", "add", "--generate", "dave"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "chatsrv: dave has a new password, but it cannot be printed (No space left on device); "
        "`chatsrv user passwd --generate dave` makes another one"
    )
