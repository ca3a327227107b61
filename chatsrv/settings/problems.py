"""What is wrong with a settings file, in sentences.

Reads the declarations and the places of one file; changes nothing. Passwords never get into a sentence. Any thread.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from chatsrv.model.errors import Problem
from chatsrv.model.section import Accepts
from chatsrv.settings.declared import Settings
from chatsrv.settings.kinds import OrPlugin
from chatsrv.settings.places import Document, Steps, dotted
from chatsrv.settings.plugins import AUTH_GROUP, installed

_KEY_MARK = "[key]"  # what pydantic ends the location of a wrong key with
_IN_QUOTES = {int: r"[+-]?\d+", float: r"[+-]?\d+(\.\d*)?", bool: "true|false"}
_KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Declaration:
    """What stands behind one place in the file: a type, and what narrows it."""

    type: Any
    narrowed_by: tuple[object, ...] = ()
    discriminator: str = ""

    @classmethod
    def of(cls, field: FieldInfo) -> "Declaration":
        """Return the declaration of a field of a model."""
        return cls(field.annotation, tuple(field.metadata), str(field.discriminator or ""))

    def accepted(self) -> str:
        """Return in words what is accepted here."""
        for detail in self.narrowed_by:
            if isinstance(detail, Accepts):
                return detail.text
        if get_origin(self.type) is Literal:
            return any_of(map(str, get_args(self.type)))
        if is_model(self.type):
            return f"a mapping with keys out of {', '.join(self.type.model_fields)}"
        if self.discriminator:
            return f"a mapping whose {self.discriminator} is {any_of(self.variants())}"
        if item := self.alone():
            return f"{item.accepted()}, or a list of at least one such"
        return _KINDS.get(self.type, "another value") + self._range()

    def plugged(self) -> str:
        """Return in brackets the names of the plug-ins that are accepted here, too; empty if there are none."""
        groups = [detail.group for detail in self.narrowed_by if isinstance(detail, OrPlugin)]
        names = [name for group in groups for name in installed(group)]
        return f" ({', '.join(names)})" if names else ""

    def variants(self) -> dict[str, type[BaseModel]]:
        """Return the models of which the file chooses one by the discriminator, by the word that chooses it."""
        models = get_args(self.type) if self.discriminator else ()
        return {get_args(model.model_fields[self.discriminator].annotation)[0]: model for model in models}

    def alone(self) -> "Declaration | None":
        """Return the declaration of an item, where one may stand here without a list around it; `None` elsewhere."""
        item = _unwrap(get_args(self.type)[0]) if get_origin(self.type) is tuple else None
        return item if item and item.discriminator else None

    def beneath(self, step: str | int, data: object) -> "Declaration | None":
        """Return the declaration one step down, where the file holds `data` here; `None` if there is none."""
        item = self.alone()
        if item and isinstance(step, str):
            return item.beneath(step, data)
        kind = self.type
        if self.discriminator and isinstance(data, dict):
            chosen = data.get(self.discriminator)
            kind = self.variants().get(chosen) if isinstance(chosen, str) else None
        if is_model(kind):
            field = kind.model_fields.get(str(step))
            return Declaration.of(field) if field else None
        arguments = get_args(kind)
        if get_origin(kind) is tuple:
            return _unwrap(arguments[0])
        if get_origin(kind) in (dict, Mapping):
            return _unwrap(arguments[1])
        return None

    def key(self) -> "Declaration":
        """Return the declaration of the keys, where any key may stand here."""
        return _unwrap(get_args(self.type)[0])

    def _range(self) -> str:
        words = ""
        for bound in self.narrowed_by:
            match bound:
                case Ge(ge=least):
                    words += f" from {least}"
                case Gt(gt=below):
                    words += f" above {below}"
                case Le(le=most):
                    words += f" up to {most}" if " above" in words else f" to {most}"
                case Lt(lt=above):
                    words += f" below {above}"
        return words


def is_model(kind: object) -> TypeGuard[type[BaseModel]]:
    """Tell whether `kind` is a section of the settings."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def any_of(words: "Iterator[str] | Sequence[str] | Mapping[str, object]") -> str:
    """Return words as a choice.

    >>> any_of(["memory", "yaml", "hashed"])
    'memory, yaml or hashed'
    """
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def problems_of(error: ValidationError, document: Document) -> list[Problem]:
    """Return all that `error` says about `document`."""
    problems = [problem for detail in error.errors() for problem in _explain(detail, document)]
    return list(dict.fromkeys(problems))


def _explain(detail: Any, document: Document) -> Iterator[Problem]:
    kind, context = detail["type"], detail.get("ctx", {})
    steps = _without_tags(detail["loc"], document.data)
    if kind == "found":
        for deeper, accepted in context["found"]:
            yield _problem(document, (*steps, *deeper), accepted)
    elif kind == "extra_forbidden":
        yield _problem(document, steps, _no_such_key(steps, document.data))
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        discriminator = context["discriminator"].strip("'")
        declaration = declared_at(steps, document.data)
        declaration = (declaration.alone() or declaration) if declaration else None
        choice = any_of(declaration.variants()) if declaration else ""
        if steps[0] == "auth" and (names := installed(AUTH_GROUP)):
            choice += f" ({', '.join(names)})"
        yield _problem(document, (*steps, discriminator), f"accepted is {choice}")
    elif not steps:
        value = "a list" if isinstance(document.data, list) else "a text or a number"
        yield Problem(document.file, document.line(()), "the file", value, KEYS_AT_THE_TOP)
    else:
        is_key = detail["loc"][-1] == _KEY_MARK
        declaration = declared_at(steps[:-1] if is_key else steps, document.data)
        declaration = declaration.key() if declaration and is_key else declaration
        accepted = f"accepted is {declaration.accepted() + declaration.plugged() if declaration else 'another value'}"
        unquoted = "; write it without quotes" if _is_quoted(declaration, steps, document) else ""
        yield _problem(document, steps, accepted + unquoted + _quotes(steps, document))


KEYS_AT_THE_TOP = f"accepted is a mapping with keys out of {', '.join(Settings.model_fields)}"


def _quotes(steps: Steps, document: Document) -> str:
    """Return a hint at quotes where YAML has taken an address with colons for something else."""
    value = document.data
    for step in steps:
        value = _beneath(value, step)
    is_cut = isinstance(value, dict) and len(value) == 1 and str(*value).endswith(":")
    is_number = isinstance(value, int) and ":" in document.written.get(steps, "")
    return "; write it in quotes, as it has colons" if is_cut or is_number else ""


def _is_quoted(declaration: Declaration | None, steps: Steps, document: Document) -> bool:
    """Tell whether a number, or true or false, is wrong at `steps` for its quotes."""
    value = document.data
    for step in steps:
        value = _beneath(value, step)
    pattern = _IN_QUOTES.get(declaration.type) if declaration else None
    return pattern is not None and isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _problem(document: Document, steps: Steps, accepted: str) -> Problem:
    value = document.written.get(steps, "missing")
    if _may_be_secret(steps) and value not in ("missing", "empty", "a list", "a mapping"):
        value = ""
    return Problem(document.file, document.line(steps), dotted(steps), value, accepted)


_NEVER_SECRET = ("backend", "path", "processes", "keep_running", "answer_seconds")


def _may_be_secret(steps: Steps) -> bool:
    """Tell whether the value at `steps` may be a password, under whatever misspelt key; better one too many."""
    return len(steps) > 1 and steps[0] == "auth" and steps[-1] not in _NEVER_SECRET


def _without_tags(location: tuple[str | int, ...], data: object) -> Steps:
    """Return pydantic's location without what is not in the file: the chosen variant, and the mark of a key."""
    steps: list[str | int] = []
    declaration: Declaration | None = Declaration(Settings)
    tag = ""
    for step in location[:-1] if location[-1:] == (_KEY_MARK,) else location:
        if declaration and isinstance(step, int) and not isinstance(data, list) and (item := declaration.alone()):
            declaration = item
            continue
        if declaration and declaration.discriminator and not tag:
            tag = str(step)
            continue
        declaration = declaration.beneath(step, data) if declaration else None
        data = _beneath(data, step)
        tag = ""
        steps.append(step)
    return tuple(steps)


def declared_at(steps: Steps, data: object) -> Declaration | None:
    """Return what is declared at `steps`, where the file as a whole holds `data`; `None` for an unknown key."""
    declaration: Declaration | None = Declaration(Settings)
    for step in steps:
        declaration = declaration.beneath(step, data) if declaration else None
        data = _beneath(data, step)
    return declaration


def _beneath(data: object, step: str | int) -> object:
    try:
        return data[step]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        return None


def _no_such_key(steps: Steps, data: object) -> str:
    *above, key = steps
    declaration = declared_at(tuple(above), data)
    for step in above:
        data = _beneath(data, step)
    known = _keys(declaration, data)
    if close := get_close_matches(str(key), known, n=1):
        return f"there is no such key; did you mean {close[0]}?"
    elsewhere = [dotted((name, key)) for name in Settings.model_fields if key in _keys(declared_at((name,), {}), {})]
    if elsewhere:
        return f"there is no such key here; did you mean {elsewhere[0]}?"
    return f"there is no such key; accepted are {', '.join(known)}"


def _keys(declaration: Declaration | None, data: object) -> list[str]:
    if declaration is None:
        return []
    declaration = declaration.alone() or declaration
    kind = declaration.type
    if declaration.discriminator and isinstance(data, dict):
        kind = declaration.variants().get(data.get(declaration.discriminator, ""))
    return list(kind.model_fields) if is_model(kind) else []


def _unwrap(annotation: Any) -> Declaration:
    if get_origin(annotation) is Annotated:
        notes = annotation.__metadata__
        chosen_by = next((str(note.discriminator or "") for note in notes if isinstance(note, FieldInfo)), "")
        return Declaration(annotation.__origin__, notes, chosen_by)
    assert get_origin(annotation) not in (Union, UnionType)
    return Declaration(annotation)
