"""Deaths of a pass and of what it has started; each function makes the cases of one class."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

from tests.env import key_of
from tests.reliability.result import Result
from tests.reliability.scenario import MESSAGES, NOW, read_errors
from tests.simulation.faults import Fault
from tests.simulation.replies import HangUp

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence

    from cldmon.demo.server import Reply
    from tests.env import Running
    from tests.reliability.kernel import Step
    from tests.reliability.many_channels import ManyChannelsScenario
    from tests.reliability.scenario import TwoAccountScenario
    from tests.simulation.faults import Genuine

    Strike = Callable[[Fault], None]

LONGEST_PASS = 2.5
"""Seconds within which the moments of death are drawn."""

PARTS = {
    "the browser": "--remote-debugging-pipe",
    "its pages": "--type=renderer",
    "the driver": "run-driver",
    "all processes at once": "",
}
"""What a pass has started, known by words of the command line."""


def kill_at_steps(scenario: TwoAccountScenario, fault: str, steps: Iterable[Step]) -> Result:
    """Kill a pass before each of these steps."""
    result = Result(fault)
    for step in steps:
        with result.case(str(step)):
            scenario.reset()
            scenario.env.run("fetch", under=step.killed())
            scenario.check_recovery()
    return result


def kill_by_services(scenario: TwoAccountScenario, most: int | None = None) -> Result:
    """Kill a pass while a service answers it, before and after the service has done its work.

    `most` takes the last so many of its requests.
    """
    result = Result(
        "SIGKILL during a request to claude.ai or Slack, before and after it is handled"
    )
    for name, number, strike in _requests(scenario)[-(most or 0) :]:
        for after in (False, True):
            with result.case(f"{name}, {'after' if after else 'before'}"):
                scenario.reset()
                _kill_on_request(scenario, strike, number, after=after)
                scenario.check_recovery()
    return result


def from_commit(steps: Sequence[Step]) -> Sequence[Step]:
    """Return the steps from those on that replace the state for the first time."""
    first = next(n for n, step in enumerate(steps) if ".state.json.tmp" in step.what)
    return steps[first:]


def kill_by_channels(
    scenario: ManyChannelsScenario, channels: Iterable[str] = ("team", "hook")
) -> Result:
    """Kill a pass while a channel answers it, before and after the channel took the message."""
    result = Result("SIGKILL during a message to a Slack channel or a webhook, before and after it")
    for channel in channels:
        for after in (False, True):
            with result.case(f"{channel}, {'after' if after else 'before'}"):
                scenario.reset()
                _kill_on_request(scenario, partial(scenario.strike, channel), 0, after=after)
                scenario.check_recovery()
    return result


def _requests(scenario: TwoAccountScenario) -> list[tuple[str, int, Strike]]:
    """Return each request of a pass: a name, its number among those struck, what strikes it."""

    def slack(fault: Fault) -> None:
        scenario.slack.fail(fault.on("chat.postMessage"))

    def claude(label: str) -> Strike:
        return lambda fault: scenario.claude.fail(key_of(label), fault)

    return [
        *((f"usage of {label}", 0, claude(label)) for label in NOW),
        *((f"message {number}", number, slack) for number in range(len(MESSAGES))),
    ]


def _kill_on_request(
    scenario: TwoAccountScenario, strike: Strike, number: int, *, after: bool
) -> None:
    victims: list[int] = []
    met: list[None] = []

    def act(genuine: Genuine) -> Reply:
        met.append(None)
        fatal = len(met) == number + 1
        reply = HangUp() if fatal and not after else genuine()
        if fatal:
            os.kill(victims[0], signal.SIGKILL)
        return reply

    strike(Fault("death", act))
    running = scenario.env.start("fetch")
    victims.append(running.process.pid)
    code, _, _ = running.wait()
    scenario.heal()
    assert code == -signal.SIGKILL


def kill_parts(scenario: TwoAccountScenario, times: int, rng: random.Random) -> Result:
    """Kill what a pass has started, at random moments; the pass itself goes on in words."""
    result = Result(
        "SIGKILL of browser, page, driver, or all processes, at random moments of a pass"
    )
    for number in range(times):
        part = [*PARTS][number % len(PARTS)]
        moment = rng.uniform(0, LONGEST_PASS)
        with result.case(f"{part} after {moment:.3f} s"):
            scenario.reset()
            running = scenario.env.start("fetch")
            time.sleep(moment)
            _kill(running, PARTS[part])
            code, _, err = running.wait()
            assert code in (0, 1, -signal.SIGKILL)
            read_errors(err)
            scenario.check_recovery()
    return result


def _kill(running: Running, words: str) -> None:
    for pid, command in running.env.processes().items():
        if words in command:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def terminate(scenario: TwoAccountScenario, times: int, rng: random.Random) -> Result:
    """Send SIGTERM, as systemd does, and SIGINT, as Ctrl-C does, at random moments."""
    result = Result("SIGTERM to the pass, SIGINT to its process group, at random moments")
    for turn in range(times):
        moment = rng.uniform(0, LONGEST_PASS)
        interrupt = bool(turn % 2)
        with result.case(f"{'SIGINT' if interrupt else 'SIGTERM'} after {moment:.3f} s"):
            scenario.reset()
            running = scenario.env.start("fetch")
            time.sleep(moment)
            with contextlib.suppress(ProcessLookupError):
                if interrupt:
                    running.signal_group(signal.SIGINT)
                else:
                    running.send_signal(signal.SIGTERM)
            code, out, err = running.wait()
            number = signal.SIGINT if interrupt else signal.SIGTERM
            assert code in (0, -number, 128 + number) or _was_python(err), code
            assert (out, err.strip()) == ("", "") or _was_python(err), err
            scenario.check_recovery()
    return result


def _was_python(err: str) -> bool:
    """Return whether Ctrl-C met Python as it starts, before the first line of cldmon's `main`."""
    return err.endswith("KeyboardInterrupt\n") and "in main\n" not in err
