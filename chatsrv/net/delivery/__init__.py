"""Delivery: the one thread that turns logs into bytes, writes to all session sockets, and keeps time."""
