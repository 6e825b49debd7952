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
from cldmon.store.history import day_files
from cldmon.store.reader import read_array
from tests.collector.house import TEN_MINUTES, House

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
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """What is left of 48 hours."""
    folder = tmp_path_factory.mktemp("life") / "data"
    house = House(
        folder,
        labels=("alice", "bob"),
        settings=Settings(slack_enabled=True, keep_days=7),
    )
    house.subscribe("U1")
    (folder / OLD_DAY).write_text('{"timestamp":1793500000000,"accounts":[]}\n')
    for number in range(PASSES):
        live(house, number)
    return house


def live(house: House, number: int) -> None:
    """Let ten minutes go by, with what happens in them."""
    assert house.slack
    house.slack.results.clear()
    if number in SLACK_DOWN:
        house.slack.results.append(REFUSED)
    if number in OVERLAPS:
        with files.lock(house.data_dir / "fetch.lock", wait=0), pytest.raises(BusyError):
            house.run(says(number))
        return
    house.run(says(number))
    compress(house.data_dir)


def compress(folder: Path) -> None:
    """gzip every day but the last, as a daily job does."""
    for _, path in list(day_files(folder))[:-1]:
        if path.suffix == ".jsonl":
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()


def lines(house: House) -> list[dict[str, object]]:
    """Every line of the history, gzipped or not, as the API gives it."""
    found: list[dict[str, object]] = json.loads(
        b"".join(read_array(house.data_dir, 0, now_ms(house)))
    )
    return found


def now_ms(house: House) -> int:
    return round(house.clock.at.timestamp() * 1000)


def percents(house: House, label: str) -> list[object]:
    return [
        entry["fiveHour"]
        for line in lines(house)
        for entry in line["accounts"]  # type: ignore[attr-defined]
        if entry["label"] == label
    ]


PASSED = [number for number in range(PASSES) if number not in OVERLAPS]


def test_the_history_is_complete(house: House) -> None:
    """A line for each pass that ran, in order, over three days of which two are gzipped."""
    stamps = [line["timestamp"] for line in lines(house)]
    every = TEN_MINUTES // timedelta(milliseconds=1)
    assert stamps == [now_ms(house) - (PASSES - 1 - number) * every for number in PASSED]
    assert percents(house, "alice") == [alice(number) for number in PASSED]
    assert percents(house, "bob") == [7] * (len(PASSED) - len(EXPIRED) + 1)
    assert [path.suffix for _, path in day_files(house.data_dir)] == [".gz", ".gz", ".jsonl"]


def test_each_hit_and_each_reset_was_told_once(house: House) -> None:
    """Also the one of the hour without Slack; bob's expired key told nobody anything."""
    changes = list(itertools.pairwise(alice(number) for number in PASSED))
    hits = sum(before < 100 == after for before, after in changes)
    resets = sum(before == 100 and after == 0 for before, after in changes)
    assert house.slack
    told = Counter(event.kind.value for _, event in set(house.slack.sent))
    assert told == {"limit_hit": hits, "usage_reset": resets}
    refused = sum(alice(number) == 100 for number in SLACK_DOWN)
    assert len(house.slack.sent) == hits + resets + refused
    assert house.state.outbox == ()


def test_the_expired_key_is_forgotten_once_it_is_renewed(house: House) -> None:
    [bob] = [account for account in house.state.snapshot.accounts if account.label == "bob"]
    assert bob.failure is None
    assert house.state.counters[f"errors.{FailureKind.KEY_EXPIRED}"] == len(EXPIRED) - 1


def test_the_disk_holds_what_was_foreseen_and_nothing_else(house: House) -> None:
    """45 bytes for a pass and as many for each reading; gzipped, a tenth; see docs/querying.md."""
    sizes = {path.name: path.stat().st_size for path in house.data_dir.iterdir()}
    assert OLD_DAY not in sizes
    days = {name: size for name, size in sizes.items() if name.startswith("history-")}
    [today] = [size for name, size in days.items() if name.endswith(".jsonl")]
    foreseen = sum(45 + 45 * len(line["accounts"]) for line in house.history)
    assert 0.9 * foreseen < today < 1.1 * foreseen
    assert sum(days.values()) - today < (288 * 135 - foreseen) / 10
    events = {name for name in sizes if name.startswith("events-")}
    others = sizes.keys() - days.keys() - events
    assert others <= {"state.json", "subscriptions.json", "fetch.lock", "subscriptions.lock"}
    assert sizes["state.json"] < 2_000 * len(house.labels)
