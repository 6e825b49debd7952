"""Stand-ins for the edges: a clock that is set, a service by script, a Slack that writes down.

They keep the protocols of the real ones (`Source`, `Notifier`, a function that gives the time), so
that nothing of cldmon has to be patched.
"""

from __future__ import annotations

import logging
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.model import Failure, FailureKind, Reading, Window
from cldmon.domain.ports import Organization, ReadResult
from cldmon.domain.windows import FIVE_HOUR
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from cldmon.domain.events import Event
    from cldmon.domain.ports import Lookup, ReadRequest
    from cldmon.domain.subscriptions import Subscription

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DOWN = Failure(FailureKind.SERVICE_DOWN, "the service is down")

Windows = dict[str, "Window | int"]
Said = int | Windows | Failure
"""What a scripted account answers: percent of the 5-hour window, windows by name, or a failure."""


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the time that it was set to."""
        return self.at

    def tick(self, delta: timedelta) -> None:
        """Move it, forth or back."""
        self.at += delta


def windows(said: int | Windows) -> dict[str, Window]:
    """Return windows by name; a bare percentage has no reset time."""
    named: Windows = {FIVE_HOUR: said} if isinstance(said, int) else said
    return {n: Window(w, None) if isinstance(w, int) else w for n, w in named.items()}


@dataclass
class FakeSource:
    """A service by script; it keeps every question.

    `says` maps a label to its next answer (10 % where nothing is said), `organizations` to the
    organization that its key opens; `refusing` has those that refuse to be asked for saved
    resets, `challenging` those whose challenge lets the browser pass.
    """

    now: Callable[[], datetime]
    says: dict[str, Said] = field(default_factory=dict)
    organizations: dict[str, str] = field(default_factory=dict)
    asked: list[ReadRequest] = field(default_factory=list)
    refusing: set[str] = field(default_factory=set)
    challenging: set[str] = field(default_factory=set)
    plan: str = "Max"

    def read(
        self, lookups: Mapping[str, Lookup], done: Callable[[str], None]
    ) -> Mapping[str, ReadResult | Failure]:
        """Answer what the script says, the last account first: a source keeps no order."""
        results = {}
        for label, lookup in lookups.items():
            results[label] = self._answer(lookup.result())
            done(label)
        return dict(reversed(results.items()))

    def _answer(self, question: ReadRequest | Failure) -> ReadResult | Failure:
        if isinstance(question, Failure):
            return question
        self.asked.append(question)
        said = self.says.get(question.label, 10)
        if isinstance(said, Failure):
            return said
        organization, looked_up = self._organization(question)
        return ReadResult(
            Reading(
                taken_at=self.now(),
                windows=windows(said),
                plan=organization.plan,
                organization=organization.uuid,
            ),
            organization,
            looked_up,
            question.saved_resets and question.label in self.refusing,
            question.label in self.challenging,
        )

    def _organization(self, question: ReadRequest) -> tuple[Organization, bool]:
        """Like the service: a remembered organization that the key doesn't open is looked up."""
        uuid = self.organizations.get(question.label, f"org-{question.label}")
        remembered = question.remembered
        if remembered and remembered.uuid == uuid:
            return remembered, False
        return Organization(uuid, self.plan), True


@dataclass
class FakeSlack:
    """A Slack that writes down who was sent what; `results` are its next answers."""

    sent: list[tuple[str, Event]] = field(default_factory=list)
    results: deque[DeliveryResult] = field(default_factory=deque)

    max_events: int = 8
    time_limit: timedelta = timedelta(minutes=1)

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Write a message down and give the next result: delivered, unless told otherwise."""
        self.sent += [(user or "", event) for event in events]
        return self.results.popleft() if self.results else DeliveryResult(DeliveryStatus.DELIVERED)


def set_alerts(data_dir: Path, user: str, label: str, **values: Any) -> Subscription:
    """Change some of a user's settings for an account."""
    return SubscriptionsFile(data_dir).change(user, label, lambda old: replace(old, **values))


def rate_limited(until: datetime) -> Failure:
    """Return the failure of an account that is to be left alone until an instant."""
    return replace(DOWN, kind=FailureKind.RATE_LIMITED, retry_at=until)


@contextmanager
def collect_warnings(lines: list[str]) -> Iterator[None]:
    """Collect in `lines` what the block logs as warnings."""

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler, logger = Collect(logging.WARNING), logging.getLogger("cldmon")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
