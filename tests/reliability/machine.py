"""A machine that is sick: its clock, its memory, and too many who want the same at once."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.claude.browser import BrowserSettings, find_browser
from tests.confinement import Limits, confined
from tests.env import PATIENCE, key_of, wait_until
from tests.reliability.brink import CROWD, TO_BE_TOLD, stamps, whole
from tests.reliability.disk import tells
from tests.reliability.result import LostError, Result
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cldmon.demo.server import Reply
    from tests.reliability.brink import Brink
    from tests.simulation.faults import Genuine

ROOT = Path(__file__).resolve().parents[2]
FIVE_MINUTES = timedelta(minutes=5)
HOUR, DAY, YEAR = 3_600, 86_400, 366 * 86_400
SHIFTS = {
    "an hour back": -HOUR,
    "an hour ahead": HOUR,
    "a day back": -DAY,
    "a year ahead": YEAR,
    "to 1970": -1_750_000_000,
}
"""How a clock goes wrong, in seconds."""


def clocks(brink: Brink, shifts: Iterable[str], looks: Iterable[int] = (0, 2)) -> Result:
    """Make a pass by a clock that goes wrong after so many looks at it; then two by a right one."""
    result = Result(
        "clock an hour or a day back, an hour or a year ahead, at 1970, or changed during a pass"
    )
    for name in shifts:
        for right in looks:
            with result.case(f"{name}, after {right} looks at the clock"):
                brink.begin()
                wrong = _by_clock(brink, SHIFTS[name], right)
                for line in [*wrong.stderr.splitlines(), *_two_passes(brink)]:
                    assert "the clock was set back" in line, line
                _nothing_lost(brink, passes=3)
    return result


def time_zones(brink: Brink, zones: Iterable[str]) -> Result:
    """Make two passes in two zones, for each pair of neighbours in the list."""
    result = Result("a different time zone for each pass")
    for pair in itertools.pairwise(zones):
        with result.case(" to ".join(pair)):
            brink.begin()
            for zone in pair:
                ran = brink.env.run("fetch", environ={"TZ": zone})
                assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
            _nothing_lost(brink, passes=2)
    return result


def summer_time(brink: Brink, changes: Iterable[datetime]) -> Result:
    """Make a pass five minutes before and after clocks are put forward or back in Berlin."""
    result = Result("start and end of daylight saving time between two passes")
    for change in changes:
        with result.case(f"{change:%Y-%m-%d}"):
            brink.begin()
            for at in (change - FIVE_MINUTES, change + FIVE_MINUTES):
                ahead = int((at - datetime.now(UTC)).total_seconds())
                said = _by_clock(brink, ahead, 0, TZ="Europe/Berlin").stderr.splitlines()
                assert [line for line in said if "the clock was set back" not in line] == []
            _nothing_lost(brink, passes=2)
    return result


def _by_clock(brink: Brink, ahead: int, right: int, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.reliability.shifted", str(ahead), str(right)]
    return subprocess.run(
        command,
        env={**brink.env.environ, "PYTHONPATH": str(ROOT), **env},
        cwd=brink.env.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )


def _two_passes(brink: Brink) -> list[str]:
    said = []
    for _ in range(2):
        ran = brink.env.run("fetch")
        assert (ran.returncode, ran.stdout) == (0, "")
        said += ran.stderr.splitlines()
    return said


def _nothing_lost(brink: Brink, passes: int) -> None:
    times = stamps(brink.lines())
    if not {*brink.began} <= {*times} or len(set(times)) != len(brink.began) + passes:
        raise LostError(f"a reading: there are {times}")
    if brink.told() != Counter(TO_BE_TOLD):
        raise LostError(f"told {brink.told()}")
    assert brink.env.state["outbox"] == []
    brink.is_tidy()


def starved(brink: Brink, limits: Iterable[tuple[str, int]]) -> Result:
    """Let the browser have so much memory and no more: `ulimit` option, KiB."""
    result = Result("memory limits at which the browser does not start or crashes")
    program = brink.folder / "starved"
    for option, size in limits:
        with result.case(f"ulimit -{option} {size}"):
            browser = find_browser(BrowserSettings(), os.environ)
            program.write_text(f'#!/bin/sh\nulimit -{option} {size}\nexec "{browser}" "$@"\n')
            program.chmod(0o755)
            brink.begin()
            environ = {"CLDMON_BROWSER": str(program)}
            tells(brink.env.run("fetch", environ=environ))
            brink.survived()
    return result


def killed_for_memory(brink: Brink, sizes: Iterable[int]) -> Result:
    """Let a pass, its driver and its browser have so many MiB together; then the kernel kills."""
    result = Result("the kernel's out-of-memory killer, killing the pass itself or another process")
    for size in sizes:
        with result.case(f"{size} MiB"):
            brink.begin()
            with confined(Limits(memory=size << 20)) as under:
                ran = brink.env.run("fetch", under=under)
                wait_until(lambda: not brink.env.processes())
            if ran.returncode != -signal.SIGKILL:
                tells(ran)
            brink.survived()
    return result


def passes_at_once(brink: Brink, times: int) -> Result:
    """Start so many passes at once; the one that reads is held up until all others have ended."""
    result = Result(f"{times} passes at once: one runs, the others exit with 75")
    alone = threading.Event()

    def act(genuine: Genuine) -> Reply:
        alone.wait(PATIENCE)
        return genuine()

    with result.case(f"{times} passes"):
        brink.begin()
        brink.claude.fail(key_of("alice"), Fault("wait", act))
        running = [brink.env.start("fetch") for _ in range(times)]
        wait_until(lambda: sum(each.process.poll() is None for each in running) <= 1)
        alone.set()
        codes = Counter(each.wait()[0] for each in running)
        brink.heal()
        assert codes == {0: 1, 75: times - 1}
        brink.survived()
    return result


def changes_at_once(brink: Brink, times: int) -> Result:
    """Let so many people change their alerts at once, while a pass runs."""
    result = Result(f"{times} changes of subscriptions and a pass at once")
    users = [user.id for user in CROWD[:times]]
    with result.case(f"{times} changes"):
        brink.begin()
        a_pass = brink.env.start("fetch")
        running = [brink.env.start("subscribe", user, "bob", "--hit") for user in users]
        assert Counter(each.wait()[0] for each in (a_pass, *running)) == {0: times + 1}
        body = whole(brink.base / "subscriptions.json")
        for user in users:
            body["users"][user] = {"accounts": {"bob": {"limitHit": True, "reset": False}}}
        if whole(brink.data / "subscriptions.json") != body:
            raise LostError("a change")
        assert {user for user, _ in brink.told()} >= {*users}, "a confirmation"
        brink.is_tidy()
    return result
