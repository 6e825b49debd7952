"""Death at every step: of a pass, of what it has started, and of a change of subscriptions."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.reliability import changing, death, posting
from tests.reliability.command_channel import command_scenario
from tests.reliability.kernel import CHANGES, file_steps, talk_steps
from tests.reliability.many_channels import many_channels_scenario
from tests.reliability.sample import SEED, few
from tests.reliability.scenario import two_account_scenario

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result

TIMES = 40


def run_cases(folder: Path) -> Iterator[Result]:
    """Make all of them."""
    log, rng = folder / "log", random.Random(SEED)  # noqa: S311 - moments, no secrets
    with two_account_scenario(folder / "scenario") as scenario:
        scenario.reset()
        steps = file_steps(scenario.env, log, "fetch", calls=CHANGES)
        yield death.kill_at_steps(
            scenario, "SIGKILL before each file operation of a pass", few(steps)
        )
        yield death.kill_by_services(scenario)
        yield changing.kill_at_steps(
            scenario,
            "SIGKILL before each file operation of a change of subscriptions",
            few(changing.trace_steps(scenario, log)),
        )
        scenario.reset()
        steps = talk_steps(scenario.env, log, "fetch")
        yield death.kill_at_steps(
            scenario, "SIGKILL before each message to or from the driver", few(steps)
        )
        with command_scenario(folder / "command") as commanded:
            commanded.reset()
            steps = file_steps(commanded.env, log, "fetch", calls=CHANGES)
            yield death.kill_at_steps(
                commanded,
                "SIGKILL before each file operation of a pass with a command channel",
                few(steps),
            )
        with many_channels_scenario(folder / "channels") as many:
            yield death.kill_by_channels(many)
            many.reset()
            steps = file_steps(many.env, log, "fetch", calls=CHANGES)
            yield death.kill_at_steps(
                many,
                "SIGKILL before each file operation of a pass with three channels, from its commit",
                few(death.from_commit(steps)),
            )
        site = posting.open_site(scenario)
        yield posting.kill_at_steps(
            site,
            "SIGKILL of `serve` before each file operation of a change by POST",
            few(posting.trace_steps(site, log)),
        )
        yield death.kill_parts(scenario, len(few(range(TIMES))), rng)
        yield death.terminate(scenario, len(few(range(TIMES))), rng)
