"""A server that speaks TLS, badly: with an untrusted certificate, or not to the end."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from tests.env import Env, key_of
from tests.listener import Listener
from tests.reliability.result import LetInError, Result

if TYPE_CHECKING:
    import socket

CERTIFICATES = Path(__file__).parents[1] / "data" / "tls"
AUTHORITY = CERTIFICATES / "ca.pem"
UNTRUSTED = ("self-signed", "expired", "other-host", "good")
"""Without their authority nobody trusts any of them."""

BROKEN = ("cut", "garbage", "plain")
"""The connection ends in the handshake; what is said is no TLS; or plain HTTP."""


class TlsSite(Listener):
    """A server with one fault, `way`; `heard` is what clients sent, decrypted."""

    def __init__(self, way: str) -> None:
        self.heard = b""
        self._way = way
        super().__init__()

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    def handle(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        if self._way in BROKEN:
            self.heard += connection.recv(65536)
            if self._way != "cut":
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
                    if self._way == "plain"
                    else b"\x16\x03\x03\xff\xff" + b"\0" * 999
                )
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / f"{self._way}.pem", CERTIFICATES / "key.pem")
        with context.wrap_socket(connection, server_side=True) as channel:
            self.heard += channel.recv(65536)
            channel.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")


def run_cases(folder: Path, ways: tuple[str, ...] = (*UNTRUSTED, *BROKEN)) -> Result:
    """Let `cldmon fetch` ask each bad server, and count where the key stayed with us."""
    result = Result("service: untrusted or interrupted TLS")
    for way in ways:
        with TlsSite(way) as site, result.case(way):
            said = run_fetch(folder / way, site)
            if key_of("alice").encode() in site.heard:
                raise LetInError(f"{way}: the key was told")
            certificate = "its certificate is not accepted" in said
            assert certificate is (way in UNTRUSTED), said
    return result


def run_fetch(folder: Path, site: TlsSite) -> str:
    """Make a pass of one account against the server, and return what is said of it."""
    folder.mkdir(parents=True)
    env = Env(folder, Elsewhere(site.url))  # type: ignore[arg-type]
    env.labels = ["alice"]
    env.write_config()
    env.run("fetch")
    error: str = env.accounts["alice"]["error"]
    assert env.accounts["alice"]["errorKind"] == "service_down", error
    return error


class Elsewhere:
    """Stands where a home expects its service; all that is asked of it is its address."""

    def __init__(self, url: str) -> None:
        self.url = url
