"""Makes a pass as a user who may not write; run as a program of its own by `test_disk.py`.

Root may write anywhere, so root becomes somebody else first.
"""

from __future__ import annotations

import os
import shlex  # noqa: F401 - imported late, when the stranger may not
import sys
from pathlib import Path

from cldmon.errors import StoreError
from tests.collector.env import CollectorEnv

NOBODY = 65534


def main(warm: Path, folder: Path) -> None:
    """Make a pass over `data` in a folder, and print how it ended."""
    CollectorEnv(warm).run()  # whatever is imported late is imported here
    os.chdir(folder)
    if os.geteuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    env = CollectorEnv(Path("data"))
    try:
        env.run({"alice": 100})
    except StoreError as error:
        print(error)
    for line in env.warnings:
        print(line)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
