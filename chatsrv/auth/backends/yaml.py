"""Accounts in a YAML file: a name to a password, or to a mapping with the keys that `record` reads.

Never constructs objects: it reads PyYAML's nodes, which know their lines. Writing is next door in `yamledit`. Any
thread may call a `YamlBackend`; a `YamlDocument` is a value.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import yaml

from chatsrv.auth.backends import yamledit
from chatsrv.auth.backends.filebackend import Document, FileBackend
from chatsrv.auth.record import Accounts, NotText, Record, describe_flaw, read_record, shown
from chatsrv.model.accounts import Role
from chatsrv.model.errors import AccountsError, Problem
from chatsrv.text.names import prepare_name

_ACCEPTED = "accepted is a mapping of names to passwords, as in `alice: 'wonderland'`"

_KINDS = {
    "int": "a number",
    "float": "a number",
    "null": "empty",
    "timestamp": "a date",
    "merge": "a merge key, which is not supported",
}
_TAGS = "tag:yaml.org,2002:"
_TRUE = ("true", "yes", "on")

# What stands in the first column but a comment; what a name begins with there, and what an item of a list.
_FIRST_COLUMN = re.compile(r"\n[^ \t\r\n#]")
_NAME_BEGINS = frozenset("_'\"+$/();^~=\\")
_ITEM_BEGINS = ("- ", "-\n", "-\r")

PIECES_AT_ONCE = 32
"""Accounts that are read without a pause, when many have changed: some 2 milliseconds."""

PAUSE_SECONDS = 0.001

# The one in C reads 10,000 accounts in half a second, not 4; and what it complains of never quotes a password.
_Loader: Any = yaml.CSafeLoader

# Accounts need three levels. The loader written in C has no guard of its own, and a session's thread a small stack.
_MOST_LEVELS = 8

# COMPAT: PyYAML 6 takes `::1` in a [list] for a stray colon, though YAML 1.2 §7.3.3 allows it. Private characters
# stand in for the two colons while it parses. Remove this when PyYAML loads `[::1]`.
_LEADING_COLONS = re.compile(r"(?<=[\s,\[])::(?=[0-9A-Fa-f])")
_STAND_IN = "\ue000\ue000"


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """The contents of a users.yaml: in pieces of one account each where it has such, else all of it is the head."""

    head: str
    accounts: Accounts
    pieces: tuple[str, ...] = ()
    mark: str = ""  # the byte order mark that some editors write

    def flaws(self, file: str, is_taken: Callable[[Record], bool]) -> list[Problem]:
        """See `Document.flaws`."""
        return [
            describe_flaw(record, file, self._line_of_hash(place))
            for place, record in enumerate(self.accounts.values())
            if record.flaw and not is_taken(record)
        ]

    def _line_of_hash(self, place: int) -> int:
        text, before, at = self.head, "", place
        if self.pieces:
            text, before, at = self.pieces[place], self.head + "".join(self.pieces[:place]), 0
        name, node = _node(text).value[at]
        keys = (key for key, _ in node.value if key.value == "password_hash")
        return before.count("\n") + int(next(keys, name).start_mark.line) + 1

    def with_records(self, records: Sequence[Record]) -> Iterable[bytes]:
        """See `Document.with_records`."""
        last = max(0, len(self.pieces) - 2)  # two pieces, for one of them ends in a newline of the file's kind
        before, text = (self.head, "") if last else ("", self.head)
        before, text = before + "".join(self.pieces[:last]), text + "".join(self.pieces[last:])
        return self._encode(before, yamledit.with_records(text, _node(text), records), "")

    def with_replaced(self, records: Sequence[Record]) -> Iterable[bytes]:
        """See `Document.with_replaced`."""
        texts = list(self.pieces) or [self.head]
        places = {key: place for place, key in enumerate(self.accounts)}
        for record in records:
            place = places[prepare_name(record.account.name)]
            which, at = (place, 0) if self.pieces else (0, place)
            for edit in yamledit.replacing(record):
                # Of odd text, the first proposal may be wrong; the file stays as it is then.
                texts[which] = next(iter(edit(texts[which], _node(texts[which]), at)), texts[which])
        return self._encode(self.head if self.pieces else "", ["".join(texts)], "")

    def with_hash(self, key: str, password_hash: str) -> Iterable[bytes]:
        """See `Document.with_hash`."""
        return self._with(key, lambda text, root, at: yamledit.with_hash(text, root, at, password_hash))

    def with_role(self, key: str, role: Role) -> Iterable[bytes]:
        """See `Document.with_role`."""
        return self._with(key, lambda text, root, at: yamledit.with_pair(text, root, at, "role", role.value))

    def with_disabled(self, key: str, is_disabled: bool) -> Iterable[bytes]:
        """See `Document.with_disabled`."""
        value = "true" if is_disabled else None
        return self._with(key, lambda text, root, at: yamledit.with_pair(text, root, at, "disabled", value))

    def without(self, key: str) -> Iterable[bytes]:
        """See `Document.without`."""
        return self._with(key, yamledit.without)

    def _with(self, key: str, edit: Callable[[str, Any, int], Iterator[str]]) -> Iterable[bytes]:
        """Edit the text that the account is in. Its nodes are not kept: they take ten times the memory of the text."""
        place = list(self.accounts).index(key)  # a document that was read without a problem has a record for each node
        if not self.pieces:
            return self._encode("", edit(self.head, _node(self.head), place), "")
        before, piece = self.head + "".join(self.pieces[:place]), self.pieces[place]
        return self._encode(before, edit(piece, _node(piece), 0), "".join(self.pieces[place + 1 :]))

    def _encode(self, before: str, proposals: Iterable[str], after: str) -> Iterable[bytes]:
        return ((self.mark + before + proposal + after).encode() for proposal in proposals)


class YamlBackend(FileBackend):
    """Accounts in a users.yaml. Passwords that are set are written as hashes."""

    @staticmethod
    def read(data: bytes, file: str, before: Document | None = None) -> YamlDocument:
        """See `FileBackend.read`."""
        text, mark = _decode(data, file), ""
        if text.startswith("\ufeff"):
            text, mark = text[1:], "\ufeff"
        head, *pieces = _split(text)
        if pieces:
            accounts = _accounts_of(pieces, before if isinstance(before, YamlDocument) else None)
            if accounts is not None:
                return YamlDocument(head, accounts, tuple(pieces), mark)
        root = _compose(text, file)
        if root is not None and not isinstance(root, yaml.MappingNode):
            what = "a list" if isinstance(root, yaml.SequenceNode) else "a text or a number"
            raise _error(file, root.start_mark.line + 1, f"the file is {what}", "", _ACCEPTED)
        problems: list[Problem] = []
        accounts = _accounts(root, file, problems) if root else {}
        if problems:
            raise AccountsError("\n".join(map(str, problems)))
        return YamlDocument(text, accounts, mark=mark)


def _split(text: str) -> list[str]:
    """Return what stands before the first account, and the pieces that each begin with a name in the first column.

    A piece that is a mapping of one name by itself means the same in its place: nothing of YAML reaches over a line
    that is not indented, but what leaves the piece before it incomplete. Where something in the first column does not
    look like a name, all of the text is returned as what stands before.
    """
    starts: list[int] = []
    for found in _FIRST_COLUMN.finditer("\n" + text):
        at = found.start()
        if text[at].isalnum() or text[at] in _NAME_BEGINS:
            starts.append(at)
        elif not text.startswith(_ITEM_BEGINS, at):
            return [text]
    if not starts or _STAND_IN[0] in text or not _is_nothing(text[: starts[0]]):
        return [text]
    return [text[start:stop] for start, stop in zip([0, *starts], [*starts, len(text)], strict=True)]


def _is_nothing(text: str) -> bool:
    """Tell whether there are comments alone in it."""
    try:
        return not any(isinstance(event, yaml.DocumentStartEvent) for event in yaml.parse(text, Loader=_Loader))
    except yaml.YAMLError:
        return False


def _accounts_of(pieces: Sequence[str], before: YamlDocument | None) -> Accounts | None:
    """Return the accounts of pieces, where each has one; `None` if that is not so, or anything is wrong.

    What stood in the document before is not read again. The rest is read in small parts with pauses, so that those who
    chat go on.
    """
    known = dict(zip(before.pieces, before.accounts.items(), strict=True)) if before and before.pieces else {}
    new = [piece for piece in pieces if piece not in known]
    for start in range(0, len(new), PIECES_AT_ONCE):
        some = new[start : start + PIECES_AT_ONCE]
        if before and start:
            time.sleep(PAUSE_SECONDS)
        items = _items_of(some)
        if items is None:
            return None
        known.update(zip(some, items, strict=True))
    accounts = dict(known[piece] for piece in pieces)
    return accounts if len(accounts) == len(pieces) else None


def _items_of(pieces: Sequence[str]) -> list[tuple[str, Record]] | None:
    problems: list[Problem] = []
    try:
        root = _compose("".join(pieces), "", may_refer=False)
    except AccountsError:
        return None
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return None
    begins = [name.start_mark.index for name, _ in root.value]
    if begins != [0, *accumulate(map(len, pieces[:-1]))]:
        return None
    accounts = _accounts(root, "", problems)
    return None if problems else list(accounts.items())


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _error(file, line, "this line is not UTF-8", "", "save the file in UTF-8") from None


def _compose(text: str, file: str, *, may_refer: bool = True) -> Any:
    """Return the document's node, or `None` when there is nothing in it. Whatever is wrong with the YAML is told.

    So is an alias, unless the document `may_refer` to what stands elsewhere in it.
    """
    try:
        levels = 0
        event: Any
        for event in yaml.parse(parsable(text), Loader=_Loader):
            levels += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if levels > _MOST_LEVELS or (not may_refer and isinstance(event, yaml.AliasEvent)):
                raise _error(file, event.start_mark.line + 1, "this is nested too deeply", "", _ACCEPTED)
        return _node(text)
    except yaml.MarkedYAMLError as error:
        # Never the error as a whole: it quotes the line, and with it a password.
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        if "nesting depth" in (error.problem or ""):  # PyYAML from 6.0.4 on has a limit of its own
            raise _error(file, line, "this is nested too deeply", "", _ACCEPTED) from None
        around = text.splitlines()[max(0, line - 2) : line]
        accepted = "accepted is YAML" + (
            ", indented with spaces, never with tabs" if any(re.match(r" *\t", at) for at in around) else ""
        )
        raise _error(file, line, f"this is not YAML: {error.problem or error.context}", "", accepted) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _error(file, line, "this line has a control character", "", "accepted is text") from None


def _node(text: str) -> Any:
    """Return the document's node: a mapping or nothing, where it was read without a problem."""
    root: yaml.Node | None = yaml.compose(parsable(text), Loader=_Loader)
    is_nothing = isinstance(root, yaml.ScalarNode) and root.value == "" and root.tag == f"{_TAGS}null"
    return None if is_nothing else root


def parsable(text: str) -> str:
    """Return `text` as PyYAML takes it, with each character in its place."""
    return text if "\ue000" in text else _LEADING_COLONS.sub(_STAND_IN, text)


def _accounts(root: yaml.MappingNode, file: str, problems: list[Problem]) -> Accounts:
    accounts: dict[str, Record] = {}
    lines: dict[str, int] = {}
    for name_node, node in root.value:
        places: dict[str | None, int] = {None: name_node.start_mark.line + 1}

        def report(
            key: str | None, what: str, value: str, accepted: str, places: dict[str | None, int] = places
        ) -> None:
            problems.append(Problem(file, places.get(key, places[None]), what, value, accepted))

        name = _plain(name_node)
        value: object = _plain(node)
        if isinstance(node, yaml.MappingNode):
            value = _mapping(node, places, report)
        if read := read_record(name, value, report):
            key, record = read
            if key in accounts:
                first = f"it is the same as {shown(accounts[key].account.name)} in line {lines[key]}"
                report(None, "the name of an account", shown(name), f"{first}; give each account once")
            else:
                accounts[key], lines[key] = record, places[None]
    return accounts


def _mapping(node: yaml.MappingNode, places: dict[str | None, int], report: Any) -> dict[object, object]:
    mapping: dict[object, object] = {}
    for key_node, value_node in node.value:
        key = _plain(key_node)
        line = key_node.start_mark.line + 1
        if isinstance(key, str):
            if key in mapping:
                places[key] = line
                report(key, "a key", shown(key), "it stands there twice; give each key once")
            places[key] = line
        mapping[key] = _plain(value_node)
    return mapping


def _plain(node: yaml.Node) -> object:
    """Return a node as text, as a list of texts, as a yes or no, or as a word for what it is."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag == f"{_TAGS}str":
            return str(node.value).replace("\ue000", ":") if _STAND_IN in node.value else str(node.value)
        if node.tag == f"{_TAGS}bool":
            return str(node.value).lower() in _TRUE
        return NotText(_KINDS.get(node.tag.removeprefix(_TAGS), "no text"))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) if isinstance(item, yaml.ScalarNode) else NotText("no text") for item in node.value]
    return NotText("a mapping")


def _error(file: str, line: int, what: str, value: str, accepted: str) -> AccountsError:
    return AccountsError(str(Problem(file, line, what, value, accepted)))
