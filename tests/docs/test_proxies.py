"""docs/reverse-proxy.md as it stands, before a real `cldmon serve`."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import ssl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.contrib.test_prometheus import free_port
from tests.docs.pages import blocks
from tests.home import Home, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cldmon.demo.claude import FakeClaude
    from cldmon.demo.slack import FakeSlack

[SETTINGS, CADDY, NGINX] = (
    next(block.text for block in blocks("reverse-proxy.md") if block.language == language)
    for language in ("toml", "caddyfile", "nginx")
)
NAME = "cldmon.example.org"


class Answer(NamedTuple):
    status: int
    cookie: str


class Site(NamedTuple):
    """The proxy's port, with TLS."""

    port: int

    def ask(self, method: str, path: str, host: str = NAME, body: object = None) -> Answer:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context)
        sent = {} if body is None else {"Content-Type": "application/json"}
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Host": host, **sent})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers.get("Set-Cookie", ""))
        finally:
            connection.close()

    def is_up(self) -> bool:
        try:
            return self.ask("GET", "/api/session").status == 200
        except OSError:
            return False


def certificate(folder: Path) -> None:
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    files = f"-subj /CN={NAME} -keyout cldmon.key -out cldmon.pem"
    subprocess.run(
        f"openssl req -x509 {curve} {files}".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )


def configuration(folder: Path, own: int, served: int) -> str:
    """Return nginx's whole configuration around the page's part of it."""
    server = (
        NGINX.replace("listen 443", f"listen 127.0.0.1:{own}")
        .replace("127.0.0.1:3000", f"127.0.0.1:{served}")
        .replace("/etc/ssl/private/", f"{folder}/")
        .replace("/etc/ssl/", f"{folder}/")
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    return (
        f"daemon off;\npid {folder}/pid;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}{server}}}\n"
    )


@contextmanager
def nginx(folder: Path, served: int) -> Iterator[Site]:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert program, "nginx is not there"
    own = free_port()
    folder.mkdir()
    folder.chmod(0o777)  # root's workers are somebody else
    certificate(folder)
    (folder / "nginx.conf").write_text(configuration(folder, own, served))
    argv = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        try:
            yield Site(own)
        finally:
            process.terminate()


@pytest.fixture
def site(tmp_path: Path, fake_claude: FakeClaude, fake_slack: FakeSlack) -> Iterator[Site]:
    home, port = Home(tmp_path / "home", fake_claude), free_port()
    home.configure(
        f'{SETTINGS.replace("3000", str(port))}\nslack_url = "{fake_slack.url}"',
        f'[notifications.slack]\nenabled = true\nbot_token = "{fake_slack.token}"\n',
    )
    server = home.start("serve")
    try:
        with nginx(tmp_path / "nginx", port) as found:
            wait_until(found.is_up)
            yield found
    finally:
        server.process.terminate()
        server.end()


def test_behind_nginx_names_are_checked_and_cookies_are_for_tls_alone(
    site: Site, fake_slack: FakeSlack
) -> None:
    person = {"slackId": "U01ALICE"}
    assert site.ask("POST", "/api/auth", body={"slackId": ""}).status == 403  # no guests
    assert site.ask("POST", "/api/auth", body=person).status == 202
    code = re.search(r"\b\d{6}\b", fake_slack.wait_for(1)[-1].text)
    assert code
    answer = site.ask("POST", "/api/auth", body={**person, "code": code[0]})
    assert answer.status == 200
    assert "; Secure" in answer.cookie
    assert site.ask("GET", "/api/session", host="evil.example.org").status == 421
    assert site.ask("GET", "/healthz").status == 503  # no pass yet


def test_caddy_accepts_the_file(tmp_path: Path) -> None:
    (tmp_path / "Caddyfile").write_text(CADDY)
    ran = subprocess.run(
        ["caddy", "validate", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"],
        env={"HOME": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "not formatted" not in ran.stderr
