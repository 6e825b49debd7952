"""A data_dir with all that a pass touches; every pass is made by parts that are new."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from cldmon.collector.collector import Collector, Target
from cldmon.collector.next_state import Settings
from cldmon.domain.secret import Secret
from cldmon.notifications.rules import Audience
from cldmon.reports.source import ReportSource
from cldmon.store.state import DIRECT_MESSAGES, StateFile
from tests.fakes import Clock, FakeSlack, FakeSource, collect_warnings, set_alerts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from cldmon.collector.collector import Outcome, Source
    from cldmon.notifications.channel import Channel
    from cldmon.store.state import State
    from tests.fakes import Said

TEN_MINUTES = timedelta(minutes=10)


@dataclass
class CollectorEnv:
    """A data_dir, a clock, a service and a Slack.

    Each `run` is a pass ten minutes later by a Collector of its own, as after a restart.
    """

    data_dir: Path
    labels: Sequence[str] = ("alice",)
    settings: Settings = field(default_factory=lambda: Settings(slack_enabled=True))
    slack: FakeSlack | None = field(default_factory=FakeSlack)
    keys: dict[str, str] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    audience: Audience = field(default_factory=Audience)
    warnings: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    reporting: Collection[str] = ()
    keyless: Collection[str] = ()

    def __post_init__(self) -> None:
        self.source = FakeSource(self.clock)

    def run(
        self,
        says: dict[str, Said] | None = None,
        *,
        only: Collection[str] = (),
        notify: bool = True,
        by_hand: bool = False,
        later: timedelta = TEN_MINUTES,
    ) -> Outcome:
        """Make a pass in which each account answers what is said here."""
        self.clock.tick(later)
        self.source.says = says or {}
        self.warnings.clear()
        with collect_warnings(self.warnings):
            return self.collector().run(only, notify=notify, by_hand=by_hand)

    def collector(self, source: Source | None = None) -> Collector:
        return Collector(
            self.data_dir,
            [
                Target(
                    label,
                    None if label in self.keyless else partial(self._key, label),
                    reports=label in self.reporting,
                )
                for label in self.labels
            ],
            source or self.source,
            {**self.channels, **({DIRECT_MESSAGES: self.slack} if self.slack else {})},
            now=self.clock,
            settings=self.settings,
            audience=self.audience,
            reports=ReportSource(self.data_dir),
        )

    def _key(self, label: str) -> Secret:
        return Secret(self.keys.get(label, f"sk-ant-sid01-{label}"))

    def subscribe(self, *users: str, label: str = "alice") -> None:
        """Let users hear of everything that happens to an account."""
        for user in users:
            set_alerts(self.data_dir, user, label, limit_hit=True, reset=True)

    @property
    def state(self) -> State:
        return StateFile(self.data_dir).load()

    @property
    def sent_alerts(self) -> list[str]:
        """What people were told, e.g. `U1: limit_hit alice fiveHour`."""
        sent = self.slack.sent if self.slack else []
        return [f"{user}: {t.kind.value} {t.label} {t.window}" for user, t in sent]

    @property
    def history(self) -> list[dict[str, Any]]:
        """The good lines of all day files, oldest file first."""
        return [json.loads(line) for line in self.raw_history if line.endswith(b"}]}")]

    @property
    def raw_history(self) -> list[bytes]:
        files = sorted(self.data_dir.glob("history-*.jsonl"))
        return [line for file in files for line in file.read_bytes().splitlines()]

    def percents(self, label: str = "alice") -> list[int]:
        """The 5-hour percentages that the history holds of an account."""
        return [
            entry["fiveHour"]
            for line in self.history
            for entry in line["accounts"]
            if entry["label"] == label
        ]
