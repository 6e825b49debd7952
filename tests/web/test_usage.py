"""What GET /api/usage, /metrics and /healthz show, and how often it is computed."""

from __future__ import annotations

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.model import Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.domain.usage import usage_to_json
from cldmon.store.history import History, format_line
from cldmon.web.auth import Caller
from cldmon.web.usage import Usage
from tests.web.in_process import LABELS

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.domain.freshness import Forecasts
    from tests.fakes import Clock
    from tests.web.in_process import InProcessServer

OFF = {"limitHit": False, "reset": False}


def test_every_documented_key_is_there(slack_server: InProcessServer) -> None:
    slack_server.passed()
    body = slack_server.logged_in("U01ALICE").get("/api/usage").json
    account = body["accounts"][0]
    assert (account["label"], account["status"]) == ("alice", "ok")
    assert account["fiveHour"]["utilization"] == 17
    assert account["fiveHour"]["resetsAt"] == "2026-11-22T15:00:00.000Z"
    assert account["sevenDay"]["utilization"] == 45
    assert body["fetchedAt"] == "2026-11-22T12:00:00.000Z"
    assert body["refreshIntervalMs"] == 600_000
    assert body["session"]["slackId"] == "U01ALICE"
    assert body["slackEnabled"] is True
    assert body["alertSubscriptions"] == dict.fromkeys(LABELS, OFF)
    assert body["windowKinds"][0] == {"name": "fiveHour", "title": "Current session", "short": "5h"}
    assert "loading" not in body


def test_an_account_in_error_has_its_error_and_no_windows(server: InProcessServer) -> None:
    failure = Failure(FailureKind.KEY_EXPIRED, "the session key has expired")
    server.passed(Account("alice", None, failure))
    account = server.get("/api/usage").json["accounts"][0]
    assert (account["status"], account["error"]) == ("error", "the session key has expired")
    assert "fiveHour" not in account


def test_a_new_pass_is_seen_at_once(server: InProcessServer) -> None:
    server.passed()
    server.get("/api/usage")
    server.passed(server.read("alice", 80))
    assert server.get("/api/usage").json["accounts"][0]["fiveHour"]["utilization"] == 80


def test_what_is_known_already_is_not_sent_again(server: InProcessServer, clock: Clock) -> None:
    """A growing age changes nothing; a reading that becomes stale does."""
    server.passed()
    first = server.get("/api/usage")
    etag = first.header("ETag") or ""
    for known in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        clock.tick(timedelta(seconds=7))
        again = server.get("/api/usage", **{"If-None-Match": known})
        assert (again.status, again.body) == (304, b"")
        assert again.header("ETag") == etag
    clock.tick(timedelta(minutes=31))
    assert server.get("/api/usage", **{"If-None-Match": etag}).status == 200


def test_each_caller_is_shown_their_own(slack_server: InProcessServer) -> None:
    slack_server.passed()
    alice, bob = slack_server.logged_in("U01ALICE"), slack_server.logged_in("U02BOB")
    alice.post_json("/api/subscriptions", {"label": "bob", "key": "reset", "enabled": True})
    wishes = [who.get("/api/usage").json["alertSubscriptions"]["bob"] for who in (alice, bob)]
    assert wishes == [{"limitHit": False, "reset": True}, OFF]


def test_it_is_gzipped_on_request(server: InProcessServer) -> None:
    server.passed(*(server.read("alice"), server.read("bob")))
    gzipped = server.get("/api/usage", **{"Accept-Encoding": "br, gzip"})
    plain = server.get("/api/usage", **{"Accept-Encoding": "gzip;q=0"})
    assert gzipped.header("Content-Encoding") == "gzip"
    assert plain.header("Content-Encoding") is None
    assert json.loads(gzip.decompress(gzipped.body)) == plain.json
    assert gzipped.header("Vary") == plain.header("Vary") == "Accept-Encoding"


def test_a_damaged_state_is_an_error_without_details(server: InProcessServer) -> None:
    (server.data_dir / "state.json").write_text("{")
    got = server.get("/api/usage")
    assert got.status == 503
    assert "state.json" not in got.json["error"]
    assert "state.json" in server.warnings[0]


def test_damaged_subscriptions_hide_no_usage(server: InProcessServer) -> None:
    server.passed()
    (server.data_dir / "subscriptions.json").write_text("{")
    body = server.get("/api/usage").json
    assert body["accounts"]
    assert body["subscriptionsError"]


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", "\"'&amp;\u2028", "🦊</b>"])
def test_a_label_with_markup_can_do_no_harm(server: InProcessServer, label: str) -> None:
    """Not even if the JSON is interpreted as HTML."""
    server.configure(labels=(label,))
    server.passed(server.read(label))
    got = server.get("/api/usage")
    assert got.json["accounts"][0]["label"] == label
    assert not set(got.body) & set(b"<>&")


def test_health_is_public_and_names_no_account(server: InProcessServer, clock: Clock) -> None:
    assert server.ask("GET", "/healthz").status == 503
    server.passed()
    well = server.ask("GET", "/healthz")
    assert (well.status, well.json) == (200, {"status": "ok"})
    clock.tick(timedelta(minutes=31))
    ill = server.ask("GET", "/healthz")
    assert (ill.status, ill.json) == (503, {"status": "fail"})


def test_health_fails_if_the_state_cannot_be_read(server: InProcessServer) -> None:
    (server.data_dir / "state.json").write_text("{")
    assert server.ask("GET", "/healthz").status == 503


def test_metrics_are_for_programs_with_the_token(server: InProcessServer) -> None:
    server.passed()
    assert server.ask("GET", "/metrics").status == 401
    got = server.get("/metrics")
    assert (got.header("Content-Type") or "").startswith("text/plain; version=0.0.4")
    assert b'window="fiveHour"' in got.body


def test_status_json_is_the_same_less_what_is_the_callers(server: InProcessServer) -> None:
    server.passed()
    body = server.get("/api/usage").json
    snapshot = Snapshot(server.clock(), (server.read("alice"), server.read("bob")))
    shown = json.loads(json.dumps(usage_to_json(snapshot, server.clock())))
    assert shown.keys() == body.keys() - {
        "session",
        "alertSubscriptions",
        "alertQuiet",
        "lastConfirmation",
    }
    assert shown["accounts"] == body["accounts"]


def test_a_window_that_fills_has_a_forecast(server: InProcessServer) -> None:
    """Computed from the history: here 10 % more in each of the last half hours."""
    resets_at = server.clock() + timedelta(hours=2)
    for minutes, percent in ((120, 10), (90, 20), (60, 30), (30, 40)):
        at = server.clock() - timedelta(minutes=minutes)
        windows = {"fiveHour": Window(percent, resets_at)}
        History(server.data_dir).ensure(format_line(at, {"alice": windows}))
    server.passed(Account("alice", Reading(server.clock(), {"fiveHour": Window(50, resets_at)})))
    assert server.get("/api/usage").json["accounts"][0]["fiveHour"]["forecast"]


def test_forecasts_are_made_once_however_many_ask_at_once(
    server: InProcessServer, tmp_path: Path
) -> None:
    """As pages do when a pass is due: all of them share one result."""
    server.passed()
    made, asking = count(), Barrier(8)

    def compute(*_: object) -> Forecasts:
        next(made)
        time.sleep(0.1)  # long enough for the others to arrive
        return {}

    usage = Usage(tmp_path, compute)

    def ask(_: int) -> bytes:
        asking.wait()
        return usage.document(Caller(), server.services.settings, server.clock()).body

    with ThreadPoolExecutor(8) as crowd:
        assert len(set(crowd.map(ask, range(8)))) == 1
    assert next(made) == 1


def test_an_unreadable_history_hides_no_usage(server: InProcessServer) -> None:
    (server.data_dir / "history-2026-11-22.jsonl").mkdir()
    server.passed()
    assert server.get("/api/usage").json["accounts"][0]["fiveHour"]["forecast"] is None
    assert server.get("/api/history").status == 503
