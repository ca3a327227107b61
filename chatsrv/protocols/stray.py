"""Peers that came to the wrong door: programs of other protocols, known by what they send first.

For every wire format that begins with a line. Knows no wire format of ours; a telnet program is at no wrong door where
`chatsrv.protocols.either` listens. Pure functions; any thread.
"""

import re

from chatsrv.model.errors import ProtocolError

# The bodies of a browser's request must never be taken for a login that a web page made for its reader.
_HTTP_REQUEST = re.compile(rb"[A-Z]+ \S+ HTTP/\d")
_SSH_GREETING = re.compile(rb"SSH-\d\.\d+-")  # RFC 4253 §4.2: what an SSH client says first
_TLS_HANDSHAKE = b"\x16"  # RFC 8446 §5.1: the first byte of a record that carries a handshake


def check_first_bytes(data: bytes) -> None:
    """Look at the first bytes of a connection in the clear, one or more of them.

    Raises:
        ProtocolError: the peer wants TLS.
    """
    if data.startswith(_TLS_HANDSHAKE):
        raise ProtocolError("a TLS handshake on a port without TLS")


def check_first_line(line: bytes) -> None:
    """Look at the first whole line of a connection.

    Raises:
        ProtocolError: it is another protocol's.
    """
    if _HTTP_REQUEST.match(line):
        raise ProtocolError("an HTTP request on a port that does not speak HTTP")
    if _SSH_GREETING.match(line):
        raise ProtocolError("an SSH client on a port that does not speak SSH")
