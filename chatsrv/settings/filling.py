"""What a settings file leaves out and leaves open: where the history is, and words in capital letters.

Fills it into the file's data before that is checked, so that what is checked is complete. Looks at the environment for
`STATE_DIRECTORY`. Any thread.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args, get_origin

from chatsrv.model.errors import Problem
from chatsrv.settings.declared import Settings
from chatsrv.settings.places import Document
from chatsrv.settings.problems import Declaration

STATE_DIRECTORY = "STATE_DIRECTORY"
"""The variable in which systemd names the directories of a service, colons between them; see systemd.exec(5)."""

_NO_DIRECTORIES_OF_FILES = (Path("/dev"), Path("/proc"))


def default_place(file: Path) -> Path:
    """Return where the history is of the settings in `file` if they do not say: each file has a place of its own.

    Raises:
        ValueError: there is no such place; the text says what is accepted.
    """
    if given := os.environ.get(STATE_DIRECTORY, "").split(":")[0]:
        if not Path(given).is_absolute():
            raise ValueError(
                f"{STATE_DIRECTORY} in the environment is {given}, which does not begin with a slash; "
                "accepted is a path here, or a full path there"
            )
        return Path(given, _name(file))
    return place_beside(file)


def place_beside(file: Path) -> Path:
    """Return where the history is of the settings in `file` if neither they nor the environment say.

    Raises:
        ValueError: as `default_place`.
    """
    place = file.absolute().with_name(_name(file))
    if not file.is_file() or any(place.is_relative_to(directory) for directory in _NO_DIRECTORIES_OF_FILES):
        raise ValueError(
            "the settings come out of a pipe, and the history cannot be beside them; accepted is a path, or "
            "history: {store: memory}"
        )
    return place


def _name(file: Path) -> str:
    return f"{file.stem if file.suffix in ('.yaml', '.yml') else file.name}.db"


def filled(document: Document, file: Path) -> Document:
    """Return `document`, which is of the settings in `file`, with all that it leaves out or open filled in."""
    data = document.data
    if not isinstance(data, dict):
        return document
    history = {} if data.get("history") is None else data["history"]
    data = {**data, "history": {"store": "sqlite", **history} if isinstance(history, dict) else history}
    data = {key: _in_small_letters(value, Declaration(Settings).beneath(key, data)) for key, value in data.items()}
    history = data["history"]
    if isinstance(history, dict) and history.get("store") == "sqlite" and "path" not in history:
        try:
            place = str(default_place(file))
        except ValueError as error:
            line = document.line(("history",))
            document.problems.append(Problem(document.file, line, "history.path", "missing", str(error)))
        else:
            data = {**data, "history": {**history, "path": place}}
    return replace(document, data=data)


def _in_small_letters(data: object, declaration: Declaration | None) -> object:
    """Return `data` with each word that is one of a choice as it is declared: `INFO` is `info`."""
    if declaration is None:
        return data
    if isinstance(data, dict):
        declaration = declaration.alone() or declaration
        chosen_by = declaration.discriminator
        if chosen_by in data:
            data = {**data, chosen_by: _one_of(tuple(declaration.variants()), data[chosen_by])}
        return {key: _in_small_letters(value, declaration.beneath(key, data)) for key, value in data.items()}
    if isinstance(data, list):
        return [_in_small_letters(item, declaration.beneath(number, data)) for number, item in enumerate(data)]
    return _one_of(get_args(declaration.type), data) if get_origin(declaration.type) is Literal else data


def _one_of(words: tuple[object, ...], value: object) -> object:
    return value.lower() if isinstance(value, str) and value.lower() in words else value
