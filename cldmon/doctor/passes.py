"""The passes: whether one ended lately, runs now or hangs, and who starts them."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.config.secrets import run_program
from cldmon.doctor.check import Verdict, bad, good, unsure
from cldmon.domain.delivery import LONGEST_WAIT
from cldmon.domain.freshness import STALE_INTERVALS, is_stale
from cldmon.domain.instants import nearest_minute
from cldmon.errors import BusyError, StoreError
from cldmon.store import PASS_LOCK, pass_lock
from cldmon.terminal.times import length, read_ago

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cldmon.doctor.check import Check
    from cldmon.doctor.patient import Patient
    from cldmon.domain.delivery import Waiting

TIMER = "cldmon-fetch.timer"
LONGEST_PASS = timedelta(minutes=30)
"""A pass that takes longer hangs: a hundred accounts that all time out take five minutes."""

_CRONTABS = (Path("/etc/crontab"), Path("/etc/cron.d"))
_SCHEDULE = "cldmon schedule systemd --install (or: cldmon schedule cron --install)"


def last_pass(patient: Patient) -> Iterator[Check]:
    """Look when the last pass ended."""
    if patient.data_dir is None:
        return
    last, now = patient.state.snapshot.fetched_at, patient.app.now()
    if last is None:
        yield unsure("last pass", "there was none yet", "run: cldmon fetch")
        return
    detail = f"ended {read_ago(now - last)}"
    if not is_stale(now - last, patient.app.outline.interval):
        yield good("last pass", detail)
    elif last > now:
        remedy = "set the clock right, best by NTP: timedatectl set-ntp true"
        dated = f"it is dated {nearest_minute(last):%Y-%m-%d %H:%M} UTC, in the future"
        yield bad("last pass", dated, remedy)
    else:
        yield bad("last pass", f"{detail}, over {STALE_INTERVALS} intervals", "see the timer below")


def lock(patient: Patient) -> Iterator[Check]:
    """Look whether a pass runs now, and for how long."""
    path = patient.data_dir / PASS_LOCK if patient.data_dir else None
    if path is None or not path.exists():
        return
    taken = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        with pass_lock(path.parent):
            yield good("lock", "no pass is running")
    except BusyError as error:
        age = patient.app.now() - taken
        detail = f"{error}, for {length(age)}"
        if age > LONGEST_PASS:
            yield bad("lock", f"{detail}: it hangs", "end that process; the next pass takes over")
        else:
            yield good("lock", detail)


def outbox(patient: Patient) -> Iterator[Check]:
    """Look whether messages wait in vain."""
    if patient.data_dir:
        yield _outbox(patient.state.waiting, patient.app.now())


def timer(patient: Patient) -> Iterator[Check]:
    """Look who starts the passes."""
    env = patient.app.env
    found = [*_systemd(env, "--system"), *_systemd(env, "--user"), *_cron(env)]
    if not found:
        yield unsure("timer", "nothing was found that starts passes", _SCHEDULE)
    working = [check for check in found if check.verdict is Verdict.OK]
    yield from working or found


def _outbox(waiting: Waiting, now: datetime) -> Check:
    dropped = f"; {waiting.dropped} dropped so far" if waiting.dropped else ""
    if not waiting.count:
        return good("outbox", f"no message waits{dropped}")
    age = waiting.age(now)
    detail = f"{waiting.count} message(s) wait, the oldest since {length(age)}{dropped}"
    if age > LONGEST_WAIT:
        return bad("outbox", detail, "see Slack above; after 7 days a message is dropped")
    return unsure("outbox", detail, "the next pass sends them")


def _systemd(env: Mapping[str, str], manager: str) -> Iterator[Check]:
    state = _printed(
        ["systemctl", manager, "show", "-p", "ActiveState", "--value", TIMER], env
    ).strip()
    where = f"{TIMER} ({manager.removeprefix('--')})"
    if state == "active":
        yield good("timer", f"systemd: {where} is active")
    elif state == "failed":
        yield bad("timer", f"systemd: {where} has failed", f"systemctl {manager} status {TIMER}")


def _cron(env: Mapping[str, str]) -> Iterator[Check]:
    if _fetches(_printed(["crontab", "-l"], env)):
        yield good("timer", "cron: in the crontab of this user")
    for file in _system_crontabs():
        if _fetches(_text(file)):
            yield good("timer", f"cron: {file}")


def _system_crontabs() -> Iterator[Path]:
    for place in _CRONTABS:
        try:
            yield from sorted(place.iterdir()) if place.is_dir() else [place]
        except OSError:
            continue


def _fetches(crontab: str) -> bool:
    lines = (line.strip() for line in crontab.splitlines())
    return any("cldmon" in x and "fetch" in x for x in lines if not x.startswith("#"))


def _text(file: Path) -> str:
    try:
        return (files.read(file) or b"").decode(errors="replace")
    except StoreError:
        return ""


def _printed(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Return what a program prints; nothing where it is not to be had or does not succeed."""
    try:
        return run_program(argv, env, Path("/")).decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        return ""
