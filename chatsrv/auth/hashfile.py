"""Accounts in an htpasswd file, as Apache's `htpasswd` writes it: a name, a colon and a hash on each line.

Never compares clear text, and never sees roles or networks, which the format cannot hold. Any thread may call a
`HashedBackend`; an `HtpasswdDocument` is a value.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chatsrv.accounts import Account, Role
from chatsrv.auth.filebackend import Document, FileBackend
from chatsrv.auth.record import Accounts, Record, read_record, shown
from chatsrv.errors import AccountsError, Problem
from chatsrv.names import prepare_name

DISABLED = "!"
"""Stands before the hash of a disabled account, as in /etc/shadow. Apache refuses the password of such a line, too."""


@dataclass(frozen=True, slots=True)
class HtpasswdDocument:
    """The contents of an htpasswd file: its lines with their endings, and which account stands on which."""

    lines: tuple[bytes, ...]
    accounts: Accounts
    places: dict[str, int]

    def with_records(self, records: Sequence[Record]) -> Iterator[bytes]:
        """See `Document.with_records`."""
        newline = b"\r\n" if self.lines and self.lines[0].endswith(b"\r\n") else b"\n"
        ended = b"".join(self.lines)
        if ended and not ended.endswith(b"\n"):
            ended += newline
        yield ended + b"".join(
            f"{record.account.name}:{DISABLED * record.is_disabled}{record.password_hash}".encode() + newline
            for record in records
        )

    def with_replaced(self, records: Sequence[Record]) -> Iterator[bytes]:
        """See `Document.with_replaced`."""
        lines = list(self.lines)
        for record in records:
            key = prepare_name(record.account.name)
            place = self.places[key]
            alone = replace(self, lines=(lines[place],), accounts={key: self.accounts[key]}, places={key: 0})
            (line,) = alone.with_hash(key, record.password_hash or "")
            (lines[place],) = replace(alone, lines=(line,)).with_disabled(key, record.is_disabled)
        yield b"".join(lines)

    def with_hash(self, key: str, password_hash: str) -> Iterator[bytes]:
        """See `Document.with_hash`."""
        place = self.places[key]
        line = self.lines[place]
        name, _, rest = line.partition(b":")
        ending = rest[len(rest.rstrip()) :]
        mark = DISABLED if self.accounts[key].is_disabled else ""
        yield self._with_line(place, name + b":" + (mark + password_hash).encode() + ending)

    def with_role(self, key: str, role: Role) -> Iterator[bytes]:  # noqa: ARG002
        """See `Document.with_role`. The format has no room for one."""
        yield from ()

    def with_disabled(self, key: str, is_disabled: bool) -> Iterator[bytes]:
        """See `Document.with_disabled`."""
        place = self.places[key]
        name, _, rest = self.lines[place].partition(b":")
        mark, rest = DISABLED.encode() * is_disabled, rest.removeprefix(DISABLED.encode())
        yield self._with_line(place, name + b":" + mark + rest)

    def without(self, key: str) -> Iterator[bytes]:
        """See `Document.without`."""
        yield self._with_line(self.places[key], b"")

    def _with_line(self, place: int, line: bytes) -> bytes:
        return b"".join((*self.lines[:place], line, *self.lines[place + 1 :]))


LINES_AT_ONCE = 32
"""Lines that are read without a pause, when many have changed: some 2 milliseconds."""

PAUSE_SECONDS = 0.001


class HashedBackend(FileBackend):
    """Accounts in an htpasswd file. Of the kinds of new hashes, Apache verifies bcrypt everywhere."""

    keeps_roles = False

    @staticmethod
    def read(data: bytes, file: str, before: Document | None = None) -> HtpasswdDocument:
        """See `FileBackend.read`."""
        known: dict[bytes, tuple[str, Record]] = {}
        if isinstance(before, HtpasswdDocument):
            known = {before.lines[place]: (key, before.accounts[key]) for key, place in before.places.items()}
        read_anew = 0
        accounts: dict[str, Record] = {}
        places: dict[str, int] = {}
        problems: list[Problem] = []
        lines = tuple(data.split(b"\n"))
        lines = (*(line + b"\n" for line in lines[:-1]), *((lines[-1],) if lines[-1] else ()))
        for place, line in enumerate(lines):
            if place and (found := known.get(line)):  # the first may have a byte order mark
                key, record = found
                if key not in accounts:
                    accounts[key], places[key] = record, place
                    continue
            read_anew += 1
            if before and read_anew % LINES_AT_ONCE == 0:
                time.sleep(PAUSE_SECONDS)

            def report(key: str | None, what: str, value: str, accepted: str, line: int = place + 1) -> None:  # noqa: ARG001
                problems.append(Problem(file, line, what, value, accepted))

            try:
                text = line.decode("utf-8-sig" if place == 0 else "utf-8").strip()
            except UnicodeDecodeError:
                report(None, "this line is not UTF-8", "", "save the file in UTF-8")
                continue
            if not text or text.startswith("#"):
                continue
            name, colon, password_hash = text.partition(":")
            if not colon:
                report(None, "this line has no colon", "", "accepted is NAME:HASH, as Apache's `htpasswd -B` writes it")
            elif read := read_record(name, _value(password_hash), report):
                key, record = read
                if key in accounts:
                    first = f"it is the same as {shown(accounts[key].account.name)} in line {places[key] + 1}"
                    report(None, "the name of an account", shown(name), f"{first}; give each account once")
                else:
                    accounts[key], places[key] = record, place
        if problems:
            raise AccountsError("\n".join(map(str, problems)))
        return HtpasswdDocument(lines, accounts, places)

    def add(self, account: Account, password: str) -> None:
        """See `EditableBackend.add`. A role and networks are refused: the format cannot hold them."""
        if account != Account(account.name):
            raise AccountsError(
                f"{self._path}: an htpasswd file cannot hold the role or the networks of an account; accepted is "
                "a member who may come from anywhere; give roles in the settings under `roles:`, or use a users.yaml"
            )
        super().add(account, password)

    def set_role(self, name: str, role: Role) -> None:  # noqa: ARG002
        """See `EditableBackend.set_role`. Refused: the format cannot hold roles."""
        raise AccountsError(
            f"{self._path}: an htpasswd file cannot hold the role of {shown(name)}; give it in the settings under "
            "`roles:`, or use a users.yaml"
        )


def _value(password_hash: str) -> dict[str, object]:
    if password_hash.startswith(DISABLED):
        return {"password_hash": password_hash.removeprefix(DISABLED), "disabled": True}
    return {"password_hash": password_hash}
