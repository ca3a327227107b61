"""What the machine and a process use: processor time and memory, read from /proc; and what our own may use.

Never changes anything but the limits of the calling process. Any thread.
"""

import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def raise_open_files_limit() -> int:
    """Allow as many open files as may be allowed; how many those are."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def end_after(seconds: float) -> None:
    """Let the calling process end then, whatever it does."""
    signal.setitimer(signal.ITIMER_REAL, seconds)  # nobody handles it: that ends the process


def cpu_seconds_of(pid: int) -> float:
    """Processor time of a process and all its threads so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS_PER_SECOND


def cpu_seconds_of_all() -> float:
    """Processor time of the whole machine so far, idling and waiting not counted."""
    user, nice, system, _idle, _wait, interrupt, soft, stolen = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + interrupt + soft + stolen) / TICKS_PER_SECOND


def memory_kib_of(pid: int) -> int:
    """Memory of a process: its proportional set size, or what is resident where the kernel does not tell that."""
    for file, word in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(word):
                return int(line.split()[1])
    raise OSError(f"the memory of process {pid} cannot be read from /proc")


def resident_kib_of(pid: int) -> int:
    """Memory of a process that is in use now; costs nothing to ask often."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def highest_kib_of(pid: int) -> int:
    """Most memory of a process that was ever in use at once, since it started."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise OSError(f"the highest memory of process {pid} cannot be read from /proc")


def established_peers_of(port: int) -> set[tuple[str, int]]:
    """Addresses whose connection to the local port is still open at the server's end."""
    peers = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _number, local, remote, state = line.split(maxsplit=4)[:4]
        if state == "01" and int(local[9:], 16) == port:
            address = ".".join(str(byte) for byte in reversed(bytes.fromhex(remote[:8])))
            peers.add((address, int(remote[9:], 16)))
    return peers


@dataclass(frozen=True)
class Usage:
    """Shares of one processor core, in per cent, over one stretch of time."""

    seconds: float
    server: float
    generator: float
    others: float


class Meter:
    """Processor time from now on, split into the server's, our own with that of a helper, and what all others took."""

    def __init__(self, server_pid: int, helper_pid: int = 0) -> None:
        self._pid = server_pid
        self._helper_pid = helper_pid
        self._start = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        server = cpu_seconds_of(self._pid) if self._pid else 0.0
        own = time.process_time() + (cpu_seconds_of(self._helper_pid) if self._helper_pid else 0.0)
        return time.monotonic(), server, own, cpu_seconds_of_all()

    def read(self) -> Usage:
        """Give the shares since this meter was made."""
        seconds, server, own, everybody = (now - start for now, start in zip(self._now(), self._start, strict=True))
        share = 100 / max(seconds, 1e-9)
        return Usage(seconds, server * share, own * share, max(0.0, everybody - server - own) * share)
