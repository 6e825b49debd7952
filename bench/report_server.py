"""`cldmon serve` that takes reports as fast as they come: its rate limit for tokens is raised."""

from __future__ import annotations

import sys
from pathlib import Path

from cldmon.app.app import App
from cldmon.app.server import build_server
from cldmon.web.services import RateLimits

if __name__ == "__main__":
    app = App.from_options(sys.argv[1], str(Path(sys.argv[1]).with_name("data")))
    server = build_server(app, RateLimits(app.now, reports_a_minute=10**9))
    print("serving", file=sys.stderr, flush=True)
    server.run()
