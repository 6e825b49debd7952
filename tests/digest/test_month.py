"""The digest of a generated month equals what is found by brute force, and what really happened."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from cldmon.app.app import App
from cldmon.app.digest import build_digest
from cldmon.digest import digest_to_json
from cldmon.domain.ranges import Span, parse_span
from tests.digest.month import BEGIN, DAY, END, WINDOWS, Month, make_month

if TYPE_CHECKING:
    from pathlib import Path

    Readings = dict[str, dict[str, list[tuple[int, int]]]]

MINUTE = 60_000
LONGEST = 30 * MINUTE
"""A longer time between readings is a gap: three intervals."""
BERLIN = ZoneInfo("Europe/Berlin")


def to_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def to_iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class BruteForce:
    """What the files say, read line by line without any of cldmon's code."""

    def __init__(self, folder: Path, month: Month) -> None:
        self.month = month
        self.readings: Readings = defaultdict(lambda: defaultdict(list))
        self.events: list[dict[str, Any]] = []
        self.event_days: set[str] = set()
        for path in sorted(folder.glob("*-2026-*")):
            text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            if path.name.startswith("events-"):
                self.event_days.add(path.name[len("events-") :][:10])
            for line in text.split(b"\n"):
                try:
                    body = json.loads(line)
                except ValueError:
                    continue
                if isinstance(body, dict) and "accounts" in body:
                    self._add_pass(body)
                elif isinstance(body, dict) and "event" in body:
                    self.events.append(body)

    def _add_pass(self, body: dict[str, Any]) -> None:
        for account in body["accounts"]:
            for name, value in account.items():
                if name == "models":
                    for model, percent in value.items():
                        line = self.readings[account["label"]][f"models.{model}"]
                        line.append((body["timestamp"], percent))
                elif name != "label":
                    self.readings[account["label"]][name].append((body["timestamp"], value))

    def compute(self, since: int, until: int) -> list[dict[str, Any]]:
        found = [self.account(label, since, until) for label in WINDOWS]
        order = list(WINDOWS)

        def rank(each: dict[str, Any]) -> tuple[float, ...]:
            weekly = next((w["peak"] for w in each["windows"] if w["name"] == "sevenDay"), None)
            most = max((w["peak"] or 0 for w in each["windows"]), default=0)
            minutes = each.pop("minutesAtLimit")
            peak = (weekly or 0) if weekly is not None else most
            return -minutes, -(each["hits"] or 0), -peak, order.index(each["label"])

        return sorted(found, key=rank)

    def account(self, label: str, since: int, until: int) -> dict[str, Any]:
        lines = self.readings[label]
        inside = {n: [(t, v) for t, v in line if since <= t <= until] for n, line in lines.items()}
        names = [name for name in WINDOWS[label] if inside.get(name)]
        first = min((line[0][0] for line in inside.values() if line), default=since)
        around = [t for line in lines.values() for t, _ in line if since - 24 * 60 * MINUTE <= t]
        first = (
            max(since, min((t for t in around if t <= until), default=since)) if names else first
        )
        is_recorded = bool(self.event_days) and min(self.event_days) <= to_iso(first)[:10]
        minutes = self.minutes_at_limit(label, names, since, until)
        windows = []
        for name in names:
            early, weeks = self.resets(label, name, since, until)
            last, final = inside[name][-1]
            windows.append(
                {
                    "name": name,
                    "peak": max(v for _, v in inside[name]),
                    "final": final if until - last <= LONGEST else None,
                    "hits": self.hits(label, name, since, until),
                    "hoursAtLimit": round(minutes[name] / 60, 2),
                    "earlyResets": early if is_recorded else None,
                    "weeks": weeks,
                }
            )
        errors = sum(
            e["event"] == "account_failed" and e["label"] == label
            for e in self.events
            if since <= e["timestamp"] <= until
        )
        return {
            "label": label,
            "hits": sum(w["hits"] for w in windows) if windows else None,
            "hoursAtLimit": round(minutes[""] / 60, 2) if windows else None,
            "minutesAtLimit": minutes[""],
            "earlyResets": sum(w["earlyResets"] for w in windows)
            if is_recorded and windows
            else None,
            "errors": errors if is_recorded else None,
            "windows": windows,
        }

    def minutes_at_limit(
        self, label: str, names: list[str], since: int, until: int
    ) -> dict[str, int]:
        """Return for each window, and for any of them, in how many minutes it was full."""
        full: dict[str, set[int]] = {name: set() for name in names}
        for name in names:
            line = self.readings[label][name]
            for (at, percent), (end, _) in pairwise([*line, (until, 0)]):
                if percent >= 100 and end - at <= LONGEST:
                    first = since + max(0, -((since - at) // MINUTE)) * MINUTE
                    full[name].update(range(first, min(end, until), MINUTE))
        found = {name: len(minutes) for name, minutes in full.items()}
        return {**found, "": len(set().union(*full.values()))}

    def hits(self, label: str, name: str, since: int, until: int) -> int:
        stored = sum(
            (e["event"], e["label"], e["window"]) == ("limit_hit", label, name)
            for e in self.events
            if since <= e["timestamp"] <= until
        )
        line = self.readings[label][name]
        derived = sum(
            before < 100 <= after and to_iso(at)[:10] not in self.event_days
            for (_, before), (at, after) in pairwise(line)
            if since <= at <= until
        )
        return stored + derived

    def resets(
        self, label: str, name: str, since: int, until: int
    ) -> tuple[int, list[dict[str, Any]]]:
        """Return how many resets really were early, and the weeks that really ended."""
        use, line = self.month.uses[label], self.readings[label][name]
        early, weeks = 0, []
        ends = [(to_ms(at), False) for n, at in use.week_ends if n == name]
        ends += [(to_ms(at), True) for n, at in use.early_ends if n == name]
        for end, is_early in sorted(ends):
            before = [(t, v) for t, v in line if t < end]
            after = [(t, v) for t, v in line if t >= end]
            if not before or not after or not since <= after[0][0] <= until:
                continue
            (before_ms, last), (ms, value) = before[-1], after[0]
            if last <= value or (value > 0 and last - value < 5):
                continue  # nobody can see it
            if is_early and ms >= to_ms(self.month.recorded_since):
                early += 1
            else:
                unused = 100 - last if ms - before_ms <= LONGEST else None
                weeks.append({"endedAt": to_iso(ms), "unused": unused})
        return early, weeks


@pytest.fixture(params=range(4))
def month(request: pytest.FixtureRequest) -> Month:
    return make_month(request.param)


def make_app(folder: Path) -> App:
    config = folder / "config.toml"
    accounts = "".join(f'[[accounts]]\nlabel = "{label}"\n' for label in WINDOWS)
    config.write_text(f'data_dir = "data"\n{accounts}')
    return App(config, None, {"HOME": str(folder)}, lambda: END)


def test_the_digest_equals_what_is_found_by_brute_force(tmp_path: Path, month: Month) -> None:
    """Of the month, of each week in Berlin, one of them an hour shorter, and of other spans."""
    (tmp_path / "data").mkdir()
    month.write(tmp_path / "data")
    app, brute = make_app(tmp_path), BruteForce(tmp_path / "data", month)
    random = Random(1)  # noqa: S311 - reproducible
    spans = [Span(BEGIN, END), Span(BEGIN - 40 * DAY, BEGIN - 9 * DAY)]
    for day in (2, 9, 16, 23):
        ends = (f"2026-03-{day:02}", f"2026-03-{day + 6:02}")
        spans.append(parse_span(None, *ends, END, BERLIN))
    for _ in range(6):
        begin = BEGIN + random.randrange(30 * 24 * 60) * timedelta(minutes=1)
        length = random.choice((1, 7, 30, 100, 400)) * timedelta(hours=1)
        spans.append(Span(begin, min(END, begin + length)))
    assert {span.length for span in spans} >= {7 * DAY, 7 * DAY - timedelta(hours=1)}
    for span in spans:
        digest = digest_to_json(build_digest(app, span))
        for account in digest["accounts"]:
            for window in account["windows"]:
                window.pop("title")
                window.pop("short")
        assert digest["accounts"] == brute.compute(to_ms(span.since), to_ms(span.until)), span


def test_the_months_have_one_of_everything() -> None:
    months = [make_month(seed) for seed in range(4)]
    kinds = {event.kind.value for month in months for event in month.events}
    assert kinds >= {"limit_hit", "usage_reset", "limit_changed", "account_failed", "threshold"}
    assert all(use.week_ends for month in months for use in month.uses.values())
    assert any(use.early_ends for month in months for use in month.uses.values())
