"""What a month brings, drawn from a seed: usage, and faults of the service and of Slack."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation import faults
from tests.simulation.claude import challenge, expired, login_redirect
from tests.simulation.slack import error, rate_limited

if TYPE_CHECKING:
    from random import Random

    from tests.reliability.world import Person
    from tests.simulation.faults import Fault

SESSION = timedelta(hours=5)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class ServiceFault:
    """What the service does to an account, the kinds of trouble it may be called, and the rest."""

    fault: Fault
    kinds: frozenset[str]
    rest: timedelta | None = None


def service_fault(fault: Fault, *kinds: str, rest: timedelta | None = None) -> ServiceFault:
    return ServiceFault(fault, frozenset(kinds), rest)


SERVICE_FAULTS = (
    service_fault(expired(), "key_expired"),
    service_fault(expired(403), "key_expired"),
    service_fault(login_redirect(), "key_expired"),
    service_fault(challenge(), "challenged"),
    service_fault(challenge(503, header=False), "challenged"),
    service_fault(faults.rate_limited(1500), "rate_limited", rest=timedelta(seconds=1500)),
    service_fault(faults.rate_limited(0), "rate_limited", rest=timedelta(0)),
    service_fault(faults.rate_limited(), "rate_limited"),
    service_fault(faults.status(500), "service_down"),
    service_fault(faults.status(529), "service_down"),
    service_fault(faults.html(503), "service_down"),
    service_fault(faults.hang_up(), "service_down"),
    service_fault(faults.hang_up(reset=True), "service_down"),
    service_fault(faults.truncated(), "service_down"),
    service_fault(faults.redirect("/elsewhere"), "not_understood"),
    service_fault(faults.html(), "service_down"),
    service_fault(faults.empty(), "service_down"),
    service_fault(faults.body("[" * 1000), "service_down"),
    service_fault(faults.status(418), "not_understood"),
    service_fault(faults.status(403), "refused"),
)
SLOW_FAULTS = (
    service_fault(faults.hang(60), "timeout", "service_down"),
    service_fault(faults.drip(0.5), "timeout"),
)


@dataclass(frozen=True)
class SlackFault:
    """What Slack does to every message of a pass, and what that has to mean for it."""

    fault: Fault
    fate: str
    pause: timedelta | None = None
    arrives: bool = False


MINUTE = timedelta(minutes=1)
SLACK_FAULTS = (
    SlackFault(faults.status(503), "later"),
    SlackFault(faults.html(502), "later"),
    SlackFault(error("token_revoked"), "later"),
    SlackFault(error("missing_scope", needed="chat:write"), "later"),
    SlackFault(error("internal_error"), "unsure"),
    SlackFault(faults.hang_up(reset=True), "unsure"),
    SlackFault(faults.answer_lost(), "unsure", arrives=True),
    SlackFault(rate_limited(1500), "later", timedelta(seconds=1500)),
    SlackFault(rate_limited("soon"), "later", MINUTE),
    SlackFault(rate_limited(), "later", MINUTE),
    SlackFault(rate_limited(10**9), "later", timedelta(hours=1)),
)


@dataclass
class FaultSchedule:
    """Draw what comes next from `random`. `slow` allows faults that cost real seconds."""

    random: Random
    slack: SlackFault | None = None
    _slack_passes: int = 0
    service_faults: dict[str, ServiceFault] = field(default_factory=dict)

    def live(self, person: Person, now: datetime) -> None:
        """Let a person work for ten minutes or so."""
        draw = self.random
        for name, span, pace in (("fiveHour", SESSION, 6), ("sevenDay", WEEK, 0.8)):
            percent, resets = person.windows.get(name, (0, None))
            if resets is None or resets <= now:
                begins = draw.random() < 0.5 or name == "sevenDay"
                person.windows[name] = (0, now + span if begins else None)
            else:
                person.windows[name] = (min(101.3, percent + draw.random() * pace), resets)
        if draw.random() < 0.01:
            person.windows["models.Fable"] = (draw.choice([0, 80, 100]), now + WEEK)
        if draw.random() < 0.01:
            person.windows.pop("models.Fable", None)
        if draw.random() < 0.003:  # a limit was raised in the middle
            person.windows["fiveHour"] = (40, person.windows["fiveHour"][1])
        if draw.random() < 0.002:
            person.organization = f"{draw.getrandbits(64):032x}"

    def draw_service_fault(self, label: str, *, slow: bool) -> None:
        """Let the service fail an account, or serve it again."""
        if label in self.service_faults:
            if self.random.random() < 0.4:
                del self.service_faults[label]
        elif self.random.random() < 0.03:
            choice = SLOW_FAULTS if slow and self.random.random() < 0.2 else SERVICE_FAULTS
            self.service_faults[label] = self.random.choice(choice)
        if not slow and self.service_faults.get(label) in SLOW_FAULTS:
            del self.service_faults[label]

    def draw_slack_fault(self) -> None:
        """Let Slack fail for some passes, or recover."""
        self._slack_passes -= 1
        if self._slack_passes < 0:
            self.slack = None
        if self.slack is None and self.random.random() < 0.02:
            self.slack = self.random.choice(SLACK_FAULTS)
            self._slack_passes = self.random.randrange(12)

    def draw_clock_step(self) -> timedelta:
        """Return by how much somebody sets the clock: rarely at all, an hour at most."""
        if self.random.random() > 0.005:
            return timedelta(0)
        return timedelta(minutes=self.random.randint(-59, 59))
