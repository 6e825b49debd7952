"""One report on its way: to good, broken and foreign servers, and into a file."""

from __future__ import annotations

import json
import os
import ssl
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.reporter.delivery import REFUSED_PAUSE, Outcome, deliver, find_token_file, format_newest
from cldmon.reporter.options import Options
from cldmon.reporter.readings import Progress, Reading
from cldmon.reporter.state import State
from tests.env import free_port
from tests.fakes import NOON
from tests.limits import limit_file_size
from tests.reporter.documents import make_line
from tests.reporter.receiver import TOKEN, Receiver
from tests.simulation import faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.faults import Fault

TLS = Path(__file__).parents[1] / "data" / "tls"
ENV = {"CLDMON_REPORT_TOKEN": TOKEN, "HOME": "/nonexistent"}
LATER = timedelta()
LINE = make_line(41)
STATE = State(
    "m1",
    {"alice": Progress(sessions={"s": Reading(LINE.windows, 7, NOON)}, account_hash="ab" * 32)},
)
BODY = format_newest(STATE, Options(account="alice"), NOON)
WIRE = {
    "version": 1,
    "account": "alice",
    "machine": "m1",
    "readAt": "2026-11-22T12:00:00.000Z",
    "sentAt": "2026-11-22T12:00:00.000Z",
    "windows": [
        {"name": "fiveHour", "utilization": 41, "resetsAt": "2026-11-22T14:00:00.000Z"},
        {"name": "sevenDay", "utilization": 63, "resetsAt": "2026-11-25T12:00:00.000Z"},
    ],
}


def send(to: str, seconds: float = 10.0, **env: str) -> Outcome:
    return deliver(BODY, to, "", {**ENV, **env}, seconds)


@pytest.mark.parametrize("suffix", ["", "/", "/api/report"])
def test_a_report_is_posted_with_the_token(suffix: str) -> None:
    with Receiver() as server:
        assert send(server.url + suffix) == Outcome()
        [request] = server.requests
    assert (request.method, request.path) == ("POST", "/api/report")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == WIRE


def test_a_hash_of_the_account_is_sent_only_from_the_cache() -> None:
    body = format_newest(STATE, Options(account="alice", from_cache=True), NOON)
    assert json.loads(body) == {**WIRE, "accountHash": "ab" * 32}


CASES: dict[str, tuple[Fault, str, timedelta]] = {
    "redirect": (
        faults.redirect("https://login.example.org/start?token=x#y"),
        "it redirects to https://login.example.org/start: if that is right, name it in --to",
        REFUSED_PAUSE,
    ),
    "page": (faults.html(), "no cldmon answers there: check the address", REFUSED_PAUSE),
    "missing page": (faults.html(404), "no cldmon answers there: check", REFUSED_PAUSE),
    "other JSON": (faults.body(b'["ok"]'), "no cldmon answers there", REFUSED_PAUSE),
    "deep": (faults.body(b"[" * 9999), "no cldmon answers there", REFUSED_PAUSE),
    "not UTF-8": (faults.invalid_utf8(), "no cldmon answers there", REFUSED_PAUSE),
    "huge": (faults.huge(), "no cldmon answers there", REFUSED_PAUSE),
    "bad token": (
        faults.status(401, {"error": "Unauthorized"}),
        "the token is not valid, or no longer: ask for a new one (HTTP 401: Unauthorized)",
        REFUSED_PAUSE,
    ),
    "other account": (faults.status(403), "the token is of another account", REFUSED_PAUSE),
    "no account": (faults.status(404, {"error": "?"}), "check the address, and", REFUSED_PAUSE),
    "too new": (
        faults.status(400, {"error": "version\x1b[2J\n" + "x" * 999}),
        "one of the two is too old: upgrade cldmon here and there (HTTP 400: version [2J x",
        REFUSED_PAUSE,
    ),
    "busy": (faults.status(503), "the server cannot take the report now (HTTP 503)", LATER),
    "rate limited": (faults.rate_limited(90), "the server cannot take", timedelta(seconds=90)),
    "never": (faults.rate_limited(9999), "the server cannot take", timedelta(hours=1)),
    "some time": (faults.rate_limited(NOON), "the server cannot take", LATER),
    "hang": (faults.hang(30), "the server cannot be reached: no answer within 0.5 s", LATER),
    "drip": (faults.slow_head(0.1), "the server cannot be reached: no answer within", LATER),
    "reset": (faults.hang_up(reset=True), "the server cannot be reached: Connection", LATER),
    "hang-up": (faults.hang_up(), "the server cannot be reached: ", LATER),
    "not HTTP": (faults.raw([b"SSH-2.0-OpenSSH_9.2\r\n"]), "the server cannot be reached: ", LATER),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_bad_server_says_is_one_line(case: str) -> None:
    fault, said, pause = CASES[case]
    with Receiver(fault) as server:
        outcome = send(server.url, 0.5 if case in ("hang", "drip") else 10)
        assert len(server.requests) == 1
    assert outcome.error
    assert outcome.error.startswith(said)
    assert outcome.error.isprintable()
    assert len(outcome.error) < 300
    assert outcome.pause == pause


@pytest.mark.parametrize(
    "echo",
    [
        faults.status(401, {"error": f"{TOKEN}?"}),
        faults.status(500, {"error": f"{'x' * 150} {TOKEN * 9}"}),
        faults.redirect(f"https://example.org/{TOKEN}/"),
    ],
)
def test_the_token_is_in_no_error(echo: Fault) -> None:
    with Receiver(echo) as server:
        outcome = send(server.url)
    assert "***" in str(outcome)
    assert TOKEN[:12] not in str(outcome)


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("http://cldmon.example.org", "plain http is allowed to loopback only"),
        ("http://127.0.0.1.example.org", "plain http is allowed to loopback only"),
        ("https://", "expected an address"),
        ("file:///etc/passwd", "expected an address"),
        ("https://a:b@example.org", "without user, password"),
    ],
)
def test_the_token_is_not_sent_to_such_an_address(to: str, said: str) -> None:
    outcome = send(to)
    assert outcome.error
    assert said in outcome.error


def test_a_server_that_is_down_is_tried_again() -> None:
    outcome = send(f"http://127.0.0.1:{free_port()}")
    assert outcome == Outcome("the server cannot be reached: Connection refused", LATER)


def test_plain_http_passes_by_no_proxy() -> None:
    with Receiver() as server, Receiver() as proxy:
        assert send(server.url, http_proxy=proxy.url) == Outcome()
        assert proxy.requests == []


def test_the_certificate_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "good.pem", TLS / "key.pem")
    with Receiver(tls=context) as server:
        outcome = send(server.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "ca.pem"))
        assert send(server.url) == Outcome()
    assert outcome.error
    assert "its certificate is not accepted" in outcome.error


TOKENS = {
    b"": "expected only the token",
    b"two words": "expected only the token",
    b"two\nlines": "expected only the token",
    "ümlaut".encode(): "expected only the token",
    b"\xff\xfe": "is not UTF-8",
}


@pytest.mark.parametrize("content", TOKENS, ids=lambda content: content[:9])
def test_a_file_without_a_token_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    outcome = deliver(BODY, "https://127.0.0.1:1", str(file), ENV)
    assert outcome.error
    assert TOKENS[content] in outcome.error
    assert outcome.pause == REFUSED_PAUSE


def test_a_named_file_comes_before_the_environment_and_that_before_the_usual_one(
    tmp_path: Path,
) -> None:
    home = {"HOME": str(tmp_path)}
    usual = find_token_file("", home)
    assert usual == tmp_path / ".config" / "cldmon" / "report-token"
    usual.parent.mkdir(parents=True)
    usual.write_text("usual\n")
    (tmp_path / "named").write_text("named")
    with Receiver() as server:
        deliver(BODY, server.url, "~/named", {**ENV, **home})
        deliver(BODY, server.url, "", {**ENV, **home})
        deliver(BODY, server.url, "", home)
        sent = [each.headers["authorization"] for each in server.requests]
    assert sent == ["Bearer named", f"Bearer {TOKEN}", "Bearer usual"]


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "alice.json"
    file.write_text("before")
    with limit_file_size(100):
        outcome = deliver(BODY, str(file), "", {})
    assert outcome.error
    assert outcome.error.startswith(f"cannot write {file}: ")
    assert file.read_text() == "before"
    assert deliver(BODY, str(file), "", {}) == Outcome()
    assert json.loads(file.read_text()) == WIRE
    assert [path.name for path in tmp_path.iterdir()] == ["alice.json"]


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/null")])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, make: Callable[[Path], None]) -> None:
    target = tmp_path / "target"
    make(target)
    before = target.lstat()
    outcome = deliver(BODY, str(target), "", {})
    assert outcome == Outcome(f"{target} is not a file: name one in --to", REFUSED_PAUSE)
    assert target.lstat() == before
