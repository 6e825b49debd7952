"""`cldmon fetch` at an instant of one's choice: python -m tests.reliability.at INSTANT [options].

With --plain accounts are read without a browser; with --kill-at N the process is killed before its
Nth call into the kernel that has an effect.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cldmon.app.app import App
from cldmon.claude.errors import AccountError, HttpResponse
from cldmon.cli.fetch import command
from cldmon.domain.model import FailureKind
from cldmon.errors import CldmonError
from tests.collector.killed import at_step
from tests.reliability.plain import PlainSource

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.config.schema import Config

SECONDS = 2.0
"""In which a healthy service answers a plain question for certain."""


class PlainApp(App):
    """The app of a machine without a browser."""

    def build_source(self, config: Config, folder: Path) -> PlainSource:  # type: ignore[override]
        """Ask over plain sockets; `folder` would keep a browser's cookies."""
        address = urlsplit(config.claude_url).netloc
        return PlainSource(lambda path, key: ask(address, path, key), self.now)


def ask(address: str, path: str, key: str) -> HttpResponse:
    """Ask once, and return what came; raises AccountError as the browser's source does."""
    connection = HTTPConnection(address, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Cookie": f"sessionKey={key}"})
        return _answer(connection.getresponse())
    except TimeoutError:
        raise AccountError(FailureKind.TIMEOUT) from None
    except (OSError, HTTPException):
        raise AccountError(FailureKind.SERVICE_DOWN) from None
    finally:
        connection.close()


def _answer(response: HTTPResponse) -> HttpResponse:
    deadline = time.monotonic() + SECONDS
    body = b""
    while piece := response.read1():
        body += piece
        if time.monotonic() > deadline:
            raise TimeoutError
    if response.length:
        raise HTTPException
    headers = {name.lower(): value for name, value in response.getheaders()}
    return HttpResponse(response.status, body, headers, headers.get("location"))


def main() -> int:
    """Make the pass, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instant", type=datetime.fromisoformat)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--kill-at", type=int)
    options = parser.parse_args()
    app = (PlainApp if options.plain else App)(None, None, os.environ, lambda: options.instant)
    if options.kill_at is not None:
        at_step(options.kill_at)
    try:
        command.main(args=[], obj=app, standalone_mode=False)
    except CldmonError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
