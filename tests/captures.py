"""The answers in `tests/data/captures`, with their times counted from now."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data/captures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))

_PLACEHOLDER = re.compile(r"@(epoch|epochms)?([+-]\d+)")


def load(name: str, now: datetime | None = None) -> dict[str, Any]:
    """Return one capture, its placeholders replaced by instants."""
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    capture: dict[str, Any] = _with_times(json.loads(text), now or datetime.now(UTC))
    return capture


def _with_times(value: Any, now: datetime) -> Any:
    if isinstance(value, list):
        return [_with_times(each, now) for each in value]
    if isinstance(value, dict):
        return {key: _with_times(each, now) for key, each in value.items()}
    if isinstance(value, str) and (match := _PLACEHOLDER.fullmatch(value)):
        at = now + timedelta(seconds=int(match[2]))
        return {
            None: at.isoformat(timespec="microseconds"),
            "epoch": int(at.timestamp()),
            "epochms": int(at.timestamp() * 1000),
        }[match[1]]
    return value
