"""Entry: `python tests/bench`.

Puts the folder above on the import path, so that the files here are the package `bench`; nothing else. Main thread
only.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.command import main  # noqa: E402  (the path comes first)

sys.exit(main())
