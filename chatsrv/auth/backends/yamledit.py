"""Changing one account in the text of a users.yaml and nothing else, by cutting at the places where PyYAML's nodes are.

Never parses: whoever calls verifies that a proposal means what it should, so an odd file can only make it refuse. Pure
functions; any thread may call.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, TypeAlias

import yaml

from chatsrv.auth.record import Record
from chatsrv.model.accounts import Role

Edit: TypeAlias = Callable[[str, yaml.MappingNode | None, int], Iterator[str]]
"""Proposes a text with another account at a place; takes the text and its node."""

_PLAIN = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


def with_records(text: str, root: yaml.MappingNode | None, records: Iterable[Record]) -> Iterator[str]:
    """Propose `text` with new accounts: at the end of the file, or else right after the last account."""
    if root is not None and root.flow_style:
        end = root.end_mark.index - 1
        for comma in ("", ", ") if text[:end].rstrip()[-1:] in ("{", ",") else (", ",):
            yield text[:end] + comma + ", ".join(_entry(record, is_flow=True) for record in records) + text[end:]
        return
    newline = _newline(text)
    indent = " " * (root.value[0][0].start_mark.column if root is not None and root.value else 0)
    lines = (line for record in records for line in _entry(record, is_flow=False).splitlines())
    new = "".join(f"{indent}{line}{newline}" for line in lines)
    yield _with_last_line_ended(text, newline) + new
    if root is not None and root.value:
        end = _line_end(text, _end(text, root.value[-1][1]))
        yield _with_last_line_ended(text[:end], newline) + new + text[end:]


def with_hash(text: str, root: yaml.MappingNode | None, place: int, password_hash: str) -> Iterator[str]:
    """Propose `text` with another secret for the account at `place`; its other keys stay."""
    assert root is not None
    secret = f"password_hash: {_quote(password_hash)}"
    node = root.value[place][1]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in ("password", "password_hash"):
                yield _with_node(text, key.start_mark.index, value, secret)
    else:
        yield _with_node(text, node.start_mark.index, node, f"{{{secret}}}")


def with_pair(text: str, root: yaml.MappingNode | None, place: int, key: str, value: str | None) -> Iterator[str]:
    """Propose `text` with another value of `key` for the account at `place`; `None` takes the key away."""
    assert root is not None
    node = root.value[place][1]
    if not isinstance(node, yaml.MappingNode):
        if value is None:
            yield text
            return
        start, end = node.start_mark.index, _end(text, node)
        for secret in (text[start:end], _quote(str(node.value).replace("\ue000", ":"))):
            yield f"{text[:start]}{{password: {secret}, {key}: {value}}}{text[end:]}"
        return
    found = next((at for at, (name, _) in enumerate(node.value) if name.value == key), None)
    if found is None:
        yield from _with_new_pair(text, node, f"{key}: {value}") if value is not None else (text,)
    elif value is None:
        yield from without(text, node, found)
    else:
        old = node.value[found][1]
        yield _with_node(text, old.start_mark.index, old, value)


def replacing(record: Record) -> list[Edit]:
    """Return the edits, one after the other, that make of an account of the same name what `record` says."""
    account = record.account
    networks = f"[{', '.join(_scalar(str(network)) for network in account.networks)}]" if account.networks else None
    pairs = {
        "role": None if account.role is Role.MEMBER else account.role.value,
        "from": networks,
        "disabled": "true" if record.is_disabled else None,
    }

    def of(key: str, value: str | None) -> Edit:
        return lambda text, root, place: with_pair(text, root, place, key, value)

    secret: Edit = lambda text, root, place: with_hash(text, root, place, record.password_hash or "")  # noqa: E731
    return [secret, *(of(key, value) for key, value in pairs.items())]


def _with_new_pair(text: str, node: yaml.MappingNode, pair: str) -> Iterator[str]:
    end = _end(text, node)
    if node.flow_style:
        inside = text[: end - 1].rstrip()
        yield inside + (" " if inside.endswith(",") else ", ") + pair + text[end - 1 :]
        return
    newline = _newline(text)
    end = _line_end(text, end)
    indent = " " * node.value[0][0].start_mark.column
    yield f"{_with_last_line_ended(text[:end], newline)}{indent}{pair}{newline}{text[end:]}"


def without(text: str, root: yaml.MappingNode | None, place: int) -> Iterator[str]:
    """Propose `text` without the account, or other key, at `place`. Comments on lines of their own stay."""
    assert root is not None
    spans = [(name.start_mark.index, _end(text, node)) for name, node in root.value]
    start, end = spans[place]
    if not root.flow_style:
        yield text[: _line_start(text, start)] + text[_line_end(text, end) :]
    elif place + 1 < len(spans):
        yield text[:start] + text[spans[place + 1][0] :]
    else:
        yield text[: spans[place - 1][1] if place else start] + text[end:]


def _with_node(text: str, start: int, node: yaml.Node, new: str) -> str:
    return text[:start] + new + text[_end(text, node) :]


def _end(text: str, node: yaml.Node) -> int:
    """Return where the text of `node` ends: the end marks of block nodes are where the next thing begins."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    start = node.start_mark.index
    return start + len(text[start : node.end_mark.index].rstrip())


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    newline = text.find("\n", index)
    return len(text) if newline < 0 else newline + 1


def _newline(text: str) -> str:
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def _with_last_line_ended(text: str, newline: str) -> str:
    return text if not text or text.endswith("\n") else text + newline


def _entry(record: Record, *, is_flow: bool) -> str:
    account = record.account
    values = {"password_hash": _quote(record.password_hash or "")}
    if account.role is not Role.MEMBER:
        values["role"] = account.role.value
    if account.networks:
        values["from"] = f"[{', '.join(_scalar(str(network)) for network in account.networks)}]"
    if record.is_disabled:
        values["disabled"] = "true"
    pairs = [f"{key}: {value}" for key, value in values.items()]
    name = _scalar(account.name)
    return f"{name}: {{{', '.join(pairs)}}}" if is_flow else "\n".join([f"{name}:", *(f"  {pair}" for pair in pairs)])


def _scalar(text: str) -> str:
    """Return `text` as YAML that means this text: bare where nobody can take it for anything else."""
    is_bare = (
        _PLAIN.fullmatch(text) and _resolver().resolve(yaml.ScalarNode, text, (True, False)) == "tag:yaml.org,2002:str"
    )
    return text if is_bare else _quote(text)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@cache
def _resolver() -> Any:  # the types of PyYAML leave its resolver out
    return yaml.SafeLoader("")
