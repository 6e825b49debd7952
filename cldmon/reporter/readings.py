"""When a reading was taken, which one is reported, and when: pure rules.

Claude Code does not say how old its numbers are. Each of its sessions keeps showing those of its
own last answer, so an idle session shows old ones, no matter how often it is drawn.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from cldmon.domain.windows import JITTER, is_same_reset
from cldmon.reporter.options import STDOUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cldmon.reporter.status_line import StatusLine, Window

MIN_PAUSE = timedelta(minutes=1)
"""Between two attempts to send."""
REFRESH = timedelta(minutes=10)
"""After this, unchanged numbers are sent again."""
MAX_RETRY = timedelta(hours=1)
CACHE = "cache"
"""Stands for the cached answer among the sessions, whose names are uuids."""

_MAX_SESSIONS = 50


class Reading(NamedTuple):
    """What a session knew at `read_at` (UTC), which is None if its age is unknown."""

    windows: tuple[Window, ...]
    api_ms: float | None
    read_at: datetime | None


class Progress(NamedTuple):
    """What is known about one account, what was sent to `to`, and how that went (times in UTC)."""

    to: str = ""
    sessions: Mapping[str, Reading] = {}
    sent: Reading | None = None
    sent_at: datetime | None = None
    attempted_at: datetime | None = None
    retry_at: datetime | None = None
    error: str | None = None
    account_hash: str | None = None

    @property
    def newest(self) -> Reading | None:
        """The newest reading of all sessions."""
        dated = [(each.read_at, each) for each in self.sessions.values() if each.read_at]
        return max(reversed(dated), key=lambda pair: pair[0])[1] if dated else None


def set_target(progress: Progress, to: str) -> Progress:
    """Return the progress for a target: nothing has been sent to another one."""
    if to in (progress.to, STDOUT):
        return progress
    return Progress(to, progress.sessions, account_hash=progress.account_hash)


def add_status_line(progress: Progress, line: StatusLine, now: datetime) -> Progress:
    """Return the progress after a session has shown its status line.

    If only a window is gone, its reset time has passed: that is not a new reading.
    """
    before = progress.sessions.get(line.session)
    if not line.windows:
        return progress
    if before is None:
        is_new = _is_ahead(line.windows, progress.newest)
    elif before.api_ms == line.api_ms and not _differs(line.windows, before.windows):
        return progress
    else:
        is_new = True
    return add_reading(
        progress, line.session, Reading(line.windows, line.api_ms, now if is_new else None)
    )


def add_reading(progress: Progress, session: str, reading: Reading) -> Progress:
    """Return the progress with the reading of a session, and without the oldest sessions."""
    others = {k: v for k, v in progress.sessions.items() if k != session}
    kept = [*others.items(), (session, reading)][-_MAX_SESSIONS:]
    return progress._replace(sessions=dict(kept))


def get_due(progress: Progress, now: datetime) -> datetime | None:
    """Return from when on the newest reading is to be sent; None if there is none."""
    reading, sent = progress.newest, progress.sent
    if reading is None:
        return None
    times = [now]
    if progress.attempted_at:
        times.append(progress.attempted_at + MIN_PAUSE)
    if progress.retry_at:
        times.append(progress.retry_at)
    if sent and progress.sent_at and not _has_changed(reading.windows, sent.windows):
        times.append(progress.sent_at + REFRESH)
    return max(times)


def correct_clock(progress: Progress, now: datetime) -> Progress:
    """Return the progress without times in the future: the clock was wrong when they were noted."""

    def past(at: datetime | None) -> datetime | None:
        return min(at, now) if at else None

    retry_at = progress.retry_at
    return progress._replace(
        sessions={k: v._replace(read_at=past(v.read_at)) for k, v in progress.sessions.items()},
        sent_at=past(progress.sent_at),
        attempted_at=past(progress.attempted_at),
        retry_at=retry_at if retry_at and retry_at - now <= MAX_RETRY else None,
    )


def _is_ahead(windows: Sequence[Window], known: Reading | None) -> bool:
    """Return whether a session that was not seen before shows more than what is known.

    Otherwise it may have been idle for hours.
    """
    before = {each.name: each for each in known.windows} if known else {}
    for name, utilization, resets_at in windows:
        old = before.get(name)
        if old is None or (resets_at and not old.resets_at):
            return True
        if resets_at and old.resets_at:
            if resets_at - old.resets_at > JITTER:
                return True
            if old.resets_at - resets_at > JITTER:
                continue
        if utilization > old.utilization:
            return True
    return False


def _differs(windows: Sequence[Window], known: Sequence[Window]) -> bool:
    """Return whether any of the windows has other numbers than are known."""
    before = {each.name: each for each in known}
    return any(not _is_same(each, before.get(each.name)) for each in windows)


def _has_changed(windows: Sequence[Window], known: Sequence[Window]) -> bool:
    return len(windows) != len(known) or _differs(windows, known)


def _is_same(new: Window, old: Window | None) -> bool:
    if old is None or new.utilization != old.utilization:
        return False
    return is_same_reset(new.resets_at, old.resets_at)
