"""Readings over time: one window's line, its hits and resets, and gaps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from cldmon.domain.events import Event, EventKind
from cldmon.domain.freshness import STALE_INTERVALS
from cldmon.domain.instants import from_ms
from cldmon.domain.windows import (
    FIVE_HOUR,
    FULL,
    MODEL_PREFIX,
    SEVEN_DAY,
    WINDOW_KINDS,
    short_title,
    title,
)
from cldmon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from cldmon.domain.model import Snapshot

    Point: TypeAlias = tuple[int, Mapping[str, int]]
    """When (ms), and by window name the utilization in percent as displayed."""
    Line: TypeAlias = list[tuple[int, int]]
    """When (ms), and one window's utilization, oldest first."""

_FIRST = (FIVE_HOUR, SEVEN_DAY)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without readings of account `label`, or of any account if that is None.

    It lies between two readings; `until_ms` is None if there is no later one.
    """

    since_ms: int
    until_ms: int | None
    label: str | None


def select_line(points: Iterable[Point], window: str) -> Line:
    """Return one window's readings; those without the window are left out."""
    return [(ms, windows[window]) for ms, windows in points if window in windows]


def select_windows(points: Iterable[Point], windows: Collection[str]) -> list[Point]:
    """Return the readings of these windows; those without any of them are left out."""
    kept = [(ms, {n: values[n] for n in values if n in windows}) for ms, values in points]
    return [point for point in kept if point[1]]


def has_any(points: Iterable[Point], windows: Collection[str]) -> bool:
    """Return whether there is a reading of any of these windows."""
    return any(not values.keys().isdisjoint(windows) for _, values in points)


def find_limit_changes(parts: Iterable[Mapping[str, Iterable[Point]]]) -> Iterator[Event]:
    """Yield an event where a window becomes full, and one where it stops being full.

    `parts` are readings by account, one span of time after another. Any fall from 100 is a reset
    here: the history does not say when a window ends. Events of a part are in order of time.
    """
    was_full: dict[tuple[str, str], bool] = {}
    for part in parts:
        found = []
        for label, points in part.items():
            for ms, windows in points:
                for name, percent in windows.items():
                    is_full = percent >= FULL
                    if was_full.get((label, name), is_full) != is_full:
                        kind = EventKind.LIMIT_HIT if is_full else EventKind.USAGE_RESET
                        found.append(Event(kind, label, name, from_ms(ms), utilization=percent))
                    was_full[label, name] = is_full
        yield from sorted(found, key=lambda event: event.at)


def split_at_gaps(line: Line, longest_ms: float) -> list[Line]:
    """Return the parts of a line, cut where two readings are more than `longest_ms` apart."""
    cuts = [n for n, (a, b) in enumerate(pairwise(line), 1) if b[0] - a[0] > longest_ms]
    return [line[a:b] for a, b in pairwise([0, *cuts, len(line)])]


def iter_steps(points: Iterable[Point]) -> Iterator[int]:
    """Yield the times from each reading to the next, in ms."""
    return (after - before for (before, _), (after, _) in pairwise(points))


def compute_max_gap(steps_ms: Iterable[int], interval: timedelta) -> timedelta:
    """Return the longest time between two readings that is not a gap: three intervals.

    The interval is the configured one or, if passes were less frequent, the usual one; `steps_ms`
    are the times between the readings.
    """
    steps = sorted(steps_ms)
    usual = steps[len(steps) // 2] * _MS if steps else interval
    return STALE_INTERVALS * max(interval, usual)


def find_gaps(
    accounts: Mapping[str, Sequence[Point]],
    interval: timedelta,
    until_ms: int,
    current: Collection[str],
) -> list[Gap]:
    """Return where readings are missing up to `until_ms`, oldest first.

    A gap of several accounts during which no account was read is one. Only `current` accounts
    should still be read at the end.
    """
    found: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for label, points in accounts.items():
        longest_ms = compute_max_gap(iter_steps(points), interval) / _MS
        ends = [ms for ms, _ in points] + [until_ms] * (label in current)
        for since, until in pairwise(ends):
            if until - since > longest_ms:
                found[since, until].append(label)
    stamps = sorted({ms for points in accounts.values() for ms, _ in points})
    gaps = []
    for (since, until), labels in found.items():
        is_shared = len(labels) > 1 and bisect_right(stamps, since) == bisect_left(stamps, until)
        end = until if until < until_ms else None
        gaps += [Gap(since, end, label) for label in ([None] if is_shared else labels)]
    return sorted(gaps, key=lambda gap: gap.since_ms)


def list_windows(series: Iterable[Iterable[Point]]) -> list[str]:
    """Return the names of all windows in these accounts' readings: session, week, then others."""
    found = {name for points in series for _, windows in points for name in windows}
    return [name for name in _FIRST if name in found] + sorted(found.difference(_FIRST))


def resolve_windows(wanted: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the known windows that match names such as `fiveHour`, `5h` or `Fable`.

    Raises UsageError, which lists the known ones, if there is none for a name.
    """
    aliases = {}
    for name in known:
        short = short_title(name)
        texts = (name, name.removeprefix(MODEL_PREFIX), short, short.removeprefix("7d "))
        aliases[name] = {text.casefold() for text in (*texts, title(name))}
    resolved: dict[str, None] = {}
    for text in wanted:
        matches = [name for name in aliases if text.strip().casefold() in aliases[name]]
        if not matches:
            raise UsageError(
                f"no window {text!r}; there are {', '.join(map(short_title, aliases))}"
            )
        resolved.update(dict.fromkeys(matches))
    return list(resolved)


def resolve_options(wanted: Iterable[str], snapshot: Snapshot) -> list[str] | None:
    """Return the windows that `--window` options such as `5h` or `5h,Fable` mean; None for all.

    Known are all kinds, and the windows of any account. Raises UsageError.
    """
    texts = [text.strip() for each in wanted for text in each.split(",")]
    if not texts or "all" in texts:
        return None
    names = [kind.name for kind in WINDOW_KINDS]
    for account in snapshot.accounts:
        names += account.reading.windows if account.reading else ()
    return resolve_windows(texts, dict.fromkeys(names))
