from __future__ import annotations

import socket
import threading
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.server import Request, Response, Route, json_response, make_response
from tests.simulation import faults
from tests.simulation.http_client import ask, ask_over, connect
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.demo.server import Reply
    from tests.simulation.faults import Fault


class Greeter(FaultyServer):
    def __init__(self, *, delay: float = 0.0) -> None:
        routes = (
            Route("greet", "/greet/(?P<name>[^/]+)", self._greet),
            Route("", ".*", lambda _request: Response(404)),
        )
        super().__init__(routes, delay=delay)

    def plan(self, fault: Fault, times: int | None = None) -> None:
        self.faults.add(None, fault, times)

    def _greet(self, request: Request, name: str) -> Reply:
        return make_response(f"{request.method} {name} {request.body.decode()}", "text/plain")


@pytest.fixture
def server() -> Iterator[Greeter]:
    with Greeter() as running:
        yield running


def test_a_route_hands_the_named_parts_of_the_path_to_its_handler(server: Greeter) -> None:
    assert ask(server.url, "/greet/ada").body == b"GET ada "


def test_a_posted_body_reaches_the_handler(server: Greeter) -> None:
    with closing(connect(server.url)) as connection:
        connection.request("POST", "/greet/ada", b"hello")
        assert connection.getresponse().read() == b"POST ada hello"


def test_a_connection_serves_many_requests(server: Greeter) -> None:
    with closing(connect(server.url)) as connection:
        ask_over(connection, "/greet/a")
        first = connection.sock.getsockname()
        ask_over(connection, "/nowhere")
        ask_over(connection, "/greet/b")
        assert connection.sock.getsockname() == first


def test_requests_are_remembered_in_order_until_cleared(server: Greeter) -> None:
    ask(server.url, "/greet/a?loud=1", "sk-1")
    ask(server.url, "/greet/b")
    assert [(r.method, r.path, r.query, r.key) for r in server.requests] == [
        ("GET", "/greet/a", "loud=1", "sk-1"),
        ("GET", "/greet/b", "", None),
    ]
    server.clear()
    assert server.requests == []


def test_a_cookie_header_that_is_no_cookie_carries_no_key() -> None:
    assert Request("GET", "/", headers={"cookie": "\x00=;;=sessionKey"}).key is None


def test_many_clients_at_once_are_all_answered_and_remembered(server: Greeter) -> None:
    bodies: list[bytes] = []
    clients = [
        threading.Thread(target=lambda n=n: bodies.append(ask(server.url, f"/greet/{n}").body))
        for n in range(40)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert sorted(bodies) == sorted(f"GET {n} ".encode() for n in range(40))
    assert len(server.requests) == 40


def test_a_slow_client_does_not_block_another(server: Greeter) -> None:
    with closing(socket.create_connection(("127.0.0.1", _port(server)))) as silent:
        silent.sendall(b"GET /greet/slow HTTP/1.1\r\n")
        assert ask(server.url, "/greet/quick").status == 200


def test_faults_come_in_the_order_of_their_planning(server: Greeter) -> None:
    server.plan(faults.status(500), times=2)
    server.plan(faults.status(503), times=1)
    statuses = [ask(server.url, "/greet/a").status for _ in range(4)]
    assert statuses == [500, 500, 503, 200]


def test_a_route_without_a_name_is_never_struck(server: Greeter) -> None:
    server.plan(faults.status(500), times=1)
    assert ask(server.url, "/favicon.ico").status == 404
    assert ask(server.url, "/greet/a").status == 500


def test_a_fault_for_another_route_waits_for_it(server: Greeter) -> None:
    server.plan(faults.status(500).on("other"))
    assert ask(server.url, "/greet/a").status == 200


def test_combined_faults_both_take_effect(server: Greeter) -> None:
    server.plan(faults.status(500).then(faults.set_cookie("a=b")))
    answer = ask(server.url, "/greet/a")
    assert (answer.status, answer.header("Set-Cookie")) == (500, "a=b")


def test_editing_silence_leaves_silence(server: Greeter) -> None:
    server.plan(faults.hang_up().then(faults.header("X-A", "b")))
    with pytest.raises(ConnectionError):
        ask(server.url, "/greet/a")


def test_an_answer_can_carry_any_json_value_and_status() -> None:
    assert json_response([1], 418) == Response(418, (("Content-Type", "application/json"),), b"[1]")


@pytest.mark.parametrize(
    "fault",
    [
        faults.hang(3600),
        faults.slow(3600),
        faults.drip(3600),
        faults.huge(500_000_000),
        faults.huge(500_000_000, stated=False),
    ],
    ids=lambda fault: fault.name,
)
def test_closing_releases_every_answer_under_way_and_leaves_no_thread(fault: Fault) -> None:
    before = set(threading.enumerate())
    with Greeter() as server:
        server.plan(fault)
        with closing(connect(server.url)) as waiting:
            waiting.request("GET", "/greet/a")
            server.wait_for_requests(1)
            server.close()
    assert set(threading.enumerate()) == before


def test_closing_ends_idle_connections_and_unfinished_requests() -> None:
    before = set(threading.enumerate())
    with Greeter() as server, closing(connect(server.url)) as idle:
        ask_over(idle, "/greet/a")
        with closing(socket.create_connection(("127.0.0.1", _port(server)))) as half:
            half.sendall(b"GET /greet")
            server.close()
            assert _ended(half)
    assert set(threading.enumerate()) == before


def test_a_closed_server_refuses_connections_and_can_be_closed_again() -> None:
    server = Greeter()
    server.close()
    server.close()
    with pytest.raises(ConnectionRefusedError):
        ask(server.url, "/greet/a")


def test_a_latency_delays_every_answer_without_changing_it() -> None:
    with Greeter(delay=0.01) as server:
        assert ask(server.url, "/greet/a").body == b"GET a "


def test_a_handler_that_fails_says_so_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    """A mistake in a simulation must be seen, not look like a fault of the network."""
    with FaultyServer((Route("", ".*", _broken),)) as server, pytest.raises(ConnectionError):
        ask(server.url, "/")
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_client_that_leaves_in_mid_answer_is_no_error(
    server: Greeter, capfd: pytest.CaptureFixture[str]
) -> None:
    server.plan(faults.huge(20_000_000), times=1)
    with closing(HTTPConnection("127.0.0.1", _port(server))) as leaving:
        leaving.request("GET", "/greet/a")
        server.wait_for_requests(1)
    assert ask(server.url, "/greet/a").status == 200
    server.close()
    assert capfd.readouterr().err == ""


def _broken(_request: Request) -> Reply:
    raise ZeroDivisionError


def _ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def _port(server: Greeter) -> int:
    return int(server.url.rpartition(":")[2])
