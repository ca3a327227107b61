"""The benchmark: `python tests/bench` measures chatsrv beside a beginner's server, and counts every message.

It speaks to 127.0.0.0/8 only, and to nothing but the servers that it started itself. Not collected as tests, except
`test_counting.py`, which checks the counting. How each figure is taken: docs/benchmarks.md.
"""
