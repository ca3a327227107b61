"""The command line: disabling, ranking, importing and trying out accounts, and the floor for new passwords."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from chatsrv.auth.hashing import Hasher
from tests.house import USERS, House, on_terminal

BOTH = "[{backend: yaml, path: users.yaml}, {backend: hashed, path: users.htpasswd}]"
HASH = Hasher(memory_kib=8, passes=1).hash("wonderland")
ZOE = f"zoe:{HASH}\n"
TO_IMPORT = f"""\
alice: {{password_hash: '{HASH}', role: admin}}
bob: {{password: bricks and mortar, disabled: true}}
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def hashes(house: House) -> Path:
    """Make a file of hashes with one account the second of two backends."""
    path = house.settings.parent / "users.htpasswd"
    path.write_text(ZOE)
    path.chmod(0o600)
    house.use(BOTH)
    return path


@pytest.fixture
def source(house: House) -> Path:
    path = house.settings.parent / "old.yaml"
    path.write_text(TO_IMPORT)
    return path


def told(house: House, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    done = house.run("user", *arguments, stdin=stdin)
    return done.exit_code, done.stdout, done.stderr


# ---------------------------------------------------------------------------- disable, enable, role


def test_disable_and_enable_leave_everything_else_as_it_was(house: House) -> None:
    assert told(house, "disable", "ALICE", "--last-admin") == (0, "", "Disabled alice.\n")
    assert house.users.read_text() == USERS.replace('"::1"]\n', '"::1"]\n  disabled: true\n')
    assert told(house, "list")[1] == "alice\tadmin\t127.0.0.0/8,::1/128\tdisabled\nbob\tmember\tanywhere\n"
    assert told(house, "enable", "alice") == (0, "", "Enabled alice.\n")
    assert house.users.read_text() == USERS


@pytest.mark.parametrize("change", [("disable", "alice"), ("remove", "--yes", "alice"), ("role", "alice", "member")])
def test_the_last_admin_stays_one_unless_that_is_meant(house: House, change: tuple[str, ...]) -> None:
    before = house.users.read_text()
    code, _, error = told(house, *change)
    assert code == 1
    assert "alice is the last admin; make another account one first" in error
    assert house.users.read_text() == before
    house.run("user", "role", "bob", "admin")
    house.run("user", "disable", "bob")
    assert told(house, *change)[0] == 1  # one that nobody can use is none
    house.run("user", "enable", "bob")
    assert told(house, *change)[0] == 0


def test_that_there_is_no_admin_any_more_can_be_meant(house: House) -> None:
    assert told(house, "role", "alice", "member", "--last-admin") == (0, "", "alice is member now.\n")
    assert told(house, "remove", "--yes", "alice") == (0, "", "Removed alice.\n")


def test_an_admin_of_the_settings_is_one_too(house: House) -> None:
    house.settings.write_text(house.settings.read_text() + "roles: {admin: [bob]}\n")
    assert told(house, "disable", "alice")[0] == 0
    assert told(house, "disable", "bob")[0] == 1


def test_list_on_a_terminal_shows_who_is_disabled(house: House) -> None:
    house.run("user", "disable", "bob")
    with on_terminal(house, "user", "list") as terminal:
        assert terminal.end() == 0
    assert terminal.shown.splitlines()[1:] == [
        "alice  admin   127.0.0.0/8,::1/128",
        "bob    member  anywhere             disabled",
    ]


def test_role_changes_the_role(house: House) -> None:
    assert told(house, "role", "bob", "moderator") == (0, "", "bob is moderator now.\n")
    assert house.users.read_text() == USERS.replace("bob: builder", "bob: {password: builder, role: moderator}")


def test_a_role_that_the_settings_overrule_istold(house: House) -> None:
    house.use("{backend: yaml, path: users.yaml}", "roles: {admin: [BOB]}")
    code, _, error = told(house, "role", "bob", "moderator")
    assert code == 0
    assert f"chatsrv: warning: roles.admin in {house.settings} names BOB, which is what holds" in error


def test_a_file_of_hashes_has_no_room_for_roles_and_says_where_there_is(house: House, hashes: Path) -> None:
    hashes.write_text(f"carol:{HASH}\n")
    code, _, error = told(house, "role", "carol", "admin", "--backend", "hashed")
    assert code == 1
    assert "an htpasswd file cannot hold the role of 'carol'; give it in the settings under `roles:`" in error
    assert told(house, "disable", "carol", "--backend", "2")[0] == 0
    assert hashes.read_text() == f"carol:!{HASH}\n"


@pytest.mark.parametrize("command", [["disable"], ["enable"], ["role"], ["passwd"], ["remove", "--yes"]])
def test_who_is_not_there_istold(house: House, command: list[str]) -> None:
    more = ["admin"] if command == ["role"] else []
    assert told(house, *command, "mallory", *more) == (
        1,
        "",
        "chatsrv: there is no account mallory; `chatsrv user list` shows all\n",
    )


def test_of_several_backends_one_has_to_be_chosen(house: House, hashes: Path) -> None:
    code, _, error = told(house, "disable", "bob")
    assert code == 1
    accepted = "accepted after --backend is 'yaml users.yaml', 'hashed users.htpasswd'"
    assert f"it is not clear which backend is meant; {accepted}" in error
    assert told(house, "disable", "bob", "--backend", "yaml users.yaml")[0] == 0
    assert told(house, "add", "carol", "--password-stdin", "--backend", "hashed", stdin="wenceslas\n")[0] == 0
    assert hashes.read_text().startswith(f"{ZOE}carol:$argon2id$")


@pytest.mark.parametrize(
    "command", [["disable", "bob"], ["enable", "bob"], ["role", "bob", "admin"], ["passwd", "bob"], ["remove", "BOB"]]
)
def test_who_is_in_another_backend_is_told_with_the_option_that_chooses_it(
    house: House, hashes: Path, command: list[str]
) -> None:
    assert told(house, *command, "--backend", "hashed") == (
        1,
        "",
        f"chatsrv: there is no account {command[1]} in that backend, but in 'yaml users.yaml'; --backend chooses one\n",
    )


def test_a_change_to_an_account_that_another_backend_keeps_from_opening_istold(house: House, hashes: Path) -> None:
    later, first = ["--backend", "hashed"], ["--backend", "yaml"]
    opens = "chatsrv: warning: '{}' has an account bob, too; that is the one which opens\n"
    shadowed, left = opens.format("yaml users.yaml"), opens.format("hashed users.htpasswd")
    assert told(house, "add", "bob", "--password-stdin", *later, stdin="wenceslas\n")[2] == f"{shadowed}Added bob.\n"
    assert told(house, "disable", "BOB", *later)[2] == f"{shadowed}Disabled bob.\n"
    assert told(house, "disable", "bob", *first)[2] == "Disabled bob.\n"
    assert told(house, "remove", "bob", "--yes", *first)[2] == f"{left}Removed bob.\n"
    assert told(house, "add", "bob", "--password-stdin", *first, stdin="wenceslas\n")[2] == (
        "chatsrv: warning: 'hashed users.htpasswd' has an account bob, too; it opens no more\nAdded bob.\n"
    )
    house.users.write_text("[")
    assert told(house, "remove", "bob", "--yes", *later)[2] == "Removed bob.\n"


def test_a_broken_file_of_another_backend_hides_not_that_an_account_is_missing(house: House, hashes: Path) -> None:
    house.users.write_text("[")
    assert told(house, "disable", "bob", "--backend", "hashed")[2] == (
        "chatsrv: there is no account bob; `chatsrv user list` shows all\n"
    )


def test_list_tells_of_several_backends_which_one_an_account_is_in(house: House, hashes: Path) -> None:
    told(house, "disable", "bob", "--backend", "yaml")
    assert told(house, "list")[1].splitlines() == [
        "alice\tadmin\t127.0.0.0/8,::1/128\t\tyaml users.yaml",
        "bob\tmember\tanywhere\tdisabled\tyaml users.yaml",
        "zoe\tmember\tanywhere\t\thashed users.htpasswd",
    ]
    with on_terminal(house, "user", "list") as terminal:
        assert terminal.end() == 0
    assert terminal.shown.splitlines() == [
        "NAME   ROLE    FROM                           BACKEND",
        "alice  admin   127.0.0.0/8,::1/128            yaml users.yaml",
        "bob    member  anywhere             disabled  yaml users.yaml",
        "zoe    member  anywhere                       hashed users.htpasswd",
    ]


# ---------------------------------------------------------------------------- the floor for new passwords


@pytest.mark.parametrize(
    ("password", "text"),
    [
        ("1234567", "a new password has at least 8 characters; this one is shorter"),
        ("Password1", "is none of the commonest"),
        ("bobbobbob", ""),
        ("barbarossa1", "is not the name of the account or the server"),
        ("localhost", "is not the name of the account or the server"),
    ],
)
def test_what_everybody_would_guess_is_no_new_password(house: House, password: str, text: str) -> None:
    for command in ("add", "passwd"):
        name = "barbarossa"
        if command == "passwd":
            house.users.write_text("barbarossa: redbeard\n")
        before = house.users.read_text()
        code, _, error = told(house, command, name, "--password-stdin", stdin=f"{password}\n")
        assert code == bool(text)
        assert text in error
        assert password not in error
        assert (house.users.read_text() == before) == bool(text)


def test_the_floor_is_the_settings(house: House) -> None:
    house.use("{backend: yaml, path: users.yaml}", "passwords: {least_characters: 1, refuse_common: false}")
    assert told(house, "passwd", "bob", "--password-stdin", stdin="1234\n")[0] == 0
    house.use("{backend: yaml, path: users.yaml}", "passwords: {least_characters: 20}")
    assert "at least 20 characters" in told(house, "passwd", "bob", "--password-stdin", stdin="looking-glass\n")[2]


# ---------------------------------------------------------------------------- import


def test_import_keeps_hashes_makes_hashes_and_tells_what_is_lost(house: House, hashes: Path, source: Path) -> None:
    code, out, error = told(house, "import", str(source), "--backend", "hashed")
    assert (code, out) == (0, "alice\nbob\n")
    assert error == (
        "chatsrv: warning: alice: the role admin is not kept; give it in the settings under `roles:`\n"
        "Imported 2 accounts.\n"
    )
    _, alice, bob = hashes.read_text().splitlines()
    assert alice == f"alice:{HASH}"
    assert bob.startswith("bob:!$argon2id$")
    assert source.read_text() == TO_IMPORT


def test_a_rehearsal_tells_the_same_and_changes_nothing(house: House, hashes: Path, source: Path) -> None:
    code, out, error = told(house, "import", str(source), "--backend", "hashed", "--dry-run")
    assert (code, out) == (0, "alice\nbob\n")
    assert error.endswith("Would import 2 accounts.\n")
    assert hashes.read_text() == ZOE


def test_import_is_all_or_nothing_and_lists_every_obstacle(house: House, hashes: Path, source: Path) -> None:
    hashes.write_text(f"Bob:{HASH}\n")
    more = "b\u043eb: looking-glass\ncarol: short\ndave: {password: hard to guess, from: ['::1']}\n"
    source.write_text(TO_IMPORT + more)
    code, out, error = told(house, "import", str(source), "--backend", "hashed")
    assert (code, out) == (1, "")
    assert [line.removeprefix(f"chatsrv: {source}: ") for line in error.splitlines()] == [
        "'b\u043eb': 'b\\u043eb' looks like 'Bob', which is taken; accepted is a name that does not",
        "'carol': a new password has at least 8 characters; this one is shorter; accept that with --weak-passwords, "
        "or change it there first",
        "'dave': could log in from anywhere then; accept that with --from-anywhere",
    ]
    assert hashes.read_text() == f"Bob:{HASH}\n"


def test_networks_get_lost_only_on_request(house: House, hashes: Path, source: Path) -> None:
    source.write_text("dave: {password: hard to guess, from: ['::1', 10.0.0.0/8]}\n")
    code, _, error = told(house, "import", str(source), "--backend", "hashed", "--from-anywhere")
    assert code == 0
    assert "chatsrv: warning: dave: the networks ::1/128, 10.0.0.0/8 are not kept\n" in error


def test_the_shipped_accounts_go_into_a_file_of_hashes_as_the_messages_tell(house: House, hashes: Path) -> None:
    shipped = str(Path(__file__).parents[2] / "config" / "users.yaml")
    options = ["--backend", "hashed"]
    for option in ("--weak-passwords", "--from-anywhere"):
        code, _, error = told(house, "import", shipped, *options)
        assert code == 1
        assert f"accept that with {option}" in error
        assert hashes.read_text() == ZOE
        options.append(option)
    assert told(house, "import", shipped, *options)[:2] == (0, "alice\nbob\ncarol\nadmin\n")
    assert told(house, "check", "carol", "--password-stdin", stdin="christmas\n")[0] == 0


def test_import_into_a_yaml_file_keeps_everything(house: House, source: Path) -> None:
    source.write_text("carol: {password: hard to guess, role: moderator, from: ['::1'], disabled: true}\n")
    code, out, error = told(house, "import", str(source))
    assert (code, out, error) == (0, "carol\n", "Imported 1 account.\n")
    assert told(house, "list")[1].splitlines()[-1] == "carol\tmoderator\t::1/128\tdisabled"
    assert house.users.read_text().startswith(USERS)
    assert "hard to guess" not in house.users.read_text()


@pytest.mark.parametrize("content", [None, "alice: 5\n", "[x"])
def test_a_file_that_is_none_istold(house: House, source: Path, content: str | None) -> None:
    if content is None:
        source.unlink()
    else:
        source.write_text(content)
    code, _, error = told(house, "import", str(source))
    assert code == 1
    assert str(source) in error
    assert house.users.read_text() == USERS


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (f"'{HASH}'", "the password of 'alice' cannot be one; this is a hash: use password_hash, as in `alice: {pass"),
        (f"{{password: '{HASH}'}}", "the password of 'alice' cannot be one; this is a hash: use password_hash"),
        ("{password_hash: topsecret}", "'alice': the password_hash is clear text or a hash of a kind that is not"),
    ],
    ids=["alone", "password", "clear"],
)
def test_a_hash_is_imported_as_a_hash_or_not_at_all(house: House, hashes: Path, record: str, why: str) -> None:
    source = house.settings.parent / "old.yaml"
    source.write_text(f"alice: {record}\nbob: looking-glass\n")
    code, _, error = told(house, "import", str(source), "--backend", "hashed", "--weak-passwords")
    assert code == 1
    assert why in error
    assert hashes.read_text() == ZOE
    assert "topsecret" not in error


def test_legacy_hashes_are_imported_where_they_are_taken(house: House, source: Path) -> None:
    source.write_text("newbie: {password_hash: '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='}\n")
    assert told(house, "import", str(source))[0] == 1
    house.use("{backend: yaml, path: users.yaml}", "login: {legacy_hashes: rehash}")
    assert told(house, "import", str(source))[:2] == (0, "newbie\n")
    assert told(house, "check", "newbie", "--password-stdin", stdin="secret\n")[0] == 0


def test_import_skips_who_is_there_and_says_so(house: House, source: Path) -> None:
    source.write_text(TO_IMPORT + "carol: hard to guess\n")
    before = house.users.read_text()
    for dry, skip, done in (("--dry-run", "Would skip", "Would import"), ("", "Skipped", "Imported")):
        assert told(house, "import", str(source), *dry.split()) == (
            0,
            "carol\n",
            f"{skip} 2 accounts that are there already: alice, bob (--replace replaces them).\n{done} 1 account.\n",
        )
    assert house.users.read_text().startswith(before)
    assert told(house, "import", str(source))[:2] == (0, "")


def test_an_import_that_skips_many_names_the_first_of_them(house: House, source: Path) -> None:
    source.write_text("".join(f"user{number}: secret words\n" for number in range(23)))
    house.users.write_text(source.read_text())
    error = told(house, "import", str(source))[2]
    assert "Skipped 23 accounts" in error
    assert ", user19 and 3 more (--replace replaces them).\nImported 0 accounts.\n" in error


def test_what_is_skipped_is_not_held_against_the_settings(house: House, source: Path) -> None:
    source.write_text("bob: short\ncarol: hard to guess\n")
    code, out, error = told(house, "import", str(source))
    assert (code, out) == (0, "carol\n")
    assert error.startswith("Skipped 1 account that is there already: bob (--replace replaces it).\n")


def test_import_replaces_on_request_and_keeps_place_comments_and_spelling(house: House, source: Path) -> None:
    house.users.write_text(USERS + "# the end\nCarol: {password: christmas, role: moderator, disabled: true}\n")
    source.write_text(
        f"alice: {{password_hash: '{HASH}', role: admin}}\nBOB: {{password: hard to guess, from: ['::1']}}\n"
        "carol: looking-glass\ndave: looking-glass\n"
    )
    assert told(house, "import", str(source), "--replace") == (
        0,
        "dave\nalice\nBOB\ncarol\n",
        "Imported 4 accounts, 3 in the place of what was there.\n",
    )
    assert told(house, "list")[1].splitlines() == [
        "alice\tadmin\tanywhere",
        "bob\tmember\t::1/128",
        "Carol\tmember\tanywhere",
        "dave\tmember\tanywhere",
    ]
    text = house.users.read_text()
    assert "# our people\nalice:\n" in text
    assert "# the end\nCarol: {" in text
    for name, password in (("alice", "wonderland"), ("bob", "hard to guess"), ("carol", "looking-glass")):
        context = ["--address", "::1", "--password-stdin"]
        assert told(house, "check", name, *context, stdin=f"{password}\n")[0] == 0
    assert told(house, "check", "bob", "--address", "::1", "--password-stdin", stdin="builder\n")[0] == 1


def test_import_replaces_in_a_file_of_hashes(house: House, hashes: Path, source: Path) -> None:
    hashes.write_text(f"# ours\nbob:{HASH}\r\n# more\nzoe:!{HASH}\n")
    source.write_text("Bob: {password: hard to guess, disabled: true}\nzoe: looking-glass\ncarol: looking-glass\n")
    assert told(house, "import", str(source), "--backend", "hashed", "--replace")[:2] == (0, "carol\nBob\nzoe\n")
    ours, bob, more, zoe, carol = hashes.read_bytes().decode().splitlines(keepends=True)
    assert (ours, more) == ("# ours\n", "# more\n")
    assert bob.startswith("bob:!$argon2id$")
    assert bob.endswith("\r\n")
    assert zoe.startswith("zoe:$argon2id$")
    assert carol.startswith("carol:$argon2id$")
    assert HASH not in bob + zoe


@pytest.mark.parametrize(
    "line", ["alice: looking-glass", "alice: {password: looking-glass, role: admin, disabled: true}"]
)
def test_import_does_not_replace_the_last_admin_unless_that_is_meant(house: House, source: Path, line: str) -> None:
    source.write_text(f"{line}\n")
    code, out, error = told(house, "import", str(source), "--replace")
    assert (code, out) == (1, "")
    assert "no admin would be left: alice would be replaced" in error
    assert house.users.read_text() == USERS
    assert told(house, "import", str(source), "--replace", "--last-admin")[0] == 0


def test_an_import_that_brings_another_admin_replaces_the_last_one(house: House, source: Path) -> None:
    source.write_text("alice: looking-glass\ndave: {password: looking-glass, role: admin}\n")
    assert told(house, "import", str(source), "--replace")[0] == 0


# ---------------------------------------------------------------------------- list


def test_list_for_programs_is_an_object_a_line(house: House, hashes: Path) -> None:
    told(house, "disable", "bob", "--backend", "yaml")
    code, out, error = told(house, "list", "--json")
    assert (code, error) == (0, "")
    yaml, hashed = "yaml users.yaml", "hashed users.htpasswd"
    networks = ["127.0.0.0/8", "::1/128"]
    assert [json.loads(line) for line in out.splitlines()] == [
        {"name": "alice", "role": "admin", "from": networks, "disabled": False, "backend": yaml},
        {"name": "bob", "role": "member", "from": [], "disabled": True, "backend": yaml},
        {"name": "zoe", "role": "member", "from": [], "disabled": False, "backend": hashed},
    ]


@pytest.mark.parametrize("backend", ["yaml", "hashed"])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_file_that_is_not_there_yet_is_an_empty_list(house: House, backend: str, options: list[str]) -> None:
    house.use(f"{{backend: {backend}, path: nobody}}")
    file = house.settings.with_name("nobody")
    assert told(house, "list", *options) == (
        0,
        "",
        f"There are no accounts in {file} yet; `chatsrv user add NAME` adds one.\n",
    )
    assert not file.exists()


@pytest.mark.parametrize("command", [["passwd"], ["disable"], ["remove", "--yes"]])
def test_a_file_that_is_not_there_yet_has_no_account_to_change(house: House, command: list[str]) -> None:
    house.users.unlink()
    assert told(house, *command, "bob") == (1, "", "chatsrv: there is no account bob; `chatsrv user list` shows all\n")
    assert not house.users.exists()


def test_a_role_may_be_typed_in_capital_letters(house: House) -> None:
    assert told(house, "role", "bob", "Moderator") == (0, "", "bob is moderator now.\n")


# ---------------------------------------------------------------------------- check


def test_check_tells_what_each_backend_answered(house: House, hashes: Path) -> None:
    hashes.write_text(f"Carol:{HASH}\n")
    assert told(house, "check", "CAROL", "--password-stdin", stdin="wonderland\n") == (
        0,
        "yaml users.yaml: unknown, there is no account 'carol'\n"
        "hashed users.htpasswd: admitted\n"
        "Carol may log in from 127.0.0.1, as member\n",
        "",
    )


def test_check_tells_why_not(house: House, hashes: Path) -> None:
    assert told(house, "check", "bob", "--password-stdin", stdin="wrong\n") == (
        1,
        "yaml users.yaml: denied, the password for account 'bob' is wrong\n",
        "chatsrv: bob may not log in from 127.0.0.1: yaml users.yaml: the password for account 'bob' is wrong\n",
    )
    house.run("user", "disable", "bob", "--backend", "yaml")
    assert told(house, "check", "bob", "--password-stdin", stdin="builder\n")[1] == (
        "yaml users.yaml: denied, account 'bob' is disabled\n"
    )


def test_check_asks_as_the_gate_does_from_where_it_istold(house: House) -> None:
    house.use("{backend: yaml, path: users.yaml}", "roles: {moderator: [alice]}")
    code, out, error = told(house, "check", "alice", "--password-stdin", "--address", "192.0.2.1", stdin="wonderland\n")
    assert (code, out) == (1, "yaml users.yaml: admitted\n")
    assert "may log in only from 127.0.0.0/8, ::1, not from 192.0.2.1" in error
    code, out, _ = told(house, "check", "alice", "--password-stdin", "--address", "::1", stdin="wonderland\n")
    assert code == 0
    assert out.endswith("alice may log in from ::1, as moderator\n")


def test_check_asks_for_the_password_once_and_shows_nothing_of_it(house: House) -> None:
    with on_terminal(house, "user", "check", "bob") as terminal:
        terminal.expect("Password: ")
        terminal.type("builder\n")
        terminal.expect("bob may log in from 127.0.0.1, as member")
        assert terminal.end() == 0
    assert "builder" not in terminal.shown


def test_an_address_that_is_none_is_a_wrong_command_line(house: House) -> None:
    code, _, error = told(house, "check", "bob", "--address", "home")
    assert code == 2
    assert "'home' is no address; accepted is one such as 192.0.2.1 or ::1" in error


# ---------------------------------------------------------------------------- hashes that cannot be used, or tell


def test_one_line_that_cannot_be_used_keeps_nobody_else_out_and_is_mended_by_passwd(house: House, hashes: Path) -> None:
    house.use("{backend: hashed, path: users.htpasswd}")
    hashes.write_text(f"{ZOE}newbie:$apr1$HZqLD6Cw$LvZ9SHBYE3vW/3JjUNkiq/\n")
    checked = house.run("check")
    assert checked.exit_code == 0
    [warning] = checked.stderr.splitlines()
    assert warning.startswith(f"chatsrv: warning: {hashes}:2: the password_hash of 'newbie' is an MD5 hash (apr1); ")
    assert told(house, "passwd", "zoe", "--password-stdin", stdin="looking-glass\n")[0] == 0
    assert told(house, "check", "zoe", "--password-stdin", stdin="looking-glass\n")[0] == 0
    code, out, _ = told(house, "check", "newbie", "--password-stdin", stdin="secret\n")
    assert code == 1
    assert "denied, account 'newbie' needs a new password: the stored hash is an MD5 hash (apr1)" in out
    assert told(house, "passwd", "newbie", "--password-stdin", stdin="looking-glass\n")[0] == 0
    assert told(house, "check", "newbie", "--password-stdin", stdin="looking-glass\n") == (
        0,
        "hashed users.htpasswd: admitted\nnewbie may log in from 127.0.0.1, as member\n",
        "",
    )


def test_the_user_commands_say_once_that_lines_cannot_be_used(house: House, hashes: Path) -> None:
    house.use("{backend: hashed, path: users.htpasswd}")
    unusable = "".join(f"n{number}:$apr1$HZqLD6Cw$LvZ9SHBYE3vW/3JjUNkiq/\n" for number in range(20))
    hashes.write_text(ZOE + unusable)
    _, _, error = told(house, "list")
    assert error == f"chatsrv: warning: {hashes} has accounts that cannot be used; `chatsrv check` tells which\n"
    assert house.run("check").stderr.count("cannot be used: ") == 1


def test_a_stored_hash_opens_nothing(house: House) -> None:
    house.users.write_text(f"{USERS}carol: '{HASH}'\n")
    checked = house.run("check")
    assert checked.exit_code == 1
    why = "the password of 'carol' cannot be one; this is a hash: use password_hash"
    assert f"{house.users}:8: {why}" in checked.stderr
    assert HASH not in checked.output
    house.users.write_text(USERS)
    for command in (["passwd", "bob"], ["add", "carol"]):
        code, _, error = told(house, *command, "--password-stdin", stdin=f"{HASH}\n")
        assert code == 1
        assert "this is a stored hash; accepted is the password that it was made from" in error
    assert house.users.read_text() == USERS


# ---------------------------------------------------------------------------- the kind of new hashes


@pytest.mark.skipif(shutil.which("htpasswd") is None, reason="needs Apache's htpasswd")
def test_what_the_commands_write_opens_with_apache_if_the_settings_say_so(house: House, source: Path) -> None:
    house.use("{backend: hashed, path: users.htpasswd}", "login: {new_hashes: bcrypt}")
    hashes = house.settings.parent / "users.htpasswd"

    def apache_verifies(name: str, password: str) -> bool:
        return not subprocess.run(
            ["htpasswd", "-vb", hashes, name, password], capture_output=True, check=False
        ).returncode

    assert told(house, "add", "carol", "--password-stdin", stdin="wenceslas\n")[0] == 0
    assert apache_verifies("carol", "wenceslas")
    assert told(house, "passwd", "carol", "--password-stdin", stdin="looking-glass\n")[0] == 0
    assert apache_verifies("carol", "looking-glass")
    source.write_text("bob: bricks and mortar\n")
    assert told(house, "import", str(source))[0] == 0
    assert apache_verifies("bob", "bricks and mortar")


def test_a_password_too_long_for_the_new_hashes_is_not_imported_whatever_is_accepted(
    house: House, source: Path
) -> None:
    house.use("{backend: yaml, path: users.yaml}", "login: {new_hashes: bcrypt}")
    source.write_text(f"carol: {'x y' * 25}\n")
    code, _, error = told(house, "import", str(source), "--weak-passwords")
    assert code == 1
    assert "'carol': a new password has at most 72 bytes here; this one has more; change it there first" in error
    assert house.users.read_text() == USERS
