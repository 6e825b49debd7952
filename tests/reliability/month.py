"""Passes in compressed time over real files, with all that goes wrong, compared with the model.

Each pass is the real `cldmon fetch`, but that its clock is set: every so many as a process of its
own with a real Chromium, the others with a source that asks without one.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.app.fetch import fetch
from cldmon.demo.claude import SimAccount, SimOrganization
from cldmon.errors import BusyError, StoreError
from cldmon.store.history import list_day_files
from cldmon.store.state import DIRECT_MESSAGES, StateFile
from tests.fakes import set_alerts
from tests.limits import limit_file_size
from tests.reliability.at import PlainApp
from tests.reliability.fault_schedule import FaultSchedule
from tests.reliability.model import Model, News, Seen, Trouble
from tests.reliability.result import LostError
from tests.reliability.world import Person

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from cldmon.store.state import State
    from tests.simulation.claude import FakeClaude
    from tests.simulation.slack import FakeSlack

USERS = ("U01ALICE", "U02BOB", "U06GONE")
"""The last one has left: what is meant for them is dropped."""

KINDS = ("limit_hit", "usage_reset")
TITLES = {
    "fiveHour": "5-hour limit",
    "sevenDay": "weekly limit",
    "models.Fable": "weekly Fable limit",
}
WORDS = {"limit_hit": "has been reached", "usage_reset": "has reset"}
API_TOKEN = "a-token-for-programs"
KEEP_DAYS = 14
PASS_SECONDS = 180
"""After which a pass hangs for certain: two rounds of accounts that all time out take seventy."""


@dataclass
class Month:
    """The service, Slack, a data_dir, and the model of what they have to come to."""

    folder: Path
    claude: FakeClaude
    slack: FakeSlack
    random: Random
    at: datetime
    accounts: int = 10
    port: int = 3000
    model: Model = field(default_factory=Model)
    people: dict[str, Person] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    wishes: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    arrived: Counter[tuple[str, ...]] = field(default_factory=Counter)
    due: Counter[tuple[str, ...]] = field(default_factory=Counter)
    twice: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.schedule = FaultSchedule(self.random)
        for number in range(self.accounts):
            label = f"account-{number:02}"
            self.people[label] = Person(f"{number:032x}")
            self.keys[label] = f"sk-ant-sid02-{label}-0"
            for user in USERS:
                self._subscribe(user, label, KINDS if number % 3 else KINDS[:1])
        for place in (self.temporary, self.folder / "metrics"):
            place.mkdir()
        self.configure()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def textfile(self) -> Path:
        return self.folder / "metrics" / "cldmon.prom"

    @property
    def labels(self) -> list[str]:
        return [label for label in self.people if label not in self.absent]

    @property
    def env(self) -> dict[str, str]:
        given = ("PATH", "CLDMON_BROWSER", "PLAYWRIGHT_BROWSERS_PATH", "PYTHONPATH")
        return {
            **{name: os.environ[name] for name in given if name in os.environ},
            "HOME": str(self.folder),
            "TMPDIR": str(self.temporary),
            "CLDMON_CONFIG": str(self.folder / "config.toml"),
        }

    def configure(self) -> None:
        """Write the configuration of the accounts that there are now."""
        entries = "".join(
            f'[[accounts]]\nlabel = "{label}"\nsession_key = "{self.keys[label]}"\n'
            for label in self.labels
        )
        config = self.folder / "config.toml"
        draft = config.with_suffix(".new")
        draft.write_text(
            f'claude_url = "{self.claude.url}"\nslack_url = "{self.slack.url}"\n'
            f'data_dir = "data"\nhistory_keep_days = {KEEP_DAYS}\nport = {self.port}\n'
            f'api_token = "{API_TOKEN}"\n'
            f"[browser]\ntimeout_seconds = 30\n"
            f'[metrics]\ntextfile = "{self.textfile}"\n'
            f'[notifications.slack]\nenabled = true\nbot_token = "{self.slack.token}"\n{entries}'
        )
        draft.chmod(0o600)
        draft.replace(config)

    def live(self, *, browser: bool) -> None:
        """Let ten minutes go by, make a pass, and compare; raises where something is not right."""
        self.at += timedelta(minutes=10) + self.schedule.draw_clock_step()
        self._change()
        for label, person in self.people.items():
            self.schedule.live(person, self.at)
            self.schedule.draw_service_fault(label, slow=browser)
            self._show(label, person)
        self.schedule.draw_slack_fault()
        self.slack.heal()
        if self.schedule.slack:
            self.slack.fail(self.schedule.slack.fault)
        how = self._accident(browser=browser)
        self.events[how] += 1
        clean = getattr(self, f"_{how}")()
        self._compare(clean=clean)
        self._tidy()

    def _accident(self, *, browser: bool) -> str:
        draw = self.random.random()
        if browser:
            return "browser_killed" if draw < 0.15 else "browser"
        for how, share in (("killed", 0.01), ("full_disk", 0.01), ("overlap", 0.005)):
            if draw < share:
                return how
            draw -= share
        return "plain"

    def _change(self) -> None:
        """Let people subscribe, sign in anew, leave the configuration and come back."""
        draw = self.random
        label = draw.choice(list(self.people))
        if draw.random() < 0.01:
            wanted = draw.choice([(), KINDS, KINDS[:1], KINDS[1:]])
            self._subscribe(draw.choice(USERS), label, wanted)
        if draw.random() < 0.003:
            self.claude.heal(self.keys[label])
            self.keys[label] = f"sk-ant-sid02-{label}-{draw.getrandbits(32)}"
            self.configure()
        if draw.random() < 0.002:
            self.absent ^= {label}
            self.configure()

    def _subscribe(self, user: str, label: str, wanted: tuple[str, ...]) -> None:
        hit, reset = (kind in wanted for kind in KINDS)
        set_alerts(self.data, user, label, limit_hit=hit, reset=reset)
        self.wishes.setdefault(user, {})[label] = list(wanted)

    def _show(self, label: str, person: Person) -> None:
        key = self.keys[label]
        organization = SimOrganization(person.organization)
        self.claude.add(SimAccount(key, (organization,), person.usage(timedelta(0))))
        self.claude.heal(key)
        if service_fault := self.schedule.service_faults.get(label):
            self.claude.fail(key, service_fault.fault)

    # Each way of making a pass tells whether it was let come to its end.

    def _plain(self) -> bool:
        app = PlainApp(self.folder / "config.toml", None, self.env, lambda: self.at)
        fetch(app)
        return True

    def _full_disk(self) -> bool:
        room = self.random.choice([0, 100, 5_000, 20_000, 60_000])
        with limit_file_size(room), contextlib.suppress(StoreError):
            self._plain()
        return False

    def _overlap(self) -> bool:
        with files.lock(self.data / "fetch.lock", wait=0), contextlib.suppress(BusyError):
            self._plain()
            raise LostError("two passes ran at once")
        return False

    def _kill(self) -> bool:
        self._process("--plain", "--kill-at", str(self.random.randrange(700)))
        return False

    def _browser(self) -> bool:
        self._process()
        return True

    def _browser_killed(self) -> bool:
        self._process(after=self.random.uniform(0.2, 6))
        return False

    def _process(self, *options: str, after: float = PASS_SECONDS) -> None:
        command = [sys.executable, "-m", "tests.reliability.at", self.at.isoformat(), *options]
        process = subprocess.Popen(
            command, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            _, said = process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            _, said = process.communicate()
            if after == PASS_SECONDS:
                raise LostError(f"the pass hung: {said}") from None
        if "Traceback" in said or "unexpected" in said:
            raise LostError(said)

    def _compare(self, *, clean: bool) -> None:
        state = StateFile(self.data).load()
        committed = state.snapshot.fetched_at == self.at.replace(
            microsecond=self.at.microsecond // 1000 * 1000
        )
        if clean and not committed:
            raise LostError("the pass is not in the state")
        if committed:
            self._commit(state)
            self._deliver(state, clean=clean)
        self._read_slack()
        self._compare_state(state)
        if clean:
            self._compare_metrics(state)

    def _commit(self, state: State) -> None:
        now, accounts = self.at, {a.label: a for a in state.snapshot.accounts}
        self.model.configure(self.labels)
        found: dict[str, Seen | Trouble] = {}
        for label in self.labels:
            if not self.model.is_to_be_asked(label, now):
                continue
            failure = accounts[label].failure
            service_fault = self.schedule.service_faults.get(label)
            if service_fault:
                kind = failure.kind if failure and failure.kind in service_fault.kinds else "?"
                rest = None if service_fault.rest is None else now + service_fault.rest
                found[label] = Trouble(kind, rest)
            elif failure and failure.kind in ("timeout", "no_browser"):
                self.events["accounts that a busy machine failed"] += 1
                found[label] = Trouble(failure.kind)
            else:
                found[label] = self.people[label].truth(now)
        self.model.commit(now, found, self.wishes, dict.fromkeys(self.labels, ""))

    def _deliver(self, state: State, *, clean: bool) -> None:
        """Let the model know what Slack answered; after an accident, as far as it came."""
        ill, waiting = self.schedule.slack, news_of(state)
        unsure = {n: m.unsure for n, m in zip(waiting, state.outbox, strict=True)}
        for message in self.model.may_be_told(self.at):
            first, keys = message[0], Counter(map(key_of, message))
            if ill and ill.arrives and first.user != USERS[-1]:
                self.twice += keys
            if not clean and first in unsure and unsure[first] == self.model.attempts[first]:
                self.twice += keys  # it may have been on its way
                break
            fate, pause = (ill.fate, ill.pause) if ill else ("delivered", None)
            if ill is None and first.user == USERS[-1]:
                fate = "gone"
            self.model.record_delivery(message, fate, pause, self.at)
            if fate == "delivered":
                self.due += keys
            if ill:
                break
        if not clean:
            self.model.slack_rest = state.channel_retry_at.get(DIRECT_MESSAGES)

    def _read_slack(self) -> None:
        for message in self.slack.sent:
            for line in message.text.splitlines():
                statement = re.split("[.,] [Bb]ut the ", line)[0]  # without what else limits
                label = re.search(r"account-\d\d", statement)
                kind = next(kind for kind in KINDS if WORDS[kind] in statement)
                window = next(name for name, title in TITLES.items() if title in statement)
                if label:
                    self.arrived[str(message.user), kind, label[0], window] += 1
        self.slack.clear()
        self.claude.clear()

    def _compare_state(self, state: State) -> None:
        if news_of(state) != self.model.pending:
            raise LostError(f"outbox {news_of(state)} is not {self.model.pending}")
        if {k: v for k, v in state.counters.items() if v} != +self.model.counters:
            raise LostError(f"counters {state.counters} are not {self.model.counters}")
        if state.channel_retry_at.get(DIRECT_MESSAGES) != self.model.slack_rest:
            raise LostError(
                f"rest {state.channel_retry_at.get(DIRECT_MESSAGES)} is not {self.model.slack_rest}"
            )
        for account in state.snapshot.accounts:
            known, reading = self.model.known[account.label], account.reading
            windows = reading and {n: w.utilization for n, w in reading.windows.items()}
            kind = account.failure and account.failure.kind
            if (windows, kind) != (known.shown, known.trouble and known.trouble.kind):
                raise LostError(f"{account} is not {known}")

    def _compare_metrics(self, state: State) -> None:
        text = self.textfile.read_text()
        for name, value in (
            ("cldmon_outbox_messages", len(self.model.pending)),
            ("cldmon_messages_dropped_total", self.model.counters["messagesDropped"]),
            ("cldmon_last_pass_timestamp_seconds", self.at.timestamp()),
            *(
                (
                    f'cldmon_alerts_sent_total{{channel="slack-dm",event="{kind}"}}',
                    self.model.counters[f"alertsSent.{kind}.slack-dm"],
                )
                for kind in KINDS
            ),
        ):
            [found] = re.findall(rf"^{re.escape(name)} (.*)$", text, re.MULTILINE)
            if abs(float(found) - value) > 0.001:
                raise LostError(f"{name} is {found}, not {value}")
        up = text.count("cldmon_account_up{") - text.count("cldmon_account_error{")
        good = sum(account.failure is None for account in state.snapshot.accounts)
        if up != good:
            raise LostError(f"{up} accounts are up in the metrics, {good} in the state")

    def _tidy(self) -> None:
        """gzip the days before yesterday, as an administrator does, once they are compared."""
        before = (self.at - timedelta(days=2)).astimezone(UTC).date()
        for day, path in list(list_day_files(self.data)):
            if day < before and path.suffix == ".jsonl":
                self.compare_day(f"{day}")
                del self.model.days[f"{day}"]
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
                path.unlink()

    def compare_day(self, day: str) -> None:
        """Compare a day's file with what was seen; a line that a full disk tore is none."""
        path = self.data / f"history-{day}.jsonl"
        found = [line for line in map(parse_entry, path.read_bytes().splitlines()) if line]
        expected = self.model.days[day]
        if found != expected:
            wrong = [(a, b) for a, b in zip(found, expected, strict=False) if a != b][:1]
            raise LostError(f"{day}: {len(found)} lines, not {len(expected)}: {wrong}")
        self.events["lines of history compared"] += len(found)

    def end(self) -> None:
        """Heal all, make passes until nothing waits, and compare all that is left."""
        self.schedule.random.random = lambda: 0.999  # type: ignore[method-assign]
        self.schedule.slack, self.schedule.service_faults = None, {}
        for _ in range(20):
            self.live(browser=False)
        if self.model.pending:
            raise LostError(f"messages wait for ever: {self.model.pending}")
        for day in list(self.model.days):
            self.compare_day(day)
        for key, count in self.due.items():
            if not count <= self.arrived[key] <= count + self.twice[key]:
                raise LostError(f"{key}: {self.arrived[key]} arrived, {count} were due")
        if lost := self.arrived.keys() - self.due.keys():
            raise LostError(f"nobody expected {lost}")


def news_of(state: State) -> list[News]:
    """Return what waits in the outbox."""
    return [
        News(m.user, m.event.kind, m.event.label, m.event.window or "", m.event.at)
        for m in state.outbox
    ]


def key_of(news: News) -> tuple[str, ...]:
    """Return what tells messages of one kind from others."""
    return str(news.user), news.kind, news.label, news.window


def parse_entry(line: bytes) -> Any:
    """Return a line of the history, or None for a torn one."""
    try:
        return json.loads(line)
    except ValueError:
        return None
