"""The service's usage JSON as a reading. Undocumented, so nothing in it can raise here.

What is not understood is left out and counted. Source: what is known of claude.ai, "Usage".
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from cldmon.domain.model import (
    FIVE_HOUR,
    MODEL_PREFIX,
    SEVEN_DAY,
    ExtraUsage,
    Reading,
    Window,
    finite,
    from_iso,
    percentage,
    short_title,
)
from cldmon.domain.names import RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cldmon.domain.asking import Organization

_FLAT_KEY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_NOT_WINDOWS = ("extra_usage", "limits", "spend")
_KNOWN_KEYS = {"five_hour", "seven_day", *_NOT_WINDOWS}
_LONGEST_NAME = 60
_MOST_WINDOWS = 50
"""Each is kept for ever: an answer gone mad does not fill the disk and the screen."""
_LARGEST_AMOUNT = 10**15
"""Minor units of money: more would not fit on a screen."""
_LIMIT_KINDS = {"session": FIVE_HOUR, "weekly_all": SEVEN_DAY}


def parse(
    answer: object, *, taken_at: datetime, organization: Organization | None = None
) -> Reading | None:
    """Return the reading that a usage answer holds, or None if it is no usage answer.

    `taken_at` is the UTC instant of the answer. Utilization is as displayed, in percent.
    """
    if not isinstance(answer, dict) or not _KNOWN_KEYS & answer.keys():
        return None
    found = [*_flat_windows(answer), *_limits(answer.get("limits"))]
    known = _first_of_each([(name, window) for name, window in found if window])
    windows = dict(islice(known.items(), _MOST_WINDOWS))
    ignored = sum(window is None for _, window in found) + len(known) - len(windows)
    extra = _extra_usage(answer.get("extra_usage"))
    if ignored and not windows and not extra:
        return None
    return Reading(
        taken_at=taken_at,
        windows=windows,
        plan=organization.plan if organization else None,
        organization=organization.uuid if organization else None,
        extra_usage=extra,
        ignored=ignored,
    )


def _flat_windows(answer: dict[Any, Any]) -> Iterator[tuple[str, Window | None]]:
    """Yield the windows that stand at the top level; None for one that is not understood."""
    for key, value in answer.items():
        name = _camel(key)
        if value is None or key in _NOT_WINDOWS or name is None:
            continue
        window = _window(value, "utilization")
        if _counts(name, window):
            yield name, window


def _counts(name: str, window: Window | None) -> bool:
    """Tell a window, or one that is not understood, from a key that is something else."""
    if window is None:
        return name.startswith((FIVE_HOUR, SEVEN_DAY))
    return window.resets_at is not None or name in (FIVE_HOUR, SEVEN_DAY)


def _limits(entries: object) -> Iterator[tuple[str, Window | None]]:
    """Yield the windows of `limits[]`, where newer limits stand alone."""
    for entry in entries if isinstance(entries, list) else ():
        name = _limit_name(entry) if isinstance(entry, dict) else None
        yield name or "", _window(entry, "percent") if name else None


def _limit_name(entry: dict[Any, Any]) -> str | None:
    kind = entry.get("kind")
    if kind == "weekly_scoped":
        model = _get(_get(entry, "scope"), "model")
        return _model_name(_get(model, "display_name"))
    return _LIMIT_KINDS.get(kind) if isinstance(kind, str) else None


def _model_name(name: object) -> str | None:
    # isprintable() also refuses lone surrogates and terminal escapes.
    if isinstance(name, str) and name.isprintable() and 0 < len(name.strip()) <= _LONGEST_NAME:
        return MODEL_PREFIX + name.strip()
    return None


def _first_of_each(found: list[tuple[str, Window]]) -> dict[str, Window]:
    """Keep one of the windows that people know by the same name (flat and scoped Opus)."""
    windows: dict[str, Window] = {}
    titles = set()
    for name, window in found:
        if short_title(name).casefold() not in titles:
            titles.add(short_title(name).casefold())
            windows[name] = window
    return dict(sorted(windows.items(), key=_rank))


def _rank(item: tuple[str, Window]) -> int:
    return {FIVE_HOUR: 0, SEVEN_DAY: 1}.get(item[0], 2)


def _window(value: object, key: str) -> Window | None:
    percent = percentage(_get(value, key))
    return None if percent is None else Window(percent, from_iso(_get(value, "resets_at")))


def _extra_usage(value: object) -> ExtraUsage | None:
    used = _amount(_get(value, "used_credits"))
    if used is None or _get(value, "is_enabled") is not True:
        return None
    exponent = _get(value, "decimal_places")
    return ExtraUsage(
        used=used,
        limit=_amount(_get(value, "monthly_limit")),
        currency=_currency(_get(value, "currency")),
        exponent=exponent if type(exponent) is int and 0 <= exponent <= 4 else 2,
    )


def _amount(value: object) -> int | None:
    """Return an amount of money in minor units; None for one that nobody has."""
    amount = finite(value)
    return round(amount) if amount is not None and 0 <= amount <= _LARGEST_AMOUNT else None


def _currency(value: object) -> str:
    return value if isinstance(value, str) and re.fullmatch("[A-Z]{3}", value) else "USD"


def _get(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _camel(key: object) -> str | None:
    """Return `seven_day_opus` as `sevenDayOpus`; None for what cannot be a window's name."""
    if not isinstance(key, str) or len(key) > _LONGEST_NAME or not _FLAT_KEY.fullmatch(key):
        return None
    head, *tail = key.split("_")
    name = head + "".join(word.capitalize() for word in tail)
    return None if name in RESERVED else name
