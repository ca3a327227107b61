"""A club: its members stand in a file, one name on a line, and all have the same password.

In the settings: `auth: {backend: club, members: members.txt, password: open sesame}`
"""

import hmac
from pathlib import Path

from chatsrv import Account, AuthBackend, Denied, Unavailable, UnknownUser


class ClubBackend(AuthBackend):
    """Lets the members in. `members` is annotated as a path, so it starts from the settings file's directory."""

    def __init__(self, members: Path, password: str) -> None:
        if len(password) < 8:
            raise ValueError("a club needs a password of at least 8 characters")
        self._members = members
        self._password = password.encode()

    def authenticate(self, username, password, context):
        """See `AuthBackend.authenticate`."""
        try:
            names = self._members.read_text("utf-8").splitlines()
        except OSError as error:
            raise Unavailable(f"{self._members} cannot be read: {error.strerror}") from error
        if username not in (name.lower() for name in names if name):
            raise UnknownUser(f"{username!r} is no member")
        if not hmac.compare_digest(password.encode("utf-8", "surrogatepass"), self._password):
            raise Denied(f"{username!r} does not know the password")
        return Account(next(name for name in names if name.lower() == username))
