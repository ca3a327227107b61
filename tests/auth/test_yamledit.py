"""Changing accounts in a users.yaml: nothing else changes, whatever shape the file has."""

from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.record import Record
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError
from tests.auth.editing import CHEAP, STORED, edited, with_nobody_left

USERS = """\
# The people of the house.

alice: wonderland   # the first

"bob":              # quoted
  role: moderator   # keeps order
  password: 'buil''der'
  from: [127.0.0.0/8,   ::1]

  # belongs to nobody
carol: {password: "christ\\u006das", role: admin}
dave:
    password: |-
        long

    from:
    - 10.0.0.0/8   # office

# the end
"""
NEW = f"password_hash: '{STORED}'"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("alice", "wonderland   #", f"{{{NEW}}}   #"),
        ("BOB", "password: 'buil''der'", NEW),
        ("carol", 'password: "christ\\u006das"', NEW),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_setting_a_password_in_yaml_replaces_the_secret_alone(tmp_path, name, old, new, newline, mark):
    text = mark + USERS.replace("\n", newline)
    assert old in text
    result = edited(YamlBackend, tmp_path, text, lambda backend: backend.set_password(name, "x"))
    assert result == text.replace(old, new)


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("alice", "alice: wonderland   # the first\n"),
        ("bob", USERS[USERS.index('"bob"') : USERS.index("\n  # belongs")]),
        ("carol", USERS[USERS.index("carol") : USERS.index("dave")]),
        ("dave", USERS[USERS.index("dave") : USERS.index("\n# the end")]),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_removing_from_yaml_takes_the_lines_of_the_account_alone(tmp_path, name, gone, newline):
    text, gone = USERS.replace("\n", newline), gone.replace("\n", newline)
    result = edited(YamlBackend, tmp_path, text, lambda backend: backend.remove(name))
    assert result == text.replace(gone, "")


def test_a_new_account_stands_at_the_end_of_the_yaml_with_a_hash(tmp_path):
    account = Account("Zoë", Role.ADMIN, (ip_network("10.0.0.0/8"), ip_network("::1")))
    result = edited(YamlBackend, tmp_path, USERS, lambda backend: backend.add(account, "x"))
    assert result == USERS + f"'Zoë':\n  {NEW}\n  role: admin\n  from: ['10.0.0.0/8', '::1/128']\n"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", f"eve:\n  {NEW}\n"),
        ("# nobody", f"# nobody\neve:\n  {NEW}\n"),
        ("---\n", f"---\neve:\n  {NEW}\n"),
        ("alice: w", f"alice: w\neve:\n  {NEW}\n"),
        ("alice: w\r\n", f"alice: w\r\neve:\r\n  {NEW}\r\n"),
        ("  alice: w\n", f"  alice: w\n  eve:\n    {NEW}\n"),
        ("alice: w\n...\n# old\n", f"alice: w\neve:\n  {NEW}\n...\n# old\n"),
        ("{}\n", f"{{eve: {{{NEW}}}}}\n"),
        ("{alice: w}\n", f"{{alice: w, eve: {{{NEW}}}}}\n"),
        ("{alice: w,}\n", f"{{alice: w,eve: {{{NEW}}}}}\n"),
    ],
)
def test_a_new_account_fits_into_whatever_shape_the_yaml_has(tmp_path, text, result):
    assert edited(YamlBackend, tmp_path, text, lambda backend: backend.add(Account("eve"), "x")) == result


@pytest.mark.parametrize(
    ("name", "result"), [("a", "{b: y, c: z} # x\n"), ("b", "{a: x, c: z} # x\n"), ("c", "{a: x, b: y} # x\n")]
)
def test_removing_from_a_flow_mapping_takes_the_comma_too(tmp_path, name, result):
    text = "{a: x, b: y, c: z} # x\n"
    assert edited(YamlBackend, tmp_path, text, lambda backend: backend.remove(name)) == result


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a: x # why\nb: y\n", "a: {password: x, %} # why\nb: y\n"),
        ("a: 'x, y'\n", "a: {password: 'x, y', %}\n"),
        ("a: x, y\n", "a: {password: 'x, y', %}\n"),
        ("a: x}y\n", "a: {password: 'x}y', %}\n"),
        ("a: |-\n  xyz\nb: y\n", "a: {password: 'xyz', %}\nb: y\n"),
        ("a: {password: x} # why\n", "a: {password: x, %} # why\n"),
        ("a: {password: x, }\n", "a: {password: x, %}\n"),
        ("{a: {password: x}, b: y}\n", "{a: {password: x, %}, b: y}\n"),
        ("{a: x, b: y}\n", "{a: {password: x, %}, b: y}\n"),
        ("a:\n  password: x # why\n\n# b\nb: y\n", "a:\n  password: x # why\n  %\n\n# b\nb: y\n"),
        ("a:\n  password: x\n  from:\n  - ::1\nb: y\n", "a:\n  password: x\n  from:\n  - ::1\n  %\nb: y\n"),
        ("a:\r\n    password: x", "a:\r\n    password: x\r\n    %\r\n"),
    ],
)
@pytest.mark.parametrize(
    ("pair", "change"),
    [
        ("disabled: true", lambda backend: backend.set_disabled("A", True)),
        ("role: admin", lambda backend: backend.set_role("A", Role.ADMIN)),
    ],
)
def test_a_new_key_fits_into_whatever_shape_the_account_has(tmp_path, old, new, pair, change):
    assert edited(YamlBackend, tmp_path, old, change) == new.replace("%", pair)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (
            "a:\n  disabled: true # ill\n  # see\n  password: x\n",
            "a:\n  # see\n  password: x\n",
            lambda backend: backend.set_disabled("a", False),
        ),
        ("a: {disabled: yes, password: x}\n", "a: {password: x}\n", lambda backend: backend.set_disabled("a", False)),
        ("a: {password: x, disabled: on}\n", "a: {password: x}\n", lambda backend: backend.set_disabled("a", False)),
        ("a: {password: x, disabled: false}\n", "a: {password: x, disabled: true}\n",
         lambda backend: backend.set_disabled("a", True)),
        ("a: x\n", "a: x\n", lambda backend: backend.set_disabled("a", False)),
        ("a:\n  role: 'admin' # boss\n  password: x\n", "a:\n  role: member # boss\n  password: x\n",
         lambda backend: backend.set_role("a", Role.MEMBER)),
    ],
)  # fmt: skip
def test_a_key_that_is_there_is_changed_or_taken_away(tmp_path, old, new, change):
    assert edited(YamlBackend, tmp_path, old, change) == new


@pytest.mark.parametrize(
    "name", ["yes", "No", "null", "123", "1e3", "0x1f", "2024-01-01", "~", "-", "=", "a'b", "@", "é"]
)
def test_names_are_quoted_where_yaml_would_take_them_for_something_else(tmp_path, name):
    path = tmp_path / "users.yaml"
    backend = YamlBackend(path, hasher=CHEAP, create=True)
    backend.add(Account(name), "x")
    assert [account.name for account in backend.list()] == [name]
    backend.remove(name)
    assert path.read_bytes() == b"# no accounts\n"


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("a: &s secret\nb: *s\n", lambda backend: backend.set_password("b", "x")),
        ("a: &s secret\nb: *s\n", lambda backend: backend.remove("a")),
        ("a: {password: &s x}\nb: {password: *s}\n", lambda backend: backend.set_password("b", "x")),
        ("a: x\rb: y\r", lambda backend: backend.remove("a")),
    ],
)
def test_what_cannot_be_changed_alone_is_refused_and_stays(tmp_path, text, change):
    with pytest.raises(AccountsError, match="without touching other lines; please make it by hand"):
        edited(YamlBackend, tmp_path, text, change)
    assert (tmp_path / "users").read_bytes() == text.encode()
    assert [entry.name for entry in tmp_path.iterdir()] == ["users"]


# Random files: comments, blank lines and accounts in every form, in any order.

names = st.sampled_from(["alice", "Bob", "'yes'", '"Zoë"', "x-1", "'123'"])
secrets = st.sampled_from(["plain words", "'single # quoted'", '"double \\" quoted"', "a#b", "'::1 [::1'"])
comments = st.sampled_from(["", " # why", "   #"])
filler = st.sampled_from(["", "\n", "# comment\n", "  # indented: comment\n", "\n\n#: {[\n"])
networks = st.sampled_from(["[::1]", "[ 127.0.0.0/8, ::1 ]", "\n  - 10.0.0.0/8\n  - ::1"])


@st.composite
def yaml_entries(draw):
    """Return an entry's text after its name, and the same with the secret replaced."""
    secret, comment = draw(secrets), draw(comments)
    form = draw(st.sampled_from(["short", "flow", "block"]))
    if form == "short":
        return f" {secret}{comment}\n", f" {{{NEW}}}{comment}\n"
    if form == "flow":
        flow = secret if secret[0] in "'\"" else "'" + secret + "'"
        return tuple(f" {{role: admin, {pair}, from: [::1]}}{comment}\n" for pair in (f"password: {flow}", NEW))
    head, inner = draw(comments), draw(st.sampled_from(["", "\n", "  # inner\n"]))
    tail = f"  from: {draw(networks)}{draw(comments)}\n" if draw(st.booleans()) else ""
    pairs = (f"password: {secret}", NEW)
    return tuple(f"{head}\n  role: moderator\n{inner}  {pair}{comment}\n{tail}" for pair in pairs)


@st.composite
def yaml_files(draw):
    chosen = draw(st.lists(names, unique=True, min_size=1, max_size=5))
    return [(draw(filler), name, *draw(yaml_entries())) for name in chosen], draw(filler)


def text_of(entries, end, newline):
    parts = (before + (f"{name}:{rest}" if name else "") for before, name, rest in entries)
    return ("".join(parts) + end).replace("\n", newline)


@settings(max_examples=50, deadline=None)
@given(yaml_files(), st.data(), st.sampled_from(["\n", "\r\n"]))
def test_a_change_of_one_account_in_any_yaml_changes_nothing_else(tmp_path_factory, file, data, newline):
    entries, end = file
    tmp_path = tmp_path_factory.getbasetemp()
    text = text_of([entry[:3] for entry in entries], end, newline)
    place = data.draw(st.integers(0, len(entries) - 1))
    before, quoted, _, changed = entries[place]
    name = quoted.strip("'\"")

    result = edited(YamlBackend, tmp_path, text, lambda backend: backend.set_password(name, "x"))
    replaced = [entry[:3] for entry in entries]
    replaced[place] = (before, quoted, changed)
    assert result == text_of(replaced, end, newline)

    result = edited(YamlBackend, tmp_path, text, lambda backend: backend.remove(name))
    replaced[place] = (before, "", "")
    left = text_of(replaced, end, newline)
    assert result == (left if len(entries) > 1 else with_nobody_left(left))

    result = edited(YamlBackend, tmp_path, text, lambda backend: backend.add(Account("eve"), "x"))
    assert result == text + f"eve:\n  {NEW}\n".replace("\n", newline)


SHAPES = {
    "pairs": "alice: a # c\nbob:\n  disabled: true\n  role: admin\n  from:\n  - 10.0.0.0/8\n  password: x # y\n",
    "flow": "{alice: a, bob: {password: b, role: admin, from: [10.0.0.0/8], disabled: true}}",
    "carriage returns": "alice: a\r\nbob: {disabled: true, password: b}\r\n",
    "documents": "# c\n---\nbob: {from: [::1, 10.0.0.0/8], password: b}\nalice: {\n  password: a }\n...\n",
    "block": "'alice': |-\n  a\nbob:\n  role: moderator\n  # hello\n  password: b\n\n\n",
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_replaced_accounts_are_as_they_are_told_and_stay_where_they_are(tmp_path, text):
    alice = Record(Account("alice", Role.ADMIN, (ip_network("::1/128"),)), password_hash=STORED, is_disabled=True)
    bob, zed = (Record(Account(name), password_hash=STORED) for name in ("BOB", "zed"))
    order: list[str] = []

    def change(backend: YamlBackend) -> None:
        order.extend(account.name for account in backend.list())
        backend.add_records([zed], [alice, bob])

    result = edited(YamlBackend, tmp_path, text, change)
    accounts = YamlBackend.read(result.encode(), "users.yaml").accounts
    assert list(accounts) == [*order, "zed"]
    assert accounts["alice"] == alice
    assert accounts["bob"] == Record(Account("bob"), password_hash=STORED)
    comments = [part.split()[0] for part in text.split("#")[1:]]
    assert all(f"# {comment}" in result for comment in comments)


def test_accounts_that_share_their_text_are_not_replaced(tmp_path):
    text = "alice: &x {password: a, role: admin}\nbob: *x\n"

    def change(backend: YamlBackend) -> None:
        with pytest.raises(AccountsError, match="cannot be made without touching other lines"):
            backend.add_records([], [Record(Account("alice"), password_hash=STORED)])

    assert edited(YamlBackend, tmp_path, text, change) == text


def test_who_is_not_there_cannot_be_replaced(tmp_path):
    def change(backend: YamlBackend) -> None:
        with pytest.raises(AccountsError, match="there is no account 'carol'"):
            backend.add_records([], [Record(Account("carol"), password_hash=STORED)])

    assert edited(YamlBackend, tmp_path, "alice: a\n", change) == "alice: a\n"
