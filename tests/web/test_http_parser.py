"""Any bytes are a request or refused, and every request has a response of the contract."""

from __future__ import annotations

import json
import string
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.web.api import ROUTES, respond
from cldmon.web.http import RefusedError, Request, Response, encode_json
from cldmon.web.http_parser import (
    END_OF_HEAD,
    MAX_HEAD,
    check_partial_head,
    chunk,
    format_head,
    parse_head,
)
from tests.fakes import Clock
from tests.web.in_process import InProcessServer

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUSES = {200, 202, 204, 304, 400, 401, 403, 404, 405, 413, 415, 421, 429, 503}

PIECES = st.sampled_from(
    [
        b"GET", b"POST", b" ", b"/", b"/api/auth", b"?q=%20", b"HTTP/1.1", b"HTTP/1.0", b"\r\n",
        b"\n", b"\r", b":", b"Host", b"localhost", b"Content-Length", b"Transfer-Encoding", b"4",
        b"chunked", b"\0", b"\xff", b"%", b"%ff", b"\t", b"x" * 9000,
    ]
)  # fmt: skip
BYTES = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=20).map(b"".join))
TEXT = st.text(max_size=40)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["host", "origin", "sec-fetch-site", "authorization", "cookie", "content-type",
         "accept-encoding", "if-none-match", "x-forwarded-for", "x-forwarded-proto"]
    ),
    st.one_of(
        TEXT,
        st.sampled_from(
            ["localhost", "application/json", "Bearer a-token-for-programs", "cldmon-sid-3000=x.y",
             "http://localhost", "same-origin", "gzip;q=0.5", "*", "::1, 1.2.3.4", "https"]
        ),
    ),
)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(TEXT, st.sampled_from(["slackId", "code", "label", "key", "enabled"])),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=6,
)
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "PUT"]),
    path=st.one_of(st.sampled_from([*ROUTES, "/", "/openapi.json"]), TEXT),
    query=st.one_of(
        TEXT,
        st.sampled_from(["range=7d", "range=x", "points=3", "account=alice&points=2", "q=%ff"]),
    ),
    headers=HEADERS.map(lambda headers: {"host": "localhost", **headers}),
    body=st.one_of(st.binary(max_size=50), JSON.map(lambda body: json.dumps(body).encode())),
    peer=st.sampled_from(["127.0.0.1", "192.0.2.1", "::1", "fe80::1%eth0", ""]),
)


@given(BYTES)
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    with suppress(RefusedError):
        head = parse_head(data)
        assert head.request.method
        assert head.length >= 0


HEAD = b"Host: localhost\r\n"
POST = b"POST /api/auth HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\n"
GUEST = b'{"slackId":""}'
BAD_HEADS = {
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/0.9 with an empty line": b"GET /\r\n\r\n",
    "another version": b"GET / HTTP/2.0\r\n" + HEAD + b"\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "bare line ends": b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    "a bare line end": b"GET /healthz HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
    "a bare carriage return": b"GET /healthz HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n",
    "a NUL": b"GET /healthz HTTP/1.1\r\nHost: local\0host\r\n\r\n",
    "a folded line": b"GET /healthz HTTP/1.1\r\n" + HEAD + b"X: a\r\n b\r\n\r\n",
    "a blank before the colon": b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "a line without a colon": b"GET /healthz HTTP/1.1\r\n" + HEAD + b"nonsense\r\n\r\n",
    "a nameless header": b"GET /healthz HTTP/1.1\r\n" + HEAD + b": x\r\n\r\n",
    "blanks in the target": b"GET /a b HTTP/1.1\r\n" + HEAD + b"\r\n",
    "bytes above ASCII in the target": b"GET /\xc3\xa9 HTTP/1.1\r\n" + HEAD + b"\r\n",
    "no UTF-8 in the target": b"GET /%ff HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a percent sign alone": b"GET /% HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a percent sign before no code": b"GET /%zz HTTP/1.1\r\n" + HEAD + b"\r\n",
    "dots of the path in percent-encoding": b"GET /%2e%2e/etc/passwd HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a letter of the path in percent-encoding": b"GET /%6detrics HTTP/1.1\r\n" + HEAD + b"\r\n",
    "an absolute target": b"GET http://localhost/ HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a tunnel": b"CONNECT localhost:22 HTTP/1.1\r\n" + HEAD + b"\r\n",
    "two Hosts": b"GET /healthz HTTP/1.1\r\n" + HEAD + HEAD + b"\r\n",
    "too many headers": b"GET /healthz HTTP/1.1\r\n" + HEAD + b"X: y\r\n" * 64 + b"\r\n",
    "a line too long": b"GET /healthz HTTP/1.1\r\n" + HEAD + b"X: " + b"y" * 8200 + b"\r\n\r\n",
    "a target too long": b"GET /" + b"y" * 8200 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a head too long": b"GET / HTTP/1.1\r\n"
    + HEAD
    + (b"X: " + b"y" * 7000 + b"\r\n") * 3
    + b"\r\n",
    "an endless head": b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000,
    "chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "a hidden encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "two lengths": POST + b"Content-Length: 14\r\nContent-Length: 14\r\n\r\n" + GUEST,
    "a list of lengths": POST + b"Content-Length: 14, 14\r\n\r\n" + GUEST,
    "a signed length": POST + b"Content-Length: +14\r\n\r\n" + GUEST,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length in hex": POST + b"Content-Length: 0xe\r\n\r\n" + GUEST,
    "a length in other digits": POST + "Content-Length: ١٤\r\n\r\n".encode() + GUEST,
    "no length": POST + b"Content-Length:\r\n\r\n" + GUEST,
    "a body on GET": b"GET /healthz HTTP/1.1\r\n" + HEAD + b"Content-Length: 3\r\n\r\nabc",
    "a body on HEAD": b"HEAD /healthz HTTP/1.1\r\n" + HEAD + b"Content-Length: 3\r\n\r\nabc",
}


def receive_head(sent: bytes) -> None:
    """Parse a head as the server does."""
    head, end, _ = sent.partition(END_OF_HEAD)
    if not end or len(head) > MAX_HEAD:
        check_partial_head(head)
    parse_head(head)


@pytest.mark.parametrize("sent", BAD_HEADS.values(), ids=BAD_HEADS)
def test_a_head_that_could_be_read_in_two_ways_is_refused(sent: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        receive_head(sent)
    assert refused.value.status == 400


@pytest.mark.parametrize("char", f"{string.ascii_letters}{string.digits}-._~")
def test_no_path_has_two_spellings(char: str) -> None:
    """A proxy that blocks one of them would let the other through."""
    for code in (f"%{ord(char):02x}", f"%{ord(char):02X}"):
        with pytest.raises(RefusedError) as refused:
            parse_head(f"GET /x{code} HTTP/1.1\r\nHost: localhost".encode())
        assert refused.value.status == 400
        assert parse_head(f"GET /x{char}?q={code} HTTP/1.1".encode()).request.query == f"q={code}"


@given(st.characters(exclude_categories=["Cs"]))
def test_a_path_is_compared_as_it_was_sent(char: str) -> None:
    path = f"/{quote(char, safe='')}"
    assert parse_head(f"GET {path} HTTP/1.1".encode()).request.path == path


@given(st.integers(0, 400))
def test_the_beginning_of_a_good_head_is_never_refused(length: int) -> None:
    head = (
        b"POST /api/auth?x=y HTTP/1.1\r\nHost: localhost:3000\r\nContent-Length: 14\r\nX:\r\n\r\n"
    )
    check_partial_head(head[:length])


@given(BYTES)
def test_an_invalid_beginning_cannot_become_valid(data: bytes) -> None:
    try:
        check_partial_head(data)
    except RefusedError:
        with pytest.raises(RefusedError):
            parse_head(data)


@pytest.fixture(scope="module")
def open_server() -> Iterator[InProcessServer]:
    """A server with data; only its `respond` is used."""
    with tempfile.TemporaryDirectory() as name, InProcessServer(Path(name), Clock()) as server:
        server.passed()
        yield server


@given(request_=REQUESTS)
def test_any_request_has_an_answer_of_the_contract(
    open_server: InProcessServer, request_: Request
) -> None:
    open_server.clock.tick(timedelta(minutes=2))  # so that no rate limit applies
    response = respond(request_, open_server.services)
    assert response.status in STATUSES
    head = format_head(response, keep_alive=True, chunked=False, date="now")
    assert head.count(b"\r\n\r\n") == 1
    if response.status >= 400 and isinstance(response.body, bytes):
        assert json.loads(response.body).keys() & {"error", "status"}
    assert not [w for w in open_server.warnings if "unexpected" in w]


@given(JSON)
def test_json_is_the_same_but_harmless_in_html(body: object) -> None:
    data = encode_json(body)
    assert not set(data) & set(b"<>&")
    assert json.loads(data) == json.loads(json.dumps(body).encode())


def test_a_lone_surrogate_does_not_break_an_answer() -> None:
    assert json.loads(encode_json(["\ud800"])) == ["?"]


def test_chunks_are_framed() -> None:
    assert b"".join(chunk(b"x" * 17)) == b"11\r\n" + b"x" * 17 + b"\r\n"


def test_an_answer_without_a_body_names_no_length() -> None:
    for status in (204, 304):
        head = format_head(Response(status), keep_alive=True, chunked=False, date="now")
        assert b"Content-Length" not in head
