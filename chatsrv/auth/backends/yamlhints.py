"""Passwords that YAML has cut short, perhaps: valid, and not what somebody meant who wrote them without quotes.

Reads text that was read without a problem before; never shows a password. Pure functions; any thread may call them.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from chatsrv.auth.backends.yaml import parsable
from chatsrv.auth.record import shown
from chatsrv.model.errors import Problem

_BEGINS_COMMENT = re.compile(r"([ \t]+)#([^ \t\r\n]?)")
_PROPERTY = re.compile(r"&(\S+)|!(?=[ \t])")


def cut_passwords(data: bytes, file: str) -> list[str]:
    """Return a sentence for each password in the contents of a users.yaml that may be longer than YAML reads it."""
    return list(_of_accounts(*_document(data), file))


def cut_passwords_of_settings(data: bytes, file: str) -> list[str]:
    """Return the same for the passwords that stand in the settings themselves, under `auth.users`."""
    text, root = _document(data)
    auth = _beneath(root, "auth")
    backends = auth.value if isinstance(auth, yaml.SequenceNode) else [auth]
    return [told for backend in backends for told in _of_accounts(text, _beneath(backend, "users"), file)]


def _document(data: bytes) -> tuple[str, Any]:
    try:
        text = data.decode().removeprefix("\ufeff")
        return text, yaml.compose(parsable(text), Loader=yaml.CSafeLoader)
    except (UnicodeDecodeError, yaml.YAMLError):
        return "", None  # whoever reads it in earnest tells what is wrong


def _beneath(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _of_accounts(text: str, accounts: Any, file: str) -> Iterator[str]:
    for name, value in accounts.value if isinstance(accounts, yaml.MappingNode) else ():
        password = _beneath(value, "password") if isinstance(value, yaml.MappingNode) else value
        if isinstance(password, yaml.ScalarNode) and not password.style:
            what, accepted = _why_cut(text, password)
            if what:
                whose = f"the password of {shown(name.value)} {what}"
                yield str(Problem(file, password.end_mark.line + 1, whose, "", accepted))


def _why_cut(text: str, password: yaml.ScalarNode) -> tuple[str, str]:
    """Return how a password without quotes may go on, and what to do; two empty texts if it does not."""
    start, end = password.start_mark.index, password.end_mark.index
    found = _PROPERTY.match(text, start)
    if found and not (found[1] and re.search(rf"\*{re.escape(found[1])}(?![\w-])", text)):  # it is referred to
        what = f"may be longer: YAML leaves out its first word, which begins with {found[0][0]}"
        return what, "put it in quotes: '...'"
    found = _BEGINS_COMMENT.match(text, end)
    # Two spaces before the sign and one after it are how people write comments.
    if found and (found[2] or found[1] == " "):
        what = "may be longer: YAML takes what stands after ` #` for a comment"
        return what, "put it in quotes: '...'; if it is a comment, write two spaces before the # and one after it"
    return "", ""
