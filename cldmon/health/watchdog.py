"""The dead-man's switch: a watchdog elsewhere (healthchecks.io, …) that hears of each pass.

It never breaks a pass, and never delays one by more than `http_check.SECONDS`. What speaks HTTP is
imported only where a URL is configured: most passes have none.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from cldmon.errors import BusyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cldmon.health.http_check import BackgroundCheck

_PATIENCE_SECONDS = 2.0


class Watchdog:
    """Calls `url` at a pass's success, `url`/start at its start and `url`/fail at its failure.

    Without a `url` it does nothing. The address is as good as a password and is never shown.
    `warn` takes a line when the end of a pass could not be told.
    """

    def __init__(self, url: str | None, warn: Callable[[str], None]) -> None:
        self._url = url
        self._warn = warn
        self._start: BackgroundCheck | None = None

    def __repr__(self) -> str:
        return "Watchdog()"

    @contextmanager
    def reporting_failures(self) -> Iterator[None]:
        """Tell of a failure if the block raises, but not where it was no pass at all."""
        try:
            yield
        except (BusyError, UsageError):
            raise
        except Exception:
            self.send_end(ok=False)
            raise

    def send_start(self) -> None:
        """Tell that a pass begins, without waiting for an answer."""
        if self._url:
            from cldmon.health import http_check

            self._start = http_check.BackgroundCheck(
                partial(http_check.ping, _address(self._url, "/start"))
            )

    def send_end(self, *, ok: bool) -> None:
        """Tell how a pass ended."""
        if not self._url:
            return
        from cldmon.health import http_check

        address = _address(self._url, "" if ok else "/fail")
        if problem := http_check.BackgroundCheck(partial(self._end, address)).problem():
            self._warn(f"the watchdog of health.ping_url could not be told: {problem}")

    def _end(self, address: str) -> str | None:
        from cldmon.health import http_check

        if self._start:
            self._start.problem(_PATIENCE_SECONDS)  # the start is not to arrive after the end
        return http_check.ping(address)


def _address(url: str, suffix: str) -> str:
    if not suffix:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix))
