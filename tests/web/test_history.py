"""GET /api/history: all lines, one account's, or downsampled for a chart; and GET /api/events."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from cldmon.domain.events import Event, EventKind
from cldmon.domain.instants import format_iso, to_ms
from cldmon.domain.model import Window
from cldmon.store.history import History, format_event_line, format_line
from cldmon.web.history import MAX_BUFFERED
from tests.web.in_process import LABELS

if TYPE_CHECKING:
    from tests.web.in_process import InProcessServer

HOUR = timedelta(hours=1)


def write(server: InProcessServer, ago: timedelta, *labels: str, percent: int = 17) -> str:
    """Write the line of a pass that ended this long ago."""
    windows = {"fiveHour": Window(percent, None), "sevenDay": Window(45, None)}
    text = format_line(server.clock() - ago, dict.fromkeys(labels or LABELS, windows))
    History(server.data_dir).ensure(text)
    return text


def test_the_documented_form(server: InProcessServer) -> None:
    write(server, timedelta(minutes=5), "alice")
    assert server.get("/api/history?range=1h").json == [
        {
            "timestamp": to_ms(server.clock() - timedelta(minutes=5)),
            "accounts": [{"label": "alice", "fiveHour": 17, "sevenDay": 45}],
        }
    ]


@pytest.mark.parametrize(
    ("range_", "count"),
    [
        ("", 1),
        ("?range=1h", 1),
        ("?range=5h", 2),
        ("?range=1d", 3),
        ("?range=7d", 5),
        ("?range=30d", 5),
        ("?range=36525d", 5),
    ],
)
def test_a_range_counts_from_now_and_is_an_hour_unless_said(
    server: InProcessServer, range_: str, count: int
) -> None:
    written = [write(server, age) for age in (167 * HOUR, 30 * HOUR, 20 * HOUR, 4 * HOUR, HOUR / 2)]
    got = server.get(f"/api/history{range_}").body
    assert got == f"[{','.join(written[-count:])}]".encode()


def test_no_history_is_an_empty_list(server: InProcessServer) -> None:
    for query in ("", "?range=7d", "?account=alice", "?points=10", "?account=alice&points=10"):
        assert server.get(f"/api/history{query}").json == []


@pytest.mark.parametrize("path", ["/api/history", "/api/events"])
@pytest.mark.parametrize("range_", ["", "1y", "1h%00", "1h&range=5h"])
def test_a_bad_range_is_refused(server: InProcessServer, path: str, range_: str) -> None:
    assert server.get(f"{path}?range={range_}").status == 400


@pytest.mark.parametrize("path", ["/api/history", "/api/events"])
def test_an_invalid_range_is_refused_with_the_valid_ones(
    server: InProcessServer, path: str
) -> None:
    assert "1h, 5h, 1d, 7d" in server.get(f"{path}?range=2").json["error"]


@pytest.mark.parametrize("points", ["", "0", "-1", "1.5", "many", "10001", "9" * 5000, "\u0661"])
def test_a_bad_number_of_points_is_refused(server: InProcessServer, points: str) -> None:
    assert server.get(f"/api/history?points={quote(points)}").status == 400


def test_one_account_is_read_by_its_exact_label(server: InProcessServer) -> None:
    server.configure(labels=("al", "alice", 'a"l&b'))
    write(server, timedelta(minutes=9), "alice", "al", 'a"l&b')
    write(server, timedelta(minutes=5), "alice")
    for label, count in (("alice", 2), ("al", 1), ("a%22l%26b", 1), ("nobody", 0)):
        found = server.get(f"/api/history?account={label}").json
        assert len(found) == count
        assert all(len(each["accounts"]) == 1 for each in found)


def test_a_chart_has_about_the_requested_number_of_points(server: InProcessServer) -> None:
    for minute in range(60):
        write(server, timedelta(minutes=minute), percent=minute)
    found = server.get("/api/history?points=20").json
    for label in LABELS:
        count = sum(entry["label"] == label for each in found for entry in each["accounts"])
        assert 10 <= count <= 24


def test_a_chart_shows_gaps_as_gaps(server: InProcessServer) -> None:
    """Where readings are missing, there is an entry without windows."""
    for minutes in (200, 190, 180, 20, 10, 0):
        write(server, timedelta(minutes=minutes), "alice")
    found = server.get("/api/history?range=5h&account=alice&points=100").json
    shapes = ["fiveHour" in each["accounts"][0] for each in found]
    assert shapes == [True, True, True, False, True, True, True]


def test_a_long_history_is_sent_as_it_is_read(server: InProcessServer) -> None:
    """The content is the same whether or not it fits in memory or is gzipped."""
    label = "x" * 10_000
    written = [write(server, timedelta(minutes=minute), label) for minute in range(59, 0, -1)]
    whole = f"[{','.join(written)}]".encode()
    assert len(whole) > MAX_BUFFERED
    plain = server.get("/api/history")
    gzipped = server.get("/api/history", **{"Accept-Encoding": "gzip"})
    assert plain.header("Transfer-Encoding") == "chunked"
    assert plain.body == gzip.decompress(gzipped.body) == whole


def test_a_short_history_is_not_sent_twice(server: InProcessServer) -> None:
    write(server, timedelta(minutes=5))
    etag = server.get("/api/history").header("ETag") or ""
    assert server.get("/api/history", **{"If-None-Match": etag}).status == 304


def test_labels_with_markup_are_json_and_nothing_else(server: InProcessServer) -> None:
    write(server, timedelta(minutes=5), "<script>alert(1)</script>")
    got = server.get("/api/history")
    assert got.header("Content-Type") == "application/json"
    assert got.header("X-Content-Type-Options") == "nosniff"
    assert json.loads(got.body)[0]["accounts"][0]["label"] == "<script>alert(1)</script>"


@pytest.mark.parametrize("path", ["/api/history", "/api/events"])
def test_strangers_see_no_history(slack_server: InProcessServer, path: str) -> None:
    assert slack_server.client().get(path).status == 401


def test_events_are_those_of_the_events_files_and_of_the_history_before_them(
    server: InProcessServer,
) -> None:
    now = server.clock()
    for hours, percent in ((30, 90), (29, 100), (28, 0)):
        write(server, hours * HOUR, "alice", percent=percent)
    event = Event(EventKind.LIMIT_HIT, "bob", "sevenDay", now - HOUR, now + 9 * HOUR, 100)
    failed = Event(EventKind.ACCOUNT_FAILED, "alice", None, now - HOUR)
    for each in (event, failed):
        History(server.data_dir, "events").ensure(format_event_line(each, each.at))
    keys = ("timestamp", "event", "label", "window", "utilization", "resetsAt")
    recent = [
        dict(zip(keys, values, strict=True))
        for values in (
            (to_ms(event.at), "limit_hit", "bob", "sevenDay", 100, format_iso(now + 9 * HOUR)),
            (to_ms(failed.at), "account_failed", "alice", None, None, None),
        )
    ]
    older = [
        dict(zip(keys, (to_ms(now - ago), kind, "alice", window, percent, None), strict=True))
        for ago, kind, window, percent in (
            (29 * HOUR, "limit_hit", "fiveHour", 100),
            (28 * HOUR, "usage_reset", "fiveHour", 0),
        )
    ]
    assert server.get("/api/events").json == recent
    assert server.get("/api/events?range=5h").json == recent
    assert server.get("/api/events?range=2d").json == older + recent
    assert server.get("/api/events?range=30m").json == []


def test_many_events_are_sent_as_they_are_read(server: InProcessServer) -> None:
    lines = [
        format_event_line(Event(EventKind.LIMIT_HIT, "x" * 10_000, None, at), at)
        for at in (server.clock() - timedelta(seconds=second) for second in range(59, 0, -1))
    ]
    path = server.data_dir / f"events-{server.clock():%Y-%m-%d}.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    got = server.get("/api/events")
    assert got.header("Transfer-Encoding") == "chunked"
    assert got.body.decode() == f"[{','.join(lines)}]"
