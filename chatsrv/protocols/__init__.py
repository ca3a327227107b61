"""Wire formats: bytes to values and back, without sockets and threads. `base` is the contract, the rest keep it."""
