"""The bytes on a connection, and its deadlines."""

from __future__ import annotations

import os
import re
import resource
import socket
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cldmon.web import http_parser
from cldmon.web.connections import MAX_CONNECTIONS, MAX_STREAMS, Connections
from cldmon.web.http import Document, Response
from cldmon.web.server import ListenError, WebServer
from tests.env import wait_until
from tests.limits import forbid_threads
from tests.web.in_process import API_TOKEN, InProcessServer
from tests.web.raw import Ticks, connect, parse_responses, receive_all, receive_response, send_raw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cldmon.web.http import Request
    from tests.fakes import Clock

HEAD = b"Host: localhost\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\n"
LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
POST = b"POST /api/auth HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\n"
GUEST = b'{"slackId":""}'


@pytest.fixture
def ticks() -> Ticks:
    """The clock that deadlines are measured with."""
    return Ticks()


@pytest.fixture
def timed_server(tmp_path: Path, clock: Clock, ticks: Ticks) -> Iterator[InProcessServer]:
    """A server whose deadlines depend on `ticks`."""
    with InProcessServer(tmp_path, clock, connections=Connections(clock=ticks)) as server:
        server.passed()
        yield server


@pytest.fixture
def patient_server(server: InProcessServer) -> InProcessServer:
    """A server with data."""
    server.passed()
    return server


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000,
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + HEAD + b"Content-Length: 3\r\n\r\nabc",
    ],
    ids=["bare line ends", "an endless head", "chunks and a length", "a body on GET"],
)
def test_a_refused_head_ends_the_connection(patient_server: InProcessServer, sent: bytes) -> None:
    """A request hidden behind it is not answered. All bad heads: see test_http_parser.py."""
    [answer] = send_raw(patient_server, sent + GET)
    assert answer.status == 400
    assert b'"error"' in answer.body


def test_tls_is_refused_at_once(patient_server: InProcessServer) -> None:
    """Such a client waits for a response, and sends nothing more."""
    with connect(patient_server) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32))
        assert receive_response(sock).status == 400


@pytest.mark.parametrize(
    "host", ["", "Host:", "Host: localhost/x", "Host: x@localhost", "Host: a b"]
)
def test_a_host_is_needed(patient_server: InProcessServer, host: str) -> None:
    lines = ["GET /healthz HTTP/1.1", *filter(None, [host]), "Connection: close", "", ""]
    [answer] = send_raw(patient_server, "\r\n".join(lines).encode())
    assert answer.status == 400


@pytest.mark.parametrize("length", ["16385", "9" * 30, "9" * 8000])
def test_a_body_that_is_too_long_is_refused_before_it_is_sent(
    patient_server: InProcessServer, length: str
) -> None:
    [answer] = send_raw(patient_server, POST + f"Content-Length: {length}\r\n\r\n".encode())
    assert answer.status == 413


def test_the_refusal_arrives_though_the_client_goes_on_sending(
    patient_server: InProcessServer,
) -> None:
    body = b"x" * 300_000
    [answer] = send_raw(patient_server, POST + b"Content-Length: 300000\r\n\r\n" + body)
    assert answer.status == 413


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.2", "[::1]"])
def test_another_host_is_not_answered(patient_server: InProcessServer, host: str) -> None:
    [answer] = send_raw(patient_server, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert answer.status == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:65535"])
def test_our_own_host_is_answered_with_any_port(patient_server: InProcessServer, host: str) -> None:
    [answer] = send_raw(patient_server, f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert answer.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/./index.html",
        "/static/../api.py",
        "/api.py",
        "/..\\api.py",
        "/%00",
        "/api/usage//",
        "/metrics/",
        "/healthz/",
        "/API/usage",
        "/api/usage%20",
        "/api/usage;x",
        "/api%2fusage",
        "/%2Fmetrics",
    ],
)
def test_no_path_leads_anywhere_else(patient_server: InProcessServer, path: str) -> None:
    [answer] = send_raw(patient_server, f"GET {path} HTTP/1.1\r\n".encode() + HEAD + b"\r\n")
    assert (answer.status, answer.body) == (404, b'{"error":"Not found"}')


def test_a_connection_serves_many_requests_also_ones_sent_ahead(
    patient_server: InProcessServer,
) -> None:
    found = send_raw(patient_server, GET * 3 + POST + b"Content-Length: 14\r\n\r\n" + GUEST + LAST)
    assert [answer.status for answer in found] == [200] * 5


def test_a_request_may_come_in_any_pieces(patient_server: InProcessServer) -> None:
    whole = POST + b"Content-Length: 14\r\n\r\n" + GUEST + LAST
    found = send_raw(patient_server, *(bytes([byte]) for byte in whole))
    assert [answer.status for answer in found] == [200, 200]


def test_a_client_that_expects_100_continue_receives_it(patient_server: InProcessServer) -> None:
    with connect(patient_server) as sock:
        sock.sendall(POST + b"Content-Length: 14\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(GUEST)
        assert receive_response(sock).status == 200


def test_http_1_0_is_answered_once(patient_server: InProcessServer) -> None:
    [answer] = send_raw(patient_server, GET.replace(b"1.1", b"1.0") + GET)
    assert answer.status == 200
    assert "Connection: close" in answer.head


def test_connection_close_is_confirmed(patient_server: InProcessServer) -> None:
    with connect(patient_server) as sock:
        sock.sendall(LAST + GET)
        [answer] = parse_responses(receive_all(sock))
    assert "Connection: close" in answer.head


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    patient_server: InProcessServer,
) -> None:
    for part in (b"", GET[:10], POST + b"Content-Length: 14\r\n\r\n{"):
        assert send_raw(patient_server, part) == []
    assert patient_server.warnings == []


def test_head_has_the_headers_of_get_and_no_body(patient_server: InProcessServer) -> None:
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    for path in ("/", "/api/usage", "/api/history", "/metrics", "/healthz", "/openapi.json"):
        head, get = (
            patient_server.ask(method, path, headers=headers) for method in ("HEAD", "GET")
        )
        assert (head.status, head.body) == (get.status, b"")
        assert dict(head.headers) | {"Date": ""} == dict(get.headers) | {"Date": ""}


def test_options_lists_the_allowed_methods(patient_server: InProcessServer) -> None:
    for path, allowed in (("/api/usage", "GET, HEAD, OPTIONS"), ("/api/auth", "POST, OPTIONS")):
        got = patient_server.ask("OPTIONS", path)
        assert (got.status, got.header("Allow"), got.body) == (204, allowed, b"")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "get", "BREW", "GET_"])
def test_another_method_is_refused_with_the_allowed_ones(
    patient_server: InProcessServer, method: str
) -> None:
    for path, allowed in (("/api/usage", "GET, HEAD, OPTIONS"), ("/", "GET, HEAD, OPTIONS")):
        got = patient_server.ask(method, path)
        assert (got.status, got.header("Allow")) == (405, allowed)


def test_every_answer_is_guarded(patient_server: InProcessServer) -> None:
    for path in ("/", "/api/usage", "/nowhere"):
        got = patient_server.ask("GET", path)
        policy = got.header("Content-Security-Policy") or ""
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy
        assert got.header("X-Content-Type-Options") == "nosniff"
        assert got.header("Referrer-Policy") == "no-referrer"
        assert got.header("Cross-Origin-Opener-Policy") == "same-origin"
        assert got.all("Server") == ["cldmon"]


FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://127.0.0.1.evil.example"},
    {"Origin": "file://"},
    {"Origin": "http://[bad"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", ["/api/auth", "/api/logout", "/api/subscriptions"])
def test_no_other_site_can_post(
    server: InProcessServer, path: str, headers: dict[str, str]
) -> None:
    headers = {**headers, "Cookie": server.logged_in().cookie}
    assert server.ask("POST", path, {"slackId": ""}, headers).status == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_must_be_declared_as_json(server: InProcessServer, kind: str) -> None:
    """Content types that another site's form can send are refused."""
    assert server.ask("POST", "/api/auth", {"slackId": ""}, {"Content-Type": kind}).status == 415


def test_a_compressed_body_is_refused(server: InProcessServer) -> None:
    for coding, status in (("gzip", 415), ("br", 415), ("identity", 200)):
        headers = {"Content-Encoding": coding}
        assert server.ask("POST", "/api/auth", {"slackId": ""}, headers).status == status


def test_the_declaration_may_name_a_character_set(server: InProcessServer) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert server.ask("POST", "/api/auth", {"slackId": ""}, headers).status == 200


def test_a_logout_needs_no_body(server: InProcessServer) -> None:
    assert server.logged_in().post_json("/api/logout").status == 200


def test_internal_errors_are_reported_without_details(server: InProcessServer) -> None:
    """The log does not quote anything that may be a secret."""

    class Broken(Document):
        def response(self, request: Request) -> Response:
            raise LookupError("sk-ant-sid01-secret")

    server.services = replace(server.services, pages={"/": Broken(b"")})
    got = server.ask("GET", "/")
    assert (got.status, got.json) == (500, {"error": "Internal server error"})
    [warning] = server.warnings
    assert "LookupError" in warning
    assert "sk-ant" not in warning


class TestTime:
    """Every phase of a connection has a deadline, even if bytes keep trickling in."""

    @staticmethod
    def trickle(sock: socket.socket, ticks: Ticks) -> bytes:
        """Send a byte every six seconds, and return the response."""
        sock.settimeout(0.1)
        data = b""
        for _ in range(100):
            ticks.now += 6
            try:
                sock.sendall(b"x")
                more = sock.recv(1 << 16)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not more:
                break
            data += more
        return data

    @staticmethod
    def wait_until_ended(server: InProcessServer, ticks: Ticks) -> None:
        """Let the time pass until no connection is left."""

        def later() -> bool:
            ticks.now += 6
            return len(server.http_server.connections) == 0

        wait_until(later)

    def test_a_head_that_trickles_is_ended(
        self, timed_server: InProcessServer, ticks: Ticks
    ) -> None:
        with connect(timed_server) as sock:
            sock.sendall(GET[:-2])
            [answer] = parse_responses(self.trickle(sock, ticks))
        assert answer.status == 408

    def test_a_body_that_trickles_is_ended(
        self, timed_server: InProcessServer, ticks: Ticks
    ) -> None:
        with connect(timed_server) as sock:
            sock.sendall(POST + b"Content-Length: 10000\r\n\r\n")
            [answer] = parse_responses(self.trickle(sock, ticks))
        assert answer.status == 408

    def test_an_idle_connection_is_closed_silently(
        self, timed_server: InProcessServer, ticks: Ticks
    ) -> None:
        with connect(timed_server) as fresh, connect(timed_server) as used:
            used.sendall(GET)
            receive_response(used)
            self.wait_until_ended(timed_server, ticks)
            assert receive_all(fresh) == receive_all(used) == b""

    def test_a_response_that_is_not_read_is_ended(
        self, timed_server: InProcessServer, ticks: Ticks
    ) -> None:
        _add_page(timed_server, b"x" * 30_000_000)
        with connect(timed_server) as sock:
            sock.sendall(GET.replace(b"/healthz", b"/big"))
            sock.recv(1)
            self.wait_until_ended(timed_server, ticks)
            assert len(receive_all(sock)) < 30_000_000

    def test_another_connection_is_answered_meanwhile(self, timed_server: InProcessServer) -> None:
        _add_page(timed_server, b"x" * 30_000_000)
        with connect(timed_server) as slow, connect(timed_server) as trickling:
            slow.sendall(GET.replace(b"/healthz", b"/big"))
            slow.recv(1)
            trickling.sendall(GET[:5])
            assert timed_server.ask("GET", "/healthz").status == 200


class TestFloods:
    """No matter how many there are, the next one is answered."""

    def test_a_thousand_silent_connections_do_not_block_others(
        self, server: InProcessServer
    ) -> None:
        with _allow_many_files(), ExitStack() as stack:
            for number in range(1000):
                sock = stack.enter_context(connect(server))
                if number % 2:
                    sock.sendall(b"GET / HTTP/1.1\r\nHost: lo")
            assert server.ask("GET", "/api/session").status == 200
            assert len(server.http_server.connections) <= MAX_CONNECTIONS

    def test_without_a_thread_one_connection_is_refused_and_the_next_is_not(
        self, server: InProcessServer
    ) -> None:
        with forbid_threads():
            got = server.ask("GET", "/api/session")
        assert (got.status, got.header("Retry-After")) == (503, "10")
        assert server.ask("GET", "/api/session").status == 200
        assert len(server.warnings) == 1
        assert "raise TasksMax" in server.warnings[0]

    def test_unread_responses_do_not_fill_memory(self, server: InProcessServer) -> None:
        _add_page(server, b"x" * 100_000)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(server.address)
            sock.sendall(GET.replace(b"/healthz", b"/big") * 100)
            _wait_until_read(sock)
            server.http_server.connections.close(0)
            assert len(receive_all(sock)) < 500_000

    def test_the_longest_waiting_connection_makes_room(self, tmp_path: Path, clock: Clock) -> None:
        with (
            InProcessServer(tmp_path, clock, connections=Connections(most=4)) as server,
            ExitStack() as stack,
        ):
            old = [stack.enter_context(connect(server)) for _ in range(4)]
            wait_until(lambda: len(server.http_server.connections) == 4)
            assert server.ask("GET", "/api/session").status == 200
            assert receive_all(old[0]) == b""

    def test_long_answers_have_few_places_and_the_newest_gets_one(
        self, tmp_path: Path, clock: Clock
    ) -> None:
        def respond(_: Request) -> Response:
            return Response(200, (b"x" * 1_000_000 for _ in range(50)))

        connections = Connections(stream_wait=0.2)
        with (
            InProcessServer(tmp_path, clock, connections=connections) as server,
            ExitStack() as stack,
        ):
            server.http_server.respond = respond
            for _ in range(MAX_STREAMS):
                slow = stack.enter_context(connect(server))
                slow.sendall(GET)
                slow.recv(1)
            assert len(server.ask("GET", "/").body) == 50_000_000


def test_a_long_answer_comes_in_chunks_and_the_connection_goes_on(server: InProcessServer) -> None:
    pieces = [b"[1", b"", b",2", b"]"]
    server.http_server.respond = lambda _: Response(200, iter(list(pieces)))
    with connect(server) as sock:
        sock.sendall(GET + LAST)
        data = receive_all(sock)
    assert data.count(b"2\r\n[1\r\n2\r\n,2\r\n1\r\n]\r\n0\r\n\r\n") == 2
    assert server.ask("GET", "/").body == b"[1,2]"


def test_a_long_answer_for_http_1_0_ends_with_the_connection(server: InProcessServer) -> None:
    server.http_server.respond = lambda _: Response(200, iter([b"[1", b"]"]))
    with connect(server) as sock:
        sock.sendall(GET.replace(b"1.1", b"1.0"))
        head, _, body = receive_all(sock).partition(b"\r\n\r\n")
    assert body == b"[1]"
    assert b"Transfer-Encoding" not in head


def test_a_truncated_long_response_is_recognizable(server: InProcessServer) -> None:
    def break_off() -> Iterator[bytes]:
        yield b"[1"
        raise LookupError

    server.http_server.respond = lambda _: Response(200, break_off())
    with connect(server) as sock:
        sock.sendall(GET)
        assert not receive_all(sock).endswith(http_parser.LAST_CHUNK)
    wait_until(lambda: bool(server.warnings))


def test_the_end_leaves_no_thread_and_no_connection(tmp_path: Path, clock: Clock) -> None:
    before = threading.active_count()
    with InProcessServer(tmp_path, clock) as server, ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connect(server)).sendall(GET[:5])
        stack.enter_context(connect(server)).sendall(GET)
        wait_until(lambda: len(server.http_server.connections) == 6)
        server.http_server.shutdown()
        server.http_server.end()
        assert len(server.http_server.connections) == 0
    wait_until(lambda: threading.active_count() == before)


def test_a_port_in_use_names_the_process(server: InProcessServer) -> None:
    named = rf"port {server.address[1]}: .*\(process {os.getpid()}\)[^\n]*$"
    with pytest.raises(ListenError, match=named) as refused:
        WebServer(*server.address, lambda _: Response(204))
    assert refused.value.exit_code == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a" * 300])
def test_an_address_of_another_machine_is_reported(host: str) -> None:
    with pytest.raises(ListenError, match=r"change `host`"):
        WebServer(host, 0, lambda _: Response(204))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::1", "[::1]", "::"])
def test_every_way_to_write_an_address_is_understood(host: str) -> None:
    server = WebServer(host, 0, lambda _: Response(204))
    server.server_close()
    assert re.fullmatch(r"http://([\d.]+|\[[\d:]+\]):\d+/", server.url)


def _add_page(server: InProcessServer, body: bytes) -> None:
    page = Document(body, "text/plain")
    server.services = replace(server.services, pages={"/big": page})


def _wait_until_read(sock: socket.socket) -> None:
    """Wait until everything that was sent has been read."""
    size, before = 0, -1
    while size != before:
        threading.Event().wait(0.2)
        size, before = len(sock.recv(1 << 20, socket.MSG_PEEK)), size


@contextmanager
def _allow_many_files() -> Iterator[None]:
    """Allow this process to open as many files as the test needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, enough), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
