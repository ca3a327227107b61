"""Sockets and threads: from listening sockets to sessions, and from logs to bytes."""
