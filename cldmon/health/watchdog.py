"""The dead-man's switch: a watchdog service (healthchecks.io, …) that is notified of each pass.

It never breaks a pass, and never delays one by more than `http_check.SECONDS`. What speaks HTTP is
imported only if a URL is configured: most passes have none.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from cldmon.errors import BusyError, UsageError
from cldmon.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Watchdog:
    """Calls `url` when a pass succeeds, `url`/start when it starts and `url`/fail when it fails.

    Without a `url` it does nothing. The URL is as good as a password and is never shown.
    """

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._start: Future[str | None] | None = None

    def __repr__(self) -> str:
        return "Watchdog()"

    @contextmanager
    def reporting_failures(self) -> Iterator[None]:
        """Send a failure if the block raises, unless there was no pass at all."""
        try:
            yield
        except (BusyError, UsageError):
            raise
        except Exception:
            self.send_end(ok=False)
            raise

    def send_start(self) -> None:
        """Send the start of a pass, without waiting for an answer."""
        if self._url:
            from cldmon.health import http_check

            with suppress(RuntimeError):  # no thread: `send_end` will say so
                self._start = start_thread(partial(http_check.ping, _add(self._url, "/start")))

    def send_end(self, *, ok: bool) -> None:
        """Send the result of a pass."""
        if not self._url:
            return
        from cldmon.health import http_check

        url = self._url if ok else _add(self._url, "/fail")

        def ping() -> str | None:
            if self._start:
                wait([self._start], _START_SECONDS)  # the start must not arrive after the end
            return http_check.ping(url)

        if problem := http_check.run_check(ping):
            _log.warning("couldn't notify the watchdog at health.ping_url: %s", problem)


def _add(url: str, suffix: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix))
