"""Hosts, origins, addresses and cookies as attackers write them: refused, and never an error."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.domain.secret import Secret
from cldmon.web.api import ROUTES, Access, respond
from cldmon.web.http import RefusedError, Response
from cldmon.web.http_parser import parse_head
from cldmon.web.revocations import Revocations
from cldmon.web.services import RateLimits
from cldmon.web.sessions import CookieScope, Session, Sessions
from tests.fakes import Clock
from tests.simulation.slack import FakeSlack
from tests.web.in_process import InProcessServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hypothesis.strategies import SearchStrategy

    from cldmon.web.services import Services

    Change = Callable[[Sequence[str]], str]

NAME, PORT, PATH = "cldmon.example", 8443, "/usage/"
PUBLIC = f"https://{NAME}:{PORT}"
SCOPE = CookieScope(PORT, PATH, secure=True)
DEFAULT_PORTS = {"http": 80, "https": 443}
WISH = b'{"label":"alice","key":"limitHit","enabled":true}'

HOSTS = (f"{NAME}:{PORT}", NAME, f"{NAME}:443", "localhost:3000", "127.0.0.1", "[::1]:3000", "evil")
ORIGINS = (
    PUBLIC,
    f"https://{NAME}",
    f"http://{NAME}:{PORT}",
    f"https://{NAME}:443",
    f"https://{NAME}:0",
    "http://localhost:3000",
    "http://[::1]:3000",
    f"{PUBLIC}.evil.example",
    f"https://{NAME}@evil.example",
    "https://evil.example",
    "null",
)
FORWARDED = ("203.0.113.5:5000", "[::1]:80", "127.0.0.1", "[2001:db8::1]", "fe80::1%eth0", "x:1")


@dataclass(repr=False)
class Target:
    """A published server where Alice is logged in, her cookie, and cookies that are invalid."""

    services: Services
    alice: str
    invalid: tuple[str, ...]

    def send(
        self, method: str, path: str, lines: Sequence[tuple[str, str]], body: bytes = b""
    ) -> Response:
        """Return the response to a request with these header lines, sent as they are."""
        if body:
            kind = ("Content-Type", "application/json")
            lines = [*lines, kind, ("Content-Length", str(len(body)))]
        rows = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines)]
        try:
            head = parse_head("\r\n".join(rows).encode("latin-1"))
        except RefusedError as error:
            return error.response
        # New limits, so that none hides an error.
        services = replace(self.services, rate_limits=RateLimits(self.services.now))
        return respond(replace(head.request, body=body, peer="127.0.0.1"), services)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    clock, folder = Clock(), tmp_path_factory.mktemp("server")
    with FakeSlack() as slack, InProcessServer(folder, clock, slack=slack, login="code") as server:
        server.publish(f"{PUBLIC}{PATH}")
        ours = server.services.sessions
        foreign = Sessions(Secret("x" * 40), Revocations(folder, clock), clock)
        expired = ours.open("U01ALICE", proved=True)
        clock.tick(timedelta(days=8))
        server.passed()
        ended = ours.open("U01ALICE", proved=True)
        ours.end(ended)
        alice = ours.open("U01ALICE", proved=True)
        invalid = (
            as_cookie(ours, expired),
            as_cookie(ours, ended),
            as_cookie(ours, ours.open("U01ALICE")),  # not proved by a code
            as_cookie(ours, ours.open()),
            as_cookie(foreign, alice),
            as_cookie(ours, alice, CookieScope(3001)).replace("3001", str(PORT)),
            f"{SCOPE.name}={'.' * 20}",
        )
        yield Target(server.services, as_cookie(ours, alice), invalid)


def as_cookie(sessions: Sessions, session: Session, scope: CookieScope = SCOPE) -> str:
    return sessions.set_cookie(session, scope).partition(";")[0]


NOISE = st.text(st.characters(max_codepoint=0xFF), max_size=8)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Return a function that takes one of several texts, and writes it in another way."""
    first, second, start, length = draw(st.tuples(*[st.integers(0, 99)] * 4))
    noise, way = draw(NOISE), max(0, draw(st.integers(-7, 7)))  # half of them as they are

    def change(known: Sequence[str]) -> str:
        text, other = known[first % len(known)], known[second % len(known)]
        at = start % (len(text) + 1)
        return (
            text,
            text.upper(),
            text[:at] + noise + text[at + length :],
            text[:at] + noise + text[at:],
            f"{text}, {noise}",
            f"{noise}; {text}",
            f"{other}, {text}",
            noise * 200,
        )[way]

    return change


def texts_like(known: Sequence[str]) -> SearchStrategy[str]:
    return changes().map(lambda change: change(known))


HEADERS = {
    "Origin": texts_like(ORIGINS),
    "Sec-Fetch-Site": texts_like(["same-origin", "none", "cross-site"]),
    "X-Forwarded-For": texts_like(FORWARDED),
    "X-Forwarded-Proto": texts_like(["https", "http"]),
    "Authorization": texts_like(["Bearer x", "Basic eDp5"]),
}
LINES = st.lists(
    st.one_of([st.tuples(st.just(name), HEADERS[name]) for name in HEADERS]), max_size=4
)
"""Some of them twice, in any order."""


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(ROUTES)),
    st.just(NAME) | texts_like(HOSTS),
    LINES,
    st.lists(changes(), min_size=1, max_size=3),
    st.sampled_from([b"", b"{}", b'{"slackId":""}', WISH]),
)
def test_no_headers_let_a_stranger_in(
    target: Target,
    path: str,
    host: str,
    lines: list[tuple[str, str]],
    cookies: list[Change],
    body: bytes,
) -> None:
    [(method, route)] = ROUTES[path].items()
    lines = [("Host", host), *lines]
    lines += [("Cookie", change(target.invalid)) for change in cookies]
    got = target.send(method, path, lines, body if method == "POST" else b"")
    refusals = {400, 401, 403, 404, 415, 421}
    assert got.status in (refusals | {200} if route.access is Access.PUBLIC else refusals)
    # A logout clears the cookie.
    assert all(name != "Set-Cookie" or "=; " in value for name, value in got.headers)
    if got.status != 200:
        assert isinstance(got.body, bytes)
        assert isinstance(json.loads(got.body)["error"], str)


@settings(max_examples=200)
@given(texts_like(HOSTS), st.none() | texts_like(ORIGINS), texts_like(FORWARDED), st.booleans())
def test_only_own_pages_use_a_login(
    target: Target, host: str, origin: str | None, forwarded: str, below: bool
) -> None:
    """Alice's browser sends her cookie with each request, no matter which page makes it."""
    lines = [("Host", host), ("X-Forwarded-For", forwarded), ("Cookie", target.alice)]
    if origin is not None:
        lines.append(("Origin", origin))
    got = target.send("POST", f"{PATH if below else '/'}api/subscriptions", lines, WISH)
    assert got.status in (200, 400, 401, 403, 421)
    if got.status == 200:
        assert host_of("https", host)[0] == NAME
        assert not origin or is_own(origin, host)


@pytest.mark.parametrize("origin", [PUBLIC, None])
@pytest.mark.parametrize("host", [f"{NAME}:{PORT}", NAME])
def test_own_pages_and_programs_do(target: Target, host: str, origin: str | None) -> None:
    lines = [("Host", host), ("Cookie", target.alice)]
    lines += [("Origin", origin)] if origin else []
    assert target.send("POST", f"{PATH}api/subscriptions", lines, WISH).status == 200


def is_own(origin: str, host: str) -> bool:
    """Return whether an origin is the public one, or that of another port that was asked for."""
    scheme = origin.lower().partition(":")[0]
    page, asked = host_of(scheme, origin.partition("://")[2]), host_of(scheme, host)
    if page == (NAME, PORT):
        return scheme == "https"
    return page == asked and ":" in host


def host_of(scheme: str, text: str) -> tuple[str | None, int | None]:
    parts = urlsplit(f"//{text.strip()}")
    port = DEFAULT_PORTS.get(scheme) if parts.port is None else parts.port
    return parts.hostname, port
