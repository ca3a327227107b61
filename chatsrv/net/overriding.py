"""What subclasses of sessions and servers may override, and a sentence about all that would silently go wrong.

    what is named here                      may be replaced
    what is marked by `@extend`             may be overridden by what calls it with `super()`
    all else of the package's classes       is needed: a subclass has to call its own things otherwise

Looks at classes alone, once, when they are defined; knows no sockets and no connections. Any thread.
"""

import inspect
import socketserver
from collections.abc import Callable, Iterable, Mapping
from socketserver import (
    BaseRequestHandler,
    BaseServer,
    StreamRequestHandler,
    TCPServer,
    ThreadingMixIn,
    ThreadingTCPServer,
)
from types import CodeType
from typing import Any, TypeVar

from chatsrv.protocols.base import Protocol

F = TypeVar("F", bound=Callable[..., Any])

_STOCK = (
    *(object, BaseRequestHandler, StreamRequestHandler),
    *(BaseServer, TCPServer, ThreadingMixIn, ThreadingTCPServer),
)
_OF_SESSIONS = frozenset(
    {
        *("protocol", "keeps_slot", "catches_up", "urgency", "context"),
        *("rbufsize", "wbufsize", "disable_nagle_algorithm"),
        *("opened", "obey", "received", "closed", "ended"),
    }
)
_OF_SERVERS = frozenset(
    {
        *("allow_reuse_address", "daemon_threads", "request_queue_size", "label"),
        *("get_request", "verify_request", "wire_for", "finish_request"),
        *("handle_error", "handle_timeout", "service_actions"),
    }
)
_NO_HANDLE = (
    "without it nobody logs in; override obey(commands), or received(line) in a LineSession, for what the peer sends, "
    "opened() for what comes after the login, and closed(reason) for the end"
)
NO_TIMEOUT = (
    "a timeout of the socket would have delivery wait for this one peer; to hang up whoever sends nothing for long, "
    "use Limits(idle_seconds=...), in the settings limits.idle_seconds"
)
ALWAYS_WAITS = (
    "closing a server says goodbye to its sessions and waits for them, linger_seconds and a few seconds at most; to "
    "have it wait less, use Limits(linger_seconds=...)"
)
_EXTENDED = "__chatsrv_extended__"


def extend(does: str, *others: str) -> Callable[[F], F]:
    """Mark a method that an override has to call by `super()`, or one of `others`: else nobody `does` this."""

    def mark(method: F) -> F:
        setattr(method, _EXTENDED, (does, others))
        return method

    return mark


def check_session_class(cls: type[StreamRequestHandler]) -> None:
    """Look at a class of sessions that was just defined.

    Raises:
        TypeError: it would silently do something else than it says.
    """
    _check_overrides(
        cls, _OF_SESSIONS, {"handle": _NO_HANDLE, **({} if cls.timeout is None else {"timeout": NO_TIMEOUT})}
    )
    protocol = getattr(cls, "protocol", None)
    if isinstance(protocol, type) and issubclass(protocol, Protocol):
        raise TypeError(f"{cls.__qualname__}.protocol is a class; give one of its instances: {protocol.__name__}()")
    if protocol is not None and not isinstance(protocol, Protocol) and not hasattr(protocol, "__get__"):
        raise TypeError(f"{cls.__qualname__}.protocol is {protocol!r}, and has to be a Protocol")


def check_server_class(cls: type[ThreadingTCPServer]) -> None:
    """Look at a class of servers that was just defined.

    Raises:
        TypeError: it would silently do something else than it says.
    """
    if issubclass(cls, getattr(socketserver, "ForkingMixIn", ())):
        raise TypeError(
            f"{cls.__qualname__}: sessions are threads, and a fork leaves threads behind: drop ForkingMixIn"
        )
    _check_overrides(cls, _OF_SERVERS, {})
    if not cls.block_on_close:
        raise TypeError(f"{cls.__qualname__}.block_on_close: {ALWAYS_WAITS}")


def check_server_attributes(server: ThreadingTCPServer, ours: type) -> None:
    """Look at the attributes that somebody gave a server, whose class in the package is `ours`.

    Raises:
        TypeError: one hides a method that the package needs.
    """
    for name in sorted((vars(server).keys() & vars(ours).keys()) - _OF_SERVERS):
        method = vars(ours)[name]
        if callable(method) and not hasattr(method, _EXTENDED):
            where = f"{type(server).__qualname__}.{name}"
            raise TypeError(f"{where}: {ours.__name__} needs what it has under that name; call yours something else")
    if not server.block_on_close:
        raise TypeError(f"{type(server).__qualname__}.block_on_close: {ALWAYS_WAITS}")


def _check_overrides(cls: type, overridable: Iterable[str], refused: Mapping[str, str]) -> None:
    """Look at a class that was just defined.

    Of what the package's classes define it may replace what is `overridable`, and extend what is marked so. `refused`
    has a sentence for some of the rest.

    Raises:
        TypeError: it overrides something else, or not as it has to be.
    """
    if _is_ours(cls):
        return
    own = {name for base in cls.__mro__ if base not in _STOCK and _is_ours(base) for name in _names_of(base)}
    for name in sorted(own.union(overridable, refused)):
        definer = next((base for base in cls.__mro__ if name in vars(base)), object)
        if _is_ours(definer):
            continue
        ours = next(base for base in cls.__mro__ if base is object or (_is_ours(base) and _has(base, name)))
        where = f"{definer.__qualname__}.{name}"
        before = vars(ours).get(name)
        does, others = getattr(before, _EXTENDED, ("", ()))
        if name in refused:
            raise TypeError(f"{where}: {refused[name]}")
        if not does and name not in overridable:
            raise TypeError(f"{where}: {ours.__name__} needs what it has under that name; call yours something else")
        if inspect.isfunction(before):
            _check_method(where, name, vars(definer)[name], before)
        if does and not _mentions(vars(definer)[name], {name, *others}):
            further = "".join(f" or self.{other}()" for other in others)
            raise TypeError(f"{where}() has to call super().{name}(){further}: otherwise nobody {does}")


def _is_ours(cls: type) -> bool:
    return cls in _STOCK or cls.__module__.partition(".")[0] == "chatsrv"


def _has(cls: type, name: str) -> bool:
    return name in vars(cls) or name in vars(cls).get("__annotations__", ())


def _names_of(cls: type) -> set[str]:
    return {name for name in (*vars(cls), *vars(cls).get("__annotations__", ())) if not name.startswith("__")}


def _check_method(where: str, name: str, method: object, before: Callable[..., Any]) -> None:
    """Look at a method in place of another one: whether it can be called as that one is.

    Raises:
        TypeError: it cannot.
    """
    method = method.__func__ if isinstance(method, staticmethod | classmethod) else method
    if not callable(method):
        raise TypeError(f"{where} is {method!r}, and has to be a method")
    plain = inspect.unwrap(method)
    if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain) or inspect.isgeneratorfunction(plain):
        raise TypeError(f"{where}() is called on a thread and never awaited: define it by `def`, without `yield`")
    if not inspect.isfunction(plain):
        return
    expected = [
        parameter
        for parameter in inspect.signature(before).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    try:
        inspect.signature(plain).bind(*expected)
    except TypeError:
        called = ", ".join(parameter.name for parameter in expected)
        raise TypeError(f"{where}() is called with other arguments than it takes: it is `{name}({called})`") from None


def _mentions(method: object, names: set[str]) -> bool:
    """Tell whether a method uses an attribute of one of these names. What is no function of Python's counts as so."""
    code = getattr(inspect.unwrap(method), "__code__", None) if callable(method) else None
    return code is None or _uses(code, names)


def _uses(code: CodeType, names: set[str]) -> bool:
    return not names.isdisjoint(code.co_names) or any(
        _uses(inner, names) for inner in code.co_consts if isinstance(inner, CodeType)
    )
