"""docs/settings.md, written from the declarations: `python -m chatsrv.settings.manual > docs/settings.md`.

Reads no settings file. Pure, but for the printing; any thread.
"""

from collections.abc import Iterator
from inspect import cleandoc

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from chatsrv.settings.declared import Settings
from chatsrv.settings.kinds import Default
from chatsrv.settings.places import Steps, dotted
from chatsrv.settings.problems import Declaration, is_model

_UNITS = ("bytes", "seconds", "entries")
_TABLE_HEAD = ("", "| key | default | accepted | what it does |", "|---|---|---|---|")
_HEAD = """
# Settings

<!-- Written by `make docs` from the declarations; chatsrv/settings/declared.py tells where each is. -->

The settings are one YAML file: `config/chatsrv.yaml`, or the one that `--config` or `CHATSRV_CONFIG` names.
`chatsrv check` tells everything that is wrong with it, each with file, line, key, value, and what is accepted.
Relative paths start from the directory of the settings file. A section that is left out or empty has its defaults.
"""


def manual() -> str:
    """Return the text of docs/settings.md."""
    return "\n".join(line for part in _parts() for line in part) + "\n"


def declared_keys() -> list[str]:
    """Return every key that a settings file may have, such as `listeners[0].port` and `auth.path`."""
    keys: list[str] = []
    for name, field in Settings.model_fields.items():
        keys.append(name)
        for section in _sections(field):
            keys += [dotted((*_place(name, field), key)) for key in section.model_fields]
    return list(dict.fromkeys(keys))


def _parts() -> Iterator[list[str]]:
    yield [cleandoc(_HEAD)]
    for name, field in Settings.model_fields.items():
        yield ["", f"## `{name}`", "", str(field.description)]
        if field.is_required():
            yield ["", "This section must be there."]
        if not _sections(field):
            yield [*_TABLE_HEAD, _row((name,), field)]
        for section in _sections(field):
            if _one(field).discriminator:
                chosen = next(iter(section.model_fields))
                value = Declaration.of(section.model_fields[chosen]).accepted()
                yield ["", f"### `{chosen}: {value}`", "", cleandoc(section.__doc__ or "")]
            yield _table(_place(name, field), section)


def _table(place: Steps, section: type[BaseModel]) -> list[str]:
    return [*_TABLE_HEAD, *(_row((*place, key), field) for key, field in section.model_fields.items())]


def _row(place: Steps, field: FieldInfo) -> str:
    cells = (f"`{dotted(place)}`", _default(field), _describe_accepted(str(place[-1]), field), _help(field))
    return f"| {' | '.join(cells)} |"


def _sections(field: FieldInfo) -> list[type[BaseModel]]:
    declaration = _one(field)
    if declaration.discriminator:
        return list(declaration.variants().values())
    item = declaration if is_model(declaration.type) else declaration.beneath(0, None)
    return [item.type] if item and is_model(item.type) else []


def _place(name: str, field: FieldInfo) -> Steps:
    declaration = _one(field)
    return (name,) if declaration.discriminator or is_model(declaration.type) else (name, 0)


def _one(field: FieldInfo) -> Declaration:
    declaration = Declaration.of(field)
    return declaration.alone() or declaration


def _default(field: FieldInfo) -> str:
    for detail in field.metadata:
        if isinstance(detail, Default):
            return detail.text
    if field.is_required():
        return "must be given"
    match field.default:
        case ():
            return "none"
        case bool() as value:
            return f"`{str(value).lower()}`"
        case float() as value:
            return f"`{value:g}`"
        case tuple() as values:
            return ", ".join(f"`{value}`" for value in values)
        case value:
            return f"`{value}`"


def _describe_accepted(key: str, field: FieldInfo) -> str:
    words = Declaration.of(field).accepted()
    unit = key.rpartition("_")[2]
    return f"{words}, in {unit}" if unit in _UNITS else words


def _help(field: FieldInfo) -> str:
    return str(field.description).replace("|", "\\|")


if __name__ == "__main__":
    print(manual(), end="")
