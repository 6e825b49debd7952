"""A pass that is killed with SIGKILL, wherever that falls, loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from cldmon.domain.instants import to_ms
from tests.collector.env import CollectorEnv
from tests.collector.killed import HOOK, SlackOnDisk, env_of
from tests.fakes import NOON, FakeSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cldmon.domain.delivery import DeliveryResult
    from cldmon.domain.events import Event

ROOT = Path(__file__).resolve().parents[2]
USERS = ("U1", "U2")
HITS = [f"{user}: limit_hit" for user in USERS]
POSTS = ["None: limit_hit"]
"""What the other channel gets, which knows no people."""


def prepare(tmp_path: Path) -> Path:
    """A data_dir in which alice is at 99 % and two people want to hear of her limit."""
    base = tmp_path / "base"
    env = env_of(base)
    env.subscribe(*USERS)
    env.run({"alice": 99})
    (base / "slack").touch()
    (base / HOOK).touch()
    return base


def kill_pass(base: Path, how: str, *numbers: int) -> list[Path]:
    """Let passes be killed over copies of the folder, and return what they left."""
    target = base.with_name("killed")
    target.mkdir()
    command = [sys.executable, "-m", "tests.collector.killed", str(base), str(target), how]
    subprocess.run([*command, *map(str, numbers)], check=True, cwd=ROOT)
    return sorted(target.iterdir())


def read_sent(folder: Path, name: str = "slack") -> list[str]:
    return (folder / name).read_text().splitlines()


def events(folder: Path) -> list[tuple[int, str]]:
    """Return when what happened, by the whole lines of the events files."""
    lines = [
        line
        for path in sorted((folder / "data").glob("events-*"))
        for line in path.read_bytes().splitlines()
        if line.startswith(b"{") and line.endswith(b"}")
    ]
    return [(body["timestamp"], body["event"]) for body in map(json.loads, lines)]


def stamps(env: CollectorEnv) -> list[int]:
    return [line["timestamp"] for line in env.history]


def repair(folder: Path) -> CollectorEnv:
    """Make the next pass, as if nothing had happened, and return the env."""
    env = env_of(folder)
    at = env.state.snapshot.fetched_at
    assert at is not None
    env.clock.at = at
    env.run({"alice": 100})
    return env


def check(folder: Path) -> tuple[bool, int]:
    """Prove what holds after any kill; return whether it fell after the commit, and repeats."""
    left = CollectorEnv(folder / "data")
    state, told = left.state, read_sent(folder)
    repeats = len([m for m in state.outbox if m.user and f"{m.user}: limit_hit" in told])
    posted_again = bool(read_sent(folder, HOOK)) and any(m.channel == HOOK for m in state.outbox)
    committed = state.snapshot.fetched_at
    first = stamps(left)[0]
    assert committed is not None
    assert set(stamps(left)) <= {first, to_ms(committed)}

    env = repair(folder)
    assert env.percents() == [99, *[100] * (len(env.percents()) - 1)]
    assert stamps(env) == sorted(set(stamps(env)))
    assert to_ms(committed) in stamps(env)
    assert len(stamps(env)) == (3 if to_ms(committed) != first else 2)
    assert sorted(set(read_sent(folder))) == HITS
    assert len(read_sent(folder)) == len(HITS) + repeats
    assert repeats <= 1
    assert read_sent(folder, HOOK) == POSTS * (1 + posted_again)
    hit_at = committed if to_ms(committed) != first else env.clock.at
    assert events(folder) == [(to_ms(hit_at), "limit_hit")]
    assert env.state.outbox == ()
    assert not list(env.data_dir.glob(".*"))
    assert not list(env.data_dir.glob("*corrupt*"))
    return to_ms(committed) != first, repeats + posted_again


def test_a_pass_killed_at_any_step_loses_no_reading_and_no_message(tmp_path: Path) -> None:
    """Each committed reading and event is on disk once; each message is sent, and twice only where
    the kill fell between a channel's answer and the write, then one alone of each channel.
    """
    folders = kill_pass(prepare(tmp_path), "step")
    outcomes = [check(folder) for folder in folders]
    assert len(outcomes) > 30
    assert outcomes[0] == (False, 0)
    assert outcomes[-1] == (True, 0)
    assert {0, 1} <= {repeats for _, repeats in outcomes} <= {0, 1, 2}
    assert [done for done, _ in outcomes] == sorted(done for done, _ in outcomes)


def pad_state(base: Path) -> Iterator[int]:
    """Make the history larger than any other file, and yield the sizes that cut its next line."""
    [day] = (base / "data").glob("history-*")
    line = day.read_bytes()
    note = b"# a long day\n"
    day.write_bytes(note * 1_000 + line)
    size = day.stat().st_size
    yield from (size + kept for kept in (0, 1, 14, len(line) // 2, len(line) - 1, len(line)))


def test_a_pass_killed_while_it_writes_a_line_of_history_leaves_none_glued(
    tmp_path: Path,
) -> None:
    """The torn line stays a line of its own, and the whole one is written by the next pass."""
    base = prepare(tmp_path)
    sizes = [*pad_state(base)]
    torn = kill_pass(base, "size", *sizes)
    assert len(torn) == len(sizes)
    for folder in torn:
        assert check(folder) == (True, 0)


def test_a_pass_killed_while_it_writes_an_event_leaves_none_glued(tmp_path: Path) -> None:
    base = prepare(tmp_path)
    day = base / "data" / f"events-{NOON:%Y-%m-%d}.jsonl"
    day.write_bytes(b"# a long day\n" * 1_000)
    day.chmod(0o600)
    sizes = [day.stat().st_size + kept for kept in (0, 1, 14, 60, 100)]
    torn = kill_pass(base, "size", *sizes)
    assert len(torn) == len(sizes)
    for folder in torn:
        assert check(folder) == (True, 0)


def test_a_pass_killed_while_it_writes_the_state_leaves_the_old_one(tmp_path: Path) -> None:
    base = prepare(tmp_path)
    size = (base / "data" / "state.json").stat().st_size
    for folder in kill_pass(base, "size", 200, size // 2, size - 1):
        assert check(folder) == (False, 0)


class Interrupted(SlackOnDisk):
    """A Slack during which somebody presses Ctrl-C."""

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        raise KeyboardInterrupt


class BrokenSource(FakeSource):
    """A source with a fault that nobody foresaw."""

    def read(self, *_: object) -> NoReturn:
        raise ZeroDivisionError


def test_the_next_pass_sends_what_an_interrupted_one_did_not(tmp_path: Path) -> None:
    env = CollectorEnv(tmp_path / "data", slack=Interrupted(tmp_path / "slack"))
    env.subscribe(*USERS)
    env.run({"alice": 99})
    with pytest.raises(KeyboardInterrupt):
        env.run({"alice": 100})
    env.slack = SlackOnDisk(tmp_path / "slack")
    env.run({"alice": 100})
    assert read_sent(tmp_path) == HITS
    assert env.percents() == [99, 100, 100]


def test_what_escapes_from_an_edge_before_the_commit_leaves_all_as_it_was(tmp_path: Path) -> None:
    """No reading is half stored, and no lock is left."""
    env = CollectorEnv(tmp_path / "data")
    env.run({"alice": 1})
    before = (env.data_dir / "state.json").read_bytes()
    sound, env.source = env.source, BrokenSource(env.clock)
    with pytest.raises(ZeroDivisionError):
        env.run({"alice": 2})
    assert (env.data_dir / "state.json").read_bytes() == before
    env.source = sound
    env.run({"alice": 3})
    assert env.percents() == [1, 3]
