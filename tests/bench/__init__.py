"""The benchmark: `python tests/bench` measures chatsrv beside a beginner's server, and counts every message.

It speaks to 127.0.0.0/8 only, and to nothing but the servers that it started itself. The tests here are of its
counting, its small runs and its report. How each figure is taken: docs/benchmarks.md.
"""
