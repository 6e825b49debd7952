"""Parses the service's usage JSON. It is undocumented, so no content of it raises an error here.

Parts that are not understood are left out and counted. Source: the facts of the service, "Usage".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cldmon.domain.instants import from_epoch, from_iso
from cldmon.domain.model import Credits, Pool, Reading, SavedResets, Window
from cldmon.domain.percent import parse_percentage, to_displayed_percent, to_finite
from cldmon.domain.text import is_printable
from cldmon.domain.windows import (
    FIVE_HOUR,
    MODEL_PREFIX,
    RESERVED,
    SCOPED_PREFIX,
    SEVEN_DAY,
    short_title,
    sort_for_display,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cldmon.domain.ports import Organization

_KNOWN_KEYS = {"five_hour", "seven_day", "extra_usage", "limits", "spend"}
_NOT_POOLS = {"extra_usage", "limits", "spend", "cedar_ember", "seven_day_breakdown"}
_MAX_NAME = 60
_MAX_WINDOWS = 50
"""Windows are stored forever: a broken answer must not fill the disk."""
_MAX_POOLS = 10
_MAX_AMOUNT = 10**15
"""In minor units of money; more would not fit on a screen."""
_MAX_RESETS = 1_000

_LIMIT_KINDS = {"session": FIVE_HOUR, "weekly_all": SEVEN_DAY}
_EVERYTHING = "all models"
"""The name of a scope that restricts nothing."""
_EXTRA_USAGE = ("used_credits", "monthly_limit", "currency", "decimal_places")
_FLAGS = ("user_disabled", "spend_limit_reached")
"""Why credits are off, where `disabled_reason` does not say."""
_POOL_NUMBERS = ("utilization", "limit_dollars", "used_dollars")
_POOL_TITLES = {
    "iguana_necktie": "Cloud session credit",
    "cinder_cove": "Code and Cowork credit",
    "wattle_ember": "Credit (wattle ember)",
    "amber_ladder": "Credit (amber ladder)",
}
"""By code name. Objects with these names are pools even without amounts in dollars."""


def parse(
    answer: object, *, taken_at: datetime, organization: Organization | None = None
) -> Reading | None:
    """Return the reading in a usage answer, or None if it is not a usage answer.

    `taken_at` is the UTC instant of the answer. Utilization is as displayed, in percent.
    """
    if not isinstance(answer, dict) or not _KNOWN_KEYS & answer.keys():
        return None
    parser = _Parser(answer, taken_at)
    windows = parser.windows()
    unread_windows = parser.ignored
    plan = organization.plan if organization else None
    pools = parser.pools()
    money = parser.credits(shared=plan is not None and "team" in plan.casefold())
    if unread_windows and not (windows or pools or money):
        return None
    return Reading(
        taken_at=taken_at,
        windows=windows,
        plan=plan,
        organization=organization.uuid if organization else None,
        credits=money,
        pools=pools,
        saved_resets=parser.saved_resets(),
        ignored=parser.ignored,
    )


class _Sum(NamedTuple):
    """An amount spent and its limit, in minor units."""

    used: int | None
    limit: int | None
    currency: str
    exponent: int


@dataclass
class _Parser:
    """Parses one answer, and counts the parts that it does not understand in `ignored`."""

    answer: Mapping[Any, Any]
    taken_at: datetime
    ignored: int = 0

    def windows(self) -> dict[str, Window]:
        """Return the windows by name, in display order; `limits` overrides flat keys."""
        flat: dict[str, Window] = {}
        for key, value in self.answer.items():
            if value is not None and _is_window_key(key):
                name, window = _to_camel_case(key), self._parse_window(value, "utilization")
                if name is None or window is None:
                    self.ignored += 1
                else:
                    flat[name] = window
        # A limit may be listed under two keys; its title identifies it.
        names = {short_title(name).casefold(): name for name in flat}
        listed: dict[str, Window] = {}
        for entry in self._get_list(self.answer.get("limits")):
            name, window = _build_limit_name(entry), self._parse_window(entry, "percent")
            if name is None or window is None:
                self.ignored += 1
                continue
            name = names.setdefault(short_title(name).casefold(), name)
            if listed.setdefault(name, window) != window:
                self.ignored += 1
        found = {**flat, **listed}
        kept = sort_for_display(found)[:_MAX_WINDOWS]
        self.ignored += len(found) - len(kept)
        return {name: found[name] for name in kept}

    def _parse_window(self, value: object, percent_key: str) -> Window | None:
        percent = parse_percentage(_get(value, percent_key))
        if percent is None:
            return None
        return Window(percent, self._parse_instant(_get(value, "resets_at")))

    def pools(self) -> tuple[Pool, ...]:
        """Return the credit pools: objects with a number in `limit_dollars` or a known name."""
        found: list[Pool] = []
        for key, value in self.answer.items():
            numbers = (to_finite(_get(value, field)) for field in _POOL_NUMBERS)
            # A pool without numbers or a time is not in use.
            is_used = any(numbers) or _get(value, "resets_at") is not None
            if key in _NOT_POOLS or _is_window_key(key) or not is_used:
                continue
            pool = self._parse_pool(key, value)
            if pool is None or len(found) == _MAX_POOLS:
                self.ignored += 1
            else:
                found.append(pool)
        return tuple(found)

    def _parse_pool(self, key: object, value: object) -> Pool | None:
        name = _to_camel_case(key)
        dollars = (to_finite(_get(value, f"{which}_dollars")) for which in ("used", "limit"))
        used, limit = (
            None if amount is None or abs(amount) > _MAX_AMOUNT else _parse_amount(amount * 100)
            for amount in dollars
        )
        percent = parse_percentage(_get(value, "utilization"))
        if percent is None and used is not None and limit:
            percent = to_displayed_percent(100 * used / limit)
        if name is None or (limit is None and (percent is None or key not in _POOL_TITLES)):
            return None
        return Pool(
            name=name,
            title=_find_text(_get(value, "label"))
            or _POOL_TITLES.get(str(key), f"Credit ({name})"),
            used=used,
            limit=limit,
            utilization=percent,
            expires_at=self._parse_instant(_get(value, "resets_at")),
        )

    def credits(self, *, shared: bool) -> Credits | None:
        """Return the money in `extra_usage` and `spend`, which mirror each other, or None."""
        extra = self._get_mapping(self.answer, "extra_usage")
        spend = self._get_mapping(self.answer, "spend")
        used, limit = self._get_mapping(spend, "used"), self._get_mapping(spend, "limit")
        limit = limit or self._get_mapping(self._get_mapping(spend, "cap"), "money")
        enabled = extra.get("is_enabled") is True or spend.get("enabled") is True
        reason = None
        if not enabled:  # the reason in the service's own word
            flags = (flag for flag in _FLAGS if extra.get(flag) is True)
            reason = _find_text(
                extra.get("disabled_reason"), spend.get("disabled_reason"), next(flags, None)
            )
        currency = used.get("currency") or limit.get("currency")
        amounts = (used.get("amount_minor"), limit.get("amount_minor"))
        sums = (
            self._sum(*map(extra.get, _EXTRA_USAGE)),
            self._sum(*amounts, currency, used.get("exponent")),
        )
        # Either of the two may be empty or lag behind.
        known = max(sums, key=lambda each: (each.used or 0, each.used is not None))
        if not (enabled or reason or known.used):
            return None
        limits = (s.limit for s in (known, *sums) if s[2:] == known[2:] and s.limit is not None)
        most = next(limits, None)
        return Credits(known.used, most, known.currency, known.exponent, enabled, reason, shared)

    def _sum(self, used: object, limit: object, currency: object, exponent: object) -> _Sum:
        spent, most = _parse_amount(used), _parse_amount(limit)
        self.ignored += (used is not None and spent is None) + (limit is not None and most is None)
        is_code = isinstance(currency, str) and re.fullmatch("[A-Z]{3}", currency)
        digits = exponent if type(exponent) is int and 0 <= exponent <= 4 else 2
        return _Sum(spent, most, str(currency) if is_code else "USD", digits)

    def saved_resets(self) -> SavedResets | None:
        """Return the granted limit resets that have not expired, or None."""
        granted, ends = [], []
        for grant in self._get_list(self._get_mapping(self.answer, "cedar_ember").get("grants")):
            left = to_finite(_get(grant, "resets_left"))
            ends_at = self._parse_instant(_get(grant, "ends_at"))
            if left is None or not 0 <= left <= _MAX_RESETS:
                self.ignored += 1
            elif ends_at is None or ends_at > self.taken_at:
                granted.append(int(left))
                if ends_at and left >= 1:
                    ends.append(ends_at)
        if not granted:
            return None
        return SavedResets(sum(granted), min(ends, default=None), tuple(ends))

    def _parse_instant(self, value: object) -> datetime | None:
        instant = from_epoch(value) or from_iso(value)
        self.ignored += value is not None and instant is None
        return instant

    def _get_mapping(self, parent: Mapping[Any, Any], key: str) -> Mapping[str, Any]:
        value = parent.get(key)
        if isinstance(value, dict):
            return value
        self.ignored += value is not None
        return {}

    def _get_list(self, value: object) -> list[object]:
        if isinstance(value, list):
            return value
        self.ignored += value is not None
        return []


def _is_window_key(key: object) -> bool:
    if not isinstance(key, str) or key in _NOT_POOLS:
        return False
    return key in ("five_hour", "seven_day") or key.startswith("seven_day_")


def _build_limit_name(entry: object) -> str | None:
    """Return the name of a window in `limits`; None if it has none that can be shown."""
    kind, scope = _get(entry, "kind"), _get(entry, "scope")
    model, surface = _get(scope, "model"), _get(scope, "surface")
    # A new model may have only an id.
    model_name = _find_text(_get(model, "display_name"), _get(model, "id"), model)
    surface_name = _find_text(_get(surface, "display_name"), surface)
    names = [name for name in (model_name, surface_name) if name]
    text = "" if [name.casefold() for name in names] == [_EVERYTHING] else " · ".join(names)
    if kind == "weekly_scoped" and names:
        prefix = SCOPED_PREFIX if surface_name else MODEL_PREFIX
        return prefix + text if text else SEVEN_DAY
    if kind == "weekly_scoped" or not isinstance(kind, str):
        return None
    name = _to_camel_case(kind)
    if text:
        return name and f"{name} · {text}"
    return _LIMIT_KINDS.get(kind, name)


def _parse_amount(value: object) -> int | None:
    """Return an amount of money in minor units, or None if it is implausible."""
    amount = to_finite(value)
    return round(amount) if amount is not None and 0 <= amount <= _MAX_AMOUNT else None


def _find_text(*values: object) -> str | None:
    """Return the first of these values that is a text that can be shown as a name, or None."""
    for value in values:
        if isinstance(value, str) and is_printable(value) and 0 < len(value.strip()) <= _MAX_NAME:
            return value.strip()
    return None


def _get(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _to_camel_case(key: object) -> str | None:
    """Return `seven_day_opus` as `sevenDayOpus`; None if it can't be a window's name."""
    if not isinstance(key, str) or len(key) > _MAX_NAME or not key.isascii():
        return None
    head, *tail = re.findall("[a-z0-9]+", key.lower()) or [""]
    name = head + "".join(word.capitalize() for word in tail)
    return None if name in RESERVED or not name[:1].isalpha() else name
