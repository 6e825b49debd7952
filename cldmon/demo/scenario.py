"""Six hours of five accounts as a table of their usage. `cldmon.demo.runner` plays it. Pure.

Minutes count from the end of the story, which is the present: -45 is 45 minutes ago.
To extend the story, add a row or a column.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon.demo.claude import SimAccount, SimOrganization, format_instant
from cldmon.demo.server import Response, json_response
from cldmon.demo.slack import SimUser
from cldmon.domain.model import Window
from cldmon.domain.reports import Report
from cldmon.domain.subscriptions import Subscription
from cldmon.domain.windows import FIVE_HOUR, SEVEN_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

DAY = 24 * 60
INTERVAL_MINUTES = 45
MODEL = "Fable"
"""The model with its own weekly limit."""
_REPORT_AGE = timedelta(minutes=2)
CREDIT_DOLLARS = 250
"""The size of the credit pool."""


@dataclass(frozen=True, slots=True)
class Use:
    """How much of each limit is used, in percent; `session` is None without a 5-hour window.

    `spent` is money beyond the plan, in hundredths; `credit` is used from a pool, in dollars.
    """

    session: int | None
    week: int
    model: int | None = None
    spent: int | None = None
    credit: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent beyond the plan, in hundredths; `disabled` is why it no longer may."""

    limit: int
    disabled: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `sessions` are the minutes at which its 5-hour sessions end.

    Its week ends at the minute `week`, and its saved limit reset, if any, at `saved_reset`.
    """

    label: str
    organization: SimOrganization
    week: int
    sessions: tuple[int, ...] = ()
    budget: Budget | None = None
    saved_reset: int | None = None

    @property
    def key(self) -> str:
        """The session key; it is valid only in the simulation."""
        return f"sk-ant-sid02-simulated-{self.label}"

    @property
    def new_key(self) -> str:
        """The session key that the simulated login page hands out."""
        return f"{self.key}-renewed"

    def account(self, key: str, usage: Mapping[str, object] | Response) -> SimAccount:
        """Return the account for the simulated claude.ai, under one of its keys."""
        return SimAccount(key, (API_ONLY, self.organization), usage)

    def usage(self, use: Use, minute: int, end: datetime) -> dict[str, Any]:
        """Return the service's answer at a minute of the story, which ends at `end`."""

        def instant(minute: int) -> str:
            return format_instant(_shift(end, minute))

        week_end = instant(self.week)
        answer: dict[str, Any] = {"seven_day": {"utilization": use.week, "resets_at": week_end}}
        if use.session is not None:
            session_end = next((each for each in self.sessions if each > minute), 0)
            resets_at = instant(session_end) if use.session else None
            answer["five_hour"] = {"utilization": use.session, "resets_at": resets_at}
        if use.model is not None:
            limit = {"kind": "weekly_scoped", "percent": use.model, "resets_at": week_end}
            answer["limits"] = [{**limit, "scope": {"model": {"display_name": MODEL}}}]
        if use.spent is not None and self.budget:
            answer["extra_usage"] = {
                "is_enabled": self.budget.disabled is None,
                "monthly_limit": self.budget.limit,
                "used_credits": use.spent,
                "currency": "EUR",
                "decimal_places": 2,
                "disabled_reason": self.budget.disabled,
            }
        if use.credit is not None:
            answer["iguana_necktie"] = {
                "resets_at": instant(12 * DAY),
                "limit_dollars": CREDIT_DOLLARS,
                "used_dollars": use.credit,
            }
        if self.saved_reset is not None:
            grant = {"resets_left": 1, "ends_at": instant(self.saved_reset)}
            answer["cedar_ember"] = {"grants": [grant]}
        return answer


def make_report(minute: int, at: datetime, end: datetime) -> Report | None:
    """Return what has been reported at `at`, a minute of the story, which ends at `end`."""
    if minute not in REPORTS:
        return None
    session, week = REPORTS[minute]
    windows = {
        FIVE_HOUR: Window(session, _shift(end, -120 if minute < -120 else 210)),
        SEVEN_DAY: Window(week, _shift(end, 3 * DAY)),
    }
    return Report(REPORTED, "erins-laptop", at - _REPORT_AGE, at, windows)


def _shift(end: datetime, minutes: int) -> datetime:
    return end + timedelta(minutes=minutes)


def _build_organization(
    number: int, name: str, capability: str, tier: str = "", plan: str | None = None
) -> SimOrganization:
    return SimOrganization(
        f"00000000-0000-4000-8000-{number:012d}",
        name,
        ("chat", capability),
        tier or "default_claude_ai",
        raven_type="team" if capability == "raven" else None,
        plan_display_name=plan,
    )


API_ONLY = SimOrganization("00000000-0000-4000-8000-000000000099", "API", ("api",))
"""Everybody also has a console organization, listed first, which has no usage."""

ALICE = Person(
    "alice",
    _build_organization(1, "Alice", "claude_max", "default_claude_max_20x", "Ultra"),
    week=4 * DAY,
    saved_reset=6 * DAY,
)
BOB = Person(
    "bob",
    _build_organization(2, "Bob", "claude_pro"),
    sessions=(-345, 35),
    week=14 * 60,
    budget=Budget(2000),
)
CAROL = Person(
    "carol",
    _build_organization(3, "Example Ltd", "raven", "default_raven"),
    sessions=(-110,),
    week=2 * DAY,
    budget=Budget(50000, disabled="out_of_credits"),
)
DAVE = Person(
    "dave",
    _build_organization(4, "Dave", "claude_max", "default_claude_max_5x"),
    sessions=(-75, 290),
    week=5 * DAY,
)
PEOPLE = (ALICE, BOB, CAROL, DAVE)


@dataclass(frozen=True, slots=True)
class Moment:
    """A pass: its minute, and the answer for each account, by label.

    An answer is a usage or a raw response; None means that the session key has expired.
    """

    minute: int
    answers: Mapping[str, Use | Response | None]


def _moment(minute: int, *answers: Use | Response | None) -> Moment:
    labels = (person.label for person in PEOPLE)
    return Moment(minute, dict(zip(labels, answers, strict=True)))


KEY_EXPIRED = None
OUTAGE = json_response({"error": 503}, 503)


def _alice(week: int, model: int, credit: int) -> Use:
    return Use(None, week, model, credit=credit)


def _bob(session: int, week: int, spent: int = 340) -> Use:
    return Use(session, week, spent=spent)


def _carol(session: int) -> Use:
    return Use(session, 57, spent=49860)


STORY = (
    # minute  alice: no session     bob: climbs, hits 100  carol: full, reset dave: key expires
    _moment(-360, _alice(31, 38, 214), _bob(41, 81), _carol(100), Use(9, 37)),
    _moment(-315, _alice(31, 38, 221), _bob(0, 81), _carol(100), Use(16, 38)),
    _moment(-270, _alice(31, 38, 239), _bob(0, 81), _carol(100), Use(28, 40)),
    _moment(-225, _alice(31, 38, 250), _bob(14, 83), _carol(100), Use(44, 42)),
    _moment(-180, _alice(31, 38, 250), _bob(33, 86), _carol(100), KEY_EXPIRED),
    _moment(-135, _alice(32, 39, 250), _bob(55, 89), OUTAGE, KEY_EXPIRED),
    _moment(-90, _alice(32, 39, 250), _bob(78, 92), _carol(0), KEY_EXPIRED),
    _moment(-45, _alice(32, 40, 250), _bob(97, 94), _carol(0), KEY_EXPIRED),
    _moment(0, _alice(33, 41, 250), _bob(100, 95, 415), _carol(0), KEY_EXPIRED),
)

REPORTED = "erin"
"""An account without a session key: its person's own machine reports it."""
REPORTS = {
    -360: (8, 21),
    -315: (15, 21),
    -270: (26, 22),
    -225: (39, 22),
    -180: (44, 22),
    -45: (6, 23),
    0: (12, 23),
}
"""What that machine reports, by minute: the session and the week. In between nobody works."""

LABELS = (*(person.label for person in PEOPLE), REPORTED)

RENEWED = Use(3, 43)
"""The usage of dave's account after a new sign-in."""


TEAM = (
    SimUser("U01ALICE", "alice", "Alice Archer", "Alice"),
    SimUser("U02BOB", "bob", "Bob Baker", "Bob"),
    SimUser("U03CAROL", "carol", "Carol Chen", "Carol"),
    SimUser("U04DAVE", "dave", "Dave Dunn", "Dave"),
    SimUser("U05BOT", "deploybot", "Deploy Bot", "Deploy Bot", bot=True),
)

ALERTS = {
    ("U02BOB", "bob"): Subscription(limit_hit=True, reset=True, thresholds=(80,), run_out=True),
    ("U01ALICE", "bob"): Subscription(limit_hit=True),
    ("U01ALICE", "alice"): Subscription(limit_hit=True, reset=True),
    ("U03CAROL", "carol"): Subscription(limit_hit=True, reset=True),
}
"""Who gets which alerts, by Slack user and account."""

OWNERS = {"dave": "U04DAVE"}
"""Who hears that an account can't be read."""

TEAM_CHANNEL = "C0TEAM"
"""The Slack channel that gets limits reached, resets and accounts that fail."""

COMMAND_LOG = "command.jsonl"
"""What the command of the command channel writes, in the data folder."""
