"""Passes in random order over real files; every alert is compared with a model of the contract.

PASSES=20000 pytest tests/notifications/test_model.py makes that many passes.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections import deque
from datetime import UTC, time, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    run_state_machine_as_test,
)
from hypothesis.stateful import rule as action

from cldmon.collector.next_state import Settings
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.events import Event, EventKind
from cldmon.domain.model import (
    Account,
    Failure,
    FailureKind,
    Reading,
    SavedResets,
    Snapshot,
    Window,
)
from cldmon.domain.ports import Organization, ReadRequest, ReadResult
from cldmon.domain.subscriptions import QuietHours, Subscription
from cldmon.errors import StoreError
from cldmon.forecasts import compute_forecasts
from cldmon.notifications.detection import ResetRule
from cldmon.notifications.rules import Audience, ChannelRule
from cldmon.store.state import DIRECT_MESSAGES
from cldmon.store.subscriptions import SubscriptionsFile
from tests.collector.env import CollectorEnv
from tests.fakes import NOON, FakeSlack
from tests.notifications.model import (
    DAY,
    HOUR,
    MINUTE,
    AlertModel,
    ChannelWish,
    Happened,
    Reader,
    Shown,
    Wish,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, tzinfo

    from cldmon.domain.ports import Lookup

LABELS = ("alice", "bob")
WINDOWS = ("fiveHour", "sevenDay")
USERS = ("U1", "U2", "U3")
OWNERS = {"alice": "U1"}
ZONES = {"U1": timedelta(), "U2": timedelta(hours=9), "U3": timedelta(hours=-5)}
RULES = (
    ChannelRule("posts", thresholds=(80, 90)),
    ChannelRule("hook", events=tuple(EventKind), accounts=("bob",)),
)
MAX_EVENTS = {"posts": 3, "hook": 1, DIRECT_MESSAGES: 8}
FIELDS = {
    "limit_hit": "limit_hit",
    "reset": "usage_reset",
    "run_out": "run_out",
    "changes": "limit_changed",
}
STEPS = 50
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
"""Where files may be synced in no time: that they survive a loss of power is tested elsewhere."""

LABEL, NAME, USER = st.sampled_from(LABELS), st.sampled_from(WINDOWS), st.sampled_from(USERS)
PERCENT = st.sampled_from([0, 0, 4, 40, 69, 70, 71, 79, 80, 85, 90, 94, 95, 99, 100, 100])
AHEAD = st.none() | st.sampled_from([-HOUR, 30 * MINUTE, 61 * MINUTE, 4 * HOUR, 5 * HOUR, 3 * DAY])
LATER = st.sampled_from([timedelta(minutes=m) for m in (1, 10, 10, 10, 31, 60, 300, 720)])
FAILURES = st.sampled_from(
    [
        FailureKind.KEY_EXPIRED,
        FailureKind.SERVICE_DOWN,
        FailureKind.TIMEOUT,
        FailureKind.RATE_LIMITED,
        FailureKind.REFUSED,
    ]
)
RESULTS = st.lists(
    st.one_of(
        st.just(DeliveryResult(DeliveryStatus.DELIVERED)),
        st.builds(
            DeliveryResult,
            st.just(DeliveryStatus.LATER),
            halt=st.booleans(),
            retry_after=st.none() | st.just(25 * MINUTE),
        ),
        st.just(DeliveryResult(DeliveryStatus.GONE)),
        st.builds(DeliveryResult, st.just(DeliveryStatus.UNSURE), halt=st.booleans()),
    ),
    max_size=4,
)


class KilledError(BaseException):
    """Stands for the end of the process, at an edge."""


class WatchedChannel(FakeSlack):
    """A channel that notes what it was handed; with `dies`, the pass ends as it has taken it."""

    def __init__(self, max_events: int) -> None:
        super().__init__(max_events=max_events)
        self.handed: list[tuple[str | None, list[Event], DeliveryResult]] = []
        self.dies = False

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        result = super().send(user, events)
        if self.dies:
            raise KilledError
        self.handed.append((user, list(events), result))
        return result


class ScriptedSource:
    """A service that shows what it is told; `kill`: the pass ends as it is asked."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.windows: dict[str, dict[str, Window]] = {label: {} for label in LABELS}
        self.failures: dict[str, FailureKind] = {}
        self.saved: dict[str, list[datetime]] = {}
        self.kill = False

    def read(
        self, lookups: Mapping[str, Lookup], done: Callable[[str], None]
    ) -> Mapping[str, ReadResult | Failure]:
        if self.kill:
            raise KilledError
        results: dict[str, ReadResult | Failure] = {}
        for label, lookup in lookups.items():
            assert isinstance(lookup.result(), ReadRequest)
            results[label] = self._read(label)
            done(label)
        return results

    def _read(self, label: str) -> ReadResult | Failure:
        if label in self.failures:
            return Failure(self.failures[label], "words")
        organization = Organization(f"org-{label}", "Max")
        return ReadResult(self.reading(label), organization)

    def reading(self, label: str) -> Reading:
        ends = self.saved.get(label, [])
        saved = SavedResets(len(ends), min(ends), tuple(ends)) if ends else None
        return Reading(
            taken_at=self._now(),
            windows=dict(self.windows[label]),
            plan="Max",
            organization=f"org-{label}",
            saved_resets=saved,
        )


def zone_of(user: str) -> tzinfo | None:
    return timezone(ZONES[user])


class Alerts(RuleBasedStateMachine):
    """What happens to accounts, people, channels and the machine, and passes in between."""

    passes: ClassVar[int] = 0
    sent: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="cldmon-alerts-", dir=MEMORY)
        self.channels = {name: WatchedChannel(most) for name, most in MAX_EVENTS.items()}
        self.env = CollectorEnv(
            Path(self.folder.name) / "data",
            labels=LABELS,
            slack=self.channels[DIRECT_MESSAGES],
            channels={n: c for n, c in self.channels.items() if n != DIRECT_MESSAGES},
            audience=Audience(channels=RULES, owners=OWNERS, timezone=zone_of),
        )
        self.source = ScriptedSource(self.env.clock)
        self.file = SubscriptionsFile(self.env.data_dir)
        self.is_readable = True
        self.count = 0

    def teardown(self) -> None:
        self.folder.cleanup()

    @initialize(by_window=st.booleans(), subscribed=st.booleans())
    def begin(self, by_window: bool, subscribed: bool) -> None:
        rule = ResetRule.WINDOW if by_window else ResetRule.ZERO
        self.env.settings = Settings(slack_enabled=True, rule=rule)
        self.model = AlertModel(
            by_window,
            {
                "posts": ChannelWish(
                    frozenset({"limit_hit", "usage_reset", "account_failed", "account_recovered"}),
                    (80, 90),
                ),
                "hook": ChannelWish(frozenset(map(str, EventKind)), labels=("bob",)),
            },
            OWNERS,
        )
        for user in USERS[:2] if subscribed else ():
            for label in LABELS:
                self.subscribe(user, label, {*FIELDS}, [80], None)
        for label in LABELS:
            for name in WINDOWS:
                self.source.windows[label][name] = Window(40, NOON + 5 * HOUR)
        self.make_pass(10 * MINUTE)

    @action(label=LABEL, name=NAME, percent=PERCENT, ahead=AHEAD, later=LATER)
    def show(
        self, label: str, name: str, percent: int, ahead: timedelta | None, later: timedelta
    ) -> None:
        resets_at = None if ahead is None else self.env.clock.at + ahead
        self.source.windows[label][name] = Window(percent, resets_at)
        self.make_pass(later)

    @action(label=LABEL, name=NAME, percent=PERCENT, later=LATER)
    def use(self, label: str, name: str, percent: int, later: timedelta) -> None:
        """The percentage changes, and the reset stays."""
        before = self.source.windows[label].get(name, Window(0, None))
        self.source.windows[label][name] = Window(percent, before.resets_at)
        self.make_pass(later)

    @action(label=LABEL, name=NAME, low=st.sampled_from([69, 70, 71, 75]), later=LATER)
    def wobble(self, label: str, name: str, low: int, later: timedelta) -> None:
        """Use crosses a threshold, falls, and crosses it again, before one reset."""
        resets_at = self.env.clock.at + 3 * DAY
        for percent in (79, 80, low, low, 80):
            self.source.windows[label][name] = Window(percent, resets_at)
            self.make_pass(min(later, HOUR))

    @action(
        label=LABEL,
        name=NAME,
        by=st.sampled_from([-11, -6, -5, -4, -1, 0, 0, 1]),
        moved=st.sampled_from([0, 0, 2, 3, 10, 11, -11]),
        ahead=st.sampled_from([50 * MINUTE, 3 * HOUR]),
    )
    def drift(self, label: str, name: str, by: int, moved: int, ahead: timedelta) -> None:
        """A window falls, rises or moves by little."""
        resets_at = self.env.clock.at + ahead
        self.source.windows[label][name] = Window(88, resets_at)
        self.make_pass(10 * MINUTE)
        self.make_pass(10 * MINUTE)
        self.source.windows[label][name] = Window(88 + by, resets_at + moved * MINUTE)
        self.make_pass(MINUTE)
        self.make_pass(MINUTE)

    @action(label=LABEL, name=NAME, percent=PERCENT, user=USER, is_read=st.booleans())
    def sleep_through(self, label: str, name: str, percent: int, user: str, is_read: bool) -> None:
        """Thresholds are crossed in somebody's night, and by its end all may be otherwise.

        Or unknown, where the account can't be read then.
        """
        self.pause(user, 12)
        resets_at = self.env.clock.at + 12 * HOUR
        for now_at in (50, 85, 96, percent, percent):
            self.source.windows[label][name] = Window(now_at, resets_at)
            self.make_pass(HOUR)
        if not is_read:
            self.source.failures[label] = FailureKind.REFUSED
        self.make_pass(11 * HOUR)

    @action(
        label=LABEL,
        name=NAME,
        to=st.sampled_from([0, 3, 40]),
        later=LATER,
        full=st.sampled_from([95, 100]),
        is_late=st.booleans(),
    )
    def fill_and_fall(
        self, label: str, name: str, to: int, later: timedelta, full: int, is_late: bool
    ) -> None:
        """The reading after the fall may still have the reset of the window before."""
        now = self.env.clock.at
        for percent in (50, 85, full):
            self.source.windows[label][name] = Window(percent, now + 2 * HOUR)
            self.make_pass(10 * MINUTE)
        for percent, hours in ((0 if is_late else to, 2 if is_late else 7), (to, 7), (to + 2, 7)):
            self.source.windows[label][name] = Window(percent, now + hours * HOUR)
            self.make_pass(later)

    @action(label=LABEL, rate=st.sampled_from([3, 6, 12]))
    def hurry(self, label: str, rate: int) -> None:
        """A session in which use rises evenly."""
        resets_at = self.env.clock.at + 4 * HOUR
        for number in range(6):
            self.source.windows[label]["fiveHour"] = Window(rate * number, resets_at)
            self.make_pass(10 * MINUTE)

    @action(label=LABEL, name=NAME)
    def vanish(self, label: str, name: str) -> None:
        self.source.windows[label].pop(name, None)

    @action(label=LABEL, kind=FAILURES, times=st.integers(1, 6), later=LATER)
    def fail(self, label: str, kind: FailureKind, times: int, later: timedelta) -> None:
        self.source.failures[label] = kind
        for _ in range(times):
            self.make_pass(min(later, HOUR))

    @action(label=LABEL, user=USER, times=st.integers(0, 5))
    def recover_in_the_night(self, label: str, user: str, times: int) -> None:
        """And perhaps fail again, for a while or for long."""
        self.pause(user, None)
        self.source.failures[label] = FailureKind.REFUSED
        for _ in range(4):
            self.make_pass(10 * MINUTE)
        self.pause(user, 1)
        del self.source.failures[label]
        self.make_pass(10 * MINUTE)
        self.source.failures[label] = FailureKind.REFUSED
        for _ in range(times):
            self.make_pass(10 * MINUTE)
        self.make_pass(HOUR)

    @action()
    def heal(self) -> None:
        self.source.failures.clear()
        self.make_pass(10 * MINUTE)

    @action(label=LABEL, days=st.lists(st.sampled_from([0, 1, 2, 3, 4, 10]), max_size=3))
    def save_resets(self, label: str, days: list[int]) -> None:
        self.source.saved[label] = [self.env.clock.at + number * DAY for number in days]

    @action(label=LABEL, number=st.integers(0, 1))
    def sign_in_again(self, label: str, number: int) -> None:
        self.env.keys[label] = f"sk-ant-sid02-{label}-{number}"

    @action(
        user=USER,
        label=LABEL,
        fields=st.sets(st.sampled_from([*FIELDS])),
        thresholds=st.sampled_from([[], [80], [70, 90], [1, 99], [95]]),
        names=st.sampled_from([None, None, ("sevenDay",), ("fiveHour",)]),
    )
    def subscribe(
        self,
        user: str,
        label: str,
        fields: set[str],
        thresholds: list[int],
        names: tuple[str, ...] | None,
    ) -> None:
        if self.is_readable:
            new = Subscription(
                thresholds=tuple(thresholds), windows=names, **dict.fromkeys(fields, True)
            )
            self.file.change(user, label, lambda _old: new)
            kinds = {FIELDS[each] for each in fields}
            kinds |= {"saved_reset_ending"} if "changes" in fields else set()
            wish = Wish(frozenset(kinds), tuple(thresholds), names)
            self.reader(user).wishes[label] = wish

    @action(user=USER, hours=st.none() | st.tuples(st.integers(0, 23), st.integers(1, 23)))
    def be_quiet(self, user: str, hours: tuple[int, int] | None) -> None:
        """From some hour on, for so many."""
        if not self.is_readable:
            return
        quiet = None
        if hours:
            first, end = hours[0], (hours[0] + hours[1]) % 24
            quiet = QuietHours(time(first), time(end))
            self.reader(user).quiet = (first * 60, end * 60)
        else:
            self.reader(user).quiet = None
        self.file.set_quiet(user, quiet)

    @action(user=USER, hours=st.sampled_from([None, 1, 12, 200]))
    def pause(self, user: str, hours: int | None) -> None:
        if self.is_readable:
            until = None if hours is None else self.env.clock.at + hours * HOUR
            self.file.pause(user, until)
            self.reader(user).paused_until = until

    def reader(self, user: str) -> Reader:
        return self.model.readers.setdefault(user, Reader(offset=ZONES[user]))

    @action()
    def spoil_or_restore_the_subscriptions(self) -> None:
        path, aside = self.file.path, self.file.path.with_name("aside")
        if self.is_readable and path.exists():
            path.rename(aside)
            path.write_text("{")
            self.is_readable = False
        elif not self.is_readable:
            aside.rename(path)
            self.is_readable = True

    @action(name=st.sampled_from([*MAX_EVENTS]), results=RESULTS)
    def answer(self, name: str, results: list[DeliveryResult]) -> None:
        """So the next messages on a channel will be met; then all is well again."""
        self.channels[name].results = deque(results)

    @action(later=st.sampled_from([-HOUR, -MINUTE, MINUTE, 10 * MINUTE, DAY, 8 * DAY, 22 * DAY]))
    def wait(self, later: timedelta) -> None:
        self.make_pass(later)

    @action()
    def trust_a_wrong_clock(self) -> None:
        self.make_pass(400 * DAY)
        self.make_pass(-400 * DAY)

    @action()
    def kill_while_reading(self) -> None:
        """Nothing of such a pass is left."""
        self.source.kill = True
        self.env.clock.tick(MINUTE)
        assert not self.run()
        self.source.kill = False

    @action(name=st.sampled_from([*MAX_EVENTS]))
    def kill_after_a_channel_took_it(self, name: str) -> None:
        """The one message that may come twice."""
        self.channels[name].dies = True
        self.make_pass(10 * MINUTE)
        self.channels[name].dies = False

    @action()
    def break_the_events(self) -> None:
        """The first pass of a day is committed and fails; the next one does what it left."""
        self.env.clock.tick(DAY)
        file = self.env.data_dir / f"events-{self.env.clock.at:%Y-%m-%d}.jsonl"
        if not file.exists():
            file.mkdir(parents=True)
            self.make_pass(timedelta())
            file.rmdir()
            self.make_pass(MINUTE)

    def make_pass(self, later: timedelta) -> None:
        """Make a pass, let the model say what it should have done, and compare."""
        self.count += 1
        Alerts.passes += 1
        # No two passes end in the same millisecond, even if the clock is set back.
        now = self.env.clock.at + later
        now = self.env.clock.at = now.replace(microsecond=self.count % 1000 * 1000)
        for channel in self.channels.values():
            channel.handed.clear()
        is_whole = self.run()
        self.model.commit(now, self.expect(now), readable=self.is_readable)
        self.compare_deliveries(now, is_whole=is_whole)
        if is_whole:
            self.compare_files()

    def run(self) -> bool:
        """Make a pass, and return whether it came to its end."""
        before = set(threading.enumerate())
        try:
            self.env.collector(self.source).run()
        except (KilledError, StoreError):
            # Channels deliver still: a pass that is killed does not wait for them.
            for thread in {*threading.enumerate()} - before:
                thread.join()
            return False
        assert not {*threading.enumerate()} - before
        return True

    def expect(self, now: datetime) -> list[Happened]:
        good = [label for label in LABELS if label not in self.source.failures]
        accounts = tuple(Account(label, self.source.reading(label)) for label in good)
        snapshot = Snapshot(now, accounts, self.env.settings.interval)
        forecasts = compute_forecasts(self.env.data_dir, snapshot, now)  # tested elsewhere
        found = []
        for label in LABELS:
            seen = self.source.failures.get(label) or {
                name: Shown(window.utilization, window.resets_at)
                for name, window in self.source.windows[label].items()
            }
            full = {n: forecasts[label, n].full_at for n in WINDOWS if (label, n) in forecasts}
            key = self.env.keys.get(label, label)
            saved = self.source.saved.get(label, [])
            found += self.model.see(now, label, key, seen, saved, full, readable=self.is_readable)
        return found

    def compare_deliveries(self, now: datetime, *, is_whole: bool) -> None:
        before = self.model.sent
        for name, channel in self.channels.items():
            due = self.model.may_deliver(name, now)
            halted = False
            for user, events, result in channel.handed:
                assert not halted, "a channel that said halt was handed more"
                assert len(groups(events)) <= MAX_EVENTS[name]
                told = [to_happened(event) for event in events]
                self.model.answer(name, user, told, result.status, result.retry_after, now)
                halted = result.halt
            count = sum(len(events) for _, events, _ in channel.handed)
            if is_whole and self.is_readable_for(name) and not halted:
                assert count == len(due), f"{name} was handed {count} of {len(due)}"
        Alerts.sent += self.model.sent - before

    def is_readable_for(self, name: str) -> bool:
        return self.is_readable or name != DIRECT_MESSAGES

    def compare_files(self) -> None:
        state = self.env.state
        assert [
            (to_happened(m.event), m.channel and (m.channel, m.user), m.held, m.unsure)
            for m in state.outbox
        ] == [(w.happened, w.recipient, w.held, w.attempts) for w in self.model.waiting]
        days: dict[str, list[tuple[object, ...]]] = {}
        for event in self.model.happened:
            line = (round(event.at.timestamp() * 1000), event.kind, event.label, event.window)
            days.setdefault(f"{event.at.astimezone(UTC):%Y-%m-%d}", []).append(line)
        found = {
            path.name[7:17]: [
                (line["timestamp"], line["event"], line["label"], line["window"])
                for line in map(json.loads, path.read_bytes().splitlines())
            ]
            for path in self.env.data_dir.glob("events-*.jsonl")
            if path.is_file()
        }
        assert found == days


def to_happened(event: Event) -> Happened:
    ends = None if event.kind in ("account_failed", "account_recovered") else event.resets_at
    return Happened(
        event.kind, event.label, event.window, event.at, event.thresholds, ends, event.days
    )


def groups(events: Sequence[Event]) -> set[object]:
    """Return the events as a message counts them: accounts that fail alike are one."""
    return {
        (event.kind, event.reason) if event.kind.startswith("account_") else id(event)
        for event in events
    }


def test_alerts_are_what_the_contract_says() -> None:
    passes = int(os.environ.get("PASSES", "500"))
    while Alerts.passes < passes:
        examples = max(1, min(10, passes // STEPS))
        run_state_machine_as_test(
            Alerts,
            settings=settings(max_examples=examples, stateful_step_count=STEPS, database=None),
        )
    print(f"{Alerts.passes} passes, {Alerts.sent} alerts sent")
