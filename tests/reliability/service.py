"""What a faulty service can do to an account, and what has to come of it."""

from __future__ import annotations

import gzip
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cldmon.demo.claude import session_cookie
from tests.env import key_of
from tests.reliability.result import LetInError
from tests.simulation import faults
from tests.simulation.challenges import CHALLENGE_PAGE
from tests.simulation.claude import cleared_session_cookie

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from cldmon.demo.server import Request
    from tests.env import Env
    from tests.simulation.claude import FakeClaude
    from tests.simulation.faults import Fault

OK = "ok"
ROUTES = ("organizations", "usage")


@dataclass(frozen=True)
class Case:
    """A fault, and the kinds of error that the account may end in (`ok`: none)."""

    name: str
    fault: Fault
    ends: frozenset[str]


def make_case(name: str, fault: Fault, *ends: str) -> Case:
    return Case(name, fault, frozenset(ends))


# Every status with every body and header, judged by a reading of the facts of the service alone.

STATUSES = (
    *(200, 202, 203, 206, 300, 304, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418),
    *(421, 422, 425, 429, 431, 451, 500, 501, 502, 503, 504, 520, 521, 522, 524, 525, 529, 599),
)
INVALID_SESSION = {"error": {"details": {"error_code": "account_session_invalid"}}}
WRONG_ORGANIZATION = {"error": {"message": "Invalid authorization for organization"}}
BODIES = {
    "nothing": ("application/json", ""),
    "object": ("application/json", "{}"),
    "half": ("application/json", '{"five_hour": {"util'),
    "page": ("text/html", "<!doctype html><title>Oops</title>"),
    "challenge": ("text/html; charset=UTF-8", CHALLENGE_PAGE),
    "session": ("application/json", json.dumps(INVALID_SESSION)),
    "organization": ("application/json", json.dumps(WRONG_ORGANIZATION)),
}
HEADERS = {
    "bare": (),
    "retry": (("Retry-After", "86400"),),
    "mitigated": (("cf-mitigated", "challenge"),),
    "cleared": (("Set-Cookie", cleared_session_cookie()),),
}


def build_combinations() -> Iterator[Case]:
    """Yield every status with every body and every header."""
    for status, body, header in itertools.product(STATUSES, BODIES, HEADERS):
        content_type, text = BODIES[body]
        fault = faults.body(text, content_type, status)
        for line in HEADERS[header]:
            fault = fault.then(faults.header(*line))
        yield make_case(f"{status} {body} {header}", fault, *ends(status, body, header))


def ends(status: int, body: str, header: str) -> Collection[str]:
    """Return what such an answer may be called."""
    if status == 304:  # it cannot have a body: what was sent as one spoils the connection
        return ["not_understood", "challenged", "service_down"]
    if header == "mitigated" or (body == "challenge" and status in (403, 503)):
        return ["challenged"]
    if status == 401 or (status == 403 and body == "session"):
        return ["key_expired"]
    if status == 404 or (status == 403 and body == "organization"):
        return ["wrong_organization"]
    if status == 429:
        return ["rate_limited"]
    if status in (402, 403, 451):
        return ["refused"]
    is_json = body in ("object", "session", "organization")
    return (
        ["service_down"] if status >= 500 or (status == 200 and not is_json) else ["not_understood"]
    )


# Elsewhere: same host and other port, other host, other scheme; by every way that a browser knows.


def lures(port: int) -> dict[str, str]:
    """Return addresses that are not the service's; a server that counts is behind most."""
    return {
        "port": f"http://127.0.0.1:{port}/api/organizations",
        "host": f"http://localhost:{port}/api/organizations",
        "user": f"http://127.0.0.1@localhost:{port}/",
        "no-scheme": f"//127.0.0.1:{port}/api/organizations",
        "scheme": f"https://127.0.0.1:{port}/",
        "login": f"http://127.0.0.1:{port}/login",
        "file": "file:///etc/passwd",
        "data": "data:application/json,[]",
    }


def build_lures(port: int) -> Iterator[Case]:
    """Yield every way to every address elsewhere."""
    for name, url in lures(port).items():
        kinds = {"key_expired"} if name == "login" else {"not_understood", "service_down"}
        for status in (301, 302, 303, 307, 308):
            answer = faults.body("", "text/plain", status).then(faults.header("Location", url))
            yield make_case(f"{status} to {name}", answer, *kinds)
        refresh = faults.header("Refresh", f"0;url={url}")
        yield make_case(f"refresh to {name}", refresh, OK, "service_down")
        yield make_case(
            f"page pulls {name}", load_page(url), *kinds, "not_understood", "service_down"
        )
    hop = faults.redirect("/api/organizations?again")
    yield make_case("redirect in circles", hop, "not_understood", "service_down")


def load_page(url: str) -> Fault:
    """A page that draws the browser to an address by all means of HTML."""
    page = (
        f'<meta http-equiv="refresh" content="0;url={url}"><img src="{url}"><iframe src="{url}">'
        f'</iframe><link rel="preload" as="fetch" href="{url}"><script>fetch("{url}", '
        f'{{credentials: "include", mode: "no-cors"}}); location = "{url}"</script>'
    )
    return faults.html(200, page)


def build_cookies() -> Iterator[Case]:
    """Yield cookies that clear, change, hide or drown the key, and come with good answers."""
    other = key_of("somebody-else")
    given = {
        "cleared": (cleared_session_cookie(),),
        "cleared everywhere": tuple(
            f"sessionKey=; Max-Age=0; Path={path}" for path in ("/", "/api", "/api/organizations")
        ),
        "changed": (session_cookie(other),),
        "added below": (f"sessionKey={other}; Path=/api",),
        "of the domain": (f"sessionKey={other}; Domain=127.0.0.1; Path=/",),
        "strange": ("a\x01b=\x7f", "=nameless", ";;;", "x" * 5_000, "sessionKey"),
        "hundreds": tuple(f"c{number}=1; Path=/" for number in range(300)),
        "late": (f"late=1; Expires=Fri, 31 Dec 99999 23:59:59 GMT; Path=/; Max-Age={10**30}",),
    }
    for name, lines in given.items():
        yield make_case(f"cookies {name}", faults.set_cookie(*lines), OK)
    large = tuple(f"c{number}={'x' * 4_000}; Path=/" for number in range(60))
    # The second request is too long for the service; the next pass must not be.
    yield make_case(
        "cookies of 240 kB", faults.set_cookie(*large), OK, "not_understood", "service_down"
    )


def build_strange() -> Iterator[Case]:
    """Yield what is no HTTP, is packed wrongly, or has no end."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    packed = b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n"
    sent = {
        "no HTTP": [b"SSH-2.0-Other\r\n"] * 9,
        "head of a megabyte": [head, b"X-Long: ", b"x" * 2**20, b"\r\n\r\n[]"],
        "continue for ever": [b"HTTP/1.1 100 Continue\r\n\r\n"] * 1_000,
        "chunks that are none": [head, b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n[]\r\n"],
        "gzip that is none": [head, packed, b"[]"],
    }
    for name, pieces in sent.items():
        yield make_case(name, faults.raw(pieces), "service_down", "not_understood")
    endless = faults.huge(10**13, stated=False, pause=0.01)
    yield make_case("endless", endless, "not_understood")


def build_slow() -> Iterator[Case]:
    """Yield answers that come too slowly, or unpack to too much; these cost the account's time."""
    yield make_case("drip", faults.drip(0.5), "timeout")
    yield make_case("head that drips", faults.slow_head(0.5), "timeout")
    yield make_case("hang", faults.hang(120), "timeout", "service_down")
    yield make_case("late", faults.slow(120), "timeout")
    bomb = faults.body(gzip.compress(b" " * 50_000_000))
    packed = bomb.then(faults.header("Content-Encoding", "gzip"))
    yield make_case("gzip of 50 MB", packed, "timeout", "not_understood")


def run_pass(env: Env, cases: Collection[Case], route: str) -> dict[str, str]:
    """Make a pass with an account for each case; return how each ended, and one without a fault."""
    env.set_up(
        {"good": None, **{label(each): each.fault.on(route) for each in cases}},
        tables="[browser]\nconcurrency = 8\ntimeout_seconds = 40\n",
    )
    env.claude.clear()
    env.run("fetch", timeout=300)
    return read_endings(env)


def read_endings(env: Env) -> dict[str, str]:
    """Return how each account ended."""
    return {name: each.get("errorKind") or each["status"] for name, each in env.accounts.items()}


def label(case: Case) -> str:
    """Return the account's label."""
    return case.name.replace(" ", "-")


def keys_seen(requests: Collection[Request]) -> list[str]:
    """Return the requests that bear a session key, in whatever place."""
    return [str(request) for request in requests if "sk-ant" in str(request)]


def check_not_asked(elsewhere: FakeClaude) -> None:
    """Raise LetInError where a key came to a server that is not the service."""
    if seen := keys_seen(elsewhere.requests):
        raise LetInError(f"a key was sent elsewhere: {seen[0][:200]}")
