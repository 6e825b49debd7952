"""A server that is not ours, or not well: one line that says what to do, and no wrong verdict."""

from __future__ import annotations

import gzip
import json
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import pytest

from cldmon.demo.server import Response, Route, json_response, make_response
from cldmon.domain.secret import Secret
from cldmon.domain.usage import usage_to_json
from cldmon.errors import CldmonError, ServerError, UsageError
from cldmon.remote.client import Client
from tests.env import free_port
from tests.remote.served import TOKEN, ask, serve, write_config
from tests.simulation import faults
from tests.simulation.server import FaultyServer
from tests.terminal.readings import ALICE, NOW, make_snapshot

if TYPE_CHECKING:
    from click.testing import Result

    from tests.env import Env
    from tests.simulation.faults import Fault

COMMANDS = ("status --json", "history --json", "guard alice")
BROKEN = "its answer is not HTTP, or breaks off"
FOREIGN = "it does not answer as `cldmon serve` of this version: check the address, or upgrade"
NODE = {
    "fetchedAt": "2026-11-22T11:33:20.000Z",
    "accounts": [
        {
            "label": "alice",
            "status": "ok",
            "fiveHour": {"utilization": 17, "resetsAt": None},
            "sevenDay": {"utilization": 45, "resetsAt": None},
        }
    ],
    "refreshIntervalMs": 600_000,
    "session": {"authenticated": True},
    "slackEnabled": False,
    "alertSubscriptions": {"alice": {"limitHit": False, "reset": False}},
}
"""What the Node program answers."""


def usage(**changes: Any) -> dict[str, Any]:
    """Return a genuine answer with some of its keys changed."""
    body = usage_to_json(make_snapshot(ALICE), NOW)
    return {**body, "alertSubscriptions": {"alice": {}}, **changes}


def account(**changes: Any) -> dict[str, Any]:
    """Return a genuine answer in which the account is changed."""
    body = usage()
    return {**body, "accounts": [{**body["accounts"][0], **changes}]}


class Server(FaultyServer):
    """A server with a genuine answer and, if it has one, a fault."""

    def __init__(self, fault: Fault | None = None) -> None:
        super().__init__((Route("any", ".*", lambda _request: json_response(usage())),))
        if fault:
            self.faults.add(None, fault, None)


@pytest.fixture
def env(env: Env) -> Env:
    env.clock.at = NOW
    return env


CASES: dict[str, tuple[Fault, str]] = {
    "redirect": (
        faults.redirect("https://login.example.org/start?next=%2F#x"),
        "it redirects to https://login.example.org/start, and redirects are not followed",
    ),
    "redirect to nowhere": (
        faults.instead(Response(301)),
        "it redirects to , and redirects are not followed",
    ),
    "wrong token": (faults.status(401), "the server rejects the token: compare it with"),
    "not found": (faults.status(404), "HTTP 404: check the address, path included"),
    "foreign host": (
        faults.status(421, {"error": "this server does not answer to the Host \x1b[31m"}),
        "HTTP 421: this server does not answer to the Host [31m",
    ),
    "token quoted": (faults.status(500, {"error": f"{TOKEN}?"}), "HTTP 500: **********?"),
    "token in an address": (
        faults.redirect(f"https://example.org/{TOKEN}/"),
        "it redirects to https://example.org/**********/, and",
    ),
    "unavailable": (faults.html(503), "HTTP 503"),
    "unhappy": (faults.status(500, ["error"]), "HTTP 500"),
    "page": (faults.html(), FOREIGN),
    "empty": (faults.empty(), FOREIGN),
    "no content": (faults.status(204), "HTTP 204"),
    "broken JSON": (faults.body(b'{"accounts": ['), FOREIGN),
    "truncated": (faults.truncated(), FOREIGN),
    "not UTF-8": (faults.invalid_utf8(), FOREIGN),
    "deep": (faults.body(b"[" * 200_000), FOREIGN),
    "other JSON": (faults.body(b'"hello"'), FOREIGN),
    "node": (faults.instead(json_response(NODE)), FOREIGN),
    "node before its first pass": (
        faults.instead(json_response({**NODE, "fetchedAt": None, "accounts": []})),
        FOREIGN,
    ),
    "not gzip": (
        faults.instead(json_response({}).with_headers(("Content-Encoding", "gzip"))),
        BROKEN,
    ),
    "not HTTP": (faults.raw([b"SSH-2.0-OpenSSH_9.2\r\n"]), BROKEN),
    "hang-up": (faults.hang_up(), BROKEN),
    "reset": (faults.hang_up(reset=True), "Connection reset by peer"),
}
FOREIGN_VALUES = {
    "interval": usage(refreshIntervalMs=0),
    "endless interval": usage(refreshIntervalMs=10**30),
    "accounts": usage(accounts={"alice": 1}),
    "label": account(label=7),
    "surrogate": account(label="\ud800"),
    "windows": account(windows=[{"name": "fiveHour", "utilization": 101, "resetsAt": None}]),
    "time": account(fetchedAt="yesterday"),
    "decimals": account(
        credits={"used": 1, "limit": 1, "currency": "EUR", "exponent": 10**9, "enabled": True}
    ),
    "failure": account(status="error", lastGood=None, errorKind="new", error="?", retryAt=None),
}


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("case", CASES)
def test_a_bad_answer_is_one_line(env: Env, case: str, words: str) -> None:
    fault, said = CASES[case]
    with Server(fault) as server:
        ran = ask(env, server.url, words)
    check_line(ran, words, f"{server.url}/: {said}")


@pytest.mark.parametrize("body", FOREIGN_VALUES.values(), ids=FOREIGN_VALUES)
def test_foreign_values_are_not_understood(env: Env, body: dict[str, Any]) -> None:
    with Server(faults.body(json.dumps(body))) as server:
        ran = ask(env, server.url, "status")
    check_line(ran, "status --json", FOREIGN)


def check_line(ran: Result, words: str, said: str) -> None:
    """Check that a command failed as it should, with one printable line, and without the token."""
    if words == "guard alice":
        assert (ran.exit_code, ran.stderr) == (69, "")
        line = ran.stdout
    else:
        assert isinstance(ran.exception, CldmonError)
        assert (ran.stdout, ran.exception.exit_code) == ("", 1)
        line = f"{ran.exception}\n"
    assert said in line
    assert line[:-1].isprintable()
    assert TOKEN not in line


def test_a_closed_port_is_one_line(env: Env) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for words in COMMANDS:
        check_line(ask(env, url, words), words, f"{url}/: Connection refused")


@pytest.mark.parametrize("fault", [faults.hang(60), faults.drip(0.05), faults.slow_head(0.05)])
def test_the_time_for_an_answer_is_bounded(fault: Fault) -> None:
    with Server(fault) as server:
        client = Client(f"{server.url}/", None, is_direct=True)
        with pytest.raises(ServerError, match=r"no answer within 0\.3 s"):
            client.get("api/usage", 0.3, 1 << 20)


@pytest.mark.parametrize("kind", ["stated", "endless", "gzip"])
def test_the_size_of_an_answer_is_bounded(kind: str) -> None:
    bomb = make_response(gzip.compress(bytes(20 << 20)), "application/json")
    packed = faults.instead(bomb.with_headers(("Content-Encoding", "gzip")))
    fault = packed if kind == "gzip" else faults.huge(stated=kind == "stated")
    with Server(fault) as server:
        client = Client(f"{server.url}/", None, is_direct=True)
        with pytest.raises(ServerError, match="its answer is larger than 1 MiB"):
            client.get("api/usage", 60, 1 << 20)


def test_what_follows_a_compressed_answer_is_not_read() -> None:
    packed = gzip.compress(b"{}")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    with Server(faults.raw(chain([head + packed], repeat(bytes(1 << 20))))) as server:
        client = Client(f"{server.url}/", None, is_direct=True)
        assert client.get_json("api/usage") == {}


def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(env: Env) -> None:
    with Server() as elsewhere, Server(faults.redirect(f"{elsewhere.url}/api/usage")) as server:
        ask(env, server.url, "status")
        assert [each.headers["authorization"] for each in server.requests] == [f"Bearer {TOKEN}"]
        assert elsewhere.requests == []


def test_no_proxy_is_asked_for_what_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """It could read the token: plain http is not encrypted."""
    with Server() as proxy, Server() as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        client = Client(f"{server.url}/", Secret(TOKEN), is_direct=True)
        assert client.get_json("api/usage")["accounts"]
        assert (len(server.requests), proxy.requests) == (1, [])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://cldmon.example.org", "plain http is allowed to loopback only; use https"),
        ("cldmon.example.org", "expected an address such as https://example.org"),
        ("ftp://cldmon.example.org", "expected an address such as https://example.org"),
        ("https://", "expected an address such as https://example.org"),
        ("https://host:99999", "expected an address such as https://example.org"),
        ("https://u:p@example.org", "expected an address without user, password, ? and #"),
        ("https://example.org/?a=b", "expected an address without user, password, ? and #"),
        ("https://exa\x1bmple.org", "expected an address such as https://example.org"),
    ],
)
def test_a_url_that_is_of_no_use_is_wrong_usage(env: Env, url: str, said: str) -> None:
    for words in COMMANDS:
        ran = ask(env, url, words)
        assert isinstance(ran.exception, UsageError)
        assert str(ran.exception) == f"--server: {said}"


def test_without_a_token_the_line_says_how_to_give_one(env: Env) -> None:
    write_config(env, "alice", more='login = "code"')
    with serve(env) as url:
        ran = ask(env, url, "status", CLDMON_API_TOKEN="")
    assert str(ran.exception) == (
        f"{url}: an API token is required, `api_token` in the server's configuration:"
        " set CLDMON_API_TOKEN, or name a --token-file"
    )


def test_the_token_may_be_in_a_file(env: Env) -> None:
    write_config(env, "alice", more='login = "code"')
    env.save_snapshot(ALICE, at=NOW)
    file = env.folder / "token"
    file.write_text(f"{TOKEN}\n")
    with serve(env) as url:
        words = f"status --format line --token-file {file}"
        assert ask(env, url, words, CLDMON_API_TOKEN="another").stdout.startswith("alice 5h 41%")


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff", b"a\nb", None])
def test_a_bad_token_file_gives_no_verdict_and_is_not_quoted(
    env: Env, content: bytes | None
) -> None:
    file = env.folder / "token"
    if content is not None:
        file.write_bytes(content)
    with Server() as server:
        for words in COMMANDS:
            ran = ask(env, server.url, f"{words} --token-file {file}")
            check_line(ran, words, "--token-file: ")
            assert "two words" not in str(ran.exception)
        assert server.requests == []


def test_text_from_a_server_cannot_control_the_terminal(env: Env) -> None:
    label = "al\x1b[31mice\u202e"
    body = {**account(label=label, plan="P\x07ro"), "alertSubscriptions": {label: {}}}
    with Server(faults.body(json.dumps(body))) as server:
        for words in ("status", "status --json", "status --format csv", "status --format line"):
            out = ask(env, server.url, words).stdout
            assert "ice" in out
            assert not {"\x1b", "\x07", "\u202e"} & set(out)
