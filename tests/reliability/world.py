"""A service with accounts in it, as values: what it answers, and what is to be seen in that."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cldmon.claude.errors import HttpResponse
from tests.reliability.model import Seen, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

FLAT = {
    "five_hour": "fiveHour",
    "seven_day": "sevenDay",
    "seven_day_opus": "sevenDayOpus",
    "seven_day_cowork": "sevenDayCowork",
}
"""Keys of the service, and what cldmon calls those windows."""

MODELS = ("Fable", "Sonata")
NAMES = (*FLAT.values(), *(f"models.{name}" for name in MODELS))


@dataclass(frozen=True)
class FaultyAnswer:
    """What the service answers in place of the truth, and what that is to be called."""

    kind: str
    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    rest: timedelta | None = None
    redirected: str | None = None


JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}
FAULTY_ANSWERS = (
    FaultyAnswer("key_expired", 401),
    FaultyAnswer(
        "key_expired", 403, '{"error": {"details": {"error_code": "account_session_invalid"}}}'
    ),
    FaultyAnswer("key_expired", 200, "", HTML, redirected="https://claude.ai/login"),
    FaultyAnswer("challenged", 403, "<title>Just a moment...</title>", HTML),
    FaultyAnswer("challenged", 503, "", {"cf-mitigated": "challenge"}),
    FaultyAnswer("rate_limited", 429, "", {"retry-after": "1500"}, timedelta(seconds=1500)),
    FaultyAnswer("rate_limited", 429, "", {"retry-after": "0"}, timedelta(0)),
    FaultyAnswer("rate_limited", 429, "", {"retry-after": "-7"}, timedelta(0)),
    FaultyAnswer("rate_limited", 429, "", {"retry-after": "1e99"}, timedelta(days=1)),
    FaultyAnswer("rate_limited", 429, "", {"retry-after": "soon"}),
    FaultyAnswer("rate_limited", 429),
    FaultyAnswer("service_down", 500),
    FaultyAnswer("service_down", 529, "{}", JSON),
    FaultyAnswer("not_understood", 418),
    FaultyAnswer("refused", 403, "{}", JSON),
    FaultyAnswer("refused", 402, '{"error": {"message": "Payment required"}}', JSON),
    FaultyAnswer("refused", 403, "<title>App unavailable in region</title>", HTML),
    FaultyAnswer("service_down", 200, "<p>", HTML),
    FaultyAnswer("service_down", 200, "", JSON),
    FaultyAnswer("service_down", 200, "[" * 100_000, JSON),
    FaultyAnswer("service_down", 200, '{"five_hour": {"utilization": NaN}}', JSON),
    FaultyAnswer("not_understood", 200, '"usage"', JSON),
    FaultyAnswer("not_understood", 200, "x" * 2_000_001, JSON),
    FaultyAnswer("not_understood", 200, "{}", JSON, redirected="https://claude.ai/elsewhere"),
)


@dataclass
class Person:
    """One account: the organization its key opens, its windows (percent, reset), what ails it."""

    organization: str
    windows: dict[str, tuple[float, datetime | None]] = field(default_factory=dict)
    faulty_answer: FaultyAnswer | None = None

    def truth(self, now: datetime) -> Seen | Trouble:
        """What a pass has to find."""
        if self.faulty_answer:
            rest = self.faulty_answer.rest
            return Trouble(self.faulty_answer.kind, None if rest is None else now + rest)
        return Seen(self.organization, self.windows)

    def listed(self) -> list[dict[str, Any]]:
        """The organizations as the service lists them: one of the API alone comes first."""
        api = {"uuid": "a" * 8, "name": "API", "capabilities": ["api"]}
        return [api, {"uuid": self.organization, "name": "Own", "capabilities": ["chat"]}]

    def usage(self, shift: timedelta) -> dict[str, Any]:
        """The usage answer: instants move by `shift`, as those of the real service do."""

        def instant(at: datetime | None) -> str | None:
            return (at + shift).isoformat(timespec="microseconds") if at else None

        flat: dict[str, Any] = {
            key: {"utilization": self.windows[name][0], "resets_at": instant(self.windows[name][1])}
            if name in self.windows
            else None
            for key, name in FLAT.items()
        }
        limits = [
            {
                "kind": "weekly_scoped",
                "percent": self.windows[f"models.{name}"][0],
                "resets_at": instant(self.windows[f"models.{name}"][1]),
                "scope": {"model": {"id": None, "display_name": name}, "surface": None},
            }
            for name in MODELS
            if f"models.{name}" in self.windows
        ]
        return {**flat, "iguana_necktie": None, "limits": limits, "extra_usage": None}


@dataclass
class Service:
    """The service in memory: answers like claude.ai, by session key."""

    people: dict[str, Person] = field(default_factory=dict)
    shift: Callable[[], timedelta] = timedelta

    def ask(self, path: str, key: str) -> HttpResponse:
        """Answer a request."""
        person = self.people.get(key)
        if person is None:
            return HttpResponse(401, b"", JSON)
        if faulty := person.faulty_answer:
            return HttpResponse(
                faulty.status, faulty.body.encode(), faulty.headers, faulty.redirected
            )
        usage = re.fullmatch("/api/organizations/([^/]+)/usage", path)
        if usage and usage[1] != person.organization:
            refusal = '{"error": {"message": "Invalid authorization for organization"}}'
            return HttpResponse(403, refusal.encode(), JSON)
        body = person.usage(self.shift()) if usage else person.listed()
        return HttpResponse(200, json.dumps(body).encode(), JSON)
