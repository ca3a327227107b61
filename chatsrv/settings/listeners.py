"""The section `listeners:`: where the server waits for connections. Opens nothing. Frozen values; any thread."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator

from chatsrv.model.section import Accepts, Section, wrong
from chatsrv.settings.kinds import Default, OrPlugin, Word
from chatsrv.settings.plugins import PROTOCOLS_GROUP, installed

ANY_HOST, ANY_IPV4, ANY_IPV6 = "*", "0.0.0.0", "::"


class Listener(Section):
    """One address on which the server waits for connections, and the protocol spoken there."""

    protocol: Annotated[Literal["plain", "telnet"], OrPlugin(PROTOCOLS_GROUP)] = Field(
        description="`plain` is for nc and programs; `telnet` hides the password while it is typed, and edits lines. "
        "Or an installed plug-in, whose options stand beside: [Extending](extending.md#a-plug-in) tells how."
    )
    name: Annotated[Word, Default("the protocol"), Accepts("a word that no other listener is called by")] = Field(
        default="",
        description="What the log, messages and auth programs call this listener. Left out, a second plain listener is "
        "`plain #2`.",
    )
    host: Annotated[
        Word, Accepts('an address or host name of this machine, or "*" (in quotes) for all of IPv4 and IPv6')
    ] = Field(
        default=ANY_IPV4,
        description='Address to listen on. `0.0.0.0` is every IPv4 address, `"::"` every IPv6 one, `"*"` every one of '
        "both; `127.0.0.1` is this machine alone.",
    )
    port: int = Field(ge=0, le=65535, description="TCP port; 0 takes any free one, which is printed at the start.")


class PluginListener(Listener):
    """A listener of a kind that an installed package brings. All keys that no other listener has are its options."""

    model_config = ConfigDict(extra="allow")

    protocol: str = Field(description="The name of an installed plug-in.")  # type: ignore[assignment]  # no literal

    @property
    def options(self) -> Mapping[str, Any]:
        """What the plug-in is called with. May hold passwords."""
        return self.model_extra or {}


_BUILT_IN = ("plain", "telnet")


def _plugged(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    name = value.get("protocol") if isinstance(value, Mapping) else None
    if isinstance(name, str) and name not in _BUILT_IN and name in installed(PROTOCOLS_GROUP):
        return PluginListener.model_validate(value, context=info.context)
    return handler(value)


def names_of(listeners: Iterable[Listener]) -> tuple[str, ...]:
    """Return what each listener is called: no two of them alike."""
    listeners = tuple(listeners)
    taken = {listener.name for listener in listeners if listener.name}
    names: list[str] = []
    for listener in listeners:
        name, twin = listener.name or listener.protocol, 1
        while not listener.name and name in taken:
            twin += 1
            name = f"{listener.protocol} #{twin}"
        taken.add(name)
        names.append(name)
    return tuple(names)


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
        if later.name and later.name in (earlier.name for earlier in listeners[:number]):
            found.append(((number, "name"), "another listener is called that already; accepted is another name"))
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
    tuple[Annotated[Listener, WrapValidator(_plugged)], ...],
    Field(strict=False),
    AfterValidator(_distinct),
    Accepts("a list of at least one {protocol: ..., host: ..., port: ...}"),
]
