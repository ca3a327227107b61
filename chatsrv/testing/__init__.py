"""Contract tests that a stranger's implementation can subclass to prove itself."""
