"""A running server for the tests, and a plain client for it."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from cldmon.channels.slack.client import SlackMessenger
from cldmon.channels.slack.directory import open_directory
from cldmon.demo.slack import TOKEN as SLACK_TOKEN
from cldmon.domain.model import Account, Reading, Snapshot, Window
from cldmon.domain.secret import Secret
from cldmon.store.state import DIRECT_MESSAGES, State, StateFile
from cldmon.store.subscriptions import SubscriptionsFile
from cldmon.web.api import refuse_early, respond
from cldmon.web.confirmations import Confirmations
from cldmon.web.http import Document, Request, Response
from cldmon.web.log import log
from cldmon.web.pages import load_pages
from cldmon.web.person_hashes import PersonHashes
from cldmon.web.proxies import PublicUrl, TrustedProxies
from cldmon.web.revocations import Revocations
from cldmon.web.server import WebServer
from cldmon.web.services import RateLimits, ReportIntake, Services
from cldmon.web.sessions import CookieScope, Sessions, load_session_secret
from cldmon.web.settings import ServerSettings, Slack
from cldmon.web.usage import Usage
from tests.simulation.http_client import Got

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cldmon.web.connections import Connections
    from tests.fakes import Clock
    from tests.simulation.slack import FakeSlack

API_TOKEN = "a-token-for-programs"
SCOPE = CookieScope(3000)
COOKIE = SCOPE.name
LABELS = ("alice", "bob")
LOOPBACK = frozenset({"127.0.0.1", "localhost"})

LOCK_SECONDS = 0.2


class InProcessServer:
    """A server that runs until the end of a `with`; `warnings` is what it logged."""

    def __init__(
        self,
        data_dir: Path,
        clock: Clock,
        *,
        slack: FakeSlack | None = None,
        login: Literal["open", "code"] = "open",
        connections: Connections | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.clock = clock
        self.warnings: list[str] = []
        self._log = _ListHandler(self.warnings)
        log.addHandler(self._log)
        self.services = self._services(slack, login)
        self.http_server = WebServer(
            "127.0.0.1", 0, self._respond, connections, refuse=self._refuse
        )
        self._thread = threading.Thread(target=self.http_server.serve_forever, args=(0.005,))

    def _respond(self, request: Request) -> Response:
        return respond(request, self.services)

    def _refuse(self, request: Request) -> Response | None:
        return refuse_early(request, self.services)

    def _services(self, slack: FakeSlack | None, login: Literal["open", "code"]) -> Services:
        return Services(
            settings=ServerSettings(
                port=3000,
                public=None,
                proxies=TrustedProxies(("127.0.0.0/8", "::1")),
                hosts=LOOPBACK,
                login=login,
                api_token=Secret(API_TOKEN),
                labels=LABELS,
                reporting=frozenset(LABELS),
                channels=(DIRECT_MESSAGES,) if slack else (),
                interval=timedelta(minutes=10),
                slack=self._slack(slack) if slack else None,
            ),
            sessions=self.fresh_sessions(),
            person_hashes=PersonHashes(load_session_secret(self.data_dir), self.clock),
            rate_limits=RateLimits(self.clock),
            usage=Usage(self.data_dir),
            subscriptions=SubscriptionsFile(self.data_dir, LOCK_SECONDS),
            confirmations=Confirmations(self.clock),
            intake=ReportIntake(self.data_dir),
            data_dir=self.data_dir,
            pages={"/": Document(b"<!doctype html>", "text/html; charset=utf-8"), **load_pages()},
            now=self.clock,
        )

    def _slack(self, slack: FakeSlack) -> Slack:
        messenger = SlackMessenger(
            Secret(SLACK_TOKEN), slack.url, timeout=2, sleep=lambda _: None, clock=self.clock
        )
        return Slack(open_directory(messenger, None, self.data_dir, self.clock), messenger)

    def fresh_sessions(self) -> Sessions:
        """Return the sessions of a server that has just started."""
        revoked = Revocations(self.data_dir, self.clock, LOCK_SECONDS)
        secret = load_session_secret(self.data_dir)
        return Sessions(secret, revoked, self.clock)

    def configure(self, **changes: Any) -> None:
        """Change the server's settings."""
        self.services = replace(self.services, settings=replace(self.services.settings, **changes))

    def use_slack(self, slack: FakeSlack) -> None:
        """Switch Slack on, or forget what is known of it."""
        self.configure(slack=self._slack(slack))

    def publish(self, url: str) -> None:
        """Set its public URL, as `public_url` does."""
        public = PublicUrl.parse(url)
        self.configure(public=public, hosts=LOOPBACK | {public.host})

    def restart(self) -> None:
        """Forget what a new process would not know."""
        self.services = replace(
            self.services, sessions=self.fresh_sessions(), rate_limits=RateLimits(self.clock)
        )

    def passed(self, *accounts: Account) -> None:
        """Save the state of a pass that ends now."""
        snapshot = Snapshot(self.clock(), accounts or (self.read("alice"), self.read("bob")))
        StateFile(self.data_dir).save(State(snapshot=snapshot))

    def read(self, label: str, percent: int = 17) -> Account:
        """Return an account that was read now."""
        resets_at = self.clock() + timedelta(hours=3)
        windows = {"fiveHour": Window(percent, resets_at), "sevenDay": Window(45, resets_at)}
        return Account(label, Reading(self.clock(), windows))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http_server.shutdown()
        self.http_server.end()
        self._thread.join()
        log.removeHandler(self._log)

    @property
    def url(self) -> str:
        """Its address, for browsers."""
        return self.http_server.url

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", urlsplit(self.http_server.url).port or 0

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Got:
        """Send a request over a new connection; a body that is not bytes is sent as JSON."""
        sent = dict(headers or {})
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        with closing(HTTPConnection(*self.address, timeout=20)) as connection:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Got(response.status, tuple(response.getheaders()), response.read())

    def get(self, path: str, **headers: str) -> Got:
        """Send a GET request as a program with the API token."""
        return self.ask("GET", path, headers={"Authorization": f"Bearer {API_TOKEN}", **headers})

    def client(self) -> Client:
        """Return a browser without cookies."""
        return Client(self)

    def logged_in(self, user: str = "") -> Client:
        """Return a browser in which a user or a guest is logged in."""
        client = self.client()
        assert client.post_json("/api/auth", {"slackId": user}).status == 200
        return client


class _ListHandler(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__()
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())


class Client:
    """A browser: keeps its cookie, and sends the headers of the server's own pages."""

    def __init__(self, server: InProcessServer) -> None:
        self._server = server
        self.cookie = ""

    def get(self, path: str) -> Got:
        """Send a GET request."""
        return self._ask("GET", path, None)

    def post_json(self, path: str, body: Any = None) -> Got:
        """Post a body as JSON, or nothing."""
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: Any) -> Got:
        host, port = self._server.address
        headers = {"Origin": f"http://{host}:{port}", "Sec-Fetch-Site": "same-origin"}
        if self.cookie:
            headers["Cookie"] = f"other=1; {self.cookie}"
        got = self._server.ask(method, path, body, headers)
        if cookie := got.header("Set-Cookie"):
            self.cookie = cookie.partition(";")[0]
        return got
