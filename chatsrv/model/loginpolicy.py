"""How the door is guarded, declared once: default, unit, range and reason.

The settings file's `login:` and the keyword `policy=` of a `Gate` are this one value. Never looks at a login itself.
Frozen; any thread reads it.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from chatsrv.model.accounts import Network
from chatsrv.model.section import Accepts, Section
from chatsrv.text.names import NAME_ACCEPTED, RESERVED_NAMES, prepare_name


def _network(written: object) -> Network:
    if isinstance(written, IPv4Network | IPv6Network):
        return written
    if not isinstance(written, str):
        raise ValueError("not a network")  # noqa: TRY004 - pydantic reports these
    return ip_network(written)


def _name(written: str) -> str:
    prepare_name(written)
    return written


_Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_network),
    Accepts("an address or a network, such as 192.168.0.0/16 or ::1 in quotes, without bits beyond its length"),
]
_Name = Annotated[str, AfterValidator(_name), Accepts(f"text, in quotes if it looks a number; {NAME_ACCEPTED}")]


HashKind = Literal["argon2id", "bcrypt"]


def _legacy(written: object) -> object:
    return "refuse" if written is False else written  # how YAML reads `off` and `no`


LegacyHashes = Annotated[Literal["refuse", "rehash"], BeforeValidator(_legacy)]


class LoginPolicy(Section):
    """Bounds on logins. Every attribute name ends in its unit where it has one."""

    guesses_per_address: int = Field(
        40,
        ge=0,
        le=1_000_000,
        description="Wrong logins from one address (IPv6: one /64) that are held against it at most; beyond them its "
        "logins are refused unseen until that many are forgotten, except those of accounts that have logged in from "
        "there. 0 is no limit.",
    )
    guesses_per_day: int = Field(
        250,
        ge=0,
        le=1_000_000,
        description="Wrong logins from one address that are looked at within any 24 hours, with the same exception. At "
        "most half of them at once. 0 leaves that to `guesses_per_address` and `forget_half_seconds`.",
    )
    guesses_per_account: int = Field(
        10,
        ge=0,
        le=1_000_000,
        description="The same for one account from one address, known there or not. From elsewhere its owner gets in. "
        "0 is no limit.",
    )
    forget_half_seconds: float = Field(
        3600.0,
        ge=1,
        le=31_536_000,
        description="Time in which half of the wrong logins is forgotten, then half of the rest, and so on. Those of "
        "an address are forgotten more slowly where `guesses_per_day` asks for it.",
    )
    known_days: int = Field(
        90,
        ge=0,
        le=3650,
        description="Days from the last login for which the server remembers that an account has logged in from an "
        "address, as a keyed hash in a file beside the history. 0 remembers it until the server stops.",
    )
    exempt_networks: Annotated[
        tuple[_Network, ...], Field(strict=False), Accepts("a list of networks, such as [192.168.0.0/16]")
    ] = Field(
        (),
        description="Networks whose wrong logins are not counted: where many people share an address that you trust.",
    )
    logins_per_minute: int = Field(
        30,
        ge=0,
        le=1_000_000,
        description="Logins of one account, from wherever. Only those that succeed count, so nobody locks others "
        "out; one more is told how long to wait. 0 is no limit.",
    )
    password_changes_per_hour: int = Field(
        10,
        ge=0,
        le=1_000_000,
        description="Times that one account may change its password in the chat. 0 is no limit.",
    )
    hashes_at_once: int = Field(
        0,
        ge=0,
        le=1024,
        description="Password hashes worked on at once, each with some 19 MiB of memory; 0 is one for each core.",
    )
    hashes_waiting: int = Field(
        1000,
        ge=0,
        le=1_000_000,
        description="Logins that wait for their turn to be hashed. When there is one more, the one that has most of "
        "its own account and address before it is told that login is not possible now.",
    )
    hash_wait_seconds: float = Field(
        15.0, gt=0, le=3600, description="Time that a login waits for its turn; then it is told the same."
    )
    backend_seconds: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="Time that a backend gets for an answer, if it asks another program or machine.",
    )
    backend_calls: int = Field(
        32,
        ge=1,
        le=1024,
        description="Calls of such backends at once. When all of them hang, logins are refused at once.",
    )
    rehash: bool = Field(
        True,
        description="Whether a login replaces a stored hash that is weaker than new ones, or of another kind, if the "
        "backend can be edited.",
    )
    new_hashes: HashKind = Field(
        "argon2id",
        description="What new hashes are. `bcrypt` if another program reads the same file and cannot verify argon2id, "
        "as Apache does on most systems; new passwords then have at most 72 bytes.",
    )
    legacy_hashes: LegacyHashes = Field(
        "refuse",
        description="What becomes of `$apr1$` and `{SHA}` hashes, as `htpasswd` writes them without `-B`. `rehash` "
        "takes one until its account logs in, and replaces it then by what `new_hashes` says, whatever `rehash` says; "
        "with `refuse`, the account needs a new password.",
    )
    reserved_names: Annotated[tuple[_Name, ...], Field(strict=False), Accepts("a list of names")] = Field(
        RESERVED_NAMES,
        description="Names that no new account gets, nor one that looks like them; the server's own name is another.",
    )

    @property
    def guesses_at_once(self) -> int:
        """Wrong logins that an address has at once: of the ceiling for a day, never more than the half."""
        if not self.guesses_per_address or not self.guesses_per_day:
            return self.guesses_per_address
        return min(self.guesses_per_address, max(1, self.guesses_per_day // 2))

    @property
    def takes_legacy(self) -> bool:
        """Whether a hash that is taken only to be replaced lets its account in."""
        return self.legacy_hashes == "rehash"
