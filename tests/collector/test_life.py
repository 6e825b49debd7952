"""48 hours as an administrator has them: a pass every ten minutes, and everything that happens.

The days change and are gzipped, old ones go, a key expires and is renewed, Slack is down for an
hour, two passes overlap.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon import files
from cldmon.claude.errors import AccountError
from cldmon.collector.next_state import Settings
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.model import FailureKind
from cldmon.errors import BusyError
from cldmon.store.history import list_day_files
from cldmon.store.reader import read_array
from tests.collector.env import TEN_MINUTES, CollectorEnv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes import Said

PASSES = 48 * 6
CYCLE = 30
"""Passes of a 5-hour window: alice fills hers in two thirds of it."""

OVERLAPS = {61, 140}
EXPIRED = range(100, 200)
SLACK_DOWN = range(108, 114)
"""An hour in which alice hits her limit."""

KEY_GONE = AccountError(FailureKind.KEY_EXPIRED).failure
REFUSED = DeliveryResult(DeliveryStatus.LATER, "Slack is down", halt=True)
OLD_DAY = "history-2026-11-01.jsonl"


def alice(number: int) -> int:
    return min(100, 5 * (number % CYCLE))


def says(number: int) -> dict[str, Said]:
    bob: Said = KEY_GONE if number in EXPIRED else {"fiveHour": 7, "sevenDay": 12}
    return {"alice": {"fiveHour": alice(number), "sevenDay": number // 3}, "bob": bob}


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> CollectorEnv:
    """What is left of 48 hours."""
    folder = tmp_path_factory.mktemp("life") / "data"
    env = CollectorEnv(
        folder,
        labels=("alice", "bob"),
        settings=Settings(slack_enabled=True, keep_days=7),
    )
    env.subscribe("U1")
    (folder / OLD_DAY).write_text('{"timestamp":1793500000000,"accounts":[]}\n')
    for number in range(PASSES):
        live(env, number)
    return env


def live(env: CollectorEnv, number: int) -> None:
    """Let ten minutes go by, with what happens in them."""
    assert env.slack
    env.slack.results.clear()
    if number in SLACK_DOWN:
        env.slack.results.append(REFUSED)
    if number in OVERLAPS:
        with files.lock(env.data_dir / "fetch.lock", wait=0), pytest.raises(BusyError):
            env.run(says(number))
        return
    env.run(says(number))
    compress(env.data_dir)


def compress(folder: Path) -> None:
    """gzip every day but the last, as a daily job does."""
    for _, path in list(list_day_files(folder))[:-1]:
        if path.suffix == ".jsonl":
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()


def lines(env: CollectorEnv) -> list[dict[str, object]]:
    """Every line of the history, gzipped or not, as the API gives it."""
    found: list[dict[str, object]] = json.loads(b"".join(read_array(env.data_dir, 0, now_ms(env))))
    return found


def now_ms(env: CollectorEnv) -> int:
    return round(env.clock.at.timestamp() * 1000)


def percents(env: CollectorEnv, label: str) -> list[object]:
    return [
        entry["fiveHour"]
        for line in lines(env)
        for entry in line["accounts"]  # type: ignore[attr-defined]
        if entry["label"] == label
    ]


PASSED = [number for number in range(PASSES) if number not in OVERLAPS]


def test_the_history_is_complete(env: CollectorEnv) -> None:
    """A line for each pass that ran, in order, over three days of which two are gzipped."""
    stamps = [line["timestamp"] for line in lines(env)]
    every = TEN_MINUTES // timedelta(milliseconds=1)
    assert stamps == [now_ms(env) - (PASSES - 1 - number) * every for number in PASSED]
    assert percents(env, "alice") == [alice(number) for number in PASSED]
    assert percents(env, "bob") == [7] * (len(PASSED) - len(EXPIRED) + 1)
    assert [path.suffix for _, path in list_day_files(env.data_dir)] == [".gz", ".gz", ".jsonl"]


def test_each_hit_and_each_reset_was_announced_once(env: CollectorEnv) -> None:
    """Also the one of the hour without Slack; bob's expired key told nobody anything."""
    changes = list(itertools.pairwise(alice(number) for number in PASSED))
    hits = sum(before < 100 == after for before, after in changes)
    resets = sum(before == 100 and after == 0 for before, after in changes)
    assert env.slack
    told = Counter(event.kind.value for _, event in set(env.slack.sent))
    assert told == {"limit_hit": hits, "usage_reset": resets}
    refused = sum(alice(number) == 100 for number in SLACK_DOWN)
    assert len(env.slack.sent) == hits + resets + refused
    assert env.state.outbox == ()


def test_the_expired_key_is_forgotten_once_it_is_renewed(env: CollectorEnv) -> None:
    [bob] = [account for account in env.state.snapshot.accounts if account.label == "bob"]
    assert bob.failure is None
    assert env.state.counters[f"errors.{FailureKind.KEY_EXPIRED}"] == len(EXPIRED) - 1


def test_the_disk_holds_what_was_foreseen_and_nothing_else(env: CollectorEnv) -> None:
    """45 bytes for a pass and as many for each reading; gzipped, a tenth; see docs/querying.md."""
    sizes = {path.name: path.stat().st_size for path in env.data_dir.iterdir()}
    assert OLD_DAY not in sizes
    days = {name: size for name, size in sizes.items() if name.startswith("history-")}
    [today] = [size for name, size in days.items() if name.endswith(".jsonl")]
    foreseen = sum(45 + 45 * len(line["accounts"]) for line in env.history)
    assert 0.9 * foreseen < today < 1.1 * foreseen
    assert sum(days.values()) - today < (288 * 135 - foreseen) / 10
    events = {name for name in sizes if name.startswith("events-")}
    others = sizes.keys() - days.keys() - events
    assert others <= {"state.json", "subscriptions.json", "fetch.lock", "subscriptions.lock"}
    assert sizes["state.json"] < 2_000 * len(env.labels)
