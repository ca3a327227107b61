"""Accounts in a YAML file: a name to a password, or to a mapping with the keys that `record` reads.

Never constructs objects: it reads PyYAML's nodes, which know their lines. Writing is next door in `yamledit`. Any
thread may call a `YamlBackend`; a `YamlDocument` is a value.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from chatsrv.accounts import Role
from chatsrv.auth import yamledit
from chatsrv.auth.filebackend import FileBackend
from chatsrv.auth.record import Accounts, NotText, Record, read_record, shown
from chatsrv.errors import AccountsError, Problem

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
    """The contents of a users.yaml."""

    text: str
    accounts: Accounts
    mark: str = ""  # the byte order mark that some editors write

    def with_records(self, records: Sequence[Record]) -> Iterable[bytes]:
        """See `Document.with_records`."""
        return self._encoded(yamledit.with_records(self.text, self._root, records))

    def with_hash(self, key: str, password_hash: str) -> Iterable[bytes]:
        """See `Document.with_hash`."""
        return self._encoded(yamledit.with_hash(self.text, self._root, self._place(key), password_hash))

    def with_role(self, key: str, role: Role) -> Iterable[bytes]:
        """See `Document.with_role`."""
        return self._encoded(yamledit.with_pair(self.text, self._root, self._place(key), "role", role.value))

    def with_disabled(self, key: str, is_disabled: bool) -> Iterable[bytes]:
        """See `Document.with_disabled`."""
        value = "true" if is_disabled else None
        return self._encoded(yamledit.with_pair(self.text, self._root, self._place(key), "disabled", value))

    def without(self, key: str) -> Iterable[bytes]:
        """See `Document.without`."""
        return self._encoded(yamledit.without(self.text, self._root, self._place(key)))

    @property
    def _root(self) -> Any:
        """The node of the mapping, if there is one. Not kept: nodes take ten times the memory of the text."""
        return _node(self.text)

    def _place(self, key: str) -> int:
        return list(self.accounts).index(key)  # a document that was read without a problem has a record for each node

    def _encoded(self, proposals: Iterable[str]) -> Iterable[bytes]:
        return ((self.mark + proposal).encode() for proposal in proposals)


class YamlBackend(FileBackend):
    """Accounts in a users.yaml. Passwords that are set are written as hashes."""

    @staticmethod
    def read(data: bytes, file: str) -> YamlDocument:
        """See `FileBackend.read`."""
        problems: list[Problem] = []
        text, mark = _decode(data, file), ""
        if text.startswith("\ufeff"):
            text, mark = text[1:], "\ufeff"
        root = _compose(text, file)
        if root is not None and not isinstance(root, yaml.MappingNode):
            what = "a list" if isinstance(root, yaml.SequenceNode) else "a text or a number"
            raise _error(file, root.start_mark.line + 1, f"the file is {what}", "", _ACCEPTED)
        accounts = _accounts(root, file, problems) if root else {}
        if problems:
            raise AccountsError("\n".join(map(str, problems)))
        return YamlDocument(text, accounts, mark)


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _error(file, line, "this line is not UTF-8", "", "save the file in UTF-8") from None


def _compose(text: str, file: str) -> yaml.Node | None:
    """Return the document's node, or `None` when there is nothing in it. Whatever is wrong with the YAML is told."""
    try:
        levels = 0
        event: Any
        for event in yaml.parse(_parsable(text), Loader=_Loader):
            levels += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if levels > _MOST_LEVELS:
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


def _node(text: str) -> yaml.Node | None:
    root: yaml.Node | None = yaml.compose(_parsable(text), Loader=_Loader)
    is_nothing = isinstance(root, yaml.ScalarNode) and root.value == "" and root.tag == f"{_TAGS}null"
    return None if is_nothing else root


def _parsable(text: str) -> str:
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
