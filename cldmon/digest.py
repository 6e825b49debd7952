"""The digest: what each account used in a span of time, from its history and events. Pure.

Source: contract, "Commands".
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

from cldmon.domain.events import Event, EventKind
from cldmon.domain.instants import format_day, from_ms, to_ms
from cldmon.domain.json_types import to_json
from cldmon.domain.series import compute_max_gap, iter_steps, select_line
from cldmon.domain.text import one_line
from cldmon.domain.windows import FULL, SEVEN_DAY, duration, short_title, sort_for_display, title
from cldmon.notifications.detection import EARLY, SAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from cldmon.domain.ranges import Span
    from cldmon.domain.series import Line, Point

    Interval = tuple[int, int]
    """Both ends, in ms."""

CONTEXT = timedelta(days=1)
"""How much is read before and after a span: a fall at one of its ends lies between readings."""

HISTORY_OF_RESETS = timedelta(days=8)
"""How long before a span an event may have said when a window resets."""

_FALL = 5
"""A smaller fall is a reset only if it is to 0."""
_WEEK = timedelta(days=7)
_MS = timedelta(milliseconds=1)
_LONGEST_LABEL = 80
_LONGEST_TITLE = 40
_LONGEST_LINE = 500
MAX_LINES = 100
"""Accounts in a message."""


@dataclass(frozen=True, slots=True)
class Week:
    """A week of a 7-day limit that ended as planned, and how much of it was left unused.

    `unused` is in percent; None if there were no readings near its end.
    """

    ended_at: datetime
    unused: int | None


@dataclass(frozen=True, slots=True)
class WindowDigest:
    """One window in the span; `peak` is None if it was not read in the span.

    `final` is None if it was not read within three intervals of the span's end.
    `early_resets` is None if the files do not say.
    """

    name: str
    peak: int | None
    final: int | None
    hits: int
    at_limit: timedelta
    early_resets: int | None
    weeks: tuple[Week, ...]


@dataclass(frozen=True, slots=True)
class AccountDigest:
    """One account in the span; `at_limit` is how long at least one window was full.

    `errors` counts the times that it could not be read for long; None if the files do not say. An
    account that was not read has no windows.
    """

    label: str
    windows: tuple[WindowDigest, ...]
    at_limit: timedelta
    errors: int | None

    @property
    def hits(self) -> int:
        """How often a window reached its limit."""
        return sum(window.hits for window in self.windows)

    @property
    def early_resets(self) -> int | None:
        """How often a window was reset before its end."""
        known = [w.early_resets for w in self.windows if w.early_resets is not None]
        return sum(known) if known else None

    @property
    def weekly_peak(self) -> int:
        """The highest use of the weekly window, or of any window of an account without one."""
        peaks = {window.name: window.peak or 0 for window in self.windows}
        return peaks.get(SEVEN_DAY, max(peaks.values(), default=0))


@dataclass(frozen=True, slots=True)
class Digest:
    """All accounts in a span: those longest at a limit first, then those used most."""

    span: Span
    accounts: tuple[AccountDigest, ...]


def compute_digest(
    accounts: Mapping[str, Sequence[Point]],
    events: Iterable[Event],
    span: Span,
    interval: timedelta,
    recorded_since: datetime | None,
) -> Digest:
    """Return the digest of accounts.

    Readings and events may begin before the span and end after it (see `CONTEXT` and
    `HISTORY_OF_RESETS`). `recorded_since` is when the first events file begins: before, nobody
    knows of errors and early resets.
    """
    by_label: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_label[event.label].append(event)
    found = []
    for label, points in accounts.items():
        first_ms = max(to_ms(span.since), points[0][0]) if points else to_ms(span.since)
        is_recorded = recorded_since is not None and to_ms(recorded_since) <= first_ms
        ends = to_ms(span.since), to_ms(span.until)
        account = _Account(points, by_label[label], *ends, interval, is_recorded)
        found.append(account.compute(label))
    found.sort(key=lambda each: (-each.at_limit, -each.hits, -each.weekly_peak))
    return Digest(span, tuple(found))


@dataclass(frozen=True, slots=True)
class _Account:
    """What is known of an account."""

    points: Sequence[Point]
    events: Sequence[Event]
    since_ms: int
    until_ms: int
    interval: timedelta
    is_recorded: bool

    def compute(self, label: str) -> AccountDigest:
        longest_ms = compute_max_gap(iter_steps(self.points), self.interval) // _MS
        hits = [each for each in self._select_events(EventKind.LIMIT_HIT) if each.window]
        names = {name for ms, values in self.points if self._is_inside(ms) for name in values}
        names.update(event.window for event in hits if event.window)
        full: list[Interval] = []
        windows = []
        for name in sort_for_display(names):
            line = select_line(self.points, name)
            intervals = [*self._find_full(line, longest_ms)]
            full += intervals
            inside = [(ms, percent) for ms, percent in line if self._is_inside(ms)]
            is_read_at_end = bool(inside) and self.until_ms - inside[-1][0] <= longest_ms
            early, weeks = self._judge_falls(name, line, longest_ms)
            windows.append(
                WindowDigest(
                    name,
                    peak=max((percent for _, percent in inside), default=None),
                    final=inside[-1][1] if is_read_at_end else None,
                    hits=sum(event.window == name for event in hits),
                    at_limit=_measure(intervals),
                    early_resets=early if self.is_recorded else None,
                    weeks=tuple(weeks),
                )
            )
        errors = len([*self._select_events(EventKind.ACCOUNT_FAILED)])
        return AccountDigest(
            label, tuple(windows), _measure(full), errors if self.is_recorded else None
        )

    def _is_inside(self, ms: int) -> bool:
        return self.since_ms <= ms <= self.until_ms

    def _select_events(self, kind: EventKind) -> Iterator[Event]:
        return (e for e in self.events if e.kind is kind and self._is_inside(to_ms(e.at)))

    def _find_full(self, line: Line, longest_ms: int) -> Iterator[Interval]:
        """Yield when a window was full: from a full reading to the next one, without gaps."""
        since, until = self.since_ms, self.until_ms
        for (start, percent), (end, _) in pairwise([*line, (until, 0)]):
            if percent >= FULL and end - start <= longest_ms and start < until and end > since:
                yield max(start, since), min(end, until)

    def _judge_falls(self, name: str, line: Line, longest_ms: int) -> tuple[int, list[Week]]:
        """Return how many resets in the span were early, and the weeks that the others ended."""
        early, weeks = 0, []
        own = [event for event in self.events if event.window == name]
        changes = {to_ms(event.at) for event in own if event.kind is EventKind.LIMIT_CHANGED}
        for (before_ms, before), (ms, _), confirmed_ms in _find_falls(line):
            if not self._is_inside(ms):
                continue
            known = [e.resets_at for e in own if e.resets_at and to_ms(e.at) < ms]
            was_ahead = bool(known) and known[-1] - from_ms(ms) > EARLY
            if was_ahead or not changes.isdisjoint((ms, confirmed_ms)):
                early += 1
            elif duration(name) == _WEEK:
                unused = FULL - before if ms - before_ms <= longest_ms else None
                weeks.append(Week(from_ms(ms), unused))
        return early, weeks


def _find_falls(line: Line) -> Iterator[tuple[tuple[int, int], tuple[int, int], int]]:
    """Yield the readings around each reset, and the time of the one after, which confirms it.

    One wrong sample is not a reset: the next reading has about the old value again.
    """
    for (before, after), later in zip_longest(pairwise(line), line[2:]):
        fall = before[1] - after[1]
        if fall <= 0 or (fall < _FALL and after[1] > 0):
            continue
        if later and before[1] - later[1] <= SAME and before[1] - later[1] < later[1] - after[1]:
            continue
        yield before, after, later[0] if later else after[0]


def _measure(intervals: Iterable[Interval]) -> timedelta:
    """Return how long at least one of these intervals lasts."""
    total, covered = 0, 0
    for start, end in sorted(intervals):
        total += max(0, end - max(start, covered))
        covered = max(covered, end)
    return total * _MS


def digest_to_json(digest: Digest) -> dict[str, Any]:
    """Return a digest as JSON: hours at a limit as numbers, unknown values as null."""
    return {
        **to_json(digest.span),
        "accounts": [
            {
                "label": account.label,
                "hits": account.hits if account.windows else None,
                "hoursAtLimit": _to_hours(account.at_limit) if account.windows else None,
                "earlyResets": account.early_resets,
                "errors": account.errors,
                "windows": [
                    {
                        "name": window.name,
                        "title": title(window.name),
                        "short": short_title(window.name),
                        "peak": window.peak,
                        "final": window.final,
                        "hits": window.hits,
                        "hoursAtLimit": _to_hours(window.at_limit),
                        "earlyResets": window.early_resets,
                        "weeks": to_json(window.weeks),
                    }
                    for window in account.windows
                ],
            }
            for account in digest.accounts
        ],
    }


def format_message(digest: Digest, zone: tzinfo | None) -> tuple[str, list[str]]:
    """Return a digest as a title and lines of plain text, one for each account.

    `zone` None is the system's.
    """
    since, until = (format_day(at, zone) for at in (digest.span.since, digest.span.until))
    lines = [_format_account(account) for account in digest.accounts[:MAX_LINES]]
    if (more := len(digest.accounts) - MAX_LINES) > 0:
        lines.append(f"and {more} more: cldmon digest shows all")
    return f"Usage from {since} to {until}", lines or ["no accounts"]


def _format_account(account: AccountDigest) -> str:
    """Return what is worth saying of an account; zeros and unknown values are left out."""
    label, parts = one_line(account.label, _LONGEST_LABEL), []
    if account.at_limit:
        parts.append(f"{_to_hours(account.at_limit):.1f} h at a limit")
    if account.hits:
        parts.append(_count(account.hits, "limit hit"))
    for window in account.windows:
        name = one_line(short_title(window.name), _LONGEST_TITLE)
        if window.peak is not None:
            final = "" if window.final is None else f", {window.final}% at the end"
            parts.append(f"{name} at most {window.peak}%{final}")
        unused = [f"{week.unused}%" for week in window.weeks if week.unused is not None]
        if unused:
            parts.append(f"{' and '.join(unused)} of the week unused")
    if account.early_resets:
        parts.append(_count(account.early_resets, "early reset"))
    if account.errors:
        parts.append(_count(account.errors, "error"))
    return one_line(f"{label}: {' · '.join(parts) or 'no readings'}", _LONGEST_LINE)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _to_hours(length: timedelta) -> float:
    return round(length / timedelta(hours=1), 2)
