"""Runs the scenario: simulated services, a real configuration, real passes in a real browser."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.app.app import App
from cldmon.app.fetch import fetch
from cldmon.claude.browser import SANDBOX_FAILED
from cldmon.config import write
from cldmon.config.locate import FILE_NAME
from cldmon.demo import scenario
from cldmon.demo.claude import SimClaude
from cldmon.demo.scenario import Use
from cldmon.demo.slack import TOKEN, SimSlack
from cldmon.domain.model import FailureKind
from cldmon.errors import BrowserError
from cldmon.reports.store import ReportFiles
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cldmon.collector.collector import Outcome
    from cldmon.demo.scenario import Moment
    from cldmon.demo.server import Response
    from cldmon.demo.slack import SentMessage

JITTER_SECONDS = 1.0
"""How much the real service's reset times vary between answers."""

_POLL_SECONDS = 1.0
_NO_SANDBOX = (
    f"the browser: {SANDBOX_FAILED}; the demo visits only its own servers, so it runs without it"
)

_log = logging.getLogger(__name__)


class _SandboxError(BrowserError):
    """The browser's sandbox can't start on this machine."""


@dataclass
class Clock:
    """The real UTC time, set back by `behind`."""

    behind: timedelta = timedelta()

    def __call__(self) -> datetime:
        """Return the simulated UTC time."""
        return datetime.now(UTC) - self.behind


@dataclass(frozen=True, slots=True)
class PassRecord:
    """A pass: its simulated UTC time, its outcome, and the Slack messages sent."""

    at: datetime
    outcome: Outcome
    sent: tuple[SentMessage, ...]


@dataclass
class Demo:
    """The services, the application that reads them, and the clock that they share."""

    claude: SimClaude
    slack: SimSlack
    app: App
    clock: Clock
    ends_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    messages: list[SentMessage] = field(default_factory=list)

    def play(self) -> Iterator[PassRecord]:
        """Make every pass of the story; afterwards the clock shows the real time.

        Raise BrowserError if there is no working browser.
        """
        first, *others = scenario.STORY
        try:
            record = self._run_pass(first)
        except _SandboxError:
            _log.warning(_NO_SANDBOX)
            config = self.app.config_path
            files.replace(config, config.read_bytes() + b"\n[browser]\nsandbox = false\n")
            self.app = replace(self.app)  # a new one reads the configuration again
            record = self._run_pass(first)
        yield record
        for moment in others:
            yield self._run_pass(moment)

    def listen(self) -> Iterator[SentMessage]:
        """Yield new Slack messages as they arrive, without end."""
        seen = len(self.slack.sent)
        while True:
            new = self.slack.wait_for(seen + 1, timeout=_POLL_SECONDS)[seen:]
            yield from new
            seen += len(new)

    def name_of(self, user: str | None) -> str:
        """Return a Slack user's name, the team's channel for None; an unknown id as it is."""
        if user is None:
            return "#team"
        known = self.slack.users.get(user)
        return known.real_name if known else user

    def _run_pass(self, moment: Moment) -> PassRecord:
        self.clock.behind = timedelta(minutes=-moment.minute)
        for person in scenario.PEOPLE:
            answer = moment.answers[person.label]
            if answer is None:
                self.claude.remove(person.key)
                continue
            usage: Mapping[str, object] | Response = (
                person.usage(answer, moment.minute, self.ends_at)
                if isinstance(answer, Use)
                else answer
            )
            self.claude.add(person.account(person.key, usage))
        if report := scenario.make_report(moment.minute, self.clock(), self.ends_at):
            ReportFiles(self.app.outline.data_dir).receive(report)
        at, before = self.clock(), len(self.slack.sent)
        outcome = fetch(self.app)
        for account in outcome.failed:
            if account.failure and account.failure.kind is FailureKind.NO_BROWSER:
                message = account.failure.message
                raise _SandboxError(message) if SANDBOX_FAILED in message else BrowserError(message)
        # Channels deliver side by side: first what people got, then the team's channel.
        sent = sorted(self.slack.sent[before:], key=lambda message: message.user is None)
        self.messages += sent
        return PassRecord(at, outcome, tuple(sent))


@contextmanager
def start_demo(folder: Path, env: Mapping[str, str]) -> Iterator[Demo]:
    """Write a configuration into `folder` and run the services while the block runs."""
    clock = Clock()
    with (
        SimClaude(jitter=JITTER_SECONDS) as claude,
        SimSlack(users=scenario.TEAM, channels={scenario.TEAM_CHANNEL: ()}, clock=clock) as slack,
    ):
        config, data = folder / FILE_NAME, folder / "data"
        write.create(config, _build_config(claude.url, slack.url))
        subscriptions = SubscriptionsFile(data)
        for (user, label), wanted in scenario.ALERTS.items():
            subscriptions.change(user, label, lambda _old, new=wanted: new)  # type: ignore[misc]
        demo = Demo(claude, slack, App(config, data, env, clock), clock)
        dave = scenario.DAVE  # the simulated login page hands out his new key
        claude.add(dave.account(dave.new_key, dave.usage(scenario.RENEWED, 0, demo.ends_at)))
        claude.sign_in(dave.new_key)
        yield demo


def _build_config(claude_url: str, slack_url: str) -> str:
    accounts = ""
    for person in scenario.PEOPLE:
        accounts += f'\n[[accounts]]\nlabel = "{person.label}"\nsession_key = "{person.key}"\n'
        if owner := scenario.OWNERS.get(person.label):
            accounts += f'owner = "{owner}"\n'
    return f"""\
# Written by `cldmon demo`: five accounts of a simulated claude.ai, and a simulated Slack.
# Both listen for as long as the demo runs (with --stay: until Ctrl-C).
claude_url = "{claude_url}"
slack_url = "{slack_url}"
data_dir = "data"
fetch_interval_minutes = {scenario.INTERVAL_MINUTES}

[notifications.slack]
enabled = true
bot_token = "{TOKEN}"

[[notifications.channels]]
name = "team"
slack = "{scenario.TEAM_CHANNEL}"

[[notifications.channels]]
command = ["sh", "-c", "umask 077; cat >> {scenario.COMMAND_LOG}"]
events = ["run_out"]
thresholds = [90]
accounts = ["bob"]
{accounts}
[[accounts]]
label = "{scenario.REPORTED}"
source = "report"
"""
