"""A month of four accounts: how they were really used, and the files that passes leave of it."""

from __future__ import annotations

import gzip
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from cldmon.domain.events import Event, Outage, WindowAlerts
from cldmon.domain.model import Failure, FailureKind, Window
from cldmon.notifications.detection import ResetRule, Rules, detect, detect_outage
from cldmon.store.history import format_event_line, format_line, get_day_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path


BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
"""In Berlin, clocks are put forward within this month."""
STEP = timedelta(minutes=10)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
SESSION = timedelta(hours=5)
FAILED = Failure(FailureKind.KEY_EXPIRED, "session key expired")
RULES = Rules(ResetRule.WINDOW, (80,))
WINDOWS = {
    "alice": ("fiveHour", "sevenDay"),
    "bob": ("fiveHour", "sevenDay", "models.Fable"),
    "carol": ("sevenDay",),
    "dave": ("fiveHour", "sevenDay"),
}


@dataclass
class Use:
    """How one account is really used, in percent, and what ended its weeks.

    `week_ends` and `early_ends` are when a weekly window was reset, by its name.
    """

    windows: tuple[str, ...]
    random: Random
    resets_at: dict[str, datetime | None] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    week_ends: list[tuple[str, datetime]] = field(default_factory=list)
    early_ends: list[tuple[str, datetime]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.used = dict.fromkeys(self.windows, 0.0)
        first = BEGIN + timedelta(hours=self.random.randrange(7 * 24), minutes=7)
        self.resets_at = {name: None if name == "fiveHour" else first for name in self.windows}
        self.pace = self.random.choice((0.15, 0.35))

    def move(self, now: datetime, most_when_reset: float) -> None:
        """Use something for one step, after what has ended by now.

        A week may be reset early if no more than this much of it is used.
        """
        for name, at in self.resets_at.items():
            if at is not None and at <= now:
                if name != "fiveHour":
                    self.week_ends.append((name, at))
                self.used[name] = 0.0
                self.resets_at[name] = None if name == "fiveHour" else at + WEEK
        weekly = [name for name in self.windows if name != "fiveHour"]
        if self.random.random() < 0.002 and all(
            9 <= self.used[name] <= most_when_reset and end - now > SESSION + SESSION
            for name in weekly
            if (end := self.resets_at[name])
        ):
            for name in weekly:  # a saved reset: the window goes on until the same time
                self.early_ends.append((name, now))
                self.used[name] = 0.0
        is_awake = 7 <= now.hour < 23
        if is_awake and all(used < 100 for used in self.used.values()):
            more = self.random.random() * self.pace
            for name in self.windows:
                share = 20 if name == "fiveHour" else 1
                self.used[name] = min(100.0, self.used[name] + more * share)
            if "fiveHour" in self.windows and self.resets_at["fiveHour"] is None:
                self.resets_at["fiveHour"] = now + SESSION

    def read(self) -> dict[str, Window]:
        """Return what the service says."""
        return {
            name: Window(int(self.used[name] + 0.5), self.resets_at[name]) for name in self.windows
        }


@dataclass
class Month:
    """What passes saw, and what really happened.

    `recorded_since` is the first day of which events were stored.
    """

    random: Random
    uses: dict[str, Use] = field(default_factory=dict)
    readings: dict[datetime, dict[str, dict[str, Window]]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    recorded_since: datetime = BEGIN

    def write(self, folder: Path) -> None:
        """Write the files of all days, some of them gzipped, with damage between the lines."""
        lines: defaultdict[tuple[str, date], list[str]] = defaultdict(list)
        for at, read in self.readings.items():
            lines["history", at.date()].append(format_line(at, read))
        for event in self.events:
            if event.at >= self.recorded_since:
                lines["events", event.at.date()].append(format_event_line(event, event.at))
        for (name, day), found in lines.items():
            for _ in range(self.random.randrange(3)):
                torn = self.random.choice(found)[: self.random.randrange(2, 20)]
                foreign = self.random.choice((torn, "", "{}", "not a line", "\0" * 40))
                found.insert(self.random.randrange(len(found) + 1), foreign)
            text = "\n".join(found).encode() + b"\n"
            path = get_day_path(folder, day, name)
            if self.random.random() < 0.3:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(text, 1))
            else:
                path.write_bytes(text)


@cache
def make_month(seed: int) -> Month:
    """Return a month with failures, gaps, wrong samples, missing windows and early resets."""
    random = Random(seed)  # noqa: S311 - reproducible
    month = Month(random, {label: Use(names, random) for label, names in WINDOWS.items()})
    month.recorded_since = BEGIN + random.randrange(2, 9) * DAY
    alerts: dict[str, Mapping[str, WindowAlerts]] = {label: {} for label in WINDOWS}
    outages: dict[str, Outage | None] = dict.fromkeys(WINDOWS, None)
    failed_until = dict.fromkeys(WINDOWS, BEGIN)
    asleep_until = BEGIN
    sure: dict[str, int] = dict.fromkeys(WINDOWS, 0)
    for now in _iter_steps():
        age = now - month.recorded_since
        # The files say that a reset was early if they have the event, or the end of the window.
        most_when_reset = 100 if abs(age) > 9 * DAY else 99 if abs(age) > DAY else 0
        if now >= asleep_until and random.random() < 0.002 and not any(sure.values()):
            asleep_until = now + random.choice((1, 3, 40)) * STEP
        read = {}
        for label, use in month.uses.items():
            use.move(now, 0 if sure[label] else most_when_reset)
            if now < asleep_until:
                continue
            sure[label] = max(0, sure[label] - 1)
            if now >= failed_until[label] and random.random() < 0.003 and not sure[label]:
                failed_until[label] = now + random.choice((1, 2, 6, 30)) * STEP
            is_failed = now < failed_until[label]
            kind, outages[label] = detect_outage(outages[label], FAILED if is_failed else None, now)
            if kind:
                month.events.append(Event(kind, label, None, now))
            if is_failed:
                continue
            windows = use.read()
            if random.random() < 0.01 and not sure[label]:
                windows.pop(random.choice(use.windows))
            elif random.random() < 0.01 and _is_far_from_resets(use, now) and not sure[label]:
                wrong = random.choice(use.windows)
                if use.used[wrong] >= 12:
                    windows[wrong] = Window(0, windows[wrong].resets_at)
                    sure[label] = 2  # the next readings are good ones
            found, alerts[label] = detect(label, alerts[label], windows, at=now, rules=RULES)
            month.events += found
            read[label] = windows
        if now >= asleep_until:
            month.readings[now] = read
    return month


def _iter_steps() -> Iterator[datetime]:
    now = BEGIN
    while now < END:
        yield now
        now += STEP


def _is_far_from_resets(use: Use, now: datetime) -> bool:
    """Return whether no reset is near, nor was there one just now."""
    ahead = [END, *(at for at in use.resets_at.values() if at)]
    past = [at for _, at in use.week_ends + use.early_ends]
    return all(abs(at - now) > timedelta(hours=2) for at in ahead + past)
