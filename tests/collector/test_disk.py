"""A disk that is full or forbidden: one clear line, and what was there stays whole."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.errors import StoreError
from tests.fakes import FakeSlack
from tests.limits import limit_file_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cldmon.domain.delivery import DeliveryResult
    from cldmon.domain.events import Event
    from tests.collector.house import House

ROOT = Path(__file__).resolve().parents[2]
HIT = "U1: limit_hit alice fiveHour"
ADVICE = "Permission denied (check its owner and mode, or run as the user that owns it)"


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "fetch.lock"}


@pytest.mark.parametrize("part", [0.05, 0.5, 0.99])
def test_a_disk_that_is_full_at_the_state_leaves_everything_as_it_was(
    house: House, part: float
) -> None:
    """And the next pass sees the same event."""
    house.run({"alice": 99})
    before = contents(house.data_dir)
    size = int(len(before["state.json"]) * part)
    with limit_file_size(size), pytest.raises(StoreError) as caught:
        house.run({"alice": 100})
    assert str(caught.value).startswith(f"cannot write {house.data_dir}/state.json: ")
    assert "\n" not in str(caught.value)
    assert contents(house.data_dir) == before
    assert house.told == []
    house.run({"alice": 100})
    assert house.told == [HIT]
    assert house.percents() == [99, 100]


@pytest.mark.parametrize("room", [0, 1, 40])
def test_a_disk_that_is_full_at_the_history_leaves_a_line_to_the_next_pass(
    house: House, room: int
) -> None:
    """The reading is committed: nothing of it is lost, and nobody is told twice."""
    house.run({"alice": 99})
    [day] = house.data_dir.glob("history-*")
    day.write_bytes(b"# a long day\n" * 1_000 + day.read_bytes())
    before = day.read_bytes()
    with limit_file_size(len(before) + room), pytest.raises(StoreError, match="cannot append to"):
        house.run({"alice": 100})
    assert day.read_bytes() == before
    assert (house.told, len(house.state.outbox)) == ([], 1)
    house.run({"alice": 100})
    assert house.told == [HIT]
    assert house.percents() == [99, 100, 100]


class FillingSlack(FakeSlack):
    """A Slack during whose first answer the disk fills up."""

    def __init__(self, disk: contextlib.ExitStack) -> None:
        super().__init__()
        self.disk = disk

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        self.disk.enter_context(limit_file_size(10))
        return super().send(user, events)


def test_a_disk_that_fills_up_while_messages_go_out_repeats_one_at_most(house: House) -> None:
    """A delivery that cannot be struck off stops the others, and is the one that comes twice."""
    house.subscribe("U2", "U3")
    house.run({"alice": 99})
    with contextlib.ExitStack() as disk:
        house.slack = FillingSlack(disk)
        with pytest.raises(StoreError, match=r"^cannot write "):
            house.run({"alice": 100})
        assert house.told == [HIT]
    house.slack = FakeSlack()
    house.run({"alice": 100})
    assert [line.partition(":")[0] for line in house.told] == ["U1", "U2", "U3"]


def stranger(house: House, tmp_path: Path) -> str:
    """Return what a user who does not own the data_dir gets to read."""
    tmp_path.chmod(0o755)
    command = [sys.executable, "-m", "tests.collector.stranger"]
    ran = subprocess.run(
        [*command, str(tmp_path / "warm"), str(house.data_dir.parent)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout


def test_a_data_dir_that_may_not_be_written_is_one_clear_line(house: House, tmp_path: Path) -> None:
    house.run({"alice": 99})
    house.data_dir.chmod(0o555)
    before = contents(house.data_dir)
    (house.data_dir / "fetch.lock").chmod(0o444)
    assert stranger(house, tmp_path) == f"cannot open the lock data/fetch.lock: {ADVICE}\n"
    assert contents(house.data_dir) == before


def test_a_state_that_may_not_be_read_is_one_clear_line(house: House, tmp_path: Path) -> None:
    """It is not taken for a corrupt one, nor for none."""
    house.run({"alice": 99})
    house.data_dir.chmod(0o777)
    (house.data_dir / "fetch.lock").chmod(0o666)
    (house.data_dir / "state.json").chmod(0o000)
    assert stranger(house, tmp_path) == f"cannot read data/state.json: {ADVICE}\n"
    (house.data_dir / "state.json").chmod(0o600)
    assert house.state.account_states["alice"].alerts["fiveHour"].confirmed.utilization == 99


def test_subscriptions_that_may_not_be_read_cost_no_reading(house: House, tmp_path: Path) -> None:
    """Such as those that root wrote, where the timer runs as somebody else."""
    house.run({"alice": 99})
    house.data_dir.chmod(0o777)
    for path in house.data_dir.iterdir():
        path.chmod(0o666)
    (house.data_dir / "subscriptions.json").chmod(0o000)
    assert stranger(house, tmp_path) == f"cannot read data/subscriptions.json: {ADVICE}\n"
    (house.data_dir / "subscriptions.json").chmod(0o600)
    assert [message.user for message in house.state.outbox] == [None]
    house.run({"alice": 100})
    assert house.told == [HIT]
