"""Sessions: one thread each, which reads its socket and does what its peer asks."""
