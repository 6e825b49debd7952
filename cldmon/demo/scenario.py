"""Six hours of four accounts, as a table: who they are, and what claude.ai says of them and when.

Pure. Minutes count from the end of the story, which is the present: -45 is 45 minutes ago.
To tell more, add a row or a column; `cldmon.demo.stage` plays whatever stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon.demo import faults
from cldmon.demo.claude import SimAccount, SimOrganization, expired, usage, usage_credits
from cldmon.demo.slack import SimUser

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cldmon.demo.faults import Fault

INTERVAL_MINUTES = 45
MODEL = "Fable"
"""The model that has a weekly limit of its own."""


@dataclass(frozen=True, slots=True)
class Use:
    """How much of each limit is used, in percent; `spent` is money, in hundredths."""

    session: int
    week: int
    model: int | None = None
    spent: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """An account. A 5-hour session ends at each of the minutes `sessions`, the week at `week`.

    `budget` is what may be spent beyond the plan, in hundredths.
    """

    label: str
    organization: SimOrganization
    sessions: tuple[int, ...]
    week: int
    budget: int | None = None

    @property
    def key(self) -> str:
        """The session key; it opens nothing but the simulation."""
        return f"sk-ant-sid02-simulated-{self.label}"

    @property
    def new_key(self) -> str:
        """The session key that the simulated login page hands out."""
        return f"{self.key}-renewed"

    def account(self, key: str, usage: Mapping[str, object]) -> SimAccount:
        """Return the account as the simulated claude.ai knows it by one of its keys."""
        return SimAccount(key, (API_ONLY, self.organization), usage)

    def usage(self, use: Use, minute: int, end: datetime) -> dict[str, Any]:
        """Return the service's answer at a minute of a story that ends at the instant `end`."""
        return usage(
            use.session,
            use.week,
            models={} if use.model is None else {MODEL: use.model},
            five_hour_resets=self._session_end(minute, end) if use.session else None,
            seven_day_resets=end + timedelta(minutes=self.week),
            **self._money(use),
        )

    def _session_end(self, minute: int, end: datetime) -> datetime:
        return end + timedelta(minutes=next(m for m in self.sessions if m > minute))

    def _money(self, use: Use) -> dict[str, Any]:
        if use.spent is None or self.budget is None:
            return {}
        return usage_credits(use.spent, self.budget)


def _organization(number: int, name: str, capability: str, tier: str = "") -> SimOrganization:
    return SimOrganization(
        f"00000000-0000-4000-8000-{number:012d}",
        name,
        ("chat", capability),
        tier or "default_claude_ai",
        raven_type="team" if capability == "raven" else None,
    )


API_ONLY = SimOrganization("00000000-0000-4000-8000-000000000099", "API", ("api",))
"""Every person has a console organization, too, listed first: it has no usage to read."""

DAY = 24 * 60

ALICE = Person(
    "alice",
    _organization(1, "Alice", "claude_max", "default_claude_max_20x"),
    sessions=(80,),
    week=4 * DAY,
)
BOB = Person(
    "bob", _organization(2, "Bob", "claude_pro"), sessions=(-345, 35), week=14 * 60, budget=2000
)
CAROL = Person("carol", _organization(3, "Example Ltd", "raven"), sessions=(-110,), week=2 * DAY)
DAVE = Person(
    "dave",
    _organization(4, "Dave", "claude_max", "default_claude_max_5x"),
    sessions=(-75, 290),
    week=5 * DAY,
)
PEOPLE = (ALICE, BOB, CAROL, DAVE)


@dataclass(frozen=True, slots=True)
class Moment:
    """One pass: its minute, and what each account answers (or how it fails), by label."""

    minute: int
    answers: Mapping[str, Use | Fault]


def _moment(minute: int, *answers: Use | Fault) -> Moment:
    labels = (person.label for person in PEOPLE)
    return Moment(minute, dict(zip(labels, answers, strict=True)))


KEY_ENDS = expired()
OUTAGE = faults.status(503).on("usage")

STORY = (
    # minute  alice: quiet       bob: climbs, hits 100       carol: full, free    dave: key expires
    _moment(-360, Use(0, 31, 38), Use(41, 81, spent=340), Use(100, 57), Use(9, 37)),
    _moment(-315, Use(0, 31, 38), Use(0, 81, spent=340), Use(100, 57), Use(16, 38)),
    _moment(-270, Use(0, 31, 38), Use(0, 81, spent=340), Use(100, 57), Use(28, 40)),
    _moment(-225, Use(0, 31, 38), Use(14, 83, spent=340), Use(100, 57), Use(44, 42)),
    _moment(-180, Use(2, 31, 38), Use(33, 86, spent=340), Use(100, 57), KEY_ENDS),
    _moment(-135, Use(5, 32, 39), Use(55, 89, spent=340), OUTAGE, KEY_ENDS),
    _moment(-90, Use(8, 32, 39), Use(78, 92, spent=340), Use(0, 57), KEY_ENDS),
    _moment(-45, Use(9, 32, 40), Use(97, 94, spent=340), Use(0, 57), KEY_ENDS),
    _moment(0, Use(13, 33, 41), Use(100, 95, spent=415), Use(0, 57), KEY_ENDS),
)

RENEWED = Use(3, 43)
"""What dave's account says once somebody has signed in anew."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What one Slack user asked to be told of one account."""

    user: str
    label: str
    limit_hit: bool
    reset: bool


TEAM = (
    SimUser("U01ALICE", "alice", "Alice Archer", "Alice"),
    SimUser("U02BOB", "bob", "Bob Baker", "Bob"),
    SimUser("U03CAROL", "carol", "Carol Chen", "Carol"),
    SimUser("U04DAVE", "dave", "Dave Dunn", "Dave"),
    SimUser("U05BOT", "deploybot", "Deploy Bot", "Deploy Bot", bot=True),
)

ALERTS = (
    Alert("U02BOB", "bob", limit_hit=True, reset=True),
    Alert("U01ALICE", "bob", limit_hit=True, reset=False),
    Alert("U03CAROL", "carol", limit_hit=True, reset=True),
)
