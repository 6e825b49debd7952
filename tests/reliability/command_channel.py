"""The two accounts with a command channel in place of Slack: its deliveries, seen from outside.

The only channel is delivered by the thread that strace watches.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from tests.reliability.result import LostError
from tests.reliability.scenario import (
    EXPECTED_EVENTS,
    Outcome,
    TwoAccountScenario,
    load_json,
)
from tests.simulation.claude import FakeClaude
from tests.simulation.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LOG = "command.jsonl"


class CommandScenario(TwoAccountScenario):
    """Each event is a line that the program has appended."""

    tables: ClassVar[str] = f"""
[browser]
timeout_seconds = 50

[[notifications.channels]]
command = ["sh", "-c", "umask 077; cat >> ../{LOG}"]
"""
    uses_slack: ClassVar[bool] = False

    @property
    def log(self) -> Path:
        """What the program wrote: beside data_dir, so that no loss of power concerns it."""
        return self.data.parent / LOG

    def reset(self, base: Path | None = None) -> None:
        """Return to the moment before the pass, as if the program had never run."""
        super().reset(base)
        self.log.unlink(missing_ok=True)

    def check_recovery(self, told: Counter[tuple[str, str]] | None = None) -> None:
        """Make the next pass, and prove that nothing is lost and nothing sent needlessly.

        After a loss of power (`told` is given) that pass sends what waited on the disk, or all of
        it if the disk has nothing of the pass before.
        """
        if told is None:
            super().check_recovery()
            return
        state = load_json(self.data / "state.json")
        committed = json.loads(state["historyLine"])["timestamp"]
        waiting = Counter((message["label"], message["kind"]) for message in state["outbox"])
        self._check_success(self.env.run("fetch"))
        self._check_history(Outcome(committed, Counter()))
        expected = EXPECTED_EVENTS if committed in self.began else waiting
        if (sent := self.count_alerts()) != expected or self.env.state["outbox"]:
            raise LostError(f"sent {sent}, not {expected}")
        self._check_events()
        self.check_tidy()

    def count_alerts(self) -> Counter[tuple[str, str]]:
        """Return which events the program got, and how often."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        events = map(json.loads, lines)
        return Counter((event["account"], event["event"]) for event in events)

    def read_outcome(self, told: Iterable[tuple[str, str]] | None = None) -> Outcome:
        """Return what is there once a program that outlived its pass has ended."""
        self.env.leftovers()  # waits for processes to end
        state, sent = load_json(self.data / "state.json"), self.count_alerts()
        waiting = [(message["label"], message["kind"]) for message in state["outbox"]]
        line = json.loads(state["historyLine"])
        return Outcome(line["timestamp"], Counter(each for each in waiting if each in sent))

    def _check_alerts(self, told: Counter[tuple[str, str]], left: Outcome) -> None:
        if told != EXPECTED_EVENTS + left.again:
            raise LostError(f"told {told}, of which again {left.again}")
        assert self.env.state["outbox"] == []


@contextlib.contextmanager
def command_scenario(folder: Path) -> Iterator[CommandScenario]:
    """Set up the scenario, whose service runs while the block runs."""
    with FakeClaude() as claude, FakeSlack() as slack:
        yield CommandScenario(folder, claude, slack)
