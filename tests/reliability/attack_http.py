"""Attacks on the bytes of HTTP, each over a real socket against a real `cldmon serve`."""

from __future__ import annotations

import gzip
import itertools
import json
import resource
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.reliability.attack_target import (
    HOST,
    KEYS,
    PERSON,
    get_request,
    post_request,
    serve_target,
)
from tests.reliability.result import LetInError, Result
from tests.web.raw import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

    from tests.reliability.attack_target import AttackTarget

HIDDEN = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
"""What is smuggled behind another request: if it is answered, that one was read in another way."""

POST = b"POST /api/auth HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
GUEST = b'{"slackId":""}'
MEMORY = 300_000_000
"""Bytes that no attack makes the server hold."""


def run_cases(folder: Path, fuzzed: int) -> Iterator[Result]:
    """Make every attack, and so many with bytes at random."""
    with serve_target(folder) as server:
        yield send_random_bytes(server, fuzzed)
        yield send_random_requests(server, fuzzed // 10)
        yield from (attack(server) for attack in ATTACKS)


def send_random_bytes(server: AttackTarget, count: int) -> Result:
    result = Result("random bytes, and requests with random bytes changed")

    @fuzzing(count, MANGLED)
    def attack(data: bytes) -> None:
        with result.case(repr(data[:60])):
            server.sent(data)
            assert server.process.poll() is None

    attack()
    return result


def send_random_requests(server: AttackTarget, count: int) -> Result:
    """The schema is that of /openapi.json; half of the cases break it."""
    result = Result("requests generated from the API's schema by schemathesis")
    schema = schemathesis.openapi.from_url(f"{server.url}openapi.json")
    operations = [schema[path][method.upper()] for path, method in _describe(server)]
    for operation in operations:
        modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
        cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])

        @fuzzing(max(1, count // len(operations)), cases)
        def attack(case: schemathesis.Case[Any]) -> None:
            with result.case(f"{case.method} {case.formatted_path}"):
                answer = case.call(base_url=server.url.rstrip("/"), timeout=20)
                assert answer.status_code < 500 or answer.status_code == 503

        attack()
    return result


def _describe(server: AttackTarget) -> Iterator[tuple[str, str]]:
    [answer] = server.cut_short(get_request("/openapi.json"))
    for path, methods in json.loads(answer.body)["paths"].items():
        yield from ((path, method) for method in methods)


def smuggle(server: AttackTarget) -> Result:
    result = Result("requests hidden in requests (smuggling)")
    for name, head in itertools.chain(_two_lengths(), _odd_lines()):
        with result.case(repr(name)):
            found = server.sent(head + HIDDEN)
            if [answer.status for answer in found] not in ([400], [413]):
                raise LetInError([answer.status for answer in found])
    return result


def _two_lengths() -> Iterator[tuple[str, bytes]]:
    """Bodies whose end two programs see at two places."""
    encodings = (
        "Transfer-Encoding: chunked",
        "transfer-encoding:chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "TE: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding:",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "X: x\nTransfer-Encoding: chunked",
        "X: x\rTransfer-Encoding: chunked",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: \x00chunked",
        "Transfer-Encoding:\r\n chunked",
        'Transfer-Encoding: "chunked"',
        "",
    )
    lengths = (
        "Content-Length: 4",
        "Content-Length: 4\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4, 4",
        "Content-Length: +4",
        "Content-Length: -0",
        "Content-Length: 0x4",
        "Content-Length: 4e0",
        "Content-Length: 4 4",
        "Content-Length: \uff14",
        "Content-Length: \x004",
        "Content-Length : 4",
        "Content_Length: 4",
        "Content-Length: 4\r\n Content-Length: 5",
        "Content-Length: " + "9" * 400,
        "",
    )
    fair = {("", ""), ("", "Content-Length: 4"), ("", "Content_Length: 4"), ("TE: chunked", "")}
    fair |= {("TE: chunked", "Content-Length: 4"), ("TE: chunked", "Content_Length: 4")}
    for pair in itertools.product(encodings, lengths):
        if pair not in fair:
            lines = "".join(f"{line}\r\n" for line in pair if line)
            yield f"{pair}", POST + lines.encode(errors="replace") + b"\r\n0\r\n\r\n"


def _odd_lines() -> Iterator[tuple[str, bytes]]:
    """Heads whose lines two programs divide in two ways."""
    first, end = b"GET /healthz HTTP/1.1\r\n", b"\r\n\r\n"
    for char in (b"\n", b"\r", b"\0", b"\x0b", b"\x0c", b"\x1c", b"\x7f"):
        yield f"{char!r} in a name", first + HOST + b"X" + char + b"Y: z" + end
        yield f"{char!r} before a name", first + HOST + char + b"Y: z" + end
        yield f"{char!r} in a value", first + HOST + b"X: y" + char + b"z" + end
        yield f"{char!r} in the target", b"GET /heal" + char + b"thz HTTP/1.1\r\n" + HOST + end[2:]
        yield f"{char!r} for a blank", b"GET" + char + b"/healthz HTTP/1.1\r\n" + HOST + end[2:]
        yield f"{char!r} before it all", char + first + HOST + end[2:]
    for fold in (b"\r\n ", b"\r\n\t", b"\n ", b"\r "):
        yield f"folded by {fold!r}", first + HOST + b"X: y" + fold + b"z" + end
    for line in (
        b"HTTP/1.1 ",
        b"HTTP/1.2",
        b"http/1.1",
        b"HTTP/01.1",
        b"HTTP/1.1 x",
        b"HTTP/1",
        b"",
    ):
        yield f"ends in {line!r}", b"GET /healthz " + line + b"\r\n" + HOST + end[2:]
    for target in (b"http://localhost/healthz", b"healthz", b"*x", b"localhost:80"):
        yield f"target {target!r}", b"GET " + target + b" HTTP/1.1\r\n" + HOST + end[2:]


def send_slowly(server: AttackTarget) -> Result:
    result = Result("answers to other clients during 600 slow connections (slowloris)")
    for moment in slow_crowd(server):
        with result.case(moment):
            assert server.sent(get_request("/healthz"))[0].status == 200
    return result


def slow_crowd(server: AttackTarget) -> Iterator[str]:
    """Open 600 connections that give and take as little as they can; yield in between."""
    ways = {
        "silent": b"",
        "a head that never ends": b"GET / HTTP/1.1\r\nHost: lo",
        "a body that never comes": POST + b"Content-Length: 9000\r\n\r\n{",
        "a body that may not come": POST + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01",
        "answers that nobody takes": get_request("/js/vendor/none") * 20 + HIDDEN * 400,
    }
    with many_files(), ExitStack() as stack:
        for name, opening in ways.items():
            crowd = [stack.enter_context(connect(server)) for _ in range(100)]
            for sock in crowd:
                with suppress(OSError):
                    sock.sendall(opening)
            for drop in range(5):
                for sock in crowd:
                    with suppress(OSError):
                        sock.sendall(b"x")
                yield f"{name}, {drop}"


def send_bombs(server: AttackTarget) -> Result:
    """What is small when it comes and large when it is unpacked."""
    result = Result(
        "bombs: compressed bodies, deep, long or endless JSON, compressed days of history"
    )
    packed = gzip.compress(b" " * 10_000_000)
    codings = (
        "gzip",
        "x-gzip",
        "deflate",
        "br",
        "zstd",
        "compress",
        "gzip, gzip",
        "identity, gzip",
    )
    bodies: dict[str, tuple[bytes, tuple[str, ...]]] = {
        f"a body packed by {coding}": (packed[:16_000], (f"Content-Encoding: {coding}",))
        for coding in codings
    }
    texts = {
        "deep lists": "[" * 16_000,
        "deep tables": '{"a":' * 3_000,
        "a long number": "9" * 16_000,
        "a large exponent": '{"slackId":1e999999999}',
        "a long text": '{"slackId":"' + "x" * 16_000 + '"}',
        "lone surrogates": '{"slackId":"' + "\\ud800" * 2_000 + '"}',
        "no JSON": "NaN",
    }
    bodies |= {name: (text.encode(), ()) for name, text in texts.items()}
    for name, (body, lines) in bodies.items():
        with result.case(name):
            [answer] = server.sent(post_request("/api/auth", body, *lines))
            assert answer.status in (400, 415), answer
    with result.case("a day of history of 2 GB, packed into 2 MB"):
        bomb = server.data / "history-2026-01-01.jsonl.gz"
        bomb.write_bytes(gzip.compress(b" " * (1 << 24)) * 128)
        today = next(server.data.glob("history-*.jsonl"))
        bomb.rename(today.with_name(today.name + ".gz"))
        [answer] = server.cut_short(get_request("/api/history", f"Cookie: {server.cookie()}"))
        assert answer.status == 200
        today.with_name(today.name + ".gz").unlink()
        assert server.memory < MEMORY
    return result


ATTACKS: tuple[Callable[[AttackTarget], Result], ...] = (smuggle, send_bombs, send_slowly)

PIECES = st.sampled_from(
    [
        b"GET ",
        b"POST ",
        b"/api/usage",
        b" HTTP/1.1",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b":",
        HOST,
        b"\xff",
        b"Content-Length: ",
        b"Transfer-Encoding: chunked",
        b"4",
        b"%",
        b"%00",
        b"?",
        b"x" * 9000,
        b"\t",
        b"Cookie: cldmon-sid-3000=",
        b"Authorization: Bearer ",
        KEYS.encode(),
        PERSON.id.encode(),
        GUEST,
    ]
)
REQUESTS = st.sampled_from(
    [
        HIDDEN,
        get_request("/api/usage"),
        get_request("/api/history?range=7d&points=3"),
        get_request("/metrics"),
        get_request("/"),
        post_request("/api/auth", GUEST),
        post_request("/api/subscriptions", "{}"),
        post_request("/api/logout"),
    ]
)


@st.composite
def _mangle(draw: Callable[[SearchStrategy[bytes]], bytes]) -> bytes:
    """Return a good request after some bytes were changed, removed, or put in."""
    data = draw(REQUESTS)
    for _ in range(3):
        # Two bytes say where and what, so that a shrunk example stays a request.
        place, kind = draw(st.binary(min_size=2, max_size=2))
        at = place * len(data) // 256
        put = draw(st.one_of(st.binary(max_size=3), PIECES))
        data = data[:at] + put + data[at + kind % 4 :]
    return data


MANGLED = st.one_of(_mangle(), st.binary(max_size=300), st.lists(PIECES, max_size=12).map(b"".join))


def fuzzing(count: int, *strategies: SearchStrategy[Any]) -> Callable[..., Callable[[], None]]:
    """Return what calls a function with so many examples, without looking for simpler ones."""
    return lambda attack: settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(given(*strategies)(attack))


@contextmanager
def many_files() -> Iterator[None]:
    """Allow this process as many open files as a crowd needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
