"""openapi.json describes what the server does."""

from __future__ import annotations

import json
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    positive_data_acceptance,
    unsupported_method,
)

from cldmon.web.api import ROUTES
from tests.fakes import Clock
from tests.simulation.slack import FakeSlack
from tests.web.in_process import COOKIE, InProcessServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED_ELSEWHERE = [
    ignored_auth,  # every case has a cookie, so it is rightly admitted
    unsupported_method,  # it sends a body with GET, which is refused
    positive_data_acceptance,  # a well-formed login may have an unknown id
]
TEXT = files("cldmon.web").joinpath("openapi.json").read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = json.loads(TEXT)
FOUND: Iterator[Any] = schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
OPERATIONS = [found.ok() for found in FOUND]


def test_it_names_every_endpoint_and_no_other() -> None:
    described = {
        (path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods
    }
    assert described == {(path, method) for path, methods in ROUTES.items() for method in methods}


def test_it_is_public(server: InProcessServer) -> None:
    got = server.ask("GET", "/openapi.json")
    assert (got.header("Content-Type"), got.json) == ("application/json", DOCUMENT)


@pytest.fixture(scope="module")
def open_server() -> Iterator[InProcessServer]:
    """A server with Slack, after a pass and with a line of history."""
    clock = Clock()
    with (
        tempfile.TemporaryDirectory() as name,
        FakeSlack() as slack,
        InProcessServer(Path(name), clock, slack=slack) as server,
    ):
        server.passed()
        yield server


@pytest.fixture(scope="module")
def cookie(open_server: InProcessServer) -> str:
    """The cookie of a Slack user."""
    return open_server.logged_in("U01ALICE").cookie.removeprefix(f"{COOKIE}=")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_the_server_conforms_to_it(
    operation: Any, open_server: InProcessServer, cookie: str
) -> None:
    """With requests that the description allows, and many that it does not."""

    @given(operation.as_strategy())
    @settings(
        max_examples=10, deadline=None, suppress_health_check=[*HealthCheck], derandomize=True
    )
    def asked(case: schemathesis.Case[Any]) -> None:
        open_server.restart()  # so that no rate limit applies
        case.cookies = {**(case.cookies or {}), COOKIE: cookie}
        case.call_and_validate(
            base_url=open_server.http_server.url.rstrip("/"), excluded_checks=ASKED_ELSEWHERE
        )

    asked()
