r"""Contract tests for wire formats: subclass one in a test module of yours, and pytest collects it.

    class TestMine(ProtocolContract):
        protocol = MyProtocol()
        login = b"USER alice\r\nPASS wonderland\r\n"
        talk = (b"SAY hello\r\n", b"WHO\r\n")

        def line(self, text):
            return b"SAY " + text.encode() + b"\r\n"

        @given(hypothesis.strategies.binary())      # if you have a fuzzer: `check` takes whatever it thinks of
        def test_any_bytes(self, data):
            self.check(data)

Imports no test framework; plain asserts. `protocol_reading` and `protocol_writing` have the tests. No threads.
"""

from chatsrv.testing.protocol_reading import ReadingContract
from chatsrv.testing.protocol_writing import WritingContract

__all__ = ["ProtocolContract"]


class ProtocolContract(ReadingContract, WritingContract):
    """What every `Protocol` promises. A subclass names the protocol, and what a peer sends to log in and to talk."""
