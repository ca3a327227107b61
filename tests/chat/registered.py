"""What a register has at the beginning of a test. One thread uses it."""

from chatsrv.changes import Change, What
from chatsrv.chat.facts import Facts
from chatsrv.chat.register import Register


def dev(register: Register) -> Facts:
    """Return what holds of the room dev, which alice has created."""
    register.record("Alice", 1, Change(What.CREATE, "dev"))
    facts = register.room("dev")
    assert facts
    return facts
