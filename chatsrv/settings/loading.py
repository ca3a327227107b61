"""The way from a settings file to `Settings`.

Reads that one file and, for a default, the environment, and makes no object of another layer. Any thread.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from chatsrv.model.errors import Problem, SettingsError
from chatsrv.settings.auth import PluginAuth
from chatsrv.settings.declared import Settings
from chatsrv.settings.filling import filled
from chatsrv.settings.places import Document, Steps, dotted, read
from chatsrv.settings.problems import KEYS_AT_THE_TOP, problems_of


def load(path: str | Path) -> Settings:
    """Return the settings in the file at `path`. Relative paths in it start from its own directory.

    Raises:
        SettingsError: with everything that is wrong, in the order of the file.
    """
    path = Path(path)
    document = filled(_settings(read(_content(path), str(path))), path)
    try:
        settings = Settings.model_validate(
            _without_empty_sections(document.data), context={"file": path, "directory": path.parent}
        )
    except ValidationError as error:
        raise _in_order(document, problems_of(error, document)) from None
    if document.problems:
        raise _in_order(document, [])
    return settings


def wrong_option(auth: PluginAuth, option: str, text: str) -> SettingsError:
    """Return the error about an option that only the plug-in itself could judge; empty: about all of them.

    The settings file is read again, for the line.
    """
    try:
        document = read(_content(auth.file), str(auth.file))
    except SettingsError:  # it was there a moment ago, or the settings came from elsewhere
        return SettingsError((Problem("the settings", 0, f"auth.{option}" if option else "auth", "", text),))
    steps: Steps = ("auth",)
    listed = document.data.get("auth") if isinstance(document.data, dict) else None
    if isinstance(listed, list):
        wanted = {"backend": auth.backend, **auth.options}
        steps = ("auth", listed.index(wanted)) if wanted in listed else steps
    line = document.line((*steps, option or "backend"))
    return SettingsError((Problem(str(auth.file), line, dotted((*steps, option) if option else steps), "", text),))


def wrong_at(file: str | Path, steps: Steps, text: str) -> SettingsError:
    """Return the error about a value that only its use could judge.

    The settings file is read again, for the line.
    """
    try:
        line = read(_content(Path(file)), str(file)).line(steps)
    except SettingsError:  # it was there a moment ago, or the settings came from elsewhere
        line = 0
    return SettingsError((Problem(str(file), line, dotted(steps), "", text),))


def _settings(document: Document) -> Document:
    """Return `document` if it may be one of settings.

    Raises:
        SettingsError: it is not. Nothing of it is told: whoever mistyped the name of a file may have named any.
    """
    data = document.data
    if isinstance(data, dict) and data and not Settings.model_fields.keys() & data.keys():
        what = "this is not a settings file"
        raise SettingsError((Problem(document.file, document.line(()), what, "", KEYS_AT_THE_TOP),))
    return document


def _without_empty_sections(data: object) -> object:
    """Let a section have its defaults where every key of it is commented out."""
    if not isinstance(data, dict):
        return data
    fields = Settings.model_fields
    return {
        key: value for key, value in data.items() if value is not None or key not in fields or fields[key].is_required()
    }


def _in_order(document: Document, problems: list[Problem]) -> SettingsError:
    unread = {problem.key for problem in document.problems if problem.value}
    problems = [*document.problems, *(problem for problem in problems if problem.key not in unread)]
    problems = _without_strangers(document, problems)
    return SettingsError(tuple(sorted(problems, key=lambda problem: problem.line)))


def _without_strangers(document: Document, problems: Sequence[Problem]) -> list[Problem]:
    """Leave out the values of unknown keys where all that makes a settings file is missing: it may be another file."""
    fields, data = Settings.model_fields, document.data
    if not isinstance(data, dict) or any(fields[key].is_required() for key in fields.keys() & data.keys()):
        return list(problems)
    return [
        problem if problem.key.partition(".")[0].partition("[")[0] in fields else replace(problem, value="")
        for problem in problems
    ]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        key, accepted = "there is no such file", "accepted is the path of a settings file (name one with --config)"
    except IsADirectoryError:
        key, accepted = "this is a directory", "accepted is the path of a settings file"
    except OSError as error:
        key, accepted = f"the file cannot be read ({error.strerror})", "accepted is a file that this user may read"
    raise SettingsError((Problem(str(path), 0, key, "", accepted),))
