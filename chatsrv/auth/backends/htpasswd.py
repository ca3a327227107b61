"""Accounts in an htpasswd file, as Apache's `htpasswd` writes it: a name, a colon and a hash on each line.

What stands after the hash, after another colon or a space, is kept and means nothing. A line that cannot be used holds
up no other.

Never compares clear text, and never sees roles or networks, which the format cannot hold. Any thread may call a
`HashedBackend`; an `HtpasswdDocument` is a value.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from chatsrv.auth.backends.filebackend import Document, FileBackend
from chatsrv.auth.record import Accounts, Record, describe_flaw, read_record, shown
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError, Problem
from chatsrv.text.hashforms import is_hash
from chatsrv.text.names import prepare_name

DISABLED = "!"
"""Stands before the hash of a disabled account, as in /etc/shadow. Apache refuses the password of such a line, too."""

_MARK_AND_HASH = r"[ \t]*(!?)([^ \t\r\n\f\v:]*)"
_DES = re.compile(r"[./0-9A-Za-z]{13}")  # of crypt(3), long ago: told from a word by its length alone
_SECRET = re.compile(_MARK_AND_HASH)
_SECRET_BYTES = re.compile(_MARK_AND_HASH.encode())


@dataclass(frozen=True, slots=True)
class HtpasswdDocument:
    """The contents of an htpasswd file: its lines with their endings, and which account stands on which."""

    lines: tuple[bytes, ...]
    accounts: Accounts
    places: dict[str, int]
    skipped: tuple[Problem, ...] = ()  # lines that give no account
    doubles: tuple[tuple[str, int], ...] = ()  # of these, those with the name of an account that stands before them

    def flaws(self, file: str, is_taken: Callable[[Record], bool]) -> list[Problem]:
        """See `Document.flaws`."""
        skipped = [replace(problem, accepted=f"the line is skipped; {problem.accepted}") for problem in self.skipped]
        flawed = [
            describe_flaw(record, file, self.places[key] + 1, remedy=" or `htpasswd -B`")
            for key, record in self.accounts.items()
            if record.flaw and not is_taken(record)
        ]
        return sorted(skipped + flawed, key=lambda problem: problem.line)

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
        yield self._with_secret(key, self.accounts[key].is_disabled, password_hash.encode())

    def with_role(self, key: str, role: Role) -> Iterator[bytes]:  # noqa: ARG002
        """See `Document.with_role`. The format has no room for one."""
        yield from ()

    def with_disabled(self, key: str, is_disabled: bool) -> Iterator[bytes]:
        """See `Document.with_disabled`."""
        yield self._with_secret(key, is_disabled)

    def without(self, key: str) -> Iterator[bytes]:
        """See `Document.without`. Else the next line of that name would be the account."""
        gone = {self.places[key], *(place for double, place in self.doubles if double == key)}
        yield b"".join(line for place, line in enumerate(self.lines) if place not in gone)

    def _with_secret(self, key: str, is_disabled: bool, password_hash: bytes | None = None) -> bytes:
        place = self.places[key]
        name, colon, rest = self.lines[place].partition(b":")
        found = _SECRET_BYTES.match(rest)
        assert found
        stored = found[2] if password_hash is None else password_hash
        line = name + colon + rest[: found.start(1)] + DISABLED.encode() * is_disabled + stored + rest[found.end() :]
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
        doubles: list[tuple[str, int]] = []
        if b"\0" in data:
            number = data.count(b"\n", 0, data.index(b"\0")) + 1
            raise AccountsError(str(Problem(file, number, "this line has a NUL byte", "", "accepted is text")))
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
            name, colon, rest = text.partition(":")
            if not colon:
                report(None, "this line has no colon", "", "accepted is NAME:HASH, as Apache's `htpasswd -B` writes it")
            elif read := read_record(name, _value(rest), report):
                key, record = read
                if key in accounts:
                    first = f"it is the same as {shown(accounts[key].account.name)} in line {places[key] + 1}"
                    report(None, "the name of an account", shown(name), f"{first}; give each account once")
                    doubles.append((key, place))
                else:
                    accounts[key], places[key] = record, place
        if problems and not accounts:
            raise AccountsError("\n".join(map(str, problems)))
        if len(accounts) > 1 and not any(_may_be_hash(record.password_hash) for record in accounts.values()):
            raise AccountsError(
                f"{file}: no line of it holds a password hash; accepted is NAME:HASH, as Apache's `htpasswd -B` writes "
                "it; if this is a users.yaml, say `backend: yaml`"
            )
        return HtpasswdDocument(lines, accounts, places, tuple(problems), tuple(doubles))

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


def _may_be_hash(text: str | None) -> bool:
    return text is not None and (is_hash(text) or _DES.fullmatch(text) is not None)


def _value(rest: str) -> dict[str, object]:
    found = _SECRET.match(rest)
    assert found
    return {"password_hash": found[2], "disabled": bool(found[1])}
