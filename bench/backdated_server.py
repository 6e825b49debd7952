"""`cldmon serve` whose clock is set back by as many days as the last line of its input says.

So a range of a week, the longest that the API gives, comes to every week of a year.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from cldmon.app.app import App
from cldmon.app.server import build_server

if TYPE_CHECKING:
    from cldmon.web.server import WebServer


class Clock:
    """The time of now, some days ago."""

    def __init__(self) -> None:
        self._back = timedelta()

    def __call__(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC) - self._back

    def follow(self) -> None:
        """Read the input to its end."""
        for line in sys.stdin:
            self._back = timedelta(days=float(line))


def server(config: Path, clock: Clock) -> WebServer:
    """Return the server."""
    return build_server(App(config, None, {}, clock))


if __name__ == "__main__":
    clock = Clock()
    running = server(Path(sys.argv[1]), clock)
    print("serving", file=sys.stderr, flush=True)
    Thread(target=clock.follow, daemon=True).start()
    running.run()
