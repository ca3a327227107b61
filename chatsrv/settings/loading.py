"""The way from a settings file to `Settings`.

Reads that one file and nothing else, and makes no object of another layer. Any thread.
"""

from pathlib import Path

from pydantic import ValidationError

from chatsrv.errors import Problem, SettingsError
from chatsrv.settings.declared import Settings
from chatsrv.settings.places import Document, read
from chatsrv.settings.problems import problems_of


def load(path: str | Path) -> Settings:
    """Return the settings in the file at `path`. Relative paths in it start from its own directory.

    Raises:
        SettingsError: with everything that is wrong, in the order of the file.
    """
    path = Path(path)
    document = read(_content(path), str(path))
    try:
        settings = Settings.model_validate(_without_empty_sections(document.data), context={"directory": path.parent})
    except ValidationError as error:
        raise _in_order(document, problems_of(error, document)) from None
    if document.problems:
        raise _in_order(document, [])
    return settings


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
    return SettingsError(tuple(sorted(problems, key=lambda problem: problem.line)))


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
