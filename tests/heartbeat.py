"""Report the running tests from time to time, so that a slow one does not look stuck."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 60.0


class Heartbeat:
    """Reports the running tests when none has begun or ended for a while."""

    def __init__(self, report: Callable[[str], object], seconds: float = SECONDS) -> None:
        self._report = report
        self._seconds = seconds
        self._running: dict[str, float] = {}
        self._changed = threading.Condition()
        self._is_over = False
        threading.Thread(target=self._watch, daemon=True).start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note a test that begins, here or in a worker."""
        with self._changed:
            self._running[nodeid] = time.monotonic()
            self._changed.notify()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note a test that has ended."""
        with self._changed:
            self._running.pop(nodeid, None)
            self._changed.notify()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Stop the thread."""
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._is_over:
                if not self._changed.wait(self._seconds) and self._running:
                    self._report(self._format_running(time.monotonic()))

    def _format_running(self, now: float) -> str:
        tests = (f"{name} ({now - since:.0f} s)" for name, since in self._running.items())
        return f"still running: {', '.join(tests)}"
