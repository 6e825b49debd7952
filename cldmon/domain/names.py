"""The names of usage windows: as files and answers have them, and as people read them.

Light on purpose, for the line of a status bar is made from here: no dataclasses.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

FIVE_HOUR = "fiveHour"
SEVEN_DAY = "sevenDay"
MODEL_PREFIX = "models."
FULL = 100
"""Percent at which a window's limit is hit."""

RESERVED = frozenset(
    {
        "label",
        "status",
        "error",
        "errorKind",
        "retryAt",
        "lastGood",
        "fetchedAt",
        "plan",
        "organization",
        "extraUsage",
        "ignored",
        "models",
        "stale",
        "ageSeconds",
    }
)
"""Keys of an account's JSON that no window can be named."""


def title(window: str) -> str:
    """Return a window's name as the official page has it, e.g. `Weekly: Fable only`."""
    if window == FIVE_HOUR:
        return "Current session"
    if window == SEVEN_DAY:
        return "Weekly: all models"
    if window.startswith((MODEL_PREFIX, SEVEN_DAY)):
        return f"Weekly: {_scope(window)} only"
    return _words(window).capitalize()


def short_title(window: str) -> str:
    """Return a window's name for narrow places, e.g. `5h`, `7d`, `7d Fable`."""
    if window == FIVE_HOUR:
        return "5h"
    if window == SEVEN_DAY:
        return "7d"
    if window.startswith((MODEL_PREFIX, SEVEN_DAY)):
        return f"7d {_scope(window)}"
    return _words(window)


def duration(window: str) -> timedelta | None:
    """Return how long a window lasts, or None where its name does not tell."""
    if window == FIVE_HOUR:
        return timedelta(hours=5)
    if window.startswith((MODEL_PREFIX, SEVEN_DAY)):
        return timedelta(days=7)
    return None


def nest(values: Mapping[str, T]) -> dict[str, Any]:
    """Return values by window name with those of models below `models`, as files have them."""
    flat: dict[str, Any] = {}
    models: dict[str, T] = {}
    for name, value in values.items():
        if name.startswith(MODEL_PREFIX):
            models[name[len(MODEL_PREFIX) :]] = value
        else:
            flat[name] = value
    if models:
        flat["models"] = models
    return flat


def flatten(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `nest`, leaving out the keys that are no windows."""
    flat = {k: v for k, v in entry.items() if k not in RESERVED}
    models = entry.get("models")
    if isinstance(models, dict):
        for name, value in models.items():
            flat[MODEL_PREFIX + name] = value
    return flat


def _scope(window: str) -> str:
    if window.startswith(MODEL_PREFIX):
        return window.removeprefix(MODEL_PREFIX)
    return _words(window.removeprefix(SEVEN_DAY)).title()


def _words(camel: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in camel).strip()
