"""Reports for the tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cldmon.domain.instants import format_iso, format_optional
from cldmon.reports.store import ReportFiles
from tests.fakes import NOON

if TYPE_CHECKING:
    from pathlib import Path

    from tests.env import Env


def body(
    at: datetime,
    percent: float = 41,
    *,
    account: str = "alice",
    machine: str = "laptop",
    sent: datetime | None = None,
    resets: datetime | None = None,
    **more: float,
) -> dict[str, Any]:
    """Return a report as a machine sends it: the session, and more windows by name."""
    percents = {"fiveHour": percent, **more}
    resets = resets or NOON + timedelta(hours=3)
    return {
        "version": 1,
        "account": account,
        "machine": machine,
        "readAt": format_iso(at),
        "sentAt": format_iso(sent or at),
        "windows": [
            {"name": name, "utilization": value, "resetsAt": format_optional(resets)}
            for name, value in percents.items()
        ],
    }


def drop(data_dir: Path, report: dict[str, Any], label: str | None = None) -> Path:
    """Put a report into the folder by hand, as scp does."""
    path = ReportFiles(data_dir).path(label or report["account"])
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(json.dumps(report), encoding="utf-8")
    return path


def set_up_reported(env: Env, top: str = "", tables: str = "", *, slack: bool = False) -> None:
    """Configure the account alice, which is reported: its passes need no browser."""
    account = '[[accounts]]\nlabel = "alice"\nsource = "report"\n'
    env.write_config(top, f"{tables}\n{account}", labels=[], slack=slack)


def report(env: Env, percent: float) -> None:
    """Report alice's session, which is reset within the hour: a fall counts at once."""
    now = datetime.now(UTC)
    drop(env.data, body(now, percent, resets=now + timedelta(minutes=30)))
