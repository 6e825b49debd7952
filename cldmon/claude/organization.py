"""Which of a person's organizations to read, and which plan it has.

Source: the facts of the service, "Organizations".
"""

from __future__ import annotations

import re
from typing import Any

from cldmon.domain.ports import Organization, normalize_uuid
from cldmon.domain.text import one_line

_FREE = "Free"
_TIERS = {"default_claude_max_20x": "Ultra", "default_claude_max_5x": "Max"}
"""The names since 30 October 2026."""
_PAID_PREFIXES = ("claude_", "raven_")
_MAX_PLAN = 40
_MAX_CANDIDATES = 8
_UUID = re.compile(r"(?!-+$)[0-9A-Za-z-]{1,64}")
"""It becomes part of a URL, so no other characters are allowed."""


def find_candidates(
    answer: object, *, configured: str | None = None, last_active: str | None = None
) -> list[Organization]:
    """Return the organizations to try, best first; `answer` may be any JSON.

    If a uuid is `configured`, only that one. Otherwise those that can chat: first the one in the
    `lastActiveOrg` cookie, then the paid ones, then the others.
    """
    if configured is not None:
        wanted = normalize_uuid(configured)
        known = map(_parse_organization, _list_entries(answer))
        return [o for o in known if o.normalized_uuid == wanted][:1]
    found: dict[str, Organization] = {}
    for organization in list_chat_organizations(answer):
        found.setdefault(organization.normalized_uuid, organization)
    last = normalize_uuid(last_active) if last_active else None
    ranked = sorted(found.values(), key=lambda o: (o.normalized_uuid != last, o.plan == _FREE))
    return ranked[:_MAX_CANDIDATES]


def list_chat_organizations(answer: object) -> list[Organization]:
    """Return the organizations that can chat, in the listed order."""
    return [_parse_organization(e) for e in _list_entries(answer) if "chat" in _get_capabilities(e)]


def _list_entries(answer: object) -> list[dict[str, Any]]:
    entries = [e for e in answer if isinstance(e, dict)] if isinstance(answer, list) else []
    return [e for e in entries if isinstance(e.get("uuid"), str) and _UUID.fullmatch(e["uuid"])]


def _parse_organization(entry: dict[str, Any]) -> Organization:
    named = _get_text(entry, "plan_display_name") or _get_text(entry, "plan_display_label")
    return Organization(entry["uuid"], named or _derive_plan(entry))


def _derive_plan(entry: dict[str, Any]) -> str:
    has, raven = _get_capabilities(entry), _get_text(entry, "raven_type")
    if raven == "enterprise" or "raven_enterprise" in has:
        return "Enterprise"
    if raven or "raven" in has:
        return "Team" if raven in ("", "team") else _to_title_case(raven)
    if "claude_max" in has:
        return _TIERS.get(_get_text(entry, "rate_limit_tier"), "Max")
    if "claude_pro" in has:
        return "Pro"
    unknown = (c.removeprefix(p) for c in has for p in _PAID_PREFIXES if c.startswith(p))
    return next(filter(None, map(_to_title_case, unknown)), _FREE)


def _to_title_case(name: str) -> str:
    words = one_line(name, _MAX_PLAN).replace("_", " ")
    return one_line(words.title(), _MAX_PLAN)


def _get_text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return one_line(value, _MAX_PLAN) if isinstance(value, str) else ""


def _get_capabilities(entry: dict[str, Any]) -> list[str]:
    value = entry.get("capabilities")
    return [c for c in value if isinstance(c, str)] if isinstance(value, list) else []
