"""Programs of other protocols are known by what they send first, and people are not taken for them."""

import pytest

from chatsrv.model.errors import ProtocolError
from chatsrv.protocols.stray import check_first_bytes, check_first_line


def test_a_tls_handshake_is_known_by_its_first_byte() -> None:
    with pytest.raises(ProtocolError, match="TLS handshake"):
        check_first_bytes(b"\x16")


@pytest.mark.parametrize("data", [b"", b"a", b"alice\n", b"a\x16", b"\xff\xfb\x18"])
def test_what_people_and_telnet_programs_send_first_is_no_handshake(data: bytes) -> None:
    check_first_bytes(data)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"GET / HTTP/1.1", "HTTP request"),
        (b"OPTIONS * HTTP/1.0", "HTTP request"),
        (b"SSH-2.0-OpenSSH_9.9", "SSH client"),
        (b"SSH-1.99-x", "SSH client"),
    ],
)
def test_a_browser_and_an_ssh_client_are_known_by_their_first_line(line: bytes, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        check_first_line(line)


@pytest.mark.parametrize("line", [b"", b"alice", b"GET", b"GET / ", b"get / HTTP/1.1", b"SSH-key", b"SSH-2.0"])
def test_a_name_may_look_a_little_like_another_protocol(line: bytes) -> None:
    check_first_line(line)
