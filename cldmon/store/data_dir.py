"""The lock and the log in data_dir that several modules share."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon import files

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

PASS_LOCK = "fetch.lock"  # noqa: S105 - not a password
"""The file in data_dir that a pass locks while it runs."""

HEALTH_LOG = "health.log"
"""The file in data_dir that health checks append to."""


def pass_lock(data_dir: Path, wait: timedelta = timedelta(0)) -> AbstractContextManager[None]:
    """Return the lock that a pass holds; entering it waits, then raises BusyError if one does."""
    seconds = wait.total_seconds()
    return files.lock(data_dir / PASS_LOCK, wait=seconds, busy="another pass is running")
