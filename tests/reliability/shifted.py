"""Makes a pass by a clock that is wrong; run as a program of its own by `machine.py`.

The two arguments: seconds by which the clock is ahead (negative: behind), and how many times it is
still looked at before it jumps there.
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
from datetime import UTC, datetime, timedelta

from cldmon.app.app import App
from cldmon.app.fetch import fetch


def main(ahead: timedelta, right: int) -> None:
    """Make the pass, in the real browser; what it warns of goes to stderr."""
    looks = itertools.count()

    def now() -> datetime:
        jumped = next(looks) >= right
        return datetime.now(UTC) + (ahead if jumped else timedelta())

    logging.basicConfig(format="%(message)s")
    fetch(App(None, None, os.environ, now))
    print(next(looks))


if __name__ == "__main__":
    main(timedelta(seconds=float(sys.argv[1])), int(sys.argv[2]))
