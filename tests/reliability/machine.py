"""A machine with faults: its clock, its memory, and many processes at once."""

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
from tests.confinement import Limits, run_within
from tests.env import PATIENCE, key_of, wait_until
from tests.reliability.disk import check_errors
from tests.reliability.result import LostError, Result
from tests.reliability.scenario import CROWD, EXPECTED_ALERTS, load_json, read_timestamps
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cldmon.demo.server import Reply
    from tests.reliability.scenario import TwoAccountScenario
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


def shift_clock(
    scenario: TwoAccountScenario, shifts: Iterable[str], looks: Iterable[int] = (0, 2)
) -> Result:
    """Make a pass by a clock that goes wrong after so many looks at it; then two by a right one."""
    result = Result(
        "clock an hour or a day back, an hour or a year ahead, at 1970, or changed during a pass"
    )
    for name in shifts:
        for right in looks:
            with result.case(f"{name}, after {right} looks at the clock"):
                scenario.reset()
                wrong = _run_shifted(scenario, SHIFTS[name], right)
                for line in [*wrong.stderr.splitlines(), *_two_passes(scenario)]:
                    assert "the clock was set back" in line, line
                _check_nothing_lost(scenario, passes=3)
    return result


def change_time_zone(scenario: TwoAccountScenario, zones: Iterable[str]) -> Result:
    """Make two passes in two zones, for each pair of neighbours in the list."""
    result = Result("a different time zone for each pass")
    for pair in itertools.pairwise(zones):
        with result.case(" to ".join(pair)):
            scenario.reset()
            for zone in pair:
                ran = scenario.env.run("fetch", environ={"TZ": zone})
                assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
            _check_nothing_lost(scenario, passes=2)
    return result


def cross_dst(scenario: TwoAccountScenario, changes: Iterable[datetime]) -> Result:
    """Make a pass five minutes before and after clocks are put forward or back in Berlin."""
    result = Result("start and end of daylight saving time between two passes")
    for change in changes:
        with result.case(f"{change:%Y-%m-%d}"):
            scenario.reset()
            for at in (change - FIVE_MINUTES, change + FIVE_MINUTES):
                ahead = int((at - datetime.now(UTC)).total_seconds())
                said = _run_shifted(scenario, ahead, 0, TZ="Europe/Berlin").stderr.splitlines()
                assert [line for line in said if "the clock was set back" not in line] == []
            _check_nothing_lost(scenario, passes=2)
    return result


def _run_shifted(
    scenario: TwoAccountScenario, ahead: int, right: int, **env: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.reliability.shifted", str(ahead), str(right)]
    return subprocess.run(
        command,
        env={**scenario.env.environ, "PYTHONPATH": str(ROOT), **env},
        cwd=scenario.env.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )


def _two_passes(scenario: TwoAccountScenario) -> list[str]:
    said = []
    for _ in range(2):
        ran = scenario.env.run("fetch")
        assert (ran.returncode, ran.stdout) == (0, "")
        said += ran.stderr.splitlines()
    return said


def _check_nothing_lost(scenario: TwoAccountScenario, passes: int) -> None:
    times = read_timestamps(scenario.lines())
    if not {*scenario.began} <= {*times} or len(set(times)) != len(scenario.began) + passes:
        raise LostError(f"a reading: there are {times}")
    if scenario.count_alerts() != Counter(EXPECTED_ALERTS):
        raise LostError(f"told {scenario.count_alerts()}")
    assert scenario.env.state["outbox"] == []
    scenario.check_tidy()


def limit_memory(scenario: TwoAccountScenario, limits: Iterable[tuple[str, int]]) -> Result:
    """Let the browser have so much memory and no more: `ulimit` option, KiB."""
    result = Result("memory limits at which the browser does not start or crashes")
    program = scenario.folder / "starved"
    for option, size in limits:
        with result.case(f"ulimit -{option} {size}"):
            browser = find_browser(BrowserSettings(), os.environ)
            program.write_text(f'#!/bin/sh\nulimit -{option} {size}\nexec "{browser}" "$@"\n')
            program.chmod(0o755)
            scenario.reset()
            environ = {"CLDMON_BROWSER": str(program)}
            check_errors(scenario.env.run("fetch", environ=environ))
            scenario.check_recovery()
    return result


def kill_for_memory(scenario: TwoAccountScenario, sizes: Iterable[int]) -> Result:
    """Let a pass, its driver and its browser have so many MiB together; then the kernel kills."""
    result = Result("the kernel's out-of-memory killer, killing the pass itself or another process")
    for size in sizes:
        with result.case(f"{size} MiB"):
            scenario.reset()
            with run_within(Limits(memory=size << 20)) as under:
                ran = scenario.env.run("fetch", under=under)
                wait_until(lambda: not scenario.env.processes())
            if ran.returncode != -signal.SIGKILL:
                check_errors(ran)
            scenario.check_recovery()
    return result


def run_passes_at_once(scenario: TwoAccountScenario, times: int) -> Result:
    """Start so many passes at once; the one that reads is held up until all others have ended."""
    result = Result(f"{times} passes at once: one runs, the others exit with 75")
    alone = threading.Event()

    def act(genuine: Genuine) -> Reply:
        alone.wait(PATIENCE)
        return genuine()

    with result.case(f"{times} passes"):
        scenario.reset()
        scenario.claude.fail(key_of("alice"), Fault("wait", act))
        running = [scenario.env.start("fetch") for _ in range(times)]
        wait_until(lambda: sum(each.process.poll() is None for each in running) <= 1)
        alone.set()
        codes = Counter(each.wait()[0] for each in running)
        scenario.heal()
        assert codes == {0: 1, 75: times - 1}
        scenario.check_recovery()
    return result


def run_changes_at_once(scenario: TwoAccountScenario, times: int) -> Result:
    """Let so many people change their alerts at once, while a pass runs."""
    result = Result(f"{times} changes of subscriptions and a pass at once")
    users = [user.id for user in CROWD[:times]]
    with result.case(f"{times} changes"):
        scenario.reset()
        a_pass = scenario.env.start("fetch")
        running = [scenario.env.start("subscribe", user, "bob", "--hit") for user in users]
        assert Counter(each.wait()[0] for each in (a_pass, *running)) == {0: times + 1}
        body = load_json(scenario.base / "subscriptions.json")
        for user in users:
            body["users"][user] = {"accounts": {"bob": {"limitHit": True, "reset": False}}}
        if load_json(scenario.data / "subscriptions.json") != body:
            raise LostError("a change")
        assert {user for user, _ in scenario.count_alerts()} >= {*users}, "a confirmation"
        scenario.check_tidy()
    return result
