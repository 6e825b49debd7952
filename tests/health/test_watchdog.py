"""The dead-man's switch is told of each pass, and can harm none."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.server import Response, Route
from cldmon.errors import BusyError, StoreError, UsageError
from cldmon.health import http_check
from cldmon.health.watchdog import Watchdog
from tests.simulation import faults
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.faults import Fault

UUID = "MARKER-5d1e"


class PingService(FaultyServer):
    """A watchdog service that answers OK to whatever it is asked, but for `fault`."""

    def __init__(self, fault: Fault | None = None) -> None:
        super().__init__((Route("ping", ".*", lambda _request: Response(200)),))
        if fault:
            self.faults.add(None, fault, None)

    @property
    def pings(self) -> list[str]:
        return [request.path.removeprefix(f"/{UUID}") for request in self.requests]


@pytest.fixture
def service() -> Iterator[PingService]:
    with PingService() as service:
        yield service


def watchdog(service: FaultyServer, query: str = "") -> Watchdog:
    return Watchdog(f"{service.url}/{UUID}{query}")


@pytest.mark.parametrize(("ok", "end"), [(True, ""), (False, "/fail")])
def test_start_and_end_are_sent_in_this_order(
    service: PingService, caplog: pytest.LogCaptureFixture, ok: bool, end: str
) -> None:
    dog = watchdog(service)
    with dog.reporting_failures():
        dog.send_start()
    dog.send_end(ok=ok)
    assert (service.pings, caplog.messages) == (["/start", end], [])


def test_a_pass_that_raises_has_failed(service: PingService) -> None:
    dog = watchdog(service)
    with pytest.raises(StoreError), dog.reporting_failures():
        raise StoreError("the disk is full")
    assert service.pings == ["/fail"]


@pytest.mark.parametrize("error", [BusyError("another pass"), UsageError("no such account")])
def test_a_pass_that_did_not_run_sends_no_ping(service: PingService, error: Exception) -> None:
    with pytest.raises(type(error)), watchdog(service).reporting_failures():
        raise error
    assert service.pings == []


def test_without_an_address_nothing_is_done(caplog: pytest.LogCaptureFixture) -> None:
    dog = Watchdog(None)
    with dog.reporting_failures():
        dog.send_start()
    dog.send_end(ok=True)
    assert caplog.messages == []


def test_a_query_stays_behind_the_path(service: PingService) -> None:
    watchdog(service, "?rid=1").send_end(ok=False)
    [request] = service.requests
    assert (request.path, request.query) == (f"/{UUID}/fail", "rid=1")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (faults.status(404), "HTTP 404"),
        (faults.redirect("http://127.0.0.1:9/elsewhere"), "HTTP 302"),
        (faults.hang_up(reset=True), "reset"),
        (faults.hang_up(), "RemoteDisconnected"),
    ],
)
def test_a_failing_service_is_a_warning_without_the_address(
    fault: Fault, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with PingService(fault) as service:
        dog = watchdog(service)
        with dog.reporting_failures():
            dog.send_start()
        dog.send_end(ok=True)
    [warning] = caplog.messages
    assert words in warning
    assert "MARKER" not in warning
    assert "127.0.0.1" not in warning


def test_a_refused_connection_is_a_warning_without_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Watchdog(f"http://127.0.0.1:9/{UUID}").send_end(ok=True)
    assert caplog.messages == [
        "couldn't notify the watchdog at health.ping_url: Connection refused"
    ]


@pytest.mark.parametrize("url", [f"http://{UUID}:x/", f"http://a:{UUID}@[::1/", "http://é/"])
def test_an_invalid_address_is_a_warning_without_it(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    Watchdog(url).send_end(ok=True)
    assert len(caplog.messages) == 1
    assert "MARKER" not in caplog.messages[0]


def test_the_address_is_not_in_the_repr() -> None:
    assert "MARKER" not in repr(Watchdog(f"https://example.org/{UUID}"))


def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    over = threading.Event()
    problem = http_check.run_check(lambda: str(over.wait()), seconds=0.01)
    assert problem == "no answer within 0.01 s"
    over.set()


def test_the_server_answers_even_if_it_finds_the_passes_unhealthy() -> None:
    with FaultyServer((Route("healthz", "/healthz", lambda _request: Response(503)),)) as server:
        port = int(server.url.rpartition(":")[2])
        assert http_check.check_server("0.0.0.0", port, "cldmon.example") is None
        [request] = server.requests
        assert request.headers["host"] == f"cldmon.example:{port}"


def test_another_program_on_the_port_is_not_the_server() -> None:
    with FaultyServer((Route("", "/healthz", lambda _request: Response(404)),)) as server:
        port = int(server.url.rpartition(":")[2])
        assert http_check.check_server("127.0.0.1", port, "localhost") == "HTTP 404; is it cldmon?"


def test_no_server_is_a_problem() -> None:
    assert http_check.check_server("127.0.0.1", 9, "localhost") == "Connection refused"
