"""The passes: whether one ended recently, is running or hangs, and what starts them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cldmon.doctor.check import Verdict, fail, ok, warn
from cldmon.domain.delivery import LONGEST_WAIT
from cldmon.domain.freshness import STALE_INTERVALS, is_stale
from cldmon.errors import BusyError
from cldmon.store.data_dir import PASS_LOCK, pass_lock
from cldmon.terminal.times import format_age, format_duration, format_timestamps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation

TIMER = "cldmon-fetch.timer"
LONGEST_PASS = timedelta(minutes=30)
"""A longer pass hangs: even a hundred accounts that all time out take only five minutes."""

_SCHEDULE = "cldmon schedule systemd --install (or: cldmon schedule cron --install)"


def check_last_pass(installation: Installation) -> Iterator[Check]:
    """Check that the last pass ended recently."""
    if installation.data_dir is None or not installation.knows_state:
        return
    last, now = installation.state.snapshot.fetched_at, installation.app.now()
    if last is None:
        yield warn("last pass", "none yet", "run: cldmon fetch")
        return
    detail = f"ended {format_age(now - last)}"
    if not is_stale(now - last, installation.app.outline.interval):
        yield ok("last pass", detail)
    elif last > now:
        detail = f"it is dated {format_timestamps([last], None)[0]}, in the future"
        yield fail("last pass", detail, "set the clock by NTP: timedatectl set-ntp true")
    else:
        detail += f", over {STALE_INTERVALS} intervals"
        yield fail("last pass", detail, "see the timer below")


def check_lock(installation: Installation) -> Iterator[Check]:
    """Check that no pass has been running for too long."""
    path = installation.data_dir / PASS_LOCK if installation.data_dir else None
    if path is None or not os.access(path, os.F_OK):
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


def check_timer(installation: Installation) -> Iterator[Check]:
    """Check that something starts the passes: a systemd timer or a crontab line."""
    checks = [*_check_timers(installation, "--system"), *_check_timers(installation, "--user")]
    crontabs = dict.fromkeys(crontab for crontab, _ in installation.crontab_calls)
    checks += (ok("timer", f"cron: {crontab}") for crontab in crontabs)
    if not checks and installation.other_services:
        detail = f"{installation.other_services[0].timer} runs passes for another configuration"
        checks.append(warn("timer", detail, f"{_SCHEDULE}, with --name for a second instance"))
    elif not checks:
        checks.append(warn("timer", "found nothing that starts passes", _SCHEDULE))
    yield from [check for check in checks if check.verdict is Verdict.OK] or checks


def _check_timers(installation: Installation, manager: str) -> Iterator[Check]:
    """Yield the state of this configuration's timers in one of systemd's two managers."""
    ours, others = (
        {each.timer for each in services if each.of_user == (manager == "--user")}
        for services in (installation.services, installation.other_services)
    )
    for name in sorted({TIMER, *ours} - others):
        argv = ["systemctl", manager, "show", "-p", "ActiveState", "--value", name]
        state = installation.capture_output(argv).strip()
        detail = f"systemd: {name} ({manager.removeprefix('--')})"
        if state == "active":
            yield ok("timer", f"{detail} is active")
        elif state == "failed":
            yield fail("timer", f"{detail} has failed", f"systemctl {manager} status {name}")


def check_outbox(installation: Installation) -> Iterator[Check]:
    """Check that messages are delivered."""
    if installation.data_dir is None or not installation.knows_state:
        return
    waiting = installation.state.waiting
    dropped = f"; {waiting.dropped} dropped so far" if waiting.dropped else ""
    age = waiting.age(installation.app.now())
    detail = f"{waiting.count} message(s) waiting, the oldest for {format_duration(age)}{dropped}"
    if not waiting.count:
        yield ok("outbox", f"no messages waiting{dropped}")
    elif age > LONGEST_WAIT:
        yield fail(
            "outbox", detail, "see Slack and the channels above; after 7 days a message is dropped"
        )
    else:
        yield warn("outbox", detail, "wait for the next pass, which sends them")
