"""GET /api/history: the lines as they are, of one account, or thinned for a chart."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from cldmon.domain.model import Window, to_ms
from cldmon.store.history import History, format_line
from cldmon.web.history import MAX_BUFFERED
from tests.web.house import LABELS

if TYPE_CHECKING:
    from tests.web.house import House

HOUR = timedelta(hours=1)


def write(house: House, ago: timedelta, *labels: str, percent: int = 17) -> str:
    """Write the line of a pass that ended so long ago."""
    windows = {"fiveHour": Window(percent, None), "sevenDay": Window(45, None)}
    text = format_line(house.clock() - ago, dict.fromkeys(labels or LABELS, windows))
    History(house.data_dir).ensure(text)
    return text


def test_the_documented_form(house: House) -> None:
    write(house, timedelta(minutes=5), "alice")
    assert house.get("/api/history?range=1h").json == [
        {
            "timestamp": to_ms(house.clock() - timedelta(minutes=5)),
            "accounts": [{"label": "alice", "fiveHour": 17, "sevenDay": 45}],
        }
    ]


@pytest.mark.parametrize(
    ("range_", "count"), [("", 1), ("?range=1h", 1), ("?range=5h", 2), ("?range=1d", 3)]
)
def test_a_range_counts_from_now_and_is_an_hour_unless_said(
    house: House, range_: str, count: int
) -> None:
    written = [write(house, age) for age in (30 * HOUR, 20 * HOUR, 4 * HOUR, HOUR / 2)]
    got = house.get(f"/api/history{range_}").body
    assert got == f"[{','.join(written[-count:])}]".encode()


def test_a_week_holds_everything(house: House) -> None:
    written = [write(house, age) for age in (167 * HOUR, 30 * HOUR, HOUR)]
    assert house.get("/api/history?range=7d").body == f"[{','.join(written)}]".encode()


def test_no_history_is_an_empty_list(house: House) -> None:
    for query in ("", "?range=7d", "?account=alice", "?points=10", "?account=alice&points=10"):
        assert house.get(f"/api/history{query}").json == []


@pytest.mark.parametrize("range_", ["2h", "", "1H", "7", "30d", "-1h", "1h%00", "1h&range=5h"])
def test_a_bad_range_is_refused(house: House, range_: str) -> None:
    assert house.get(f"/api/history?range={range_}").status == 400


def test_a_bad_range_is_told_the_good_ones(house: House) -> None:
    assert house.get("/api/history?range=2h").json["error"].endswith("1h, 5h, 1d, 7d")


@pytest.mark.parametrize("points", ["", "0", "-1", "1.5", "many", "10001", "9" * 5000, "\u0661"])
def test_a_bad_number_of_points_is_refused(house: House, points: str) -> None:
    assert house.get(f"/api/history?points={quote(points)}").status == 400


def test_one_account_is_read_by_its_exact_label(house: House) -> None:
    house.configure(labels=("al", "alice", 'a"l&b'))
    write(house, timedelta(minutes=9), "alice", "al", 'a"l&b')
    write(house, timedelta(minutes=5), "alice")
    for label, count in (("alice", 2), ("al", 1), ("a%22l%26b", 1), ("nobody", 0)):
        found = house.get(f"/api/history?account={label}").json
        assert len(found) == count
        assert all(len(each["accounts"]) == 1 for each in found)


def test_a_damaged_line_hides_no_other(house: House) -> None:
    write(house, timedelta(minutes=9))
    file = next(house.data_dir.glob("history-*.jsonl"))
    file.write_bytes(file.read_bytes() + b'{"timestamp":17')
    write(house, timedelta(minutes=5))
    assert len(house.get("/api/history").json) == 2


def test_a_chart_keeps_the_first_the_last_and_the_extremes(house: House) -> None:
    percents = [10, 11, 90, 12, 13, 3, 14, 15]
    for number, percent in enumerate(percents):
        write(house, timedelta(minutes=50 - number), "alice", percent=percent)
    found = house.get("/api/history?account=alice&points=1").json
    assert [each["accounts"][0]["fiveHour"] for each in found] == [10, 90, 3, 15]


def test_a_chart_has_about_as_many_points_as_asked_for(house: House) -> None:
    for minute in range(60):
        write(house, timedelta(minutes=minute), percent=minute)
    found = house.get("/api/history?points=20").json
    for label in LABELS:
        count = sum(entry["label"] == label for each in found for entry in each["accounts"])
        assert 10 <= count <= 24


def test_a_chart_shows_gaps_as_gaps(house: House) -> None:
    """Where readings are missing stands an entry without windows."""
    for minutes in (200, 190, 180, 20, 10, 0):
        write(house, timedelta(minutes=minutes), "alice")
    found = house.get("/api/history?range=5h&account=alice&points=100").json
    shapes = ["fiveHour" in each["accounts"][0] for each in found]
    assert shapes == [True, True, True, False, True, True, True]


def test_rare_passes_are_no_gaps(house: House) -> None:
    for hours in range(20, 0, -2):
        write(house, timedelta(hours=hours), "alice")
    found = house.get("/api/history?range=1d&points=1000").json
    assert all("fiveHour" in each["accounts"][0] for each in found)


def test_a_long_history_is_sent_as_it_is_read(house: House) -> None:
    """It is the same, whether it fits into memory or not, and whether it is packed or not."""
    label = "x" * 10_000
    written = [write(house, timedelta(minutes=minute), label) for minute in range(59, 0, -1)]
    whole = f"[{','.join(written)}]".encode()
    assert len(whole) > MAX_BUFFERED
    plain = house.get("/api/history")
    gzipped = house.get("/api/history", **{"Accept-Encoding": "gzip"})
    assert plain.header("Transfer-Encoding") == "chunked"
    assert plain.body == gzip.decompress(gzipped.body) == whole


def test_a_short_history_is_not_sent_twice(house: House) -> None:
    write(house, timedelta(minutes=5))
    etag = house.get("/api/history").header("ETag") or ""
    assert house.get("/api/history", **{"If-None-Match": etag}).status == 304


def test_labels_with_markup_are_json_and_nothing_else(house: House) -> None:
    write(house, timedelta(minutes=5), "<script>alert(1)</script>")
    got = house.get("/api/history")
    assert got.header("Content-Type") == "application/json"
    assert got.header("X-Content-Type-Options") == "nosniff"
    assert json.loads(got.body)[0]["accounts"][0]["label"] == "<script>alert(1)</script>"


def test_strangers_see_no_history(slack_house: House) -> None:
    assert slack_house.client().get("/api/history").status == 401
