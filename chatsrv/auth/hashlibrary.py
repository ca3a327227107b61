"""libpass, which makes and verifies the hashes: loaded when the first hash is, and whether it is what is installed.

libpass is imported as passlib, and so is passlib, which it replaces: whichever is installed last overwrites the other.
Logs nothing, and sees no password. Any thread may call.
"""

import logging
import sys
import threading
from functools import cache
from importlib import metadata
from string import ascii_letters, digits, punctuation
from typing import Any

from chatsrv.model.errors import AccountsError, Unavailable

_loading = threading.Lock()
"""Held while a handler is loaded. Two threads that ask for the same one at the same moment would fail: it is there
before it is ready, and replaces what imports it.
"""

# crypt(3) takes these in a salt, and some programs write them; libpass itself makes salts of letters and digits alone.
_SALT_CHARS = "".join(sorted({*ascii_letters, *digits, *punctuation} - {"$", ":"}))

# Of the word "libpass", each at the least cost.
_SAMPLES = {
    "argon2": "$argon2id$v=19$m=8,t=1,p=1$eK81ZiylFOI8J6R0LoWw1g$pXycyxBJBx2y7pnu+GeIXqUnjlABAWZr1VmJer04yyA",
    "bcrypt": "$2y$04$jWQ1pgUAV8hifqdh2fq7fuBGXlLN4JI0C08u8RKcLsHoeBWx9cIhi",
    "sha512_crypt": "$6$rounds=1000$QDJ/M6tH4Pqs/mb8$"
    "r5FlpBPw.We6/kgGHuGqrRQg88hFzg50HOZZAFXOs0g4V4OsgJc.CcUCfVE6j.lKjVPot1i7qBt8/6mAJU4cx0",
}


@cache
def handler(name: str) -> Any:
    """Return libpass's handler of one kind of hash, under the name that `passlib.hash` has for it.

    Raises:
        Unavailable: what is installed cannot be used. The text says what to do.
    """
    try:
        check_library()
    except AccountsError as error:
        raise Unavailable(str(error)) from error
    return _load(name)


def _load(name: str) -> Any:
    with _loading:
        from passlib import hash as handlers  # type: ignore[import-untyped]  # libpass ships no types

        found = getattr(handlers, name)
    if name.endswith("_crypt"):
        return type(name, (found,), {"salt_chars": _SALT_CHARS, "default_salt_chars": found.salt_chars})
    return found


@cache
def _complaint() -> str:
    """Return what keeps hashes from being verified; empty if nothing does. It stays so while the process lives."""
    try:
        import passlib

        version = str(passlib.__version__)
    except (ImportError, AttributeError):  # without __init__.py, a directory is a package all the same
        version = ""
    if version and version == _version("libpass"):
        return ""
    if _works():
        return ""
    other = _version("passlib")
    pip = f"{sys.executable} -m pip"
    install = f"{pip} install --force-reinstall --no-deps libpass"
    if other:
        return (
            f"passlib {other} is installed beside libpass and has overwritten it, so password hashes cannot be "
            f"verified; uninstall it, and install libpass again: {pip} uninstall --yes passlib && {install}"
        )
    return f"libpass is damaged or missing, so password hashes cannot be verified; install it again: {install}"


def _works() -> bool:
    """Tell whether each kind of hash can be verified: of two halves, which they are is not known."""
    logger = logging.getLogger("passlib")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # it logs a traceback about each thing that it tries
    try:
        return all(_load(name).verify("libpass", sample) for name, sample in _SAMPLES.items())
    except Exception:  # whatever they come to
        return False
    finally:
        logger.setLevel(level)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def check_library() -> None:
    """Make sure that hashes can be verified with what is installed.

    Raises:
        AccountsError: they cannot. The text says what to do.
    """
    if complaint := _complaint():
        raise AccountsError(complaint)
