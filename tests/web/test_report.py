"""`POST /api/report`: tokens, refusals, and what is on disk after a 200."""

from __future__ import annotations

import json
import resource
import socket
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.domain.model import Account
from cldmon.reports.store import ReportFiles, file_name
from cldmon.reports.tokens import TokensFile
from cldmon.web.services import RateLimits
from tests.fakes import NOON
from tests.reports.report import body
from tests.strategies import JSON

if TYPE_CHECKING:
    from tests.simulation.http_client import Got
    from tests.web.in_process import InProcessServer

MINUTE = timedelta(minutes=1)


def new_token(server: InProcessServer, account: str = "alice") -> str:
    return TokensFile(server.data_dir).create(account, "laptop", NOON).reveal()


def send(server: InProcessServer, token: str, report: Any, **headers: str) -> Got:
    return server.ask(
        "POST", "/api/report", report, {"Authorization": f"Bearer {token}", **headers}
    )


def read_stored(server: InProcessServer, label: str = "alice") -> Any:
    return json.loads((server.data_dir / "reports" / file_name(label)).read_bytes())


def test_a_report_is_kept_as_it_came(server: InProcessServer) -> None:
    report = body(NOON - MINUTE, 41, sent=NOON, sevenDay=63)
    got = send(server, new_token(server), report)
    assert (got.status, got.json) == (200, {"ok": True})
    assert read_stored(server) == report


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=900)])
def test_a_wrong_clock_is_corrected_by_the_time_of_sending(
    server: InProcessServer, off: timedelta
) -> None:
    send(server, new_token(server), body(NOON + off - 3 * MINUTE, sent=NOON + off))
    [report] = ReportFiles(server.data_dir).load("alice")
    assert (report.read_at, report.sent_at) == (NOON - 3 * MINUTE, NOON)


def test_a_report_read_after_it_was_sent_is_of_now(server: InProcessServer) -> None:
    send(server, new_token(server), body(NOON + MINUTE, sent=NOON))
    assert read_stored(server)["readAt"] == "2026-11-22T12:00:00.000Z"


def test_an_age_of_millennia_is_no_error(server: InProcessServer) -> None:
    report = body(NOON) | {"readAt": "0002-01-01T00:00:00Z", "sentAt": "9998-01-01T00:00:00Z"}
    assert send(server, new_token(server), report).status == 200


def test_the_label_is_never_a_path(server: InProcessServer) -> None:
    labels = ("../x", "a/b", "..", ".", "ж" * 80, "🎉 数据", "con\u200dtrol", "%2e")
    server.configure(labels=labels, reporting=frozenset(labels))
    for label in labels:
        got = send(server, new_token(server, label), body(NOON, account=label))
        assert (label, got.status) == (label, 200)
        assert read_stored(server, label)["account"] == label
    kept = [path.name for path in (server.data_dir / "reports").glob("*.json")]
    hidden = [path.name for path in (server.data_dir / "reports").glob(".*.json")]
    assert sorted({*kept, *hidden}) == sorted(map(file_name, labels))
    assert not list(server.data_dir.parent.glob("x*"))


def test_it_is_received_below_the_path_of_the_public_url(server: InProcessServer) -> None:
    server.publish("https://example.org/cldmon/")
    headers = {"Authorization": f"Bearer {new_token(server)}"}
    assert server.ask("POST", "/cldmon/api/report", body(NOON), headers).status == 200
    headers = {"Authorization": "Bearer cldmon-report-x"}
    assert server.ask("POST", "/cldmon/api/report", body(NOON), headers).status == 401


def test_what_the_next_pass_has_not_taken_yet_is_not_shown(server: InProcessServer) -> None:
    server.passed(Account("alice", None, reports_only=True))
    send(server, new_token(server), body(NOON))
    [alice, _bob] = server.get("/api/usage").json["accounts"]
    shown = [alice[key] for key in ("status", "error", "errorKind", "source", "lastGood")]
    assert shown == ["error", "no report yet", None, "report", None]


class TestTokens:
    def test_an_unknown_token_is_refused_before_the_body(self, server: InProcessServer) -> None:
        """The server answers although the body that was announced never comes."""
        head = (
            b"POST /api/report HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer cldmon-report-x\r\nContent-Length: 500\r\n\r\n"
        )
        with closing(socket.create_connection(server.address, timeout=20)) as sock:
            sock.sendall(head)
            assert sock.recv(4096).startswith(b"HTTP/1.1 401 ")

    @pytest.mark.parametrize(
        "header", [None, "", "Bearer", "Bearer ", "Basic {}", "Bearer a-token-for-programs", "{}"]
    )
    def test_anything_else_is_no_token(self, server: InProcessServer, header: str | None) -> None:
        headers = {} if header is None else {"Authorization": header.format(new_token(server))}
        got = server.ask("POST", "/api/report", body(NOON), headers)
        assert (got.status, got.json) == (401, {"error": "Unauthorized"})
        assert got.header("WWW-Authenticate") == "Bearer"

    def test_it_reads_nothing(self, server: InProcessServer) -> None:
        headers = {"Authorization": f"Bearer {new_token(server)}"}
        paths = ("/api/usage", "/api/history", "/metrics", "/api/session", "/api/report")
        found = [server.ask("GET", path, headers=headers).status for path in paths]
        assert found == [401, 401, 401, 401, 405]
        assert server.ask("POST", "/api/subscriptions", {}, headers).status == 401

    def test_it_writes_one_account(self, server: InProcessServer) -> None:
        token = new_token(server)
        for label in ("bob", "nobody"):
            assert send(server, token, body(NOON, account=label)).status == 403
        assert not (server.data_dir / "reports").exists()

    def test_an_account_that_takes_no_reports_is_unknown(self, server: InProcessServer) -> None:
        token = new_token(server)
        server.configure(reporting=frozenset())
        assert send(server, token, body(NOON)).status == 404

    def test_it_is_revoked_at_once(self, server: InProcessServer) -> None:
        tokens, stolen, other = TokensFile(server.data_dir), new_token(server), new_token(server)
        assert send(server, stolen, body(NOON)).status == 200
        tokens.revoke(next(iter(tokens.load().values())).id)
        assert send(server, stolen, body(NOON)).status == 401
        assert send(server, other, body(NOON)).status == 200

    def test_its_last_use_is_kept(self, server: InProcessServer) -> None:
        token = new_token(server)
        assert [each.last_used_at for each in TokensFile(server.data_dir).load().values()] == [None]
        send(server, token, body(NOON))
        server.clock.tick(9 * MINUTE)
        send(server, token, body(NOON + MINUTE))
        [found] = TokensFile(server.data_dir).load().values()
        assert found.last_used_at == NOON
        server.clock.tick(MINUTE)
        send(server, token, body(NOON + 2 * MINUTE))
        [found] = TokensFile(server.data_dir).load().values()
        assert found.last_used_at == NOON + 10 * MINUTE

    def test_a_broken_file_of_tokens_is_trouble_of_the_server(
        self, server: InProcessServer
    ) -> None:
        token = new_token(server)
        (server.data_dir / "report-tokens.json").write_text("{")
        assert send(server, token, body(NOON)).status == 503
        assert "move it away, and create new tokens" in server.warnings[0]

    def test_it_may_not_report_too_often(self, server: InProcessServer) -> None:
        token, other = new_token(server), new_token(server, "bob")
        found = [send(server, token, body(NOON)).status for _ in range(61)]
        assert found == [*[200] * 60, 429]
        got = send(server, token, body(NOON))
        assert got.header("Retry-After") == "60"
        assert send(server, other, body(NOON, account="bob")).status == 200
        server.clock.tick(MINUTE)
        assert send(server, token, body(NOON)).status == 200

    def test_a_page_of_another_site_has_none(self, server: InProcessServer) -> None:
        """So its Origin does not matter, and a proxy need not preserve the Host."""
        got = send(server, new_token(server), body(NOON), Origin="https://elsewhere.example")
        assert got.status == 200


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"version": 2}, "version: expected 1"),
            ({"account": ""}, "account: expected printable text"),
            ({"account": "x" * 81}, "account: expected string should have at most 80"),
            ({"account": "a\nb"}, "account: expected printable text"),
            ({"machine": "a b"}, "machine: expected string should match pattern"),
            ({"readAt": "yesterday"}, "readAt: expected a time such as 2026-11-22T12:00:00.000Z"),
            ({"readAt": "2026-11-22T12:00:00"}, "readAt: expected a time such as"),
            ({"sentAt": 1}, "sentAt: expected a time such as"),
            ({"windows": []}, "windows: expected list should have at least 1 item"),
            ({"windows": [{"name": "fiveHour"}]}, "windows.0.utilization is missing"),
            (
                {"windows": [{"name": "fiveHour", "utilization": "41"}]},
                "windows.0.utilization: expected a percentage, 0 to 100",
            ),
            (
                {"windows": [{"name": "fiveHour", "utilization": -1}]},
                "windows.0.utilization: expected a percentage, 0 to 100",
            ),
            (
                {"windows": [{"name": "../x", "utilization": 1}]},
                "windows.0.name: expected the name of a window, such as fiveHour",
            ),
            *(
                (
                    {"windows": [{"name": f"models.{text}", "utilization": 1}]},
                    "windows.0.name: expected the name of a window, such as fiveHour",
                )
                for text in ("@everyone", "<!channel>", "[a](b)", "*b*", "`c`", "a|b", "#x", "a:b")
            ),
            (
                {"windows": [{"name": "label", "utilization": 1}]},
                "windows.0.name: expected the name of a window, such as fiveHour",
            ),
            (
                {"windows": [{"name": "fiveHour", "utilization": 1}] * 2},
                "windows: expected each window once",
            ),
            ({"accountHash": "alice@example.org"}, "accountHash: expected string should match"),
        ],
    )
    def test_what_is_no_report_is_refused_with_the_key(
        self, server: InProcessServer, change: dict[str, Any], problem: str
    ) -> None:
        got = send(server, new_token(server), body(NOON) | change)
        assert got.status == 400
        assert got.json["error"].startswith(f"not a report: {problem}")
        assert not (server.data_dir / "reports").exists()

    @pytest.mark.parametrize("text", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 9000])
    def test_a_body_that_is_no_object_is_refused(
        self, server: InProcessServer, text: bytes
    ) -> None:
        assert send(server, new_token(server), text).status == 400

    def test_a_huge_body_is_refused_unread(self, server: InProcessServer) -> None:
        assert send(server, new_token(server), b" " * 20_000).status == 413

    def test_only_json_is_accepted(self, server: InProcessServer) -> None:
        got = send(server, new_token(server), b"a=b", **{"Content-Type": "text/plain"})
        assert got.status == 415

    def test_more_than_a_hundred_percent_and_a_past_reset_are_no_errors(
        self, server: InProcessServer
    ) -> None:
        report = body(NOON, 106.4, resets=NOON - timedelta(hours=5))
        assert send(server, new_token(server), report).status == 200
        assert read_stored(server)["windows"][0]["utilization"] == 100

    def test_other_keys_are_neither_refused_nor_kept(self, server: InProcessServer) -> None:
        send(server, new_token(server), body(NOON) | {"email": "alice@example.org"})
        assert "email" not in read_stored(server)

    def test_a_full_disk_is_503_and_nothing_is_half_written(self, server: InProcessServer) -> None:
        """The limit on a file's size stands for a disk that is full."""
        token = new_token(server)
        send(server, token, body(NOON, 41))
        report = body(NOON + MINUTE)
        report["windows"] += [{"name": f"models.m{n}", "utilization": n} for n in range(40)]
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            got = send(server, token, report)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert (got.status, [*got.json]) == (503, ["error"])
        assert str(server.data_dir) not in got.json["error"]
        files = {path.name for path in (server.data_dir / "reports").iterdir()}
        assert files == {"alice.json", "alice.lock"}
        assert read_stored(server)["windows"][0]["utilization"] == 41
        assert send(server, token, report).status == 200


def test_no_body_is_an_internal_error(server: InProcessServer) -> None:
    token = new_token(server)
    limits = RateLimits(server.clock, reports_a_minute=10**9)
    server.services = replace(server.services, rate_limits=limits)
    report = body(NOON)
    keys = st.sampled_from([*report, *report["windows"][0]])

    @given(keys, JSON | st.binary().map(repr))
    @settings(max_examples=300)
    def check(key: str, value: object) -> None:
        window = report["windows"][0] | ({key: value} if key in report["windows"][0] else {})
        changed = report | {"windows": [window]} | ({key: value} if key in report else {})
        assert send(server, token, changed).status in (200, 400, 403)

    @given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
    @settings(max_examples=200)
    def check_raw(text: bytes) -> None:
        assert send(server, token, text).status == 400

    check()
    check_raw()
    assert server.warnings == []
