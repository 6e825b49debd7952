"""Which of a person's organizations the usage is asked of, and the plan it has.

Source: the facts of the service, "Organizations".
"""

from __future__ import annotations

from typing import Any

from cldmon.domain.asking import Organization

_PLANS = {
    "claude_max": "Max",
    "raven_enterprise": "Enterprise",
    "raven": "Team",
    "claude_pro": "Pro",
}
"""What is paid for, the most telling first: an organization may have several."""
_TIERS = {"default_claude_max_5x": " 5x", "default_claude_max_20x": " 20x"}


def choose(
    answer: object, *, configured: str | None = None, last_active: str | None = None
) -> Organization | None:
    """Return the organization to ask, out of an answer of any shape; None if none fits.

    A `configured` uuid is the only one taken. Otherwise, of those that can chat: the one named
    by the `lastActiveOrg` cookie, else one that is paid for, else the first.
    """
    known = [o for o in answer if _is_organization(o)] if isinstance(answer, list) else []
    if configured is not None:
        return next((_organization(o) for o in known if o["uuid"] == configured), None)
    chats = [o for o in known if "chat" in _capabilities(o)]
    preferred = [o for o in chats if o["uuid"] == last_active]
    paid = [o for o in chats if _paid_capability(o)]
    return next(map(_organization, preferred + paid + chats), None)


def _organization(entry: dict[str, Any]) -> Organization:
    capability = _paid_capability(entry)
    tier = entry.get("rate_limit_tier") if capability == "claude_max" else None
    size = _TIERS.get(tier, "") if isinstance(tier, str) else ""
    return Organization(entry["uuid"], _PLANS[capability] + size if capability else "Free")


def _is_organization(entry: object) -> bool:
    return isinstance(entry, dict) and _is_uuid(entry.get("uuid"))


def _is_uuid(value: object) -> bool:
    # It becomes part of a URL, so nothing but what a uuid is made of.
    return (
        isinstance(value, str)
        and 0 < len(value) <= 64
        and value.isascii()
        and value.replace("-", "").isalnum()
    )


def _paid_capability(entry: dict[str, Any]) -> str | None:
    has = _capabilities(entry)
    return next((c for c in _PLANS if c in has), None)


def _capabilities(entry: dict[str, Any]) -> list[object]:
    value = entry.get("capabilities")
    return value if isinstance(value, list) else []
