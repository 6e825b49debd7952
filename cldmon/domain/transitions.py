"""What happened to an account's windows between two good readings."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cldmon.domain.model import FULL, Transition, TransitionKind, Window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

JITTER = timedelta(minutes=2)
"""Two reset instants that lie no further apart are one: the service's own differ by a second."""


class ResetRule(StrEnum):
    """When a fall from 100 % counts as a reset.

    ZERO: only a fall to 0, as documented. WINDOW: also any fall into a new window.
    """

    ZERO = "zero"
    WINDOW = "window"


def detect(
    label: str,
    before: Mapping[str, Window],
    after: Mapping[str, Window],
    *,
    at: datetime,
    rule: ResetRule,
) -> list[Transition]:
    """Return what happened to each window of account `label`, in the order of `after`.

    `before` holds the last good reading of each window, `after` the new one, taken at `at` (UTC).
    A window missing from either is skipped: absence is not zero, and first sight is silent.

    Source: contract, "Transitions".
    """
    return [
        Transition(kind, label, name, at, window.resets_at)
        for name, window in after.items()
        if name in before and (kind := _change(before[name], window, rule))
    ]


def _change(before: Window, after: Window, rule: ResetRule) -> TransitionKind | None:
    if before.utilization < FULL:
        return TransitionKind.LIMIT_HIT if after.utilization >= FULL else None
    if _is_reset(before, after, rule):
        return TransitionKind.USAGE_RESET
    return None


def _is_reset(before: Window, after: Window, rule: ResetRule) -> bool:
    if after.utilization == 0:
        return True
    return rule is ResetRule.WINDOW and after.utilization < FULL and _is_new(before, after)


def _is_new(before: Window, after: Window) -> bool:
    """Tell a new window from the same one whose limit was raised in the middle."""
    if after.resets_at is None or before.resets_at is None:
        return after.resets_at is not before.resets_at
    return after.resets_at - before.resets_at > JITTER
