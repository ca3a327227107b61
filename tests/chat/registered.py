"""What a register has at the beginning of a test. One thread uses it."""

from chatsrv.chat.facts import Facts
from chatsrv.chat.register import Register
from chatsrv.model.changes import Change, What


def dev(register: Register) -> Facts:
    """Return what holds of the room dev, which alice has created."""
    register.record("Alice", 1, Change(What.CREATE, "dev"))
    facts = register.room("dev")
    assert facts
    return facts
