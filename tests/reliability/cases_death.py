"""Death at every step: of a pass, of what it has started, and of a change of subscriptions."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.reliability import changing, death, posting
from tests.reliability.brink import on_the_brink
from tests.reliability.kernel import CHANGES, file_steps, talk_steps
from tests.reliability.sample import SEED, few

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result

TIMES = 40


def run_cases(folder: Path) -> Iterator[Result]:
    """Make all of them."""
    log, rng = folder / "log", random.Random(SEED)  # noqa: S311 - moments, no secrets
    with on_the_brink(folder / "brink") as brink:
        brink.begin()
        steps = file_steps(brink.env, log, "fetch", calls=CHANGES)
        yield death.killed_at(brink, "SIGKILL before each file operation of a pass", few(steps))
        yield death.killed_by_services(brink)
        yield changing.killed_at(
            brink,
            "SIGKILL before each file operation of a change of subscriptions",
            few(changing.steps(brink, log)),
        )
        brink.begin()
        steps = talk_steps(brink.env, log, "fetch")
        yield death.killed_at(
            brink, "SIGKILL before each message to or from the driver", few(steps)
        )
        site = posting.opened(brink)
        yield posting.killed_at(
            site,
            "SIGKILL of `serve` before each file operation of a change by POST",
            few(posting.steps(site, log)),
        )
        yield death.parts_killed(brink, len(few(range(TIMES))), rng)
        yield death.told_to_end(brink, len(few(range(TIMES))), rng)
