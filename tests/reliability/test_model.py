"""Thousands of passes in random order, each compared with what a person with pen and paper expects.

Real files, the real collector, each pass by parts that are new; a service that speaks its protocol,
and a Slack that answers whatever it likes.
"""

from __future__ import annotations

import json
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cldmon.collector.next_state import Settings
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.errors import StoreError
from cldmon.notifications.detection import ResetRule
from cldmon.store.state import DIRECT_MESSAGES
from tests.collector.env import CollectorEnv
from tests.fakes import NOON, FakeSlack, set_alerts
from tests.reliability.model import WEEK, Model, News, Seen, Trouble
from tests.reliability.plain import PlainSource
from tests.reliability.world import FAULTY_ANSWERS, NAMES, Person, Service

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from cldmon.domain.events import Event
    from cldmon.domain.model import Account
    from cldmon.store.state import Message

LABELS = ("alice", "bob")
USERS = ("U1", "U2")
KINDS = ("limit_hit", "usage_reset")

LABEL = st.sampled_from(LABELS)
NAME = st.sampled_from(NAMES)
PERCENT = st.sampled_from([0, 0, 0.4, 0.5, 1, 50.0, 99, 99.4, 99.5, 100, 100, 100.0, 101, 999.4])
INSTANT = st.sampled_from([NOON + timedelta(hours=hours) for hours in (-5, 5, 10, 168)])
JITTER = st.integers(-60, 60).map(lambda seconds: timedelta(seconds=seconds))
PAUSE = st.none() | st.sampled_from([timedelta(seconds=6), timedelta(minutes=25)])
RECEIPT = st.one_of(
    st.just(DeliveryResult(DeliveryStatus.DELIVERED)),
    st.builds(
        DeliveryResult,
        st.just(DeliveryStatus.LATER),
        st.just("no"),
        halt=st.booleans(),
        retry_after=PAUSE,
    ),
    st.just(DeliveryResult(DeliveryStatus.GONE, "left")),
    st.just(DeliveryResult(DeliveryStatus.UNSURE, "silence", halt=True)),
)
LATER = st.sampled_from([timedelta(minutes=m) for m in (1, 10, 10, 10, 60, 24 * 60, 8 * 24 * 60)])


class KilledError(BaseException):
    """Stands for the end of the process, at an edge."""


class RecordingSlack(FakeSlack):
    """A Slack that notes what was asked and answered; with `dies`, the pass ends in its call."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[list[News], DeliveryResult]] = []
        self.dies = False

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        result = super().send(user, events)
        if self.dies:
            raise KilledError
        self.answers.append(([news_of(user, event) for event in events], result))
        return result


class Killed(PlainSource):
    """A source in whose midst the pass ends."""

    def read(self, *_: object) -> dict[str, Any]:
        raise KilledError


def news_of(user: str | None, event: Event) -> News:
    return News(user, event.kind, event.label, event.window or "", event.at)


def to_expected(message: Message) -> News:
    return news_of(message.user, message.event)


class Year(RuleBasedStateMachine):
    """What happens to the service, to Slack and to the machine, and passes in between.

    `lived` counts the passes of all years.
    """

    lived: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="cldmon-year-")
        self.slack = RecordingSlack()
        self.collector_env = CollectorEnv(
            Path(self.folder.name) / "data", labels=LABELS, slack=self.slack
        )
        self.shift = timedelta()
        self.service = Service(shift=lambda: self.shift)
        for label in LABELS:
            self.service.people[self.key(label)] = Person(f"org-{label}")
        self.wishes: dict[str, dict[str, list[str]]] = {}
        self.readable = True
        self.lives = 0
        self.model = Model()

    def teardown(self) -> None:
        self.folder.cleanup()

    def key(self, label: str) -> str:
        return self.collector_env.keys.setdefault(label, f"sk-ant-sid02-{label}-0")

    def person(self, label: str) -> Person:
        return self.service.people[self.key(label)]

    @initialize(by_window=st.booleans(), wanted=st.booleans())
    def begin(self, by_window: bool, wanted: bool) -> None:
        kept = ResetRule.WINDOW if by_window else ResetRule.ZERO
        self.collector_env.settings = Settings(slack_enabled=True, rule=kept)
        self.model.by_window = by_window
        for label in LABELS if wanted else ():
            self.subscribe("U1", label, hit=True, reset=True)

    @rule(label=LABEL, name=NAME, percent=PERCENT, resets=INSTANT, later=LATER)
    def use(
        self, label: str, name: str, percent: float, resets: datetime, later: timedelta
    ) -> None:
        """A window appears, fills, overflows, falls, moves; and a pass sees it."""
        self.person(label).windows[name] = (percent, resets)
        self.pass_by(later)

    @rule(
        label=LABEL,
        name=NAME,
        to=st.sampled_from([0, 0, 40, None]),
        moves=st.booleans(),
        later=LATER,
    )
    def fill_and_fall(
        self, label: str, name: str, to: int | None, moves: bool, later: timedelta
    ) -> None:
        """A window fills, and is reset, raised in the middle, moved, or another person's."""
        resets = NOON + timedelta(hours=5)
        for percent in (80, 100):
            self.person(label).windows[name] = (percent, resets)
            self.pass_by(timedelta(minutes=10))
        if to is None:
            self.person(label).organization += "-other"
        self.person(label).windows[name] = (to or 0, resets + timedelta(hours=5 * moves))
        self.pass_by(later)

    @rule(label=LABEL, name=NAME)
    def vanish(self, label: str, name: str) -> None:
        self.person(label).windows.pop(name, None)

    @rule(label=LABEL, faulty_answer=st.sampled_from(FAULTY_ANSWERS), later=LATER)
    def sicken(self, label: str, faulty_answer: Any, later: timedelta) -> None:
        self.person(label).faulty_answer = faulty_answer
        self.pass_by(later)

    @rule(later=LATER)
    def heal(self, later: timedelta) -> None:
        for person in self.service.people.values():
            person.faulty_answer = None
        self.pass_by(later)

    @rule(label=LABEL, number=st.integers(0, 2))
    def move(self, label: str, number: int) -> None:
        """The key opens another organization from now on."""
        self.person(label).organization = f"org-{label}-{number}"

    @rule(label=LABEL, number=st.integers(0, 2))
    def renew(self, label: str, number: int) -> None:
        """Somebody signed in anew."""
        person = self.service.people.pop(self.key(label))
        self.collector_env.keys[label] = f"sk-ant-sid02-{label}-{number}"
        self.service.people[self.key(label)] = person

    @rule(labels=st.lists(LABEL, unique=True, min_size=1))
    def configure(self, labels: list[str]) -> None:
        """Accounts leave the configuration, come back, change places."""
        self.collector_env.labels = labels

    @rule(user=st.sampled_from(USERS), label=LABEL, hit=st.booleans(), reset=st.booleans())
    def subscribe(self, user: str, label: str, hit: bool, reset: bool) -> None:
        if self.readable:
            set_alerts(self.collector_env.data_dir, user, label, limit_hit=hit, reset=reset)
            wanted = [kind for kind, wants in zip(KINDS, (hit, reset), strict=True) if wants]
            self.wishes.setdefault(user, {})[label] = wanted

    @rule()
    def spoil_or_mend_the_subscriptions(self) -> None:
        path, aside = (
            self.collector_env.data_dir / name for name in ("subscriptions.json", "aside")
        )
        if not self.wishes:
            return
        if self.readable:
            path.rename(aside)
            path.write_text("{")
        else:
            aside.rename(path)
        self.readable = not self.readable

    @rule(shift=JITTER)
    def jitter(self, shift: timedelta) -> None:
        self.shift = shift

    @rule(results=st.lists(RECEIPT, min_size=1, max_size=6))
    def slack_answers(self, results: list[DeliveryResult]) -> None:
        """So the next messages will be met; then all is well again."""
        self.slack.results.clear()
        self.slack.results.extend(results)

    @rule(later=LATER)
    def pass_by(self, later: timedelta) -> None:
        self.live(later, self.collector_env.labels)

    @rule(only=st.lists(LABEL, unique=True, min_size=1), notify=st.booleans())
    def pass_over_some(self, only: list[str], notify: bool) -> None:
        labels = [label for label in self.collector_env.labels if label in only]
        if labels:
            self.live(timedelta(minutes=10), labels, notify=notify)

    @rule(minutes=st.integers(1, 61))
    def set_the_clock_back(self, minutes: int) -> None:
        self.live(-timedelta(minutes=minutes), self.collector_env.labels)

    @rule(results=st.lists(RECEIPT, max_size=2))
    def trust_a_wrong_clock(self, results: list[DeliveryResult]) -> None:
        """It runs a year ahead for one pass; what is to rest until then does not rest that long."""
        self.slack_answers(results)
        self.live(timedelta(days=400), self.collector_env.labels)
        self.live(-timedelta(days=400), self.collector_env.labels)

    @rule()
    def kill_while_reading(self) -> None:
        """Nothing of such a pass is left; one that has nobody to ask is not killed so."""
        self.collector_env.clock.tick(timedelta(minutes=10))
        now = self.collector_env.clock.at
        labels = self.collector_env.labels
        if any(self.model.is_to_be_asked(each, now, key=self.key(each)) for each in labels):
            self.run(Killed(self.service.ask, self.collector_env.clock), (), notify=True)

    @rule()
    def kill_after_slack_took_it(self) -> None:
        """The one message that may come twice."""
        self.slack.dies = True
        self.live(timedelta(minutes=10), self.collector_env.labels)
        self.slack.dies = False

    @rule()
    def break_the_history(self) -> None:
        """The first pass of a day is committed and fails; the next one does what it left."""
        self.collector_env.clock.tick(timedelta(days=1))
        file = self.collector_env.data_dir / f"history-{self.collector_env.clock.at:%Y-%m-%d}.jsonl"
        file.mkdir(parents=True)
        self.live(timedelta(), self.collector_env.labels)
        file.rmdir()
        self.live(timedelta(minutes=1), self.collector_env.labels)

    def live(self, later: timedelta, labels: Collection[str], *, notify: bool = True) -> None:
        """Make a pass, let the model expect one, and compare what was told."""
        self.lives += 1
        Year.lived += 1
        now = self.collector_env.clock.at + later
        # No two passes of a year end in the same millisecond, even if the clock is set back.
        now = self.collector_env.clock.at = now.replace(microsecond=self.lives % 1000 * 1000)
        self.model.configure(self.collector_env.labels)
        keys = {label: self.key(label) for label in self.collector_env.labels if label in labels}
        by_hand = len(keys) < len(self.collector_env.labels)
        found: dict[str, Seen | Trouble] = {
            label: self.person(label).truth(now)
            for label, key in keys.items()
            if self.model.is_to_be_asked(label, now, key=key, by_hand=by_hand)
        }
        self.model.counters["messagesDropped"] += sum(
            now - message.event.at > WEEK
            for message in self.collector_env.state.outbox
            if message.event.kind not in KINDS and message.event.label in self.model.known
        )
        self.model.commit(now, found, self.wishes if self.readable else None, keys)
        expected = self.model.may_be_told(now) if notify and self.readable else []
        self.slack.answers.clear()
        whole = self.run(
            PlainSource(self.service.ask, self.collector_env.clock), labels, notify=notify
        )
        answers = self.slack.answers
        assert [message for message, _ in answers] == expected[: len(answers)]
        assert not any(result.halt for _, result in answers[:-1])
        assert len(answers) == len(expected) or not whole or answers[-1][1].halt
        for message, result in answers:
            self.model.record_delivery(message, result.status, result.retry_after, now)

    def run(self, source: PlainSource, labels: Collection[str], *, notify: bool) -> bool:
        """Make a pass, and tell whether it came to its end."""
        collector = self.collector_env.collector(source)
        try:
            collector.run(
                [] if set(labels) == set(self.collector_env.labels) else labels, notify=notify
            )
        except (KilledError, StoreError):
            return False
        return True

    @invariant()
    def the_history_is_what_was_seen(self) -> None:
        """Every line once, in order, day by day."""
        found = {
            path.name[8:18]: [json.loads(line) for line in path.read_bytes().splitlines()]
            for path in self.collector_env.data_dir.glob("history-*.jsonl")
        }
        assert found == self.model.days

    @invariant()
    def the_state_is_what_is_known(self) -> None:
        state = self.collector_env.state
        waiting = [to_expected(message) for message in state.outbox if message.event.kind in KINDS]
        assert waiting == self.model.pending
        assert {k: v for k, v in state.counters.items() if v} == +self.model.counters
        assert state.channel_retry_at.get(DIRECT_MESSAGES) == self.model.slack_rest
        for account in state.snapshot.accounts:
            known = self.model.known[account.label]
            assert (read_shown(account), account.failure and account.failure.kind) == (
                known.shown,
                known.trouble and known.trouble.kind,
            )


def read_shown(account: Account) -> dict[str, int] | None:
    if account.reading is None:
        return None
    return {name: window.utilization for name, window in account.reading.windows.items()}


TestYear = Year.TestCase
TestYear.settings = settings(max_examples=10, stateful_step_count=50)
