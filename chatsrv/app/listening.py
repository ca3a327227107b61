"""Where a server listens: the addresses that a listener's host means, and what to do where one cannot be had.

Knows no sessions and no protocols; `chatsrv.app.running` makes the servers. Any thread.
"""

import contextlib
import errno
import socket
from ipaddress import ip_address
from pathlib import Path

from chatsrv.net.listening.server import alone_in_its_family
from chatsrv.settings import ANY_HOST, ANY_IPV4, ANY_IPV6, Listener, PluginListener, Settings, do_hosts_overlap

GREETING = b"Username: "
"""What the sessions of every kind that is built in begin with."""

GREETING_SECONDS = 2.0


def hosts_of(listener: Listener) -> tuple[str, ...]:
    """Return the addresses that a listener's host means. A host's name means one, of IPv4 if it has such.

    Raises:
        OSError: there is no such host.
    """
    host = listener.host
    if host == ANY_HOST:
        return ANY_IPV4, ANY_IPV6
    try:
        address = ip_address(host)
    except ValueError:
        return (_address_of(host),)
    return (str(getattr(address, "ipv4_mapped", None) or address),)


def _address_of(name: str) -> str:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # longer than any name may be
        raise socket.gaierror(socket.EAI_NONAME, "no name of a host") from error
    by_family = {family: str(address[0]) for family, _, _, _, address in reversed(found)}
    return by_family.get(socket.AF_INET) or next(iter(by_family.values()))


def is_without_ipv6(error: OSError, host: str) -> bool:
    """Tell whether a host could not be had because this machine has no IPv6."""
    return host == ANY_IPV6 and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def what_to_do(error: OSError, settings: Settings, number: int, file: str | Path) -> str:
    """Return what is wrong with the listener of that number in the settings, which raised `error`, and what to do."""
    listener = settings.listeners[number]
    key = f"listeners[{number}]{f' ({listener.name})' if listener.name else ''}"
    place = f"port {listener.port} on {listener.host}"
    if isinstance(error, socket.gaierror):
        return f"there is no host {listener.host}; give {key} an address of this machine as host in {file}"
    match error.errno:
        case errno.EADDRINUSE:
            if (earlier := _first_there(settings, number)) is not None:
                return f"{place} is that of listeners[{earlier}] already; give {key} another port in {file}"
            return f"{place} is in use; stop the program that holds it, or give {key} another port in {file}"
        case errno.EACCES | errno.EPERM:
            return f"{place} is not for this user; give {key} a port above 1023 in {file}, or start as root"
        case errno.EAFNOSUPPORT | errno.EADDRNOTAVAIL if listener.host == ANY_IPV6:
            return f"this machine has no IPv6; give {key} another host in {file} ({ANY_IPV4} is any of IPv4)"
        case errno.EADDRNOTAVAIL:
            here = f"give {key} another host in {file} ({ANY_IPV4} is any)"
            return f"{listener.host} is no address of this machine; {here}"
    return f"{place} cannot be had ({error.strerror or error}); change {key} in {file}"


def _first_there(settings: Settings, number: int) -> int | None:
    """Return which listener has an address of a later one; `None` if none has."""
    listener = settings.listeners[number]
    return next((n for n in range(number) if _share_a_place(settings.listeners[n], listener)), None)


def _share_a_place(one: Listener, other: Listener) -> bool:
    if one.port != other.port:
        return False
    with contextlib.suppress(OSError):
        return any(do_hosts_overlap(mine, theirs) for mine in hosts_of(one) for theirs in hosts_of(other))
    return False


def rehearse(settings: Settings, file: str | Path) -> tuple[list[str], set[int]]:
    """Listen for a moment where the settings say; return what is wrong, and which listeners a chat server has now.

    That one is taken for the server that these settings are for.
    """
    wrong: dict[int, str] = {}
    taken: set[int] = set()
    unknown: set[int] = set()  # of a plug-in: what a chat server says there first is not known
    with contextlib.ExitStack() as held:
        for number, listener in enumerate(settings.listeners):
            try:
                hosts = hosts_of(listener)
                for host in hosts:
                    try:
                        held.enter_context(_listening(host, listener.port))
                    except OSError as error:
                        if len(hosts) == 1 or not is_without_ipv6(error, host):
                            if not _may_be_of_chat(error, settings, number):
                                raise
                            if isinstance(listener, PluginListener):
                                unknown.add(number)
                                raise
                            if not _is_greeted(host, listener.port):
                                raise
                            taken.add(number)
            except OSError as error:
                wrong[number] = what_to_do(error, settings, number, file)
    if taken:  # by a server with these settings, which has the others, too
        taken |= unknown
    return [text for number, text in wrong.items() if number not in taken], taken


def _listening(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    with contextlib.ExitStack() as undo:
        undo.enter_context(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone_in_its_family(sock)
        sock.bind((host, port))
        sock.listen(0)
        undo.pop_all()
    return sock


def _may_be_of_chat(error: OSError, settings: Settings, number: int) -> bool:
    """Tell whether another program has the address of a listener, which may be a chat server."""
    return error.errno == errno.EADDRINUSE and _first_there(settings, number) is None


def _is_greeted(host: str, port: int) -> bool:
    """Tell whether a chat server answers there."""
    here = {ANY_IPV4: "127.0.0.1", ANY_IPV6: "::1"}.get(host, host)
    with contextlib.suppress(OSError), socket.create_connection((here, port), GREETING_SECONDS) as connection:
        return connection.recv(len(GREETING), socket.MSG_WAITALL) == GREETING
    return False
