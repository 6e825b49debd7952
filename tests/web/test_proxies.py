"""The client's address and the page's URL behind a proxy."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.web.api import respond
from cldmon.web.http import Request, Response
from cldmon.web.proxies import PublicUrl, TrustedProxies

if TYPE_CHECKING:
    from cldmon.web.proxies import Address
    from tests.simulation.http_client import Got
    from tests.web.in_process import InProcessServer

GUEST = {"slackId": ""}
LOOPBACK = ("127.0.0.0/8", "::1")
BRIDGE = (*LOOPBACK, "172.18.0.0/16", "2001:db8:f::/48")
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
PORTS = st.none() | st.integers(0, 65535)


def client(peer: str, chain: str, networks: tuple[str, ...] = BRIDGE) -> str:
    headers = {"x-forwarded-for": chain} if chain else {}
    return TrustedProxies(networks).client_address(Request("POST", "/", headers=headers, peer=peer))


@pytest.mark.parametrize(
    ("peer", "chain", "counted"),
    [
        ("127.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "spoofed, 192.0.2.1", "192.0.2.1"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("::ffff:127.0.0.1", "[2001:db8:1:2::9]", "2001:0db8:0001:0002"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("::ffff:192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("fe80::1%eth0", "192.0.2.1", "fe80:0000:0000:0000"),
        ("", "192.0.2.1", ""),
        # a proxy elsewhere, and one before another
        ("172.18.0.2", "192.0.2.1", "192.0.2.1"),
        ("::ffff:172.18.0.2", "192.0.2.1", "192.0.2.1"),
        ("172.19.0.2", "192.0.2.1", "172.19.0.2"),
        ("172.18.0.2", "192.0.2.1, 172.18.0.3", "192.0.2.1"),
        ("172.18.0.2", "203.0.113.5, 192.0.2.1, 172.18.0.3, 127.0.0.1", "192.0.2.1"),
        ("172.18.0.2", "192.0.2.1, nonsense, 172.18.0.3", "172.18.0.3"),
        ("2001:db8:f::2", "192.0.2.1", "192.0.2.1"),
        # a client within a trusted network
        ("172.18.0.2", "172.18.0.9", "172.18.0.9"),
        ("172.18.0.2", "172.18.0.8,172.18.0.9", "172.18.0.8"),
        # ports
        ("127.0.0.1", "203.0.113.5:5000", "203.0.113.5"),
        ("127.0.0.1", "[2001:db8::1]:443", "2001:0db8:0000:0000"),
        ("127.0.0.1", "203.0.113.5:5000, 172.18.0.2:80", "203.0.113.5"),
        ("127.0.0.1", "203.0.113.5:x", "127.0.0.1"),
        ("127.0.0.1", "[203.0.113.5", "127.0.0.1"),
    ],
)
def test_the_client_is_the_last_address_that_is_not_a_trusted_proxy(
    peer: str, chain: str, counted: str
) -> None:
    assert client(peer, chain) == counted


@given(st.lists(ADDRESSES.map(str) | st.text(max_size=20), max_size=5), ADDRESSES, PORTS)
def test_clients_cannot_choose_their_address(
    forged: list[str], real: Address, port: int | None
) -> None:
    """Anything a client puts in the header is to the left of what the proxy adds."""
    honest = client("127.0.0.1", str(real), LOOPBACK)
    added = f"[{real}]" if real.version == 6 else str(real)
    chain = ", ".join([*forged, added if port is None else f"{added}:{port}"])
    if not real.is_loopback:
        assert client("127.0.0.1", chain, LOOPBACK) == honest
    assert client("192.0.2.9", chain, LOOPBACK) == "192.0.2.9"


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_header_has_a_client(chain: str, peer: str) -> None:
    assert isinstance(client("127.0.0.1", chain), str)
    assert isinstance(client(peer, chain), str)


def test_behind_a_trusted_proxy_elsewhere_each_address_is_counted_for_itself(
    server: InProcessServer,
) -> None:
    server.configure(proxies=TrustedProxies(BRIDGE))

    def log_in(address: str, peer: str) -> int:
        return ask(server, "POST", "/api/auth", peer=peer, x_forwarded_for=address).status

    statuses = [log_in(f"192.0.2.{n}, 198.51.100.7", "172.18.0.2") for n in range(61)]
    assert statuses[59:] == [200, 429]
    assert log_in("198.51.100.8", "172.18.0.2") == 200
    strangers = [log_in(f"198.51.100.{n}", "172.19.0.2") for n in range(61)]
    assert strangers[59:] == [200, 429]


@pytest.mark.parametrize(
    ("peer", "secure"),
    [("127.0.0.1", True), ("172.18.0.2", True), ("::ffff:172.18.0.2", True), ("192.0.2.1", False)],
)
def test_only_a_trusted_proxy_is_believed_about_tls(
    server: InProcessServer, peer: str, *, secure: bool
) -> None:
    server.configure(proxies=TrustedProxies(BRIDGE))
    cookie = cookie_of(ask(server, "GET", "/api/session", peer=peer, x_forwarded_proto="https"))
    assert ("; Secure" in cookie) is secure
    assert cookie.startswith("__Host-cldmon-sid-3000=" if secure else "cldmon-sid-3000=")


class TestCookies:
    """Name, path and Secure follow the public URL if the request was for it."""

    @pytest.mark.parametrize(
        ("url", "name", "attributes"),
        [
            ("https://cldmon.example/", "__Host-cldmon-sid-443", "Path=/; Secure"),
            ("https://cldmon.example:8443/", "__Host-cldmon-sid-8443", "Path=/; Secure"),
            ("https://cldmon.example/usage/", "cldmon-sid-443", "Path=/usage/; Secure"),
            ("http://cldmon.example/", "cldmon-sid-80", "Path=/"),
            ("http://cldmon.example:8080/a/b/", "cldmon-sid-8080", "Path=/a/b/"),
        ],
    )
    def test_for_the_public_host(
        self, server: InProcessServer, url: str, name: str, attributes: str
    ) -> None:
        server.publish(url)
        for host in ("cldmon.example", "CLDMON.example", "cldmon.example:8443"):
            cookie = cookie_of(ask(server, "GET", "/api/session", host=host))
            assert cookie.startswith(f"{name}=")
            path, _, secure = attributes.partition("; ")
            assert f"; {path};" in cookie
            assert cookie.endswith("; Secure") is bool(secure)
            sent = ask(server, "GET", "/metrics", host=host, cookie=cookie.partition(";")[0])
            assert sent.status == 200

    def test_for_any_other_host(self, server: InProcessServer) -> None:
        server.publish("https://cldmon.example/usage/")
        cookie = cookie_of(ask(server, "GET", "/api/session"))
        assert re.match(r"cldmon-sid-3000=[\w.-]+; Path=/; ", cookie)
        assert "Secure" not in cookie

    def test_instances_behind_two_ports_of_a_host_have_each_their_own(
        self, server: InProcessServer
    ) -> None:
        names = set()
        for port in (8443, 9443):
            server.publish(f"https://cldmon.example:{port}/")
            got = ask(server, "GET", "/api/session", host="cldmon.example")
            names.add(cookie_of(got).partition("=")[0])
        assert names == {"__Host-cldmon-sid-8443", "__Host-cldmon-sid-9443"}

    def test_a_cookie_that_another_host_of_the_domain_could_set_is_not_taken(
        self, slack_server: InProcessServer
    ) -> None:
        slack_server.publish("https://cldmon.example/")
        browser = slack_server.logged_in("U01ALICE")
        for name in ("cldmon-sid-443", "__Host-cldmon-sid-443", "cldmon-sid-3000"):
            planted = f"{name}={browser.cookie.partition('=')[2]}"
            got = ask(slack_server, "GET", "/api/usage", host="cldmon.example", cookie=planted)
            assert got.status == 401

    def test_a_logout_ends_all_that_came_with_it(self, slack_server: InProcessServer) -> None:
        alice, bob = (slack_server.logged_in(user) for user in ("U01ALICE", "U02BOB"))
        both = f"{bob.cookie}; {alice.cookie}"
        assert slack_server.ask("POST", "/api/logout", headers={"Cookie": both}).status == 200
        assert alice.get("/api/usage").status == bob.get("/api/usage").status == 401


class TestPath:
    """The proxy may strip the path of the public URL or not."""

    URL = "https://cldmon.example/team/usage/"

    def test_everything_is_at_both_places(self, server: InProcessServer) -> None:
        server.publish(self.URL)
        for path in ("/", "/js/main.js", "/openapi.json", "/healthz", "/api/session"):
            for host in ("cldmon.example", "localhost"):
                stripped = ask(server, "GET", path, host=host)
                whole = ask(server, "GET", f"/team/usage{path}", host=host)
                assert (whole.status, len(whole.body)) == (stripped.status, len(stripped.body))  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "path",
        ["/team/usage//healthz", "/team/usagehealthz", "/TEAM/usage/healthz", "/usage/healthz",
         "/team/usage/team/usage/healthz", "/team/./usage/healthz", "/team", "/team/"],
    )  # fmt: skip
    def test_nothing_is_anywhere_else(self, server: InProcessServer, path: str) -> None:
        server.publish(self.URL)
        assert ask(server, "GET", path).status == 404

    def test_without_its_last_slash_it_leads_to_the_page(self, server: InProcessServer) -> None:
        server.publish(self.URL)
        got = ask(server, "GET", "/team/usage")
        assert (got.status, dict(got.headers)["Location"]) == (308, "/team/usage/")
        assert ask(server, "POST", "/team/usage").status == 405

    def test_the_page_names_nothing_by_a_path_from_the_root(self, server: InProcessServer) -> None:
        for name, page in server.services.pages.items():
            if name.endswith((".html", ".js", ".css", "/")) and "vendor" not in name:
                found = re.findall(rb"""(?:["'`(]|url\()/[a-z][\w./]*""", page.body)
                assert not found, name


class TestOrigin:
    """Changes must come from one of our own pages, under any of its names."""

    @pytest.mark.parametrize(
        ("host", "origin"),
        [
            ("cldmon.example:8443", "https://cldmon.example:8443"),
            ("cldmon.example", "https://cldmon.example:8443"),
            ("127.0.0.1:3000", "https://cldmon.example:8443"),
            ("cldmon.example", "https://CLDMON.example:8443"),
            ("localhost:3000", "http://localhost:3000"),
        ],
    )
    def test_the_public_one_is_ours(self, server: InProcessServer, host: str, origin: str) -> None:
        server.publish("https://cldmon.example:8443/")
        assert ask(server, "POST", "/api/auth", host=host, origin=origin).status == 200

    @pytest.mark.parametrize(
        "origin",
        ["http://cldmon.example:8443", "https://cldmon.example", "https://cldmon.example:9443",
         "https://x.cldmon.example:8443", "https://cldmon.example:8443.evil.example", "null"],
    )  # fmt: skip
    def test_no_other_is(self, server: InProcessServer, origin: str) -> None:
        server.publish("https://cldmon.example:8443/")
        got = ask(server, "POST", "/api/auth", host="127.0.0.1:3000", origin=origin)
        assert got.status == 403

    @pytest.mark.parametrize(
        ("public", "origin"),
        [
            ("https://cldmon.example/", "http://cldmon.example"),
            ("https://cldmon.example:8443/", "https://cldmon.example"),
            ("https://cldmon.example:8443/", "http://cldmon.example:8443"),
        ],
    )
    def test_nor_one_that_a_host_without_a_port_could_mean(
        self, server: InProcessServer, public: str, origin: str
    ) -> None:
        """A page without TLS may come from anyone."""
        server.publish(public)
        for host in ("cldmon.example", public.split("/")[2]):
            assert ask(server, "POST", "/api/auth", host=host, origin=origin).status == 403
        direct = {"host": "cldmon.example:3000", "origin": "http://cldmon.example:3000"}
        assert ask(server, "POST", "/api/auth", **direct).status == 200

    def test_the_refusal_names_both_values(self, server: InProcessServer) -> None:
        got = server.ask(
            "POST", "/api/auth", GUEST, {"Host": "localhost", "Origin": "https://localhost:8443"}
        )
        assert got.status == 403
        assert '"https://localhost:8443"' in got.json["error"]
        assert '"localhost"' in got.json["error"]

    def test_quoted_headers_are_printable(self, server: InProcessServer) -> None:
        odd = "https://\x9b2J<script>\u202e".encode("utf-8").decode("latin-1") + "x" * 500
        got = ask(server, "POST", "/api/auth", origin=odd)
        assert got.status == 403
        assert isinstance(got.body, bytes)
        assert got.body.isascii()
        assert len(got.body) < 500


def test_a_refused_host_is_quoted(server: InProcessServer) -> None:
    got = server.ask("GET", "/healthz", headers={"Host": "usage.example:8443"})
    assert got.status == 421
    assert '"usage.example"' in got.json["error"]


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://a.example/", ("https", "a.example", 443, "/")),
        ("http://[::1]:81/x/", ("http", "::1", 81, "/x/")),
    ],
)
def test_a_public_url_is_taken_apart(url: str, parts: tuple[object, ...]) -> None:
    assert PublicUrl.parse(url) == PublicUrl(*parts)  # type: ignore[arg-type]


def ask(
    server: InProcessServer, method: str, path: str, peer: str = "127.0.0.1", **headers: str
) -> Response:
    """Return the response to a request from any address; a POST logs a guest in."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(method, path, headers={"host": "localhost", **named}, peer=peer)
    if method == "POST":
        kind = {"content-type": "application/json"}
        request = replace(request, headers={**request.headers, **kind}, body=b'{"slackId":""}')
    return respond(request, server.services)


def cookie_of(response: Response | Got) -> str:
    return dict(response.headers)["Set-Cookie"]
