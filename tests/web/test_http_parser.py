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
from cldmon.web.http_parser import check_partial_head, chunk, format_head, parse_head
from tests.fakes import Clock
from tests.web.in_process import InProcessServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        assert head.method
        assert head.length >= 0


@pytest.mark.parametrize("char", f"{string.ascii_letters}{string.digits}-._~")
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_no_path_has_two_spellings(char: str, case: Callable[[str], str]) -> None:
    """A proxy that blocks one of them would let the other through."""
    code = case(f"%{ord(char):02x}")
    with pytest.raises(RefusedError) as refused:
        parse_head(f"GET /x{code} HTTP/1.1\r\nHost: localhost".encode())
    assert refused.value.status == 400
    assert parse_head(f"GET /x{char}?q={code} HTTP/1.1".encode()).query == f"q={code}"


@given(st.characters(exclude_categories=["Cs"]))
def test_a_path_is_compared_as_it_was_sent(char: str) -> None:
    path = f"/{quote(char, safe='')}"
    assert parse_head(f"GET {path} HTTP/1.1".encode()).path == path


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
    open_server.clock.advance(timedelta(minutes=2))  # so that no rate limit applies
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
