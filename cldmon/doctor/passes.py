"""The passes: whether one ended lately, runs now or hangs, and who starts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from cldmon.doctor.check import Verdict, fail, ok, warn
from cldmon.doctor.crontabs import output_of
from cldmon.domain.delivery import LONGEST_WAIT
from cldmon.domain.freshness import STALE_INTERVALS, is_stale
from cldmon.errors import BusyError
from cldmon.store import PASS_LOCK, pass_lock
from cldmon.terminal.times import format_age, format_duration, format_timestamps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation
    from cldmon.domain.delivery import Waiting

TIMER = "cldmon-fetch.timer"
LONGEST_PASS = timedelta(minutes=30)
"""A pass that takes longer hangs: a hundred accounts that all time out take five minutes."""

_SCHEDULE = "cldmon schedule systemd --install (or: cldmon schedule cron --install)"


def last_pass(installation: Installation) -> Iterator[Check]:
    """Look when the last pass ended."""
    if installation.data_dir is None:
        return
    last, now = installation.state.snapshot.fetched_at, installation.app.now()
    if last is None:
        yield warn("last pass", "there was none yet", "run: cldmon fetch")
        return
    detail = f"ended {format_age(now - last)}"
    if not is_stale(now - last, installation.app.outline.interval):
        yield ok("last pass", detail)
    elif last > now:
        remedy = "set the clock right, best by NTP: timedatectl set-ntp true"
        dated = f"it is dated {format_timestamps([last], None)[0]}, in the future"
        yield fail("last pass", dated, remedy)
    else:
        yield fail(
            "last pass", f"{detail}, over {STALE_INTERVALS} intervals", "see the timer below"
        )


def lock(installation: Installation) -> Iterator[Check]:
    """Look whether a pass runs now, and for how long."""
    path = installation.data_dir / PASS_LOCK if installation.data_dir else None
    if path is None or not path.exists():
        return
    taken = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        with pass_lock(path.parent):
            yield ok("lock", "no pass is running")
    except BusyError as error:
        age = installation.app.now() - taken
        detail = f"{error}, for {format_duration(age)}"
        if age > LONGEST_PASS:
            yield fail("lock", f"{detail}: it hangs", "end that process; the next pass takes over")
        else:
            yield ok("lock", detail)


def outbox(installation: Installation) -> Iterator[Check]:
    """Look whether messages wait in vain."""
    if installation.data_dir:
        yield _outbox(installation.state.waiting, installation.app.now())


def timer(installation: Installation) -> Iterator[Check]:
    """Look who starts the passes."""
    timers = (_systemd(installation, of_user=False), _systemd(installation, of_user=True))
    found = [*chain(*timers), *_cron(installation)] or [_nothing(installation)]
    working = [check for check in found if check.verdict is Verdict.OK]
    yield from working or found


def _outbox(waiting: Waiting, now: datetime) -> Check:
    dropped = f"; {waiting.dropped} dropped so far" if waiting.dropped else ""
    if not waiting.count:
        return ok("outbox", f"no message waits{dropped}")
    age = waiting.age(now)
    detail = f"{waiting.count} message(s) wait, the oldest since {format_duration(age)}{dropped}"
    if age > LONGEST_WAIT:
        return fail("outbox", detail, "see Slack above; after 7 days a message is dropped")
    return warn("outbox", detail, "the next pass sends them")


def _systemd(installation: Installation, *, of_user: bool) -> Iterator[Check]:
    """Yield how the timers of this configuration are, those of one of the two managers."""
    manager = "--user" if of_user else "--system"
    own, others = (
        {each.timer for each in services if each.of_user == of_user}
        for services in (installation.services, installation.other_services)
    )
    for name in sorted({TIMER, *own} - others):
        argv = ["systemctl", manager, "show", "-p", "ActiveState", "--value", name]
        state = output_of(argv, installation.app.env).strip()
        where = f"{name} ({manager.removeprefix('--')})"
        if state == "active":
            yield ok("timer", f"systemd: {where} is active")
        elif state == "failed":
            yield fail(
                "timer", f"systemd: {where} has failed", f"systemctl {manager} status {name}"
            )


def _cron(installation: Installation) -> Iterator[Check]:
    for where in dict.fromkeys(where for where, _ in installation.crontab_calls):
        yield ok("timer", f"cron: {where}")


def _nothing(installation: Installation) -> Check:
    if others := installation.other_services:
        detail = f"{others[0].timer} starts the passes of another configuration"
        return warn("timer", detail, f"{_SCHEDULE}, with --name for a second instance")
    return warn("timer", "nothing was found that starts passes", _SCHEDULE)
