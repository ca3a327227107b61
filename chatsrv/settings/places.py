"""YAML text to plain data, with the line of every key.

Knows nothing of what the keys mean, and never builds Python objects that a tag asks for. Pure; any thread.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_network

import yaml

from chatsrv.model.errors import Problem, SettingsError

Steps = tuple[str | int, ...]

_MAPPING, _SEQUENCE, _MERGE = (f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "merge"))
_LONGEST_VALUE = 60

# What may be an address or a network of IPv6, and is not in quotes.
_ADDRESS = re.compile(r"(?<![\w:.\"'])[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*(?:/[0-9]+)?(?![\w:.\"'])")
_STAR_ALONE = re.compile(r"\*\s*(?:[,}#]|$)")
_MEANS_SOMETHING = tuple("*&!|>%@`")


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file. `data` holds mappings (their keys always text), lists and scalars; the rest is told by steps."""

    file: str
    data: object
    lines: dict[Steps, int] = field(default_factory=dict)
    written: dict[Steps, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, steps: Steps) -> int:
        """Return the line of the key at `steps`, or of the nearest one around it that is in the file; 0 if none is."""
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines.get(steps, 0)


def dotted(steps: Steps) -> str:
    """Return steps as one reads them.

    >>> dotted(("listeners", 0, "port"))
    'listeners[0].port'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def read(content: bytes, file: str) -> Document:
    """Return what `content` says. An empty file is an empty mapping. Duplicate keys and the like are in `problems`.

    Raises:
        SettingsError: it is no YAML at all.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_yaml(file, _line_at(content, error.start), "accepted is text in UTF-8") from None
    loader = yaml.CSafeLoader(text)
    try:
        root = loader.get_single_node()
        document = Document(file, data=None)
        data = {} if root is None else _Walk(loader, document).value(root, (), ())
        return Document(file, data, document.lines, document.written, document.problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise _not_yaml(file, line, _explain(error, text, line)) from None
    except yaml.reader.ReaderError as error:
        line = _line_at(text.encode(), error.position)
        raise _not_yaml(file, line, "accepted is text without control characters") from None
    finally:
        loader.dispose()


class _Walk:
    def __init__(self, loader: yaml.CSafeLoader, document: Document) -> None:
        self._loader = loader
        self._document = document

    def value(self, node: yaml.Node, steps: Steps, around: tuple[yaml.Node, ...]) -> object:
        self._document.lines.setdefault(steps, node.start_mark.line + 1)
        self._document.written[steps] = _as_written(node)
        if any(node is outer for outer in around):
            return self._refuse(steps, "an alias must not contain itself")
        if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
            return self._mapping(node, steps, (*around, node))
        if isinstance(node, yaml.SequenceNode) and node.tag == _SEQUENCE:
            return [self.value(item, (*steps, number), (*around, node)) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            try:
                scalar: object = self._loader.construct_object(node)
            except (yaml.constructor.ConstructorError, ValueError):
                return self._refuse(steps, "YAML cannot read that value; accepted is text in quotes")
            return scalar
        return self._refuse(steps, f"the tag {node.tag} is not accepted; leave it out")

    def _mapping(self, node: yaml.MappingNode, steps: Steps, around: tuple[yaml.Node, ...]) -> dict[str, object]:
        self._find_duplicates(node, steps)
        self._loader.flatten_mapping(node)
        data: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem((*steps, "?"), key, "a key cannot be a list or a mapping; accepted is one word of text")
                continue
            name = str(key.value)
            self._document.lines[*steps, name] = key.start_mark.line + 1
            data[name] = self.value(value, (*steps, name), around)
        return data

    def _find_duplicates(self, node: yaml.MappingNode, steps: Steps) -> None:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if key.value in first:
                text = f"the key stands in line {first[key.value]} already; accepted is each key once"
                self._problem((*steps, key.value), key, text)
            first.setdefault(key.value, key.start_mark.line + 1)

    def _refuse(self, steps: Steps, accepted: str) -> object:
        problem = Problem(
            self._document.file, self._document.line(steps), dotted(steps), self._document.written[steps], accepted
        )
        self._document.problems.append(problem)
        return None

    def _problem(self, steps: Steps, node: yaml.Node, accepted: str) -> None:
        line = node.start_mark.line + 1
        self._document.problems.append(Problem(self._document.file, line, dotted(steps), "", accepted))


def _as_written(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping" if node.value else "an empty mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list" if node.value else "an empty list"
    text = str(node.value)
    if len(text) > _LONGEST_VALUE:
        text = text[:_LONGEST_VALUE] + "..."
    is_quoted = bool(getattr(node, "style", ""))
    return repr(text) if is_quoted else text or "empty"


def _not_yaml(file: str, line: int, accepted: str) -> SettingsError:
    return SettingsError((Problem(file, line, "this is not YAML", "", accepted),))


def _line_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def _explain(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    lines = text.split("\n")
    wrong = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in wrong[: len(wrong) - len(wrong.lstrip())]:
        return "a tab cannot indent; accepted are spaces"
    if error.context == "while scanning an alias" and _STAR_ALONE.search(wrong):
        return 'accepted is "*" in quotes: alone, a * begins what YAML calls an alias'
    column = error.problem_mark.column if error.problem_mark else 0
    for found in _ADDRESS.finditer(wrong):
        if found.start() <= column <= found.end() and _is_address(found[0]):
            return f'an address with colons has to be in quotes; accepted is "{found[0]}"'
    if wrong[max(0, column - 1) : column + 1].strip()[:1] in _MEANS_SOMETHING:
        return "a value that begins with a sign such as * or @ has to be in quotes"
    context = f" {error.context}" if error.context else ""
    return f"{error.problem}{context}"


def _is_address(text: str) -> bool:
    try:
        return bool(ip_network(text, strict=False))
    except ValueError:
        return False
