"""What Claude Code writes to its status line, and the folder of the person who runs it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon.reporter.status_line import StatusLine, Window
from tests.fakes import NOON

if TYPE_CHECKING:
    from datetime import datetime

DOCUMENTED: dict[str, Any] = {
    "cwd": "/current/working/directory",
    "session_id": "abc123",
    "transcript_path": "/path/to/transcript.jsonl",
    "model": {"id": "claude-opus-5-5", "display_name": "Opus"},
    "workspace": {"current_dir": "/current/working/directory", "added_dirs": []},
    "version": "2.1.290",
    "cost": {"total_cost_usd": 0.01234, "total_duration_ms": 45000, "total_api_duration_ms": 2300},
    "context_window": {"used_percentage": 8, "current_usage": None},
    "rate_limits": {
        "five_hour": {"used_percentage": 23.5, "resets_at": 1738425600},
        "seven_day": {"used_percentage": 41.2, "resets_at": 1738857600},
        "spend_limit": {"used_percentage": 162.8, "resets_at": 1740787200},
    },
}
"""The fields that matter, and some of the others, of the documented example."""


def make_document(
    five: float | None = 41,
    seven: float | None = 63,
    *,
    now: datetime = NOON,
    session: str = "s1",
    api_ms: float = 1000,
) -> bytes:
    """Return a document; None stands for a window that is not shown."""
    limits = {
        key: {"used_percentage": used, "resets_at": int((now + span).timestamp())}
        for key, used, span in (
            ("five_hour", five, timedelta(hours=2)),
            ("seven_day", seven, timedelta(days=3)),
        )
        if used is not None
    }
    cost = {"total_api_duration_ms": api_ms}
    return json.dumps({"session_id": session, "cost": cost, "rate_limits": limits}).encode()


def make_line(
    five: int | None = 41, *, session: str = "s1", api_ms: float = 1000, hours: float = 2
) -> StatusLine:
    """Return a status line with the session's window, if any, and the week's at 63 %."""
    windows = [Window("sevenDay", 63, NOON + timedelta(days=3))]
    if five is not None:
        windows.insert(0, Window("fiveHour", five, NOON + timedelta(hours=hours)))
    return StatusLine(session, api_ms, tuple(windows))
