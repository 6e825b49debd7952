"""What happened to accounts and their windows, and what has to be known to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cldmon.domain.model import Window


class EventKind(StrEnum):
    """What can happen to a window between two good readings."""

    LIMIT_HIT = "limit_hit"
    USAGE_RESET = "usage_reset"


@dataclass(frozen=True, slots=True)
class Event:
    """A limit that was reached, or a window that has reset, as seen at `at` (UTC)."""

    kind: EventKind
    label: str
    window: str
    at: datetime
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertState:
    """What alerts of an account go by: the last confirmed reading of each window ever seen.

    `pending` holds the falls that the next reading has to confirm: one wrong sample is no reset.
    """

    confirmed: Mapping[str, Window] = field(default_factory=dict)
    pending: Mapping[str, Window] = field(default_factory=dict)
