"""An account that logged in, and its role.

Knows nothing of passwords, files or sockets. Values, to be shared between threads freely.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from chatsrv.text.names import account_key

Network = IPv4Network | IPv6Network

IPV6_SITE_BITS = 64
"""One customer's share of IPv6 addresses (RFC 6177): counting single addresses would not bound anybody."""

ADDRESSES = 4096
"""Addresses whose parsing is remembered. It saves a session 4 KiB, too: `ipaddress` is what would take its thread's
stack into a third page, and the accepting thread has asked about the same address before."""


class Role(StrEnum):
    """What an account may do in the chat; each role includes the ones below it."""

    ADMIN = "admin"
    MODERATOR = "moderator"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Account:
    """An account as a backend vouches for it.

    `name` is the name as the account's owner wrote it when it was made: everybody sees it so.
    `networks` are those from which it may log in; empty means from anywhere. `credential` is another one whenever its
    password is; empty means that the backend cannot tell.
    """

    name: str
    role: Role = Role.MEMBER
    networks: tuple[Network, ...] = ()
    credential: str = field(default="", repr=False, compare=False)

    @property
    def key(self) -> str:
        """What tells this account from others, however its name is written."""
        return account_key(self.name)

    def may_come_from(self, address: str) -> bool:
        """Tell whether this account may log in from `address`, an IPv4 or IPv6 address in text form.

        An IPv4 address mapped into IPv6 (RFC 4291 §2.5.5.2) counts as the IPv4 address it carries.

        >>> from ipaddress import ip_network
        >>> Account("alice", networks=(ip_network("127.0.0.0/8"),)).may_come_from("::ffff:127.0.0.1")
        True
        """
        if not self.networks:
            return True
        peer = unmapped(address)
        return any(peer in network for network in self.networks)


@lru_cache(ADDRESSES)
def unmapped(address: str) -> IPv4Address | IPv6Address:
    """Return `address` as a value, without its zone and without the IPv6 wrapping of an IPv4 address."""
    peer = ip_address(address.partition("%")[0])
    if isinstance(peer, IPv6Address) and peer.ipv4_mapped:
        return peer.ipv4_mapped
    return peer


@lru_cache(ADDRESSES)
def site_of(address: str) -> str:
    """Return what connections and logins from `address` are counted under: an IPv4 address, or an IPv6 /64.

    >>> site_of("2001:db8::1:2:3"), site_of("::ffff:192.0.2.1")
    ('2001:db8::/64', '192.0.2.1')
    """
    peer = unmapped(address)
    if isinstance(peer, IPv6Address):
        return str(IPv6Network((int(peer), IPV6_SITE_BITS), strict=False))
    return str(peer)
