"""The two accounts with three channels at once: a Slack channel, a webhook by Apprise, a command.

Each is delivered in a thread of its own, and what becomes of its messages is saved by all of them.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from cldmon.demo.server import Route, json_response
from tests.reliability.command_channel import LOG, CommandScenario
from tests.reliability.result import LostError
from tests.reliability.scenario import (
    EXPECTED_EVENTS,
    Outcome,
    TwoAccountScenario,
    load_json,
)
from tests.simulation.claude import FakeClaude
from tests.simulation.server import FaultyServer
from tests.simulation.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.simulation.faults import Fault

Deliveries: TypeAlias = Counter[tuple[str, str, str]]
"""Which channel got which account's event, and how often."""

CHANNELS = ("team", "hook", "program")
EXPECTED = Counter({(channel, *event): 1 for channel in CHANNELS for event in EXPECTED_EVENTS})
WORDS = {"has been reached": "limit_hit", "has reset": "usage_reset"}


def parse_text(text: str) -> list[tuple[str, str]]:
    """Return the events in a text."""
    found = re.findall(rf"(\w+)'s 5-hour limit ({'|'.join(WORDS)})", text)
    return [(label, WORDS[words]) for label, words in found]


@dataclass
class ManyChannelsScenario(CommandScenario):
    """Slack and the webhook take both events as one message, the command one after the other."""

    hook: FaultyServer
    tables: ClassVar[str] = TwoAccountScenario.tables

    @property
    def more_tables(self) -> str:
        return f"""
[notifications.slack]
bot_token = "{self.slack.token}"
[[notifications.channels]]
name = "team"
slack = "C01TEAM"
[[notifications.channels]]
name = "hook"
url = "{self.hook.url.replace("http:", "json:")}/hook"
[[notifications.channels]]
name = "program"
command = ["sh", "-c", "umask 077; cat >> ../{LOG}"]
"""

    def reset(self, base: Path | None = None) -> None:
        """Return to the moment before the pass, as if no channel had got anything."""
        super().reset(base)
        self.hook.clear()

    def heal(self) -> None:
        """End all faults of the services."""
        super().heal()
        self.hook.faults.forget(None)

    def strike(self, channel: str, fault: Fault) -> None:
        """Let a fault meet the next message to a channel."""
        if channel == "hook":
            self.hook.faults.add(None, fault, None)
        else:
            self.slack.fail(fault)

    def count_deliveries(self) -> Deliveries:
        """Return what each channel got, and how often."""
        posts = [message.text for message in self.slack.sent]
        hooks = [json.loads(request.body)["message"] for request in self.hook.requests]
        got = {
            "team": [event for text in posts for event in parse_text(text)],
            "hook": [event for text in hooks for event in parse_text(text)],
            "program": [*self.count_alerts().elements()],
        }
        return Counter((name, *event) for name in CHANNELS for event in got[name])

    def check_recovery(self, told: Counter[tuple[str, str]] | None = None) -> None:
        """Make the next pass, and prove that nothing is lost and nothing sent needlessly."""
        assert told is None
        self.env.leftovers()  # waits for a program that outlived its pass
        committed = self.read_outcome()
        before = self.count_deliveries()
        waiting = self._read_waiting()
        again = Counter(each for each in waiting if each in before)
        assert sum(channel == "program" for channel, *_ in again) <= 1
        self._check_success(self.env.run("fetch"))
        self._check_history(committed)
        if (found := self.count_deliveries()) != EXPECTED + again or self._read_waiting():
            raise LostError(f"sent {found}, of which again {again}")
        self._check_events()
        self.check_tidy()

    def read_outcome(self, told: Iterable[tuple[str, str]] | None = None) -> Outcome:
        """Return the time of the last commit."""
        line = json.loads(load_json(self.data / "state.json")["historyLine"])
        return Outcome(line["timestamp"], Counter())

    def _read_waiting(self) -> list[tuple[str, str, str]]:
        outbox = load_json(self.data / "state.json")["outbox"]
        return [(message["channel"], message["label"], message["kind"]) for message in outbox]


@contextlib.contextmanager
def many_channels_scenario(folder: Path) -> Iterator[ManyChannelsScenario]:
    """Set up the scenario, whose services run while the block runs."""
    hook = Route("hook", "/hook/?", lambda _request: json_response({}))
    with FakeClaude() as claude, FakeSlack() as slack, FaultyServer((hook,)) as server:
        yield ManyChannelsScenario(folder, claude, slack, server)
