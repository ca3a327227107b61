"""A hasher that counts, for tests of what logins cost.

One thread uses it.
"""

from chatsrv.auth.hashing import Hasher


class CountingHasher(Hasher):
    """Counts the hashes of today's strength that were worked on."""

    def __init__(self) -> None:
        super().__init__(memory_kib=16, passes=1)
        self.hashes = 0

    def hash(self, password: str) -> str:
        self.hashes += 1
        return super().hash(password)

    def verify(self, password: str, stored: str) -> bool:
        self.hashes += not self.is_weaker(stored)
        return super().verify(password, stored)
