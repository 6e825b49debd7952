"""The kinds of usage windows: their names in files and responses, and their titles for people.

Windows that are scoped to a model are named `models.<name>`, those scoped to a surface or both
`scoped.<surface>` and `scoped.<model> · <surface>`. Any other name is camel case, possibly
followed by ` · <scope>`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

T = TypeVar("T")

JITTER = timedelta(minutes=2)
"""Two reset instants that lie no further apart are one: the service's own differ by a second."""

FULL = 100
"""Percent at which a window's limit is hit."""

FIVE_HOUR = "fiveHour"
SEVEN_DAY = "sevenDay"
MODEL_PREFIX = "models."
SCOPED_PREFIX = "scoped."
_NESTED = {"models": MODEL_PREFIX, "scoped": SCOPED_PREFIX}

_SESSION = timedelta(hours=5)
_WEEK = timedelta(days=7)


class WindowKind(NamedTuple):
    """A kind of window: its name in files, its titles, and its duration, if known."""

    name: str
    title: str
    short: str
    duration: timedelta | None


WINDOW_KINDS = (
    WindowKind(FIVE_HOUR, "Current session", "5h", _SESSION),
    WindowKind(SEVEN_DAY, "Weekly: all models", "7d", _WEEK),
    WindowKind("sevenDayOpus", "Weekly: Opus only", "7d Opus", _WEEK),
    WindowKind("sevenDaySonnet", "Weekly: Sonnet only", "7d Sonnet", _WEEK),
    WindowKind("sevenDayCowork", "Weekly: Cowork only", "7d Cowork", _WEEK),
    WindowKind("sevenDayOmelette", "Weekly: Claude Design only", "7d Claude Design", _WEEK),
    WindowKind("sevenDayOauthApps", "Weekly: OAuth apps only", "7d OAuth apps", _WEEK),
)
"""The known kinds, in display order."""

_KNOWN = {kind.name: kind for kind in WINDOW_KINDS}

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
        "source",
        "reportsOnly",
        "windows",
        "credits",
        "pools",
        "savedResets",
        "extraUsage",
        "ignored",
        "models",
        "scoped",
        "stale",
        "staleAt",
        "ageSeconds",
    }
)
"""Keys of an account's JSON that no window can be named."""


def get_kind(name: str) -> WindowKind:
    """Return the kind of the window with this name; for unknown names, it is derived from them."""
    if known := _KNOWN.get(name):
        return known
    for prefix in _NESTED.values():
        if name.startswith(prefix):
            return _make_weekly(name, name.removeprefix(prefix))
    words, separator, scope = name.partition(" · ")
    if words.startswith(SEVEN_DAY):
        words = _split_words(words.removeprefix(SEVEN_DAY)).title()
        return _make_weekly(name, words + separator + scope)
    spaced = _split_words(words) + separator + scope
    return WindowKind(name, spaced[:1].upper() + spaced[1:], spaced, None)


def title(window: str) -> str:
    """Return a window's name as on the official page, e.g. `Weekly: Fable only`."""
    return get_kind(window).title


def short_title(window: str) -> str:
    """Return a window's short name, e.g. `5h`, `7d`, `7d Fable`."""
    return get_kind(window).short


def limit_name(window: str) -> str:
    """Return a window's name within a sentence, e.g. `5-hour limit`, `weekly Fable limit`."""
    if window == FIVE_HOUR:
        return "5-hour limit"
    days, _, scope = short_title(window).partition(" ")
    words = ("weekly", scope) if days == "7d" else (days, scope)
    return " ".join(filter(None, (*words, "limit")))


def duration(window: str) -> timedelta | None:
    """Return how long a window lasts, or None if its name does not say."""
    return get_kind(window).duration


def is_same_reset(one: datetime | None, other: datetime | None) -> bool:
    """Return whether two reset instants are the same one, or both unknown."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= JITTER


def sort_for_display(names: Iterable[str]) -> list[str]:
    """Return window names in display order: known kinds first, then weeks."""
    rank = {kind.name: number for number, kind in enumerate(WINDOW_KINDS)}

    def key(name: str) -> tuple[int, bool, str]:
        kind = get_kind(name)
        return rank.get(name, len(rank)), kind.duration is None, kind.short

    return sorted(names, key=key)


def is_window_name(name: str) -> bool:
    """Return whether this is the name of a session, weekly or scoped window."""
    return name.startswith((FIVE_HOUR, SEVEN_DAY, MODEL_PREFIX, SCOPED_PREFIX))


def is_well_formed(name: str) -> bool:
    """Return whether a text from outside can be the name of a window."""
    import re  # both here because `status` has to start fast

    from cldmon.domain.text import is_printable

    pattern = r"(models|scoped)\..+|[a-z][A-Za-z0-9]*( · .+)?"
    return name not in RESERVED and is_printable(name) and bool(re.fullmatch(pattern, name))


def nest(values: Mapping[str, T]) -> dict[str, Any]:
    """Return values by window name as in files: scoped ones are nested in `models` and `scoped`."""
    nested: dict[str, Any] = {}
    groups: dict[str, dict[str, T]] = {group: {} for group in _NESTED}
    for name, value in values.items():
        group, _, rest = name.partition(".")
        if group in groups and rest:
            groups[group][rest] = value
        else:
            nested[name] = value
    return {**nested, **{group: values for group, values in groups.items() if values}}


def flatten(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `nest`, leaving out keys that are not windows."""
    flat = {k: v for k, v in entry.items() if k not in RESERVED}
    for group, prefix in _NESTED.items():
        if isinstance(nested := entry.get(group), dict):
            flat.update((prefix + name, value) for name, value in nested.items())
    return flat


def _make_weekly(name: str, scope: str) -> WindowKind:
    return WindowKind(name, f"Weekly: {scope} only", f"7d {scope}", _WEEK)


def _split_words(camel: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in camel).strip()
