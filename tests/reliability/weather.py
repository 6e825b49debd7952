"""What a month brings, drawn from a seed: usage, and ailments of the service and of Slack."""

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
class Ailment:
    """What the service does to an account, the kinds of trouble it may be called, and the rest."""

    fault: Fault
    kinds: frozenset[str]
    rest: timedelta | None = None


def ailment(fault: Fault, *kinds: str, rest: timedelta | None = None) -> Ailment:
    return Ailment(fault, frozenset(kinds), rest)


AILMENTS = (
    ailment(expired(), "key_expired"),
    ailment(expired(403), "key_expired"),
    ailment(login_redirect(), "key_expired"),
    ailment(challenge(), "challenged"),
    ailment(challenge(503, header=False), "challenged"),
    ailment(faults.rate_limited(1500), "rate_limited", rest=timedelta(seconds=1500)),
    ailment(faults.rate_limited(0), "rate_limited", rest=timedelta(0)),
    ailment(faults.rate_limited(), "rate_limited"),
    ailment(faults.status(500), "service_down"),
    ailment(faults.status(529), "service_down"),
    ailment(faults.html(503), "service_down"),
    ailment(faults.hang_up(), "service_down"),
    ailment(faults.hang_up(reset=True), "service_down"),
    ailment(faults.truncated(), "service_down"),
    ailment(faults.redirect("/elsewhere"), "not_understood"),
    ailment(faults.html(), "service_down"),
    ailment(faults.empty(), "service_down"),
    ailment(faults.body("[" * 1000), "service_down"),
    ailment(faults.status(418), "not_understood"),
    ailment(faults.status(403), "refused"),
)
SLOW_AILMENTS = (
    ailment(faults.hang(60), "timeout", "service_down"),
    ailment(faults.drip(0.5), "timeout"),
)


@dataclass(frozen=True)
class SlackAilment:
    """What Slack does to every message of a pass, and what that has to mean for it."""

    fault: Fault
    fate: str
    pause: timedelta | None = None
    arrives: bool = False


MINUTE = timedelta(minutes=1)
SLACK_AILMENTS = (
    SlackAilment(faults.status(503), "later"),
    SlackAilment(faults.html(502), "later"),
    SlackAilment(error("token_revoked"), "later"),
    SlackAilment(error("missing_scope", needed="chat:write"), "later"),
    SlackAilment(error("internal_error"), "unsure"),
    SlackAilment(faults.hang_up(reset=True), "unsure"),
    SlackAilment(faults.answer_lost(), "unsure", arrives=True),
    SlackAilment(rate_limited(1500), "later", timedelta(seconds=1500)),
    SlackAilment(rate_limited("soon"), "later", MINUTE),
    SlackAilment(rate_limited(), "later", MINUTE),
    SlackAilment(rate_limited(10**9), "later", timedelta(hours=1)),
)


@dataclass
class Weather:
    """Draws, from `random`, what comes next. `slow` allows ailments that cost real seconds."""

    random: Random
    slack: SlackAilment | None = None
    _slack_passes: int = 0
    ailments: dict[str, Ailment] = field(default_factory=dict)

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

    def fall_ill(self, label: str, *, slow: bool) -> None:
        """Let the service fail an account, or serve it again."""
        if label in self.ailments:
            if self.random.random() < 0.4:
                del self.ailments[label]
        elif self.random.random() < 0.03:
            choice = SLOW_AILMENTS if slow and self.random.random() < 0.2 else AILMENTS
            self.ailments[label] = self.random.choice(choice)
        if not slow and self.ailments.get(label) in SLOW_AILMENTS:
            del self.ailments[label]

    def shift_slack(self) -> None:
        """Let Slack fall ill for some passes, or get well."""
        self._slack_passes -= 1
        if self._slack_passes < 0:
            self.slack = None
        if self.slack is None and self.random.random() < 0.02:
            self.slack = self.random.choice(SLACK_AILMENTS)
            self._slack_passes = self.random.randrange(12)

    def clock_step(self) -> timedelta:
        """Return by how much somebody sets the clock: rarely at all, an hour at most."""
        if self.random.random() > 0.005:
            return timedelta(0)
        return timedelta(minutes=self.random.randint(-59, 59))
