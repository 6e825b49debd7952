"""A real `cldmon serve` that is attacked over its socket, and what may never come out of it."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.domain.model import Account, Reading
from tests.browser.server import ServerFixture, now, windows
from tests.confinement import Limits, read_unit_limits, run_within
from tests.reliability.result import LetInError
from tests.simulation.slack import PEOPLE, FakeSlack
from tests.web.raw import RawResponse, connect, parse_responses, receive_all, send_raw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cldmon.demo.slack import SimUser

CANARY = "canary-that-only-members-see"
"""A label: whoever reads it is in."""

SECRETS = {
    "api_token": "server-api-token-0123456789abcdef",
    "session_secret": "server-session-secret-0123456789abcdef",
}
KEYS = "sk-ant-sid02-MARKER-"
PERSON = PEOPLE[0]
PATIENCE = 180
"""Seconds after which something hangs for certain, on a busy machine too."""

HOST = b"Host: localhost\r\n"
STATUSES = {200, 202, 204, 304, 400, 401, 403, 404, 405, 408, 413, 415, 421, 429, 503}
HEADERS = {
    "allow", "cache-control", "connection", "content-encoding", "content-length",
    "content-security-policy", "content-type", "cross-origin-opener-policy",
    "cross-origin-resource-policy", "date", "etag", "referrer-policy", "retry-after", "server",
    "set-cookie", "transfer-encoding", "vary", "www-authenticate", "x-content-type-options",
    "x-frame-options", "accept-encoding",
}  # fmt: skip
"""All that an answer ever has."""


class AttackTarget(ServerFixture):
    """The server, its Slack, and what it says on stderr."""

    heard: list[str]

    def restart(self) -> None:
        super().restart()
        self.heard = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.heard.append(line)

    def sent(self, *pieces: bytes) -> list[RawResponse]:
        """Return what is answered to some bytes, once it has been seen to be harmless."""
        found = send_raw(self, *pieces)
        for answer in found:
            self.inspect(answer)
        return found

    def cut_short(self, data: bytes) -> list[RawResponse]:
        """As `sent`, of what a patient client gets that goes on listening."""
        with connect(self) as sock:
            sock.settimeout(PATIENCE)
            sock.sendall(data)
            return parse_responses(receive_all(sock))

    def inspect(self, answer: RawResponse) -> None:
        """Raise where an answer has a form that the contract lacks, or tells what is not theirs."""
        names = {line.partition(":")[0].lower() for line in answer.head.split("\r\n")[1:]}
        assert answer.status in STATUSES, answer
        assert names <= HEADERS, answer.head
        assert "default-src 'none'" in answer.head
        if answer.status >= 400:
            assert json.loads(answer.body).keys() & {"error", "status"}, answer
        whole = answer.head.encode() + answer.body
        for secret in (CANARY, KEYS, "root:x:0", *SECRETS.values()):
            if secret.encode() in whole:
                raise LetInError(secret)

    def cookie(self, user: str = PERSON.id) -> str:
        """Return the cookie of somebody who is logged in."""
        [answer] = self.sent(post_request("/api/auth", f'{{"slackId":"{user}"}}'))
        assert answer.status == 200, answer
        found = re.search(r"^Set-Cookie: ([^;]+)", answer.head, re.MULTILINE)
        assert found
        return found[1]

    @property
    def memory(self) -> int:
        """How many bytes the server has resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        assert found
        return int(found[1]) * 1024

    def look(self) -> None:
        """Raise unless it answers as ever, and has said nothing but what it may."""
        [answer] = self.sent(get_request("/healthz"))
        assert answer.status == 200
        assert all(line.rstrip("\n").isprintable() for line in self.heard), self.heard
        assert not [line for line in self.heard if "unexpected" in line], self.heard


@contextmanager
def serve_target(
    folder: Path,
    limits: Limits | None = None,
    users: Sequence[SimUser] = PEOPLE,
    secrets: Mapping[str, str] = SECRETS,
) -> Iterator[AttackTarget]:
    """Run a server with Slack and something worth stealing; look after it at the end.

    It has the tasks and the memory of the unit that ships, or what `limits` says.
    """
    top = "".join(f'{name} = "{secret}"\n' for name, secret in secrets.items())
    with (
        run_within(limits or read_unit_limits("cldmon-serve.service")) as under,
        FakeSlack(users=tuple(users)) as slack,
        AttackTarget(folder / "server", slack, top, (CANARY,), under) as server,
    ):
        server.write_history({5: {CANARY: (17, 45)}})
        server.complete_pass(Account(CANARY, Reading(now(), windows(17, 45), "Pro")))
        yield server
        server.look()


def get_request(target: str, *lines: str) -> bytes:
    """Return the bytes of a GET, the last of its connection."""
    return _head("GET", target, *lines)


def post_request(target: str, body: str | bytes = b"", *lines: str) -> bytes:
    """Return the bytes of a POST of JSON, the last of its connection."""
    data = body.encode() if isinstance(body, str) else body
    kind = () if any(line.lower().startswith("content-type") for line in lines) else (JSON,)
    return _head("POST", target, *kind, f"Content-Length: {len(data)}", *lines) + data


JSON = "Content-Type: application/json"


def _head(method: str, target: str, *lines: str) -> bytes:
    first = f"{method} {target} HTTP/1.1\r\n".encode()
    hosts = b"" if any(line.lower().startswith("host:") for line in lines) else HOST
    more = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
    return first + hosts + more + b"Connection: close\r\n\r\n"
