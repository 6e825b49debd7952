"""The cases of a sick service and of a sick Slack, to the full."""

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
    yield of_random_years()
    yield from of_service(folder)


def of_random_years() -> Result:
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


def of_service(folder: Path) -> Iterator[Result]:
    """Every fault, in the answer to the first request and in that to the second."""
    with FakeClaude() as elsewhere:
        port = int(elsewhere.url.rpartition(":")[2])
        classes = {
            "cookies that clear, change or crowd out the key": [*service.cookies()],
            "answers that are slow, late or missing": [*service.slow()],
            "not HTTP, wrongly compressed, endless": [*service.strange()],
            "redirects, and pages that load from elsewhere": [*service.lured(port)],
            "every status with every body and header": [*service.combinations()],
        }
        for (name, cases), route in itertools.product(classes.items(), service.ROUTES):
            result = Result(f"service, {REQUESTS[route]} request: {name}")
            for start in range(0, len(cases), AT_ONCE):
                place = folder / f"{name.partition(' ')[0]}-{route}-{start}"
                one_pass(place, cases[start : start + AT_ONCE], route, elsewhere, result)
            yield result


def one_pass(
    folder: Path,
    cases: Sequence[service.Case],
    route: str,
    elsewhere: FakeClaude,
    result: Result,
) -> None:
    """Make a pass over cases, and count how each ended."""
    elsewhere.clear()
    with FakeClaude() as claude:
        found = service.passed(Env(folder, claude), cases, route)
    for case in cases:
        with result.case(f"{case.name} in {route}"):
            service.guard(elsewhere)
            assert found["good"] == service.OK, f"the good account: {found['good']}"
            end = found[service.label(case)]
            assert end in case.ends, f"{end}, not {' or '.join(sorted(case.ends))}"
