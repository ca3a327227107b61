"""A process that records one line after the other and says which ones are taken: `python -m ...recording FILE`.

Prints the number of each line once it is recorded, as a reader would see it then, `refused` for one that is not, and
what is logged from warnings up on standard error. Runs until it is killed.
"""

import itertools
import logging
import sys

from chatsrv.model.entries import Kind
from chatsrv.model.errors import Refused
from chatsrv.roomlog.sqlite.store import SqliteStore


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    log = SqliteStore(sys.argv[1], look_seconds=0.01, retry_seconds=0.01).open("lobby")
    for number in itertools.count():
        try:
            log.wait_until_recorded(log.append(Kind.SAY, "alice", 1, [f"{number}"]))
        except Refused:
            print("refused", flush=True)
        else:
            print(number, flush=True)


if __name__ == "__main__":
    main()
