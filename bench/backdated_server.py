"""`cldmon serve` with its clock set back by the number of days in the last line of its input.

A range of the API is at most a week; this way it can reach every week of a year.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

from cldmon.app.app import App
from cldmon.app.server import build_server


class Clock:
    """A clock that can be set back."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def __call__(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC) - self._offset

    def read_offsets(self) -> None:
        """Set the clock back by the days in each line of the input."""
        for line in sys.stdin:
            self._offset = timedelta(days=float(line))


if __name__ == "__main__":
    clock = Clock()
    app = App(Path(sys.argv[1]), None, {}, clock)
    server = build_server(app)
    print("serving", file=sys.stderr, flush=True)
    Thread(target=clock.read_offsets, daemon=True).start()
    server.run()
