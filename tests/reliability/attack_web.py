"""Attacks by well-formed requests: paths, names of the server, other sites, the log."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tests.reliability.attack_target import CANARY, get_request, post_request, serve_target
from tests.reliability.result import LetInError, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.reliability.attack_target import AttackTarget


def run_cases(folder: Path, step: int) -> Iterator[Result]:
    """Make every attack, by each `step`th path."""
    with serve_target(folder) as server:
        yield traverse_paths(server, step)
        yield from (attack(server) for attack in ATTACKS)


def traverse_paths(server: AttackTarget, step: int) -> Result:
    result = Result("paths that leave the dashboard's folder (traversal)")
    ups = ("..", "%2e%2e", "%2E.", "..%00", "%252e%252e", "%c0%ae%c0%ae", "..;", ".%2e", "....")
    slashes = ("/", "%2f", "%2F", "\\", "%5c", "%252f", "//", "/./", "%c0%af")
    goals = ("etc/passwd", "config.toml", "data/state.json", "web/api.py", "session-secret")
    starts = ("/", "/js/", "/css/../", "/api/", "/%00")
    for start, up, slash, goal in [*itertools.product(starts, ups, slashes, goals)][::step]:
        target = start + (up + slash) * 6 + goal
        with result.case(target):
            [answer] = server.sent(get_request(target))
            assert answer.status in (400, 404), answer
    return result


def send_foreign_hosts(server: AttackTarget) -> Result:
    """A page of the attacker's whose name was bent to our address sends its own name."""
    result = Result("Host names that are not the server's (DNS rebinding)")
    names = (
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost.",
        "local host",
        "127.0.0.1.",
        "127.1",
        "127.0.0.2",
        "0",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::1%25lo]",
        "[::1%lo]",
        "::1",
        "[::1",
        "localhost@evil.example",
        "evil.example#localhost",
        "evil.example/localhost",
        "localhost,x",
        "localhost, evil.example",
        "localhost;evil.example",
        "\u217cocalhost",
        "loca\x00lhost",
        "localhos",
        "LOCALHOST.evil",
        "xn--localhost",
        "*.localhost",
        "a.localhost",
        "127.0.0.1\t.evil",
        "'",
        "",
        "localhost:port",
        "localhost:",
        "localhost:80:80",
        "localhost:-1",
        "localhost:999999",
        "host.docker.internal",
        "192.168.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "metadata",
        "-",
        ".",
    )
    more = ("", "X-Forwarded-Host: localhost", "Forwarded: host=localhost", "X-Host: localhost")
    cookie = f"Cookie: {server.cookie()}"
    for name, line in itertools.product(names, more):
        host = f"Host: {name}".encode().decode("latin-1")
        with result.case(f"{name} {line}"):
            [answer] = server.sent(get_request("/api/usage", host, cookie, *filter(None, [line])))
            if answer.status not in (400, 421):
                raise LetInError(answer.status)
    return result


def post_from_other_sites(server: AttackTarget) -> Result:
    """Each has the cookie of somebody who is logged in, as a browser would send it."""
    result = Result("requests sent by pages of other sites (CSRF)")
    cookie = f"Cookie: {server.cookie()}"
    own = server.url.rstrip("/")
    origins = (
        None,
        "null",
        "http://evil.example",
        f"{own}.evil.example",
        f"http://localhost:{server.server_port}1",
        own.replace("http", "ftp"),
        f"{own}/",
        f"{own}@evil.example",
        "http://127.0.0.1",
        "file://",
        f"http://evil.example@127.0.0.1:{server.server_port}",
        f"chrome-extension://{'a' * 32}",
        f"{own} x",
    )
    sites = (None, "cross-site", "same-site", "CROSS-SITE", "none, cross-site", "same-origin")
    kinds = (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "application/json, text/plain",
        "application/jsonp",
        "",
    )
    wish = f'{{"label":"{CANARY}","key":"limitHit","enabled":true}}'
    before = server.subscriptions.load()
    for origin, site, kind in itertools.product(origins, sites, (*kinds, "application/json")):
        fair = origin is None and site in (None, "same-origin") and kind == "application/json"
        if fair:
            continue
        lines = [f"Origin: {origin}"] if origin else []
        lines += [f"Sec-Fetch-Site: {site}"] if site else []
        with result.case(f"{origin} {site} {kind}"):
            host = f"Host: 127.0.0.1:{server.server_port}"
            for path in ("/api/subscriptions", "/api/logout"):
                wanted = post_request(path, wish, f"Content-Type: {kind}", host, cookie, *lines)
                [answer] = server.sent(wanted)
                if answer.status not in (403, 415) or "Access-Control" in answer.head:
                    raise LetInError(answer.status)
    for way in ("X-HTTP-Method-Override: POST", "X-Method-Override: POST", "X-HTTP-Method: POST"):
        with result.case(way):
            for target in ("/api/subscriptions?_method=POST", "/api/logout?_method=POST"):
                [answer] = server.sent(get_request(target, cookie, way))
                assert answer.status == 405
    if server.subscriptions.load() != before:
        raise LetInError("a subscription was changed")
    return result


def forge_log_lines(server: AttackTarget) -> Result:
    """`serve_target` looks at the end whether each line of the log is printable and its own."""
    result = Result("forged log lines and response headers")
    marks = (
        "\r\ncldmon: forged",
        "%0d%0acldmon: forged",
        "\x1b]0;forged\x07",
        "%1b%5b2J",
        "%0aforged",
    )
    for mark, name in itertools.product(
        marks, ("X-Forwarded-For", "User-Agent", "Referer", "Host")
    ):
        with result.case(f"{mark!r} in {name}"):
            server.sent(get_request("/api/usage", f"{name}: {mark}"))
            server.sent(get_request(f"/api/slack/users?q={mark}", f"{name}: x"))
            server.sent(get_request(f"/{mark}", "X-Forwarded-Proto: https\tforged"))
    with result.case("while there is something to log"):
        state = server.data / "state.json"
        kept = state.read_bytes()
        state.write_text('{"version":1,"snapshot":"\\u001b]0;forged\\u0007\\ncldmon: forged"}')
        server.cut_short(get_request("/api/usage", f"Cookie: {server.cookie()}"))
        state.write_bytes(kept)
        server.sent(get_request("/healthz"))
        assert server.heard
        assert not [line for line in server.heard if "forged" in line]
    return result


ATTACKS: tuple[Callable[[AttackTarget], Result], ...] = (
    send_foreign_hosts,
    post_from_other_sites,
    forge_log_lines,
)
