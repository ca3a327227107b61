"""Code of others that the settings name: found by the entry points of installed packages, and made with options.

    [project.entry-points."chatsrv.auth"]          in the pyproject.toml of the package that brings it
    sqlite = "my_package:SqliteBackend"            then the settings may say `backend: sqlite`

Knows nothing of what a plug-in does, and runs none of its code before it is asked for by name. Any thread.
"""

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from chatsrv.model.errors import ChatError, PluginError

AUTH_GROUP = "chatsrv.auth"
"""The entry points that bring auth backends."""

COMMANDS_GROUP = "chatsrv.commands"
"""The entry points that bring commands of the chat, each under its name."""

BOTS_GROUP = "chatsrv.bots"
"""The entry points that bring bots."""

PROTOCOLS_GROUP = "chatsrv.protocols"
"""The entry points that bring kinds of listeners, each under the name that `protocol` has for it."""

_Made = TypeVar("_Made")


def installed(group: str) -> tuple[str, ...]:
    """Return the names of all plug-ins of that group, sorted; none of them is loaded."""
    return tuple(sorted({found.name for found in entry_points(group=group)}))


def make(group: str, name: str, options: Mapping[str, object], kind: type[_Made], *, directory: Path) -> _Made:
    """Return what the plug-in makes when it is called with `options` as keyword arguments.

    Where it annotates a parameter as a `Path`, a text becomes one; a relative one starts from `directory`.

    Raises:
        PluginError: there is no such plug-in, it takes other options, it fails, or makes something else than a `kind`.
    """
    chosen = _choose(group, name)
    try:
        factory = chosen.load()
    except (Exception, SystemExit) as error:
        raise PluginError(f"{_name_of(chosen)} cannot be imported: {_describe(error)}") from error
    if not callable(factory):
        raise PluginError(f"{_name_of(chosen)} cannot be called: {chosen.value} is of type {type(factory).__name__}")
    arguments = _arguments(chosen, factory, options, directory)
    try:
        made = factory(**arguments)
    except PluginError as error:
        raise PluginError(f"{_name_of(chosen)} cannot be used: {error}") from error
    except (Exception, SystemExit) as error:
        raise PluginError(f"{_name_of(chosen)} refuses its options: {_describe(error)}") from error
    if not isinstance(made, kind):
        raise PluginError(
            f"{_name_of(chosen)} made something of type {type(made).__name__}, which is no {kind.__name__}"
        )
    return made


def _choose(group: str, name: str) -> EntryPoint:
    found = {entry.value: entry for entry in entry_points(group=group, name=name)}
    if not found:
        raise PluginError(f"there is no plug-in {name!r}; installed are: {', '.join(installed(group)) or 'none'}")
    if len(found) > 1:
        origins = ", ".join(sorted(map(_origin, found.values())))
        raise PluginError(f"several packages bring a plug-in {name!r}; accepted is one of them: {origins}")
    return next(iter(found.values()))


def _arguments(chosen: EntryPoint, factory: Any, options: Mapping[str, object], directory: Path) -> dict[str, object]:
    """Return `options` with paths made, after making sure that the plug-in takes them."""
    try:
        parameters = inspect.signature(factory, eval_str=True).parameters
    except Exception:  # some callables do not tell; then calling them will
        return dict(options)
    named = {
        key: parameter
        for key, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for key in options:
        if key not in named and not takes_any:
            close = get_close_matches(key, named, n=1)
            accepted = f"did you mean {close[0]}?" if close else f"accepted are {', '.join(named) or 'none at all'}"
            raise PluginError(f"{_name_of(chosen)} has no such option; {accepted}", key)
    for key, parameter in named.items():
        if parameter.default is parameter.empty and key not in options:
            raise PluginError(f"{_name_of(chosen)} needs this option", key)
    return {
        key: Path(directory, value) if isinstance(value, str) and key in named and _is_path(named[key]) else value
        for key, value in options.items()
    }


def _is_path(parameter: inspect.Parameter) -> bool:
    kind = parameter.annotation
    return kind is Path or (get_origin(kind) in (Union, UnionType) and Path in get_args(kind))


def _name_of(entry: EntryPoint) -> str:
    return f"the plug-in {entry.name!r} of {_origin(entry)}"


def _origin(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _describe(error: BaseException) -> str:
    """Return in one line what happened; its kind as well, where the text is not meant for people."""
    text = " ".join(str(error).split())
    is_for_people = bool(text) and isinstance(error, ChatError | ValueError)
    return text if is_for_people else f"{type(error).__name__}: {text}".rstrip(": ")
