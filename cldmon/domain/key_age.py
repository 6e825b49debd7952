"""The age of a session key, and what to expect of it.

Source: the facts of the service, "Keys": a key expires 28 days after the sign-in, but the service
has been seen to accept older ones.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

WARN_AGE = timedelta(days=21)
KEY_LIFE = timedelta(days=28)
WARN_DAYS = (WARN_AGE.days, 26, KEY_LIFE.days)
"""The ages in days at which the owner of a key is warned."""


def describe_key_age(since: datetime, now: datetime) -> str:
    """Return, in words, the age of a key first used at `since`, and what to expect."""
    age = now - since
    described = f"in use since {since:%Y-%m-%d} ({max(0, age.days)} days)"
    if age >= KEY_LIFE:
        return f"{described}: it may stop working any day"
    if age >= WARN_AGE:
        return f"{described}: from {since + KEY_LIFE:%Y-%m-%d} on it may stop working any day"
    return described
