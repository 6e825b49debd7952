"""The lock and the log in data_dir that several parts share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon import files

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

PASS_LOCK = "fetch.lock"  # noqa: S105 - no password
"""The file in data_dir that a pass keeps locked."""

HEALTH_LOG = "health.log"
"""The file in data_dir that health checks append to."""


def pass_lock(data_dir: Path) -> AbstractContextManager[None]:
    """Return the lock that a pass holds; entering it raises BusyError while another one does."""
    return files.lock(data_dir / PASS_LOCK, wait=0, busy="another pass is running")
