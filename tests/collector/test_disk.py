"""A disk that is full or forbidden: one clear line, and what was there stays whole."""

from __future__ import annotations

import contextlib
import shlex
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
    from tests.collector.env import CollectorEnv

ROOT = Path(__file__).resolve().parents[2]
HIT = "U1: limit_hit alice fiveHour"
ADVICE = "(check its owner and mode, or run as the user that owns it)"


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "fetch.lock"}


@pytest.mark.parametrize("part", [0.05, 0.5, 0.99])
def test_a_disk_that_is_full_at_the_state_leaves_everything_as_it_was(
    env: CollectorEnv, part: float
) -> None:
    """And the next pass sees the same event."""
    env.run({"alice": 99})
    before = contents(env.data_dir)
    size = int(len(before["state.json"]) * part)
    with limit_file_size(size), pytest.raises(StoreError) as caught:
        env.run({"alice": 100})
    assert str(caught.value).startswith(f"cannot write {env.data_dir}/state.json: ")
    assert "\n" not in str(caught.value)
    assert contents(env.data_dir) == before
    assert env.sent_alerts == []
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT]
    assert env.percents() == [99, 100]


@pytest.mark.parametrize("room", [0, 1, 40])
def test_a_disk_that_is_full_at_the_history_leaves_a_line_to_the_next_pass(
    env: CollectorEnv, room: int
) -> None:
    """The reading is committed: nothing of it is lost, and nobody is told twice."""
    env.run({"alice": 99})
    [day] = env.data_dir.glob("history-*")
    day.write_bytes(b"# a long day\n" * 1_000 + day.read_bytes())
    before = day.read_bytes()
    with limit_file_size(len(before) + room), pytest.raises(StoreError, match="cannot append to"):
        env.run({"alice": 100})
    assert day.read_bytes() == before
    assert (env.sent_alerts, len(env.state.outbox)) == ([], 1)
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT]
    assert env.percents() == [99, 100, 100]


class FillingSlack(FakeSlack):
    """A Slack during whose first answer the disk fills up."""

    def __init__(self, disk: contextlib.ExitStack) -> None:
        super().__init__()
        self.disk = disk

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        self.disk.enter_context(limit_file_size(10))
        return super().send(user, events)


def test_a_disk_that_fills_up_while_messages_go_out_repeats_one_at_most(env: CollectorEnv) -> None:
    """A delivery that cannot be struck off stops the others, and is the one that comes twice."""
    env.subscribe("U2", "U3")
    env.run({"alice": 99})
    with contextlib.ExitStack() as disk:
        env.slack = FillingSlack(disk)
        with pytest.raises(StoreError, match=r"^cannot write "):
            env.run({"alice": 100})
        assert env.sent_alerts == [HIT]
    env.slack = FakeSlack()
    env.run({"alice": 100})
    assert [line.partition(":")[0] for line in env.sent_alerts] == ["U1", "U2", "U3"]


def stranger(env: CollectorEnv, tmp_path: Path) -> str:
    """Return what a user who does not own the data_dir gets to read."""
    tmp_path.chmod(0o755)
    program = [sys.executable, "-m", "tests.collector.stranger"]
    folders = [str(tmp_path / "warm"), str(env.data_dir.parent)]
    ran = subprocess.run(
        [*program, *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    # Root's tests leave the files to root; elsewhere they are the stranger's own.
    return ran.stdout.replace(f"(try: sudo cldmon {shlex.join(folders)})", ADVICE)


def test_a_data_dir_that_may_not_be_written_is_one_clear_line(
    env: CollectorEnv, tmp_path: Path
) -> None:
    env.run({"alice": 99})
    env.data_dir.chmod(0o555)
    before = contents(env.data_dir)
    (env.data_dir / "fetch.lock").chmod(0o444)
    assert (
        stranger(env, tmp_path)
        == f"cannot open the lock data/fetch.lock: Permission denied {ADVICE}\n"
    )
    assert contents(env.data_dir) == before


def test_a_state_that_may_not_be_read_is_one_clear_line(env: CollectorEnv, tmp_path: Path) -> None:
    """It is not taken for a corrupt one, nor for none."""
    env.run({"alice": 99})
    env.data_dir.chmod(0o777)
    (env.data_dir / "fetch.lock").chmod(0o666)
    (env.data_dir / "state.json").chmod(0o000)
    assert stranger(env, tmp_path) == f"cannot read data/state.json: Permission denied {ADVICE}\n"
    (env.data_dir / "state.json").chmod(0o600)
    assert env.state.account_states["alice"].alerts["fiveHour"].confirmed.utilization == 99


def test_subscriptions_that_may_not_be_read_cost_no_reading(
    env: CollectorEnv, tmp_path: Path
) -> None:
    """Such as those that root wrote, where the timer runs as somebody else."""
    env.run({"alice": 99})
    env.data_dir.chmod(0o777)
    for path in env.data_dir.iterdir():
        path.chmod(0o666)
    (env.data_dir / "subscriptions.json").chmod(0o000)
    assert (
        stranger(env, tmp_path)
        == f"cannot read data/subscriptions.json: Permission denied {ADVICE}\n"
    )
    (env.data_dir / "subscriptions.json").chmod(0o600)
    assert [message.user for message in env.state.outbox] == [None]
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT]
