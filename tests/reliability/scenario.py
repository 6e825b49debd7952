"""Two accounts before a pass that sees one reach its limit and the other reset.

What a fault does to that pass is judged after the next one: against a model of which alerts must be
sent to whom, and which readings must be in the history.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, ClassVar

from cldmon.demo.slack import SimUser
from tests.env import PATIENCE, Env, key_of, wait_until
from tests.reliability.result import LostError
from tests.simulation.claude import FakeClaude
from tests.simulation.slack import PEOPLE, FakeSlack
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from subprocess import CompletedProcess

    from cldmon.demo.slack import SentMessage
    from tests.env import Running

ALICE, BOB, CHLOE = "U01ALICE", "U02BOB", "U03CHLOE"
BEFORE = {"alice": 99, "bob": 100}
NOW = {"alice": 100, "bob": 0}
SUBSCRIPTIONS = {
    ALICE: {"alice": {"limitHit": True, "reset": True}},
    BOB: {"alice": {"limitHit": True}, "bob": {"limitHit": True, "reset": True}},
    CHLOE: {"alice": {"reset": True}, "bob": {"limitHit": True}},
}
CROWD = [SimUser(f"U9{number:03}", f"user{number}") for number in range(50)]
VERBS = {"limit_hit": "has been reached (100%)", "usage_reset": "has reset"}
EXPECTED_ALERTS = {
    (ALICE, "alices 5-hour limit has been reached (100%)"),
    (BOB, "alices 5-hour limit has been reached (100%)"),
    (BOB, "bobs 5-hour limit has reset"),
}

MESSAGES = {user for user, _ in EXPECTED_ALERTS}
"""Whoever gets several alerts of one pass gets them as one message."""


EXPECTED_EVENTS = Counter([("alice", "limit_hit"), ("bob", "usage_reset")])


@dataclass(frozen=True)
class Outcome:
    """What a pass left, however it ended.

    `committed` is the time of the last commit (ms since the epoch), `again` who is still owed what
    they were told already.
    """

    committed: int
    again: Counter[tuple[str, str]]


@dataclass
class TwoAccountScenario:
    """An environment, its services, and `base`, a copy of data_dir before the pass."""

    folder: Path
    claude: FakeClaude
    slack: FakeSlack
    tables: ClassVar[str] = "[browser]\ntimeout_seconds = 50\n"
    """Long enough for the cases in which a pass is held up."""
    uses_slack: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.env = Env(self.folder / "home", self.claude, self.slack, patience=4 * PATIENCE)
        self.base = self.folder / "base"
        tables = self.tables + self.more_tables
        self.env.set_up(dict.fromkeys(BEFORE), tables=tables, slack=self.uses_slack)
        # The same for all cases: a reset that moves is an event. That of the session has passed, so
        # that a fall counts at once.
        now = datetime.now(UTC)
        self._resets = (now - timedelta(minutes=1), now + timedelta(days=3))
        self._set_usage(BEFORE)
        self._check_success(self.env.run("fetch"))
        # Written by hand: with no person asked for, and no confirmation sent.
        users = {user: {"accounts": accounts} for user, accounts in SUBSCRIPTIONS.items()}
        self._write_private("subscriptions.json", json.dumps({"users": users}, indent=2) + "\n")
        shutil.copytree(self.data, self.base)
        self.began = read_timestamps(read_history(self.base))

    @property
    def more_tables(self) -> str:
        """More of the configuration: channels."""
        return ""

    @property
    def data(self) -> Path:
        return self.env.data

    def reset(self, base: Path | None = None) -> None:
        """Return to the moment before the pass, with the data of `base`."""
        shutil.rmtree(self.env.temporary)
        self.env.temporary.mkdir()
        self.restore(base or self.base)
        self.slack.clear()
        self._set_usage(NOW)

    def count_alerts(self) -> Counter[tuple[str, str]]:
        """Return who was told of what, and how often."""
        return Counter(alert for sent in self.slack.sent for alert in self.parse_alerts(sent))

    @staticmethod
    def parse_alerts(message: SentMessage) -> list[tuple[str, str]]:
        """Return who gets a message, with the first sentence of each event, without quotes."""
        lines = message.text.translate(dict.fromkeys(map(ord, "“”\"'"))).splitlines()
        return [(str(message.user), line.partition(".")[0]) for line in lines]

    def read_outcome(self, told: Iterable[tuple[str, str]] | None = None) -> Outcome:
        """Return what is there now; `told` is what was told so far, if not what Slack knows."""
        state = load_json(self.data / "state.json")
        told = set(self.count_alerts() if told is None else told)
        owed = [
            (m["user"], f"{m['label']}s 5-hour limit {VERBS[m['kind']]}") for m in state["outbox"]
        ]
        line = json.loads(state["historyLine"])
        return Outcome(line["timestamp"], Counter(message for message in owed if message in told))

    def check_recovery(self, told: Counter[tuple[str, str]] | None = None) -> None:
        """Make the next pass, and prove that nothing is lost of what the one before had seen.

        `told` is what that one had told, where Slack does not know of it.
        """
        before = Counter() if told is None else told
        left = self.read_outcome(None if told is None else told)
        assert len({user for user, _ in left.again}) <= 1, f"several messages: {left.again}"
        self._check_success(self.env.run("fetch"))
        self._check_history(left)
        self._check_alerts(before + self.count_alerts(), left)
        self._check_events()
        self.check_tidy()
        if self._read_subscriptions(self.data) != self._read_subscriptions(self.base):
            raise LostError("subscriptions")

    def _check_events(self) -> None:
        if (found := read_events(self.data)) != EXPECTED_EVENTS:
            raise LostError(f"the events are {found}")

    def _check_history(self, left: Outcome) -> None:
        found = read_history(self.data)
        times = read_timestamps(found)
        if missing := {*self.began, left.committed} - {*times}:
            raise LostError(f"the readings of {sorted(missing)}")
        assert times == sorted(set(times)), "a line came twice, or out of order"
        assert len(times) == len({*self.began, left.committed}) + 1
        for line in found[len(self.began) :]:
            read = {account["label"]: account["fiveHour"] for account in line["accounts"]}
            assert read.items() <= NOW.items(), f"never read: {read}"
        assert {account["label"] for account in found[-1]["accounts"]} == NOW.keys()

    def _check_alerts(self, told: Counter[tuple[str, str]], left: Outcome) -> None:
        if told != Counter(EXPECTED_ALERTS) + left.again:
            raise LostError(f"told {told}, of which again {left.again}")
        assert self.env.state["outbox"] == []

    def check_tidy(self) -> None:
        """Prove that no process, temporary file or draft is left, and no file was set aside."""
        behind = self.env.leftovers()
        assert behind == [], f"left behind: {behind}"
        names = [path.name for path in self.data.rglob("*")]
        assert [name for name in names if name.startswith(".") or "corrupt" in name] == []

    def restore(self, folder: Path) -> None:
        """Let what is in a folder be what the data_dir holds now."""
        self.delete_data()
        shutil.copytree(folder, self.data)

    def delete_data(self) -> None:
        """Delete all data, as before the first pass."""
        shutil.rmtree(self.data, ignore_errors=True)

    def lines(self) -> list[Any]:
        """Return the lines of the history."""
        return read_history(self.data)

    def heal(self) -> None:
        """End all faults of the services."""
        self.slack.heal()
        for label in NOW:
            self.claude.heal(key_of(label))

    @staticmethod
    def _read_subscriptions(folder: Path) -> bytes:
        return (folder / "subscriptions.json").read_bytes()

    def _set_usage(self, percents: dict[str, int]) -> None:
        session, week = self._resets
        for label, percent in percents.items():
            now = usage(percent, five_hour_resets=session, seven_day_resets=week)
            self.claude.set_usage(key_of(label), now)

    def _write_private(self, name: str, text: str) -> None:
        (self.data / name).write_text(text)
        (self.data / name).chmod(0o600)

    @staticmethod
    def _check_success(ran: CompletedProcess[str]) -> None:
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@contextlib.contextmanager
def two_account_scenario(folder: Path) -> Iterator[TwoAccountScenario]:
    """Set up the scenario, whose services run while the block runs."""
    with FakeClaude() as claude, FakeSlack(users=(*PEOPLE, *CROWD)) as slack:
        yield TwoAccountScenario(folder, claude, slack)


def read_errors(err: str) -> list[str]:
    """Return the lines of stderr; each must be cldmon's own, and hold neither key nor traceback."""
    said = err.splitlines()
    assert [line for line in said if not line.startswith("cldmon: ")] == []
    assert [line for line in said if "MARKER" in line or "unexpected" in line] == []
    return said


@contextlib.contextmanager
def serve(env: Env, port: int, under: Sequence[str] = ()) -> Iterator[Running]:
    """Run `cldmon serve` while the block runs; `under` is what it is started by."""

    def answers() -> bool:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        with contextlib.closing(connection), contextlib.suppress(OSError, HTTPException):
            connection.request("GET", "/healthz")
            return connection.getresponse().status > 0
        return False

    running = env.start("serve", under=under)
    try:
        wait_until(answers)
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.send_signal(signal.SIGTERM)
        _, _, err = running.wait()
        read_errors(err)
        wait_until(lambda: not env.processes())


def load_json(path: Path) -> Any:
    """Return a JSON file; raises LostError where it is gone or torn."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError) as error:
        raise LostError(f"{path.name}: {error}") from error


def read_history(data: Path) -> list[Any]:
    """Return the whole lines of the history; those that are torn stand by themselves."""
    return _read_lines(data, "history")


def read_events(data: Path) -> Counter[tuple[str, str]]:
    """Return what is in the events files: label and kind, and how often."""
    return Counter((line["label"], line["event"]) for line in _read_lines(data, "events"))


def _read_lines(data: Path, name: str) -> list[Any]:
    raw = [
        line
        for day in sorted(data.glob(f"{name}-*.jsonl"))
        for line in day.read_bytes().splitlines()
    ]
    found = []
    for line in raw:
        try:
            found.append(json.loads(line))
        except ValueError:
            assert line.count(b'"timestamp"') <= 1, "a torn line is glued to the next"
    return found


def read_timestamps(found: list[Any]) -> list[int]:
    """Return the times of history lines, in milliseconds since the epoch."""
    return [line["timestamp"] for line in found]
