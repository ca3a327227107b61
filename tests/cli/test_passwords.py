"""The command line: which passwords can be set, and what YAML may have cut off those that stand in a file."""

from pathlib import Path

import pytest

from tests.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


EMOJI = "I \u2764\ufe0f tea 1\ufe0f\u20e3 \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001faea"


@pytest.mark.parametrize("auth", ["{backend: yaml, path: users.yaml}", "{backend: hashed, path: users.htpasswd}"])
def test_an_emoji_password_is_set_and_opens_the_account_however_the_keyboard_writes_it(house: House, auth: str) -> None:
    house.use(auth)
    assert house.run("user", "add", "dave", "--password-stdin", stdin=f"{EMOJI}\n").exit_code == 0
    for typed in (EMOJI, EMOJI.replace("\ufe0f", "")):
        assert house.run("user", "check", "dave", "--password-stdin", stdin=f"{typed}\n").exit_code == 0
    assert house.run("user", "check", "dave", "--password-stdin", stdin="I tea\n").exit_code == 1


@pytest.mark.parametrize("command", [("add", "dave"), ("passwd", "bob")])
def test_a_character_that_cannot_be_set_is_named(house: House, command: tuple[str, ...]) -> None:
    done = house.run("user", *command, "--password-stdin", stdin="nine long\u200b words\n")
    assert done.exit_code == 1
    assert done.stderr == (
        "chatsrv: a password has 1 to 1024 bytes and no control or invisible characters; this one has U+200B ZERO "
        "WIDTH SPACE, which is invisible\n"
    )
    assert "dave" not in house.users.read_text()


def test_a_character_that_cannot_be_set_is_named_in_a_file_of_accounts_and_in_the_settings(house: House) -> None:
    house.users.write_text("alice: wonderland\nbob: 'tea\u00ad'\n")
    told = "this one has U+00AD SOFT HYPHEN, which is invisible"
    done = house.run("check")
    assert done.exit_code == 1
    assert f"{house.users}:2: the password of 'bob' cannot be one; " in done.stderr
    assert told in done.stderr
    house.use("{backend: memory, users: {alice: 'tea\u00ad'}}")
    done = house.run("check")
    assert done.exit_code == 1
    assert f"{house.settings}:2: auth.users.alice; accepted is text, in quotes" in done.stderr
    assert told in done.stderr


def test_a_password_that_is_no_text_in_the_settings_is_told_as_before(house: House) -> None:
    house.use("{backend: memory, users: {alice: 4711}}")
    done = house.run("check")
    assert done.exit_code == 1
    assert "auth.users.alice; accepted is text, in quotes if it looks a number; a password has 1 to" in done.stderr


def test_check_warns_of_passwords_that_yaml_may_have_cut_short(house: House) -> None:
    house.users.write_text("alice: s3cret #1\nbob: &s3cret word\ncarol: wonderland   # from the book\n")
    done = house.run("check")
    assert done.exit_code == 0
    assert "accounts: 3 in " in done.stdout
    first, second = done.stderr.splitlines()
    assert first.startswith(f"chatsrv: warning: {house.users}:1: the password of 'alice' may be longer: YAML takes")
    assert second.startswith(f"chatsrv: warning: {house.users}:2: the password of 'bob' may be longer: YAML leaves out")
    assert "s3cret" not in done.stderr


def test_check_warns_of_those_in_the_settings_once_for_each(house: House) -> None:
    backend = "  - backend: memory\n    users:\n      {name}: s3cret #1\n"
    house.use("\n" + backend.format(name="alice") + backend.format(name="bob"))
    done = house.run("check")
    assert done.exit_code == 0
    assert [line.partition(": the password of ")[0] for line in done.stderr.splitlines()] == [
        f"chatsrv: warning: {house.settings}:{number}" for number in (5, 8)
    ]


def test_check_says_nothing_about_the_shipped_accounts(house: House) -> None:
    shipped = Path(__file__).parents[2] / "config" / "users.yaml"
    house.users.write_text(shipped.read_text())
    assert house.run("check").stderr == ""


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_import_warns_before_such_a_password_is_hashed(house: House, options: tuple[str, ...]) -> None:
    house.use("{backend: hashed, path: users.htpasswd}")
    house.users.write_text("alice: looking-glass #1\n")
    done = house.run("user", "import", str(house.users), *options)
    assert done.exit_code == 0
    assert done.stdout == "alice\n"
    assert f"warning: {house.users}:1: the password of 'alice' may be longer: " in done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "users:\n  alice: wonderland\n  bob: builder\n",
            "the accounts are nested under 'users'; accepted is one line",
        ),
        ("Users:\n  alice:\n    password: wonderland\n", "the accounts are nested under 'Users'; accepted is one line"),
        ("accounts: {alice: wonderland}\n", "the accounts are nested under 'accounts'; accepted is one line"),
        ("users:\n  - name: alice\n    password: w\n", "the accounts are a list under 'users'; accepted is one line"),
    ],
)
def test_accounts_that_are_nested_are_told_how_to_stand(house: House, text: str, told: str) -> None:
    house.users.write_text(text)
    done = house.run("check")
    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"chatsrv: {house.users}:1: {told}")
    assert "wonderland" not in line.replace("alice: 'wonderland'", "")


@pytest.mark.parametrize("text", ["users: wonderland\n", "users: {password: wonderland, role: admin}\n"])
def test_an_account_may_be_called_so(house: House, text: str) -> None:
    house.users.write_text(text)
    assert house.run("user", "check", "users", "--password-stdin", stdin="wonderland\n").exit_code == 0


def test_a_misspelled_key_of_an_account_is_told_as_one(house: House) -> None:
    house.users.write_text("alice: {passwort: wonderland}\n")
    assert "a key of account 'alice' is 'passwort'; accepted are password" in house.run("check").stderr
