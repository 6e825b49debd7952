"""Real reverse proxies in front of a `cldmon serve`, and a plain client for them."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.env import run_in_background

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAME = "cldmon.example.org"
FORWARD = """
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-For $remote_addr;
"""
"""What a location hands on."""


class ProxiedResponse(NamedTuple):
    """What a proxy answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def cookie(self) -> str:
        """The whole line that sets a cookie."""
        return self.headers.get("Set-Cookie", "")

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Entrance(NamedTuple):
    """Where a proxy listens on loopback, with TLS or without, and by which address one comes."""

    port: int
    tls: bool = True
    source: str = "127.0.0.1"

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        host: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> ProxiedResponse:
        """Ask once; a body is sent as JSON, and a POST has the Origin of a page of that host."""
        host = host or f"{NAME}:{self.port}"
        sent = {"Host": host}
        if method == "POST":
            sent["Origin"] = f"{'https' if self.tls else 'http'}://{host}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return ProxiedResponse(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def is_up(self) -> bool:
        """Return whether anything answers."""
        try:
            return self.ask("GET", "/").status > 0
        except (OSError, http.client.HTTPException):
            return False

    def _connection(self) -> http.client.HTTPConnection:
        given: dict[str, Any] = {"source_address": (self.source, 0), "timeout": 20}
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, **given)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, **given)


def make_certificate(folder: Path) -> None:
    """Write cldmon.pem and cldmon.key."""
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    files = f"-subj /CN={NAME} -keyout cldmon.key -out cldmon.pem"
    subprocess.run(
        f"openssl req -x509 {curve} {files}".split(), cwd=folder, check=True, capture_output=True
    )


def tls_server(folder: Path, port: int, inner: str) -> str:
    """Return a server block of nginx around its inner lines."""
    return (
        f"server {{\nlisten 127.0.0.1:{port} ssl;\n"
        f"ssl_certificate {folder}/cldmon.pem;\nssl_certificate_key {folder}/cldmon.key;\n"
        f"{inner}}}\n"
    )


@contextmanager
def nginx(folder: Path, servers: str) -> Iterator[None]:
    """Run nginx with these server blocks, in a folder that `prepare` made."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert program, "nginx is not there"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}{servers}}}\n"
    )
    argv = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    with run_in_background(*argv):
        yield


def prepare(folder: Path) -> Path:
    """Return a folder for a proxy, with a certificate in it."""
    folder.mkdir()
    folder.chmod(0o777)  # root's workers are somebody else
    make_certificate(folder)
    return folder


@contextmanager
def caddy(folder: Path, sites: str) -> Iterator[None]:
    """Run Caddy with these sites."""
    folder.mkdir(exist_ok=True)
    top = f"admin off\nauto_https off\ndefault_sni {NAME}\n"  # our client sends no name
    (folder / "Caddyfile").write_text(f"{{\n{top}}}\n{sites}")
    argv = ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    env = {"HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin"}
    with run_in_background(*argv, environ=env):
        yield
