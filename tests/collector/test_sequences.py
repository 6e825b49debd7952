"""Whatever happens in whatever order, each hit and each reset is announced exactly once.

Compared with a model so simple that it can be believed: a list of what was seen, walked once.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.events import Event, EventKind, WindowAlerts
from cldmon.domain.model import Window
from cldmon.domain.windows import JITTER
from cldmon.notifications.detection import ResetRule, Rules, detect
from tests.collector.env import CollectorEnv
from tests.fakes import DOWN, NOON, FakeSlack, FakeSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes import Said

LATE = NOON + timedelta(days=100)
PERCENT = st.sampled_from([0, 0, 1, 50, 99, 100, 100])
RESETS_AT = st.one_of(
    st.none(), st.integers(-90, 90).map(lambda seconds: NOON + timedelta(seconds=seconds))
)
WINDOW = st.builds(Window, PERCENT, RESETS_AT)
READING: st.SearchStrategy[dict[str, Window]] = st.dictionaries(
    st.sampled_from(["fiveHour", "sevenDay", "models.Fable"]), WINDOW
)


@dataclass(frozen=True)
class Step:
    """One pass: what each account says, whether Slack answers, and whether the pass crashes."""

    alice: dict[str, Window] | None
    bob: dict[str, Window] | None
    slack_up: bool = True
    notify: bool = True
    crash: bool = False


STEP = st.builds(
    Step,
    alice=st.none() | READING,
    bob=st.none() | READING,
    slack_up=st.sampled_from([True, True, False]),
    notify=st.sampled_from([True, True, False]),
    crash=st.sampled_from([False, False, False, True]),
)


@dataclass
class FaultySlack(FakeSlack):
    """A Slack that is up or down, and keeps what arrived."""

    up: bool = True
    arrived: list[Event] = field(default_factory=list)

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        if not self.up:
            return DeliveryResult(DeliveryStatus.LATER, "Slack is down", halt=True)
        self.arrived += events
        return DeliveryResult(DeliveryStatus.DELIVERED)


class Crashing(FakeSource):
    """A source that takes the whole pass down."""

    def read(self, *_: object) -> dict[str, object]:  # type: ignore[override]
        raise ZeroDivisionError


def compute_expected(steps: Sequence[Step]) -> list[str]:
    """Walk what was seen, and write down each time that 100 is reached from below or left for 0."""
    news: list[str] = []
    last: dict[tuple[str, str], int] = {}
    for step in steps:
        for label, said in () if step.crash else (("alice", step.alice), ("bob", step.bob)):
            for name, window in (said or {}).items():
                before = last.get((label, name))
                if before is not None and before < 100 and window.utilization == 100:
                    news.append(f"limit_hit {label} {name}")
                if before == 100 and window.utilization == 0:
                    news.append(f"usage_reset {label} {name}")
                last[label, name] = window.utilization
    return news


def kinds(before: Window, after: Window, rule: ResetRule) -> list[str]:
    """Return what happens from one reading to the next, at a time when no reset lies ahead."""
    found, _ = detect("a", {"w": WindowAlerts(before)}, {"w": after}, at=LATE, rules=Rules(rule))
    return [event.kind for event in found]


def run_steps(data_dir: Path, steps: Sequence[Step]) -> tuple[list[str], int, CollectorEnv]:
    """Make the passes, each by parts that are new, then one in fair weather."""
    slack = FaultySlack()
    env = CollectorEnv(data_dir, labels=("alice", "bob"), slack=slack)
    env.subscribe("U1")
    env.subscribe("U1", label="bob")
    sound, crashing = env.source, Crashing(env.clock)
    for step in steps:
        slack.up = step.slack_up
        env.source = crashing if step.crash else sound
        says: dict[str, Said] = {
            label: DOWN if said is None else {**said}
            for label, said in (("alice", step.alice), ("bob", step.bob))
        }
        with contextlib.suppress(ZeroDivisionError):
            env.run(says, notify=step.notify)
    slack.up, env.source = True, sound
    waiting = env.run({"alice": DOWN, "bob": DOWN}).waiting
    return [f"{t.kind} {t.label} {t.window}" for t in slack.arrived], waiting, env


@settings(max_examples=25)
@given(st.lists(STEP, max_size=8))
def test_each_hit_and_each_reset_is_announced_once_and_in_order(steps: list[Step]) -> None:
    """Through errors, missing windows, restarts, crashes, Slack's outages and silent passes."""
    with tempfile.TemporaryDirectory() as folder:
        told, waiting, env = run_steps(Path(folder), steps)
        assert (told, waiting) == (compute_expected(steps), 0)
        assert len(env.raw_history) == sum(not step.crash for step in steps) + 1


@settings(max_examples=60)
@given(st.lists(READING, max_size=12))
def test_by_the_zero_rule_the_detector_is_the_model(readings: list[dict[str, Window]]) -> None:
    state: dict[str, WindowAlerts] = {}
    found = []
    for reading in readings:
        seen, state = detect("alice", state, reading, at=NOON, rules=Rules(ResetRule.ZERO))
        found += [
            f"{t.kind} {t.label} {t.window}"
            for t in seen
            if t.kind in (EventKind.LIMIT_HIT, EventKind.USAGE_RESET)
        ]
    assert found == compute_expected([Step(alice=reading, bob=None) for reading in readings])


@given(WINDOW, WINDOW, st.integers(-60, 60), st.integers(-60, 60))
def test_jitter_never_makes_or_hides_news(
    before: Window, after: Window, first: int, second: int
) -> None:
    """Two instants a minute apart are one, by either rule."""

    def move_reset(window: Window, seconds: int) -> Window:
        if window.resets_at is None:
            return window
        return Window(window.utilization, NOON + timedelta(seconds=seconds))

    assert timedelta(seconds=120) <= JITTER
    for rule in ResetRule:
        still = kinds(move_reset(before, 0), move_reset(after, 0), rule)
        assert still == kinds(move_reset(before, first), move_reset(after, second), rule)


@settings(max_examples=60)
@given(st.lists(st.tuples(PERCENT, st.integers(0, 3)), min_size=2, max_size=20))
def test_by_the_window_rule_a_reset_follows_each_fall_into_a_later_window(
    passes: list[tuple[int, int]],
) -> None:
    """And one to zero; a fall within a window, or into an earlier one, is none."""
    reading = [Window(percent, NOON + timedelta(hours=5 * which)) for percent, which in passes]
    found = [
        number
        for number, (before, after) in enumerate(itertools.pairwise(reading))
        if "usage_reset" in kinds(before, after, ResetRule.WINDOW)
    ]
    falls = [
        number
        for number, ((before, old), (after, new)) in enumerate(itertools.pairwise(passes))
        if before == 100 and (after == 0 or (after < 100 and new > old))
    ]
    assert found == falls
