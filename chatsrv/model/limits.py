"""What one peer may ask of the server, declared once: default, unit, range and reason.

The settings file's `limits:` and the keyword `limits=` of the servers are this one value. Frozen; any thread reads it.
"""

from pydantic import Field

from chatsrv.model.section import Section


class Limits(Section):
    """Bounds on what peers may use. Every attribute name ends in its unit where it has one."""

    line_bytes: int = Field(
        4096, ge=64, le=65536, description="Longest line that is taken, in bytes, its line ending not counted."
    )
    login_seconds: float = Field(
        30.0, gt=0, le=3600, description="Time for name and password, from the connection to the last byte of both."
    )
    connections: int = Field(10_000, ge=1, le=1_000_000, description="Connections at once, over all listeners.")
    connections_per_address: int = Field(
        100, ge=0, le=1_000_000, description="Connections at once from one address (IPv6: one /64); 0 is no limit."
    )
    connections_per_account: int = Field(
        100,
        ge=0,
        le=1_000_000,
        description="Sessions at once of one account; the oldest one gives way to the next. 0 is no limit.",
    )
    strangers: int = Field(
        1000,
        ge=1,
        le=1_000_000,
        description="Connections at once that have not logged in, out of `connections`. When there are so many, the "
        "oldest one of the address that has most of them makes room for a newcomer.",
    )
    strangers_per_address: int = Field(
        50,
        ge=0,
        le=1_000_000,
        description="The same from one address (IPv6: one /64); 0 is no limit, and neither is there one where "
        "`connections_per_address` is 0.",
    )
    messages_per_second: float = Field(
        10.0,
        ge=0,
        le=1_000_000,
        description="Lines a second that one account may send for long, over all its sessions; 0 is no limit.",
    )
    burst: int = Field(
        20,
        ge=1,
        le=1_000_000,
        description="Lines that may come at once on top of that. What comes beyond it is said at that rate.",
    )
    keepalive_seconds: int = Field(
        60,
        ge=1,
        le=7200,
        description="Silence after which TCP asks whether the peer is still there; the same between two askings.",
    )
    stall_seconds: float = Field(
        15.0, gt=0, le=3600, description="Time after which a peer that has lines waiting and reads nothing is hung up."
    )
    idle_seconds: float = Field(
        0.0,
        ge=0,
        le=31_536_000,
        description="Time after which somebody who is logged in and sends nothing is hung up; 0 is never.",
    )
    linger_seconds: float = Field(
        1.0, gt=0, le=60, description="Time that a peer gets to take the last lines before its connection is cut."
    )
    send_buffer_bytes: int = Field(
        65536, ge=4096, le=16_777_216, description="What the kernel is asked to hold for one peer; Linux doubles it."
    )
    tail_bytes: int = Field(
        4_194_304,
        ge=65_536,
        le=1_073_741_824,
        description="Rendered lines kept for slow readers of a room; one that falls further behind is hung up.",
    )
    memory_bytes: int = Field(
        134_217_728,
        ge=16_777_216,
        le=1_099_511_627_776,
        description="What may be kept in memory of what is said in all rooms: half for what was said last, a quarter "
        "for slow readers, of whom the slowest are hung up beyond it. The rest is room to move.",
    )

    @property
    def log_bytes(self) -> int:
        """What the logs of all rooms may keep in memory."""
        return self.memory_bytes // 2

    @property
    def unsent_bytes(self) -> int:
        """What may be kept for all slow readers."""
        return self.memory_bytes // 4
