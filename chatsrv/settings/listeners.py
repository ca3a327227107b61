"""The section `listeners:`: where the server waits for connections. Opens nothing. Frozen values; any thread."""

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from chatsrv.model.section import Accepts, Section, wrong
from chatsrv.settings.kinds import Word

ANY_HOST, ANY_IPV4, ANY_IPV6 = "*", "0.0.0.0", "::"


class Listener(Section):
    """One address on which the server waits for connections, and the protocol spoken there."""

    protocol: Literal["plain", "telnet"] = Field(
        description="`plain` is for nc and programs; `telnet` hides the password while it is typed, and edits lines."
    )
    host: Annotated[
        Word, Accepts('an address or host name of this machine, or "*" (in quotes) for all of IPv4 and IPv6')
    ] = Field(
        default=ANY_IPV4,
        description='Address to listen on. `0.0.0.0` is every IPv4 address, `"::"` every IPv6 one, `"*"` every one of '
        "both; `127.0.0.1` is this machine alone.",
    )
    port: int = Field(ge=0, le=65535, description="TCP port; 0 takes any free one, which is printed at the start.")


def _distinct(listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    if not listeners:
        raise ValueError("no listener")
    found = []
    for number, later in enumerate(listeners):
        for earlier_number, earlier in enumerate(listeners[:number]):
            if later.port == earlier.port != 0 and do_hosts_overlap(earlier.host, later.host):
                text = f"listeners[{earlier_number}] has that port on {earlier.host}; accepted is another port or host"
                found.append(((number, "port"), text))
                break
    if found:
        raise wrong(*found)
    return listeners


def do_hosts_overlap(one: str, other: str) -> bool:
    """Tell whether two hosts have an address in common, as far as it can be known without asking for names."""
    one, other = _canonical(one), _canonical(other)
    if one == other:
        return True
    wildcards = {ANY_HOST: {4, 6}, ANY_IPV4: {4}, ANY_IPV6: {6}}
    if one not in wildcards and other not in wildcards:
        return False
    return bool(wildcards.get(one, _family(one)) & wildcards.get(other, _family(other)))


def _canonical(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower()
    return str(getattr(address, "ipv4_mapped", None) or address)


def _family(host: str) -> set[int]:
    try:
        return {ip_address(host).version}
    except ValueError:  # a name, of which only the system knows
        return set()


Listeners = Annotated[
    tuple[Listener, ...],
    Field(strict=False),
    AfterValidator(_distinct),
    Accepts("a list of at least one {protocol: ..., host: ..., port: ...}"),
]
