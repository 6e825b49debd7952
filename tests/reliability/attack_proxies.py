"""Attacks through and around real reverse proxies that are not on the address trusted by itself."""

from __future__ import annotations

import http.client
import itertools
import json
import string
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from cldmon.domain.model import Account, Reading
from tests.browser.server import now, windows
from tests.env import free_port, wait_until
from tests.proxies import nginx, prepare
from tests.reliability.attack_target import CANARY, SECRETS, AttackTarget
from tests.reliability.result import LetInError, Result
from tests.simulation.slack import PEOPLE, FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    Lines = Sequence[tuple[str, str]]
    Claim = Callable[[int], Lines]

ALICE, BOB = PEOPLE[0].id, PEOPLE[1].id
TRUSTED, STRANGER = "127.7.0.2", "127.8.0.2"
NAME = "cldmon.example.org"
LOGINS = 60
"""A minute, from one address."""


class Got(NamedTuple):
    """An answer, and what it sets."""

    status: int
    cookie: str
    body: bytes


class Route(NamedTuple):
    """A route to the server: the port to ask at, and by which address one comes there."""

    port: int
    source: str = "127.0.0.1"

    def ask(self, method: str, path: str, lines: Lines = (), body: object = None) -> Got:
        """Ask once; every header line is sent as it stands, also twice."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=60, source_address=(self.source, 0)
        )
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            given = [*lines]
            if not any(name.lower() == "host" for name, _ in given):
                given.append(("Host", NAME))
            data = b"" if body is None else json.dumps(body).encode()
            if data:
                given += [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
            for name, value in given:
                connection.putheader(name, value)
            connection.endheaders(data or None)
            answer = connection.getresponse()
            return Got(answer.status, answer.headers.get("Set-Cookie", ""), answer.read())
        finally:
            connection.close()


class ProxySetup(NamedTuple):
    """A server under attack, and the routes to it: through nginx from a trusted address (which
    replaces X-Forwarded-For, or adds to it) and from one that is not, and without any.
    """

    server: AttackTarget
    replacing: Route
    adding: Route
    untrusted: Route
    direct: Route

    @property
    def routes(self) -> Mapping[str, Route]:
        """The routes by name."""
        return {
            "nginx that replaces": self.replacing,
            "nginx that adds": self.adding,
            "nginx that is not trusted": self.untrusted,
            "no proxy": self.direct,
        }


def run_cases(folder: Path, step: int) -> Iterator[Result]:
    """Make every attack; of those by spellings of a path each `step`th."""
    with run_proxies(folder, "/") as here:
        yield forge_forwarded(here)
        yield forge_tls(here)
        yield plant_cookies(here)
        yield forge_origins(here)
    with run_proxies(folder, "/usage/") as here:
        yield spell_paths(here, step)


@contextmanager
def run_proxies(folder: Path, path: str) -> Iterator[ProxySetup]:
    """Run a server with a public URL and the proxies before it; look after it at the end."""
    place = folder / path.strip("/")
    place.mkdir(exist_ok=True)
    top = "".join(f'{name} = "{secret}"\n' for name, secret in SECRETS.items())
    top += f'public_url = "https://{NAME}{path}"\ntrusted_proxies = ["{TRUSTED}"]\n'
    top += 'login = "open"\nallowed_hosts = ["localhost"]\n'
    ports = [free_port() for _ in range(3)]
    with FakeSlack() as slack, AttackTarget(place / "server", slack, top, (CANARY,)) as server:
        server.complete_pass(Account(CANARY, Reading(now(), windows(17, 45), "Pro")))
        replacing, adding, untrusted = map(Route, ports)
        here = ProxySetup(server, replacing, adding, untrusted, Route(server.server_port))
        with nginx(prepare(place / "nginx"), "".join(_servers(here))):
            wait_until(lambda: all(map(_is_up, here.routes.values())))
            yield here
            server.look()


def forge_forwarded(here: ProxySetup) -> Result:
    """A stranger who says in each login to be somebody else is still counted as one."""
    result = Result("proxies off loopback: forged addresses to escape the login limit")
    routes = {name: route for name, route in here.routes.items() if route is not here.untrusted}
    for (route, entrance), (name, claim) in itertools.product(routes.items(), CLAIMS.items()):
        mine, other = (_from(entrance, net, result) for net in (9, 10))
        with result.case(f"{name}, by {route}"):
            _check_is_counted(mine, claim)
            assert _log_in(other, ()).status == 200
    with result.case("all of them by a proxy that is not trusted"):
        claims = [*CLAIMS.values()]
        _check_is_counted(here.untrusted, lambda n: claims[n % len(claims)](n))
    return result


def _check_is_counted(route: Route, claim: Claim) -> None:
    """Log in once too often."""
    statuses = [_log_in(route, claim(n)).status for n in range(LOGINS + 1)]
    if statuses[-1] != 429:
        raise LetInError(statuses)
    assert statuses[:-1] == [200] * LOGINS, statuses


def forge_tls(here: ProxySetup) -> Result:
    """Whether there is TLS follows from the public URL; who is not trusted has no say."""
    result = Result("proxies off loopback: untrusted claims about TLS")
    values = ("https", "http", "HTTPS, http", "on", "wss", "")
    for host, name, value, route in itertools.product(
        ("localhost", NAME), FORWARDED_PROTO, values, (here.untrusted, here.direct)
    ):
        with result.case(f"{name}: {value} for {host} at {route.port}"):
            got = _from(route, 14, result).ask(
                "POST", "/api/logout", (("Host", host), (name, value))
            )
            assert got.status == 200, got
            if got.cookie.endswith("; Secure") is not (host == NAME):
                raise LetInError(got.cookie)
    return result


def plant_cookies(here: ProxySetup) -> Result:
    """Another host of the domain sets cookies beside Alice's own, or instead of it."""
    result = Result("proxies off loopback: cookies planted by another host, port or path")
    mine = here.replacing._replace(source="127.11.0.1")
    bob, guest, alice = (_value(_log_in(mine, (), who)) for who in (BOB, "", ALICE))
    inner = _value(_log_in(mine, (("Host", "localhost"),), BOB))
    own = f"__Host-cldmon-sid-443={alice}"
    names = (
        "cldmon-sid-443", "__Host-cldmon-sid-443", f"cldmon-sid-{here.server.server_port}",
        f"__Host-cldmon-sid-{here.server.server_port}",
        "cldmon-sid-3000",
        "__Secure-cldmon-sid-443",
        "__host-cldmon-sid-443",
    )  # fmt: skip
    for name, value in itertools.product(names, (bob, guest, inner, alice[:-4], "x", "")):
        for cookies in (f"{name}={value}; {own}", f"{own}; {name}={value}"):
            with result.case(cookies[:60]):
                got = mine.ask("GET", "/api/session", (("Cookie", cookies),))
                if json.loads(got.body)["slackId"] != ALICE:
                    raise LetInError(got.body)
        if name != "__Host-cldmon-sid-443":
            with result.case(f"{name} alone"):
                lines = (("Cookie", f"{name}={value}"),)
                if mine.ask("GET", "/api/usage", lines).status != 401:
                    raise LetInError(name)
    return result


def forge_origins(here: ProxySetup) -> Result:
    """Alice's browser is on a page of somebody else's, which may be on the same host."""
    result = Result(
        "proxies off loopback: POST requests from pages of other ports, hosts and schemes"
    )
    alice = _value(_log_in(here.replacing._replace(source="127.12.0.1"), (), ALICE))
    cookie = ("Cookie", f"__Host-cldmon-sid-443={alice}")
    wish = {"label": CANARY, "key": "limitHit", "enabled": True}
    hosts = (
        NAME,
        f"{NAME}:443",
        f"{NAME}:8443",
        "localhost",
        f"localhost:{here.server.server_port}",
    )
    foreign = (
        f"http://{NAME}", f"https://{NAME}:9443", f"https://x.{NAME}", f"https://{NAME}.evil",
        f"https://{NAME}@evil.example", "null", "https://localhost:1", f"https://{NAME}:443x",
        f"https://{NAME}/", f"//{NAME}", NAME, f"https://{NAME}, https://evil.example",
    )  # fmt: skip
    before = here.server.subscriptions.load()
    for (route, entrance), host, origin in itertools.product(here.routes.items(), hosts, foreign):
        with result.case(f"{origin} to {host} by {route}"):
            lines = (("Host", host), ("Origin", origin), cookie)
            got = entrance.ask("POST", "/api/subscriptions", lines, wish)
            if got.status != 403 or here.server.subscriptions.load() != before:
                raise LetInError(got)
    return result


def spell_paths(here: ProxySetup, step: int) -> Result:
    """The proxy denies /metrics at both of its places, by comparing paths as they are sent."""
    result = Result("proxies off loopback: other spellings of a path that the proxy denies")
    alice = _value(_log_in(here.replacing._replace(source="127.13.0.1"), (), ALICE))
    lines = (("Cookie", f"cldmon-sid-443={alice}"),)
    denied = ("/metrics", "/usage/metrics")
    assert [here.direct.ask("GET", path, lines).status for path in denied] == [200, 200]
    for path in [*_spellings(denied)][::step]:
        for route in (here.direct, here.replacing):
            with result.case(f"{path} at {route.port}"):
                got = route.ask("GET", path, lines)
                if got.status == 200 or CANARY.encode() in got.body:
                    raise LetInError(path)
                assert got.status in (400, 403, 404, 308), got.status
    return result


def _in(name: str, form: str) -> Claim:
    """Return a header line whose value differs from login to login."""
    return lambda n: [(name, form.format(n=n, port=n + 1000))]


CLAIMS: Mapping[str, Claim] = {
    **{
        form: _in("X-Forwarded-For", form)
        for form in (
            "198.18.0.{n}",
            "198.18.0.9:{port}",
            "[2001:db8:{n}::1]:443",
            "2001:db8:{n}::1",
            "198.18.0.{n}, 198.18.1.{n}",
            f"198.18.0.{{n}}, {TRUSTED}",
            "198.18.0.{n}, 127.0.0.1",
            "198.18.0.{n},",
            ", ".join(f"198.18.{{n}}.{number}" for number in range(250)),
            "unknown{n}",
            "",
        )
    },
    **{
        name: _in(name, "198.18.0.{n}")
        for name in (
            "X_Forwarded_For",
            "X-Real-IP",
            "X-Client-IP",
            "True-Client-IP",
            "CF-Connecting-IP",
            "X-Cluster-Client-IP",
            "Client-IP",
            "X-Forwarded",
            "X-Original-Forwarded-For",
        )
    },
    "Forwarded": _in("Forwarded", "for=198.18.0.{n};proto=https"),
    "several lines": lambda n: [("X-Forwarded-For", f"198.18.0.{n}")] * 3,
}
"""What a client sends beside its `n`th login, to be taken for another."""

FORWARDED_PROTO = ("X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "Front-End-Https")


def _servers(here: ProxySetup) -> Iterator[str]:
    """Yield nginx's server blocks."""
    for route, source, chain in (
        (here.replacing, TRUSTED, "$remote_addr"),
        (here.adding, TRUSTED, "$proxy_add_x_forwarded_for"),
        (here.untrusted, STRANGER, "$proxy_add_x_forwarded_for"),
    ):
        yield f"""
        server {{
            listen 127.0.0.1:{route.port};
            location ~ ^(/usage)?/metrics$ {{ return 403; }}
            location / {{
                proxy_pass http://127.0.0.1:{here.server.server_port};
                proxy_http_version 1.1;
                proxy_bind {source};
                proxy_set_header Host $http_host;
                proxy_set_header X-Forwarded-For {chain};
            }}
        }}
        """


def _spellings(paths: tuple[str, ...]) -> Iterator[str]:
    """Yield other ways to write paths, some of which other servers take for the same."""
    for path in paths:
        letters = [at for at, char in enumerate(path) if char in string.ascii_letters]
        for at, case in itertools.product(letters, (str.lower, str.upper)):
            code = case(f"{ord(path[at]):02x}")
            for form in (f"%{code}", f"%25{code}", f"%u00{code}", f"%c1%{code}"):
                yield path[:at] + form + path[at + 1 :]
            yield path[:at] + path[at].upper() + path[at + 1 :]
        for start, end in itertools.product(
            ("", "/", "/.", "/x/..", "/%2e", "/%2E%2e", "/%2f", "/usage", "//usage"),
            ("", "/", "//", "/.", ";", ";x", "%20", "%00", "%0a", "%2f", "/%2e", ".", "%3f", "%23"),
        ):
            if (spelt := f"{start}{path}{end}") not in paths:
                yield spelt


def _is_up(route: Route) -> bool:
    try:
        return route.ask("GET", "/healthz").status == 200
    except (OSError, http.client.HTTPException):
        return False


def _from(route: Route, net: int, result: Result) -> Route:
    """Return the same route by an address of a case's own."""
    return route._replace(source=f"127.{net}.{result.tried // 250}.{result.tried % 250 + 1}")


def _log_in(route: Route, lines: Lines = (), user: str = "") -> Got:
    return route.ask("POST", "/api/auth", lines, {"slackId": user})


def _value(got: Got) -> str:
    assert got.status == 200, got
    return got.cookie.partition(";")[0].partition("=")[2]
