"""The cases of a faulty service and of a faulty Slack, to the full."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.env import Env
from tests.reliability import service, slack, tls
from tests.reliability.result import Result
from tests.reliability.test_model import Year
from tests.simulation.claude import FakeClaude

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

REQUESTS = {"organizations": "first", "usage": "second"}
AT_ONCE = 60
"""Accounts in a pass."""

YEARS = 150


def run_cases(folder: Path) -> Iterator[Result]:
    """Yield the counts of each class."""
    yield from slack.run_cases(folder / "slack")
    yield tls.run_cases(folder / "tls")
    yield run_random_years()
    yield from run_service_cases(folder)


def run_random_years() -> Result:
    """Random passes compared with the model, pass by pass."""
    result = Result("service, Slack and machine: random passes, each compared with a model")
    begun = Year.lived
    many = settings(
        max_examples=YEARS,
        stateful_step_count=100,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        database=None,
    )
    with result.case("years"):
        run_state_machine_as_test(Year, settings=many)
        result.tried, result.survived = Year.lived - begun, Year.lived - begun - 1
    return result


def run_service_cases(folder: Path) -> Iterator[Result]:
    """Every fault, in the answer to the first request and in that to the second."""
    with FakeClaude() as elsewhere:
        port = int(elsewhere.url.rpartition(":")[2])
        classes = {
            "cookies that clear, change or crowd out the key": [*service.build_cookies()],
            "answers that are slow, late or missing": [*service.build_slow()],
            "not HTTP, wrongly compressed, endless": [*service.build_strange()],
            "redirects, and pages that load from elsewhere": [*service.build_lures(port)],
            "every status with every body and header": [*service.build_combinations()],
        }
        for (name, cases), route in itertools.product(classes.items(), service.ROUTES):
            result = Result(f"service, {REQUESTS[route]} request: {name}")
            for start in range(0, len(cases), AT_ONCE):
                place = folder / f"{name.partition(' ')[0]}-{route}-{start}"
                run_pass(place, cases[start : start + AT_ONCE], route, elsewhere, result)
            yield result


def run_pass(
    folder: Path,
    cases: Sequence[service.Case],
    route: str,
    elsewhere: FakeClaude,
    result: Result,
) -> None:
    """Make a pass over cases, and count how each ended."""
    elsewhere.clear()
    with FakeClaude() as claude:
        found = service.run_pass(Env(folder, claude), cases, route)
    for case in cases:
        with result.case(f"{case.name} in {route}"):
            service.check_not_asked(elsewhere)
            assert found["good"] == service.OK, f"the good account: {found['good']}"
            end = found[service.label(case)]
            assert end in case.ends, f"{end}, not {' or '.join(sorted(case.ends))}"
