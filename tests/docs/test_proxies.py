"""The recipes of docs/reverse-proxy.md, and variations of them, before a real `cldmon serve`."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import page_blocks
from tests.env import Env, free_port, wait_until
from tests.proxies import (
    FORWARD,
    NAME,
    Entrance,
    ProxiedResponse,
    caddy,
    nginx,
    prepare,
    tls_server,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.simulation.claude import FakeClaude
    from tests.simulation.slack import FakeSlack

    RunProxy = Callable[..., AbstractContextManager[None]]

(SETTINGS, ELSEWHERE), (CADDY, CADDY_BELOW), (NGINX, NGINX_BELOW) = (
    [block.text for block in page_blocks("reverse-proxy.md") if block.language == language]
    for language in ("toml", "caddyfile", "nginx")
)
PERSON = {"slackId": "U01ALICE"}
OPEN = 'login = "open"\n'


@contextmanager
def serving(env: Env, settings: str, slack: FakeSlack | None = None) -> Iterator[None]:
    tables = ""
    if slack:
        settings += f'slack_url = "{slack.url}"\n'
        tables = f'[notifications.slack]\nenabled = true\nbot_token = "{slack.token}"\n'
    env.write_config(settings, tables)
    server = env.start("serve")
    try:
        assert server.process.stderr
        said = iter(server.process.stderr.readline, "")
        assert any("serving http" in line for line in said)
        yield
    finally:
        server.process.terminate()
        server.wait()


def recipe(folder: Path, own: int, served: int) -> str:
    """Return the page's server block for other ports and another place of the certificate."""
    return (
        NGINX.replace("listen 443", f"listen 127.0.0.1:{own}")
        .replace("127.0.0.1:3000", f"127.0.0.1:{served}")
        .replace("/etc/ssl/private/", f"{folder}/")
        .replace("/etc/ssl/", f"{folder}/")
    )


def settings(served: int, public: str) -> str:
    """Return the page's settings for another port and another public URL."""
    return SETTINGS.replace("3000", str(served)).replace("https://cldmon.example.org/", public)


def code_of(slack: FakeSlack) -> str:
    match = re.search(r"\b\d{8}\b", slack.wait_for(1)[-1].text)
    assert match
    return match[0]


def guest(entrance: Entrance, path: str = "/", **headers: str) -> ProxiedResponse:
    return entrance.ask("POST", f"{path}api/auth", {"slackId": ""}, headers=headers)


def test_behind_nginx_names_are_checked_and_cookies_are_secure(
    env: Env, tmp_path: Path, fake_slack: FakeSlack
) -> None:
    """On a port other than 443, with the port in Host and Origin as a browser sends it."""
    served, site = free_port(), Entrance(free_port())
    folder = prepare(tmp_path / "nginx")
    with (
        serving(env, settings(served, f"https://{NAME}:{site.port}/"), fake_slack),
        nginx(folder, recipe(folder, site.port, served)),
    ):
        wait_until(site.is_up)
        assert guest(site).status == 403  # no guests
        assert site.ask("POST", "/api/auth", PERSON).status == 202
        answer = site.ask("POST", "/api/auth", {**PERSON, "code": code_of(fake_slack)})
        assert answer.status == 200
        assert answer.cookie.startswith(f"__Host-cldmon-sid-{site.port}=")
        assert "; Secure" in answer.cookie
        cookie = {"Cookie": answer.cookie.partition(";")[0]}
        assert site.ask("GET", "/api/usage", headers=cookie).status == 200
        assert site.ask("GET", "/api/session", host="evil.example.org").status == 421
        assert site.ask("GET", "/healthz").status == 503  # no pass yet


def test_a_proxy_that_drops_the_port_is_named_as_the_reason(env: Env, tmp_path: Path) -> None:
    """Unless the public URL says which Origin is meant."""
    served, site = free_port(), Entrance(free_port())
    folder = prepare(tmp_path / "nginx")
    block = recipe(folder, site.port, served).replace("$http_host", "$host")
    here = f'port = {served}\nallowed_hosts = ["{NAME}"]\n{OPEN}'
    with nginx(folder, block):
        with serving(env, here):
            wait_until(site.is_up)
            refused = guest(site)
        with serving(env, f'{here}public_url = "https://{NAME}:{site.port}/"\n'):
            accepted = guest(site)
    assert refused.status == 403
    assert f'"https://{NAME}:{site.port}"' in refused.json["error"]
    assert f'"{NAME}"' in refused.json["error"]
    assert accepted.status == 200


def nginx_below(
    folder: Path, own: int, served: int, *, strips: bool
) -> AbstractContextManager[None]:
    inner = NGINX_BELOW.replace("127.0.0.1:3000", f"127.0.0.1:{served}{'/' if strips else ''}")
    return nginx(prepare(folder), tls_server(folder, own, inner))


def caddy_below(
    folder: Path, own: int, served: int, *, strips: bool
) -> AbstractContextManager[None]:
    certificate = f"tls {folder}/cldmon.pem {folder}/cldmon.key\n"
    block = CADDY_BELOW.replace("example.org {\n", f"https://{NAME}:{own} {{\n{certificate}")
    if strips:
        inner = "redir /cldmon /cldmon/\nhandle_path /cldmon/* {\nreverse_proxy 127.0.0.1:3000\n}\n"
        block = re.sub(r"(?s)\t@cldmon.*(?=\})", inner, block)
    return caddy(prepare(folder), block.replace("127.0.0.1:3000", f"127.0.0.1:{served}"))


@pytest.mark.parametrize("run_proxy", [nginx_below, caddy_below])
@pytest.mark.parametrize("strips", [False, True])
def test_below_a_path_everything_works_stripped_or_not(
    env: Env, tmp_path: Path, run_proxy: RunProxy, *, strips: bool
) -> None:
    served, site = free_port(), Entrance(free_port())
    public = f"https://{NAME}:{site.port}/cldmon/"
    with (
        serving(env, settings(served, public) + OPEN),
        run_proxy(tmp_path / "proxy", site.port, served, strips=strips),
    ):
        wait_until(site.is_up)
        page = site.ask("GET", "/cldmon/")
        assert page.status == 200
        links = re.findall(rb'(?:href|src)="([^"#][^"]*)"', page.body)
        assert links
        for link in links:
            assert site.ask("GET", f"/cldmon/{link.decode()}").status == 200, link
        answer = guest(site, "/cldmon/")
        assert answer.status == 200
        assert answer.cookie.startswith(f"cldmon-sid-{site.port}=")
        assert "; Path=/cldmon/; " in answer.cookie
        cookie = {"Cookie": answer.cookie.partition(";")[0]}
        for path in ("api/usage", "api/history?range=1d", "metrics"):
            assert site.ask("GET", f"/cldmon/{path}", headers=cookie).status == 200
        moved = site.ask("GET", "/cldmon")
        assert moved.status in (301, 302, 308)
        assert moved.headers["Location"].endswith("/cldmon/")


def test_instances_behind_two_ports_do_not_log_each_other_out(
    tmp_path: Path, fake_claude: FakeClaude
) -> None:
    """Their inner ports are the same, as with two containers."""
    served, sites = free_port(), [Entrance(free_port()), Entrance(free_port())]
    hosts = ("127.0.0.1", "127.0.0.2")
    homes = [Env(tmp_path / f"home-{n}", fake_claude) for n in range(2)]
    folder = prepare(tmp_path / "nginx")
    blocks = "".join(
        tls_server(
            folder, site.port, f"location / {{ proxy_pass http://{host}:{served};{FORWARD}}}"
        )
        for site, host in zip(sites, hosts, strict=True)
    )
    first, second = (
        f'host = "{host}"\nport = {served}\npublic_url = "https://{NAME}:{site.port}/"\n{OPEN}'
        for site, host in zip(sites, hosts, strict=True)
    )
    with serving(homes[0], first), serving(homes[1], second), nginx(folder, blocks):
        wait_until(lambda: all(site.is_up() for site in sites))
        cookies = "; ".join(guest(site).cookie.partition(";")[0] for site in sites)
        for site in sites:
            assert site.ask("GET", "/metrics", headers={"Cookie": cookies}).status == 200


def test_a_proxy_elsewhere_is_trusted_once_it_is_named(env: Env, tmp_path: Path) -> None:
    """Its address is not one that cldmon trusts by default."""
    served, far, near = free_port(), Entrance(free_port()), Entrance(free_port())
    folder = prepare(tmp_path / "nginx")
    here = re.sub(r"(?m)^(host|public_url).*", "", ELSEWHERE).replace("172.18.0.0/16", "127.7.0.2")
    blocks = "".join(
        tls_server(
            folder,
            site.port,
            f"location / {{ proxy_bind {bound}; proxy_pass http://127.0.0.1:{served};{FORWARD}}}",
        )
        for site, bound in ((far, "127.7.0.2"), (near, "127.0.0.1"))
    )
    with (
        serving(env, f'{here}port = {served}\nallowed_hosts = ["{NAME}"]\n{OPEN}'),
        nginx(folder, blocks),
    ):
        wait_until(lambda: far.is_up() and near.is_up())
        assert guest(far).cookie.startswith(f"__Host-cldmon-sid-{served}=")
        assert guest(near).cookie.startswith(f"cldmon-sid-{served}=")
        one, other = (far._replace(source=source) for source in ("127.0.0.9", "127.0.0.10"))
        statuses = [guest(one, x_forwarded_for="192.0.2.1").status for _ in range(61)]
        assert statuses[59:] == [200, 429]
        assert guest(other).status == 200


def test_behind_caddy_the_defaults_work(env: Env, tmp_path: Path) -> None:
    served, site = free_port(), Entrance(free_port(), tls=False)
    block = CADDY.replace("3000", str(served)).replace(NAME, f"http://{NAME}:{site.port}")
    with (
        serving(env, settings(served, f"http://{NAME}:{site.port}/") + OPEN),
        caddy(tmp_path / "caddy", block),
    ):
        wait_until(site.is_up)
        assert guest(site).cookie.startswith(f"cldmon-sid-{site.port}=")
        one, other = (site._replace(source=source) for source in ("127.0.0.9", "127.0.0.10"))
        headers = {"X-Forwarded-For": "192.0.2.1"}  # Caddy trusts no client
        statuses = [
            one.ask("POST", "/api/auth", {"slackId": ""}, headers=headers).status for _ in range(61)
        ]
        assert statuses[59:] == [200, 429]
        assert guest(other).status == 200


@pytest.mark.parametrize("text", [CADDY, CADDY_BELOW])
def test_caddy_accepts_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "Caddyfile").write_text(text)
    ran = subprocess.run(
        ["caddy", "validate", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"],
        env={"HOME": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "not formatted" not in ran.stderr
