"""Apprise's services as channels, against real servers on loopback."""

from __future__ import annotations

import base64
import contextlib
import email
import email.policy
import json
import re
import ssl
import subprocess
import sys
import threading
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from cldmon.channels.apprise import AppriseChannel, redact_url
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.events import Event, EventKind
from cldmon.domain.secret import Secret
from cldmon.errors import CldmonError, ConfigError
from tests.env import free_port
from tests.fakes import NOON
from tests.listener import Listener

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from email.message import EmailMessage

DELIVERED, UNSURE = DeliveryStatus.DELIVERED, DeliveryStatus.UNSURE
RESET = NOON + timedelta(minutes=90)
RESETS = "2026-11-22 13:30 UTC."
HIT = Event(EventKind.LIMIT_HIT, "alice", "fiveHour", NOON, RESET, utilization=100)
FREE = Event(EventKind.USAGE_RESET, "<b>bob", "sevenDay", NOON, RESET, utilization=0)
LINK = "https://cldmon.example.com/"
TITLE = "alice: limit reached, and 1 more"
LINES = (
    f"\N{LARGE RED CIRCLE} alice's 5-hour limit has been reached (100%). Resets {RESETS}",
    f"\N{LARGE GREEN CIRCLE} <b>bob's weekly limit has reset. It resets next {RESETS}",
    LINK,
)
PASSWORD = "hunter2"
TLS = Path(__file__).parents[1] / "data" / "tls"


def channel(url: str, **options: Any) -> AppriseChannel:
    return AppriseChannel(Secret(url), now=lambda: NOON, **{"link": LINK, **options})


class Request(NamedTuple):
    path: str
    authorization: str | None
    content: Any


class JsonServer(ThreadingHTTPServer):
    """Receives JSON with POST; what it answers is `status`, or depends on the request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Request] = []
        self.status = HTTPStatus.OK
        self.headers: dict[str, str] = {}

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def respond(self, request: Request) -> tuple[HTTPStatus, Any]:
        return self.status, {}


class NtfyServer(JsonServer):
    """Publishes JSON as ntfy documents it, for a user and a topic."""

    def respond(self, request: Request) -> tuple[HTTPStatus, Any]:
        expected = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        if request.path != "/" or not isinstance(request.content, dict):
            return HTTPStatus.BAD_REQUEST, {"code": 40024, "http": 400, "error": "invalid request"}
        if request.authorization != f"Basic {expected}" or request.content["topic"] != "alerts":
            return HTTPStatus.FORBIDDEN, {"code": 40301, "http": 403, "error": "forbidden"}
        return HTTPStatus.OK, {"id": "x", "event": "message", "topic": "alerts"}


class Handler(BaseHTTPRequestHandler):
    server: JsonServer

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = Request(self.path, self.headers["Authorization"], content)
        self.server.requests.append(request)
        status, body = self.server.respond(request)
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None: ...


@contextlib.contextmanager
def serve(server: JsonServer) -> Iterator[Any]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def serve_tls(server: JsonServer) -> contextlib.AbstractContextManager[Any]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(TLS / "self-signed.pem", TLS / "key.pem")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    return serve(server)


class Mailbox:
    """Keeps the e-mails that it receives."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.received.append(message)
        return "250 OK"


@contextlib.contextmanager
def serve_smtp(mailbox: Mailbox) -> Iterator[str]:
    """Run an SMTP server for the user "me" with `PASSWORD`, and yield its address."""

    def authenticate(_server: Any, _session: Any, _envelope: Any, _how: Any, data: Any) -> Any:
        is_right = (data.login, data.password) == (b"me", PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)

    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=free_port(),
        auth_required=True,
        auth_require_tls=False,
        authenticator=authenticate,
    )
    controller.start()
    try:
        yield f"127.0.0.1:{controller.port}"
    finally:
        controller.stop()


class Hanging(Listener):
    """Accepts a connection and answers nothing."""

    def handle(self, connection: socket.socket) -> None:
        while connection.recv(65536):
            pass


class Dripping(Listener):
    """Sends the headers of a response without end: no timeout of a socket ever strikes."""

    def handle(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            connection.sendall(b"x")
            threading.Event().wait(0.1)


def test_a_webhook_gets_title_and_text() -> None:
    with serve(JsonServer()) as server:
        result = channel(f"json://{server.address}/hook").send(None, [HIT, FREE])
        assert result == DeliveryResult(DELIVERED)
        [request] = server.requests
    assert request.path == "/hook"
    assert request.content["title"] == TITLE
    assert request.content["message"].split("\n") == list(LINES)


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_a_no_is_one_however_it_is_meant(status: int) -> None:
    with serve(JsonServer()) as server:
        server.status = HTTPStatus(status)
        result = channel(f"json://{server.address}/{PASSWORD}").send(None, [HIT])
        assert len(server.requests) == 1
    assert result == DeliveryResult(UNSURE, "Apprise could not send to json://127.0.0.1")


def test_a_redirect_is_a_no() -> None:
    """Followed, a POST would become a GET, which delivers nothing."""
    with serve(JsonServer()) as server, serve(JsonServer()) as other:
        server.status = HTTPStatus.MOVED_PERMANENTLY
        server.headers = {"Location": f"http://{other.address}/"}
        assert channel(f"json://{server.address}").send(None, [HIT]).status is UNSURE
        assert not other.requests


def test_a_certificate_is_checked_unless_the_url_says_otherwise(
    recwarn: pytest.WarningsRecorder,
) -> None:
    with serve_tls(JsonServer()) as server:
        url = f"jsons://{server.address}/hook"
        assert channel(url).send(None, [HIT]).status is UNSURE
        assert channel(f"{url}?verify=no").send(None, [HIT]).status is DELIVERED
    assert not recwarn.list


def test_nobody_listening_is_a_no() -> None:
    url = f"json://127.0.0.1:{free_port()}"
    assert channel(url).send(None, [HIT]).status is UNSURE


def test_ntfy_gets_a_message_with_a_title() -> None:
    with serve(NtfyServer()) as server:
        url = f"ntfy://me:{PASSWORD}@{server.address}/alerts"
        assert channel(url).send(None, [HIT, FREE]) == DeliveryResult(DELIVERED)
        [request] = server.requests
        assert channel(url.replace("alerts", "others")).send(None, [HIT]).status is UNSURE
    assert request.content["title"] == TITLE
    assert request.content["message"].split("\n") == list(LINES)
    assert "apprise" not in str(request.content).lower()


def test_teams_gets_a_card_in_markdown() -> None:
    """Without backslashes and with a link; Microsoft documents the card and the status 202."""
    with serve_tls(JsonServer()) as server:
        server.status = HTTPStatus.ACCEPTED
        url = f"workflows://{server.address}/{'0a' * 16}/abcDEF-123_abcDEF/?verify=no"
        assert channel(url).send(None, [HIT, FREE]) == DeliveryResult(DELIVERED)
        [request] = server.requests
    assert request.path.startswith(f"/workflows/{'0a' * 16}/triggers/manual/paths/invoke?")
    [card] = request.content["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    title, text = (block["text"] for block in card["content"]["body"])
    assert title == TITLE
    assert text.split("\n\n") == [
        LINES[0],
        LINES[1].replace("<b>", r"\<b\>"),
        f"[Open the dashboard]({LINK})",
    ]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_an_e_mail_has_subject_and_text() -> None:
    mailbox = Mailbox()
    with serve_smtp(mailbox) as address:
        url = f"mailto://me:{PASSWORD}@{address}/?from=cldmon@example.com&to=ops@example.com"
        assert channel(url).send(None, [HIT, FREE]) == DeliveryResult(DELIVERED)
        assert channel(f"{url}&format=html").send(None, [HIT, FREE]).status is DELIVERED
        assert channel(url.replace(PASSWORD, "wrong")).send(None, [HIT]).status is UNSURE
    text, html = mailbox.received
    assert text["subject"] == TITLE
    assert "cldmon@example.com" in text["from"]
    assert "ops@example.com" in text["to"]
    body = text.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == list(LINES)
    body = html.get_body(("html",))
    assert body is not None
    assert "&lt;b&gt;bob" in body.get_content()


@pytest.mark.parametrize("server", [Hanging, Dripping])
def test_a_service_that_hangs_is_not_waited_for(server: type[Listener]) -> None:
    with server() as listener:
        url = f"json://{listener.address}/{PASSWORD}?rto=600"
        result = channel(url, timeout=timedelta(seconds=0.5)).send(None, [HIT])
    reason = "json://127.0.0.1 did not answer within 0.5 seconds"
    assert result == DeliveryResult(UNSURE, reason, halt=True)


def test_a_service_that_hangs_does_not_keep_the_process_alive() -> None:
    with Dripping() as listener:
        code = (
            "from datetime import timedelta\n"
            "from tests.channels.test_apprise import HIT, channel\n"
            f"hanging = channel('json://{listener.address}', timeout=timedelta(seconds=0.5))\n"
            "print(hanging.send(None, [HIT]).status)"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
        )
    assert (ran.stdout, ran.stderr) == ("unsure\n", "")


def test_a_message_that_is_too_long_for_a_service_is_split() -> None:
    """Eight long lines are more than, say, Discord takes at once."""
    [service] = channel("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js")._apprise
    assert service.overflow_mode == "split"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("", "the URL"),
        (PASSWORD, "the URL"),
        (f"{PASSWORD}.example.com/x", "the URL"),
        (f"no-such://{PASSWORD}", "the URL"),
        (f"nosuch://{PASSWORD}", "nosuch://…"),
        (f"nosuch://me:{PASSWORD}@example.com/{PASSWORD}", "nosuch://example.com"),
        (f"https://example.com/{PASSWORD}", "https://example.com"),
        (f"tgram://{PASSWORD}", "tgram://…"),
        (f"discord://localhost/?token={PASSWORD}", "discord://localhost"),
    ],
)
def test_a_url_that_apprise_refuses_is_shown_as_scheme_and_host(
    url: str,
    name: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(0)
    with pytest.raises(ConfigError) as caught:
        channel(url)
    assert f"Apprise cannot use {name}: compare" in str(caught.value)
    assert PASSWORD not in str(caught.getrepr(showlocals=False, chain=True, style="value"))
    assert caught.value.__cause__ is None
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("mailto://me:pass@gmail.com", "mailto://gmail.com"),
        ("mailto://me:p@ss:w/ord@gmail.com", "mailto://…"),
        ("tgram://123456789:abcdefg_hijklmnop/lead2gold/", "tgram://…"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord://…"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", "slack://…"),
        ("sendgrid://SG.abc.def:from@example.com/to@example.com", "sendgrid://example.com"),
        ("push://eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeKKF2QT4", "push://…"),
        ("jsons://10.0.0.7:8443/secret", "jsons://10.0.0.7"),
        ("ntfys://topic", "ntfys://…"),
        ("https://hooks.slack.com/services/T1/B1/secret", "https://hooks.slack.com"),
        ("SECRET://example.com", "the URL"),
        ("example.com/secret", "the URL"),
    ],
)
def test_a_host_is_shown_only_if_it_is_one(url: str, name: str) -> None:
    """Many of Apprise's URLs have a token in its place."""
    assert redact_url(url) == name


def test_no_secret_reaches_log_output_or_repr(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    urls = [f"json://me:{PASSWORD}@127.0.0.1:{free_port()}/{PASSWORD}"]
    with serve(JsonServer()) as server:
        server.status = HTTPStatus.FORBIDDEN
        urls += [f"{scheme}://me:{PASSWORD}@{server.address}/x" for scheme in ("json", "ntfy")]
        for url in urls:
            made = channel(url)
            result = made.send(None, [HIT])
            assert PASSWORD not in f"{made!r} {made} {result}"
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


def test_an_error_within_apprise_is_named_without_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = channel("json://localhost")

    def fail(*_: object, **__: object) -> bool:
        raise ValueError(PASSWORD)

    monkeypatch.setattr("apprise.Apprise.notify", fail)
    reason = "Apprise failed for json://localhost (ValueError)"
    assert made.send(None, [HIT]) == DeliveryResult(UNSURE, reason)


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(CldmonError) as caught:
        channel(f"json://localhost/{PASSWORD}")
    assert str(caught.value) == (
        "Apprise is needed for json://localhost and is not installed:"
        " run: pip install 'cldmon[apprise]'"
    )


def test_the_module_loads_without_the_package() -> None:
    code = "import cldmon.channels.apprise, sys; print('apprise' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_all_messages_of_a_pass_end_within_30_seconds() -> None:
    made = channel("json://localhost")
    assert made.time_limit + timedelta(seconds=made._timeout) <= timedelta(seconds=30)


def list_documented_urls() -> list[str]:
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    return re.findall(r"^\| [^|]+ \| `([a-z]+://[^`]+)` \|$", page, re.M)


def test_apprise_understands_every_url_of_the_page() -> None:
    urls = list_documented_urls()
    assert len(urls) >= 6
    for url in urls:
        filled = url.replace("HOST", "prod.example.org").replace("WEBHOOK_ID", "1234567890")
        filled = filled.replace("WORKFLOW", "0123456789abcdef" * 2).replace("CHAT_ID", "12315544")
        filled = filled.replace("WEBHOOK_TOKEN", "abcdefghijk").replace("BOT_TOKEN", "a" * 32)
        filled = filled.replace("SIGNATURE", "abcDEF-123_abcDEF")
        AppriseChannel(Secret(filled), now=lambda: NOON)
