"""What Claude Code tells its status line, as windows and as a line.

Source: Claude Code's documentation, "Customize your status line". No content raises an error here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from cldmon.domain.instants import format_optional, from_epoch, from_iso
from cldmon.domain.percent import parse_percentage, to_finite
from cldmon.domain.windows import FIVE_HOUR, SEVEN_DAY, short_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_KEYS = {"five_hour": FIVE_HOUR, "seven_day": SEVEN_DAY}
_LONGEST_SESSION = 100


class Window(NamedTuple):
    """How much of a window is used, in percent as displayed, and when it resets (UTC)."""

    name: str
    utilization: int
    resets_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """Return it as in a report."""
        return {
            "name": self.name,
            "utilization": self.utilization,
            "resetsAt": format_optional(self.resets_at),
        }


class StatusLine(NamedTuple):
    """What a session of Claude Code knows.

    `api_ms` is how long it has waited for answers so far: it grows with each answer.
    """

    session: str = ""
    api_ms: float | None = None
    windows: tuple[Window, ...] = ()


def parse(document: bytes, now: datetime) -> StatusLine:
    """Return what is in the JSON that Claude Code writes; what is not understood is left out."""
    try:
        content = json.loads(document)
    except (ValueError, RecursionError):
        return StatusLine()
    session = _get(content, "session_id")
    return StatusLine(
        session[:_LONGEST_SESSION] if isinstance(session, str) else "",
        to_finite(_get(content, "cost", "total_api_duration_ms")),
        tuple(_parse_windows(_get(content, "rate_limits"), now)),
    )


def _parse_windows(limits: object, now: datetime) -> list[Window]:
    windows = []
    for key, name in _KEYS.items():
        percent = parse_percentage(_get(limits, key, "used_percentage"))
        reset = _get(limits, key, "resets_at")
        resets_at = from_epoch(reset) or from_iso(reset)
        # Claude Code leaves out a window that has reset; earlier versions went on showing it.
        if percent is not None and (resets_at is None or resets_at > now):
            windows.append(Window(name, percent, resets_at))
    return windows


def _get(content: object, *keys: str) -> object:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def format_line(windows: Sequence[Window]) -> str:
    """Return `5h 41% · 7d 63%`; nothing if no window is known."""
    return " · ".join(f"{short_title(name)} {percent}%" for name, percent, _ in windows)
