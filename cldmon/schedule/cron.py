"""A job's crontab block, and editing it among other lines; pure.

Source: crontab(5).
"""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from cldmon.errors import ScheduleError
from cldmon.schedule.checksum import add_checksum
from cldmon.schedule.job import SEND_DIGEST

if TYPE_CHECKING:
    from cldmon.schedule.job import Job

BEGIN = "# BEGIN cldmon schedule"
END = "# END cldmon schedule"
"""The markers around a block; those of a named instance end with its name."""

_MINUTES = [n for n in range(1, 60) if 60 % n == 0]
_HOURS = [n for n in range(1, 24) if 24 % n == 0]
_SCHEDULES = {
    **{timedelta(minutes=n): f"*/{n} * * * *" if n > 1 else "* * * * *" for n in _MINUTES},
    **{timedelta(hours=n): f"0 */{n} * * *" if n > 1 else "0 * * * *" for n in _HOURS},
    timedelta(days=1): "0 0 * * *",
    timedelta(days=7): "0 0 * * 0",
}
"""The intervals that divide the hour, the day or the week evenly."""

_NOTE = """\
# Passes never overlap: cldmon holds a lock. It prints something only if it needs your attention, so
# cron mails you only then (MAILTO).
"""
_DIGEST_NOTE = "# The weekly digest, for channels with digest = true."
_WEEKLY = "5 9 * * 1"


class Crontab(NamedTuple):
    """A crontab, split into cldmon's block, if there is one, and the lines around it."""

    before: str
    block: str | None
    after: str


def round_up_interval(interval: timedelta) -> timedelta:
    """Return the shortest interval a crontab can express that is at least as long."""
    return min((each for each in _SCHEDULES if each >= interval), default=timedelta(days=7))


def format_block(job: Job) -> str:
    """Return the lines of a job, with their checksum but without markers."""
    lines = [f"{_SCHEDULES[round_up_interval(job.interval)]} {_format_command(job, 'fetch')}"]
    if job.digest:
        lines += [_DIGEST_NOTE, f"{_WEEKLY} {_format_command(job, *SEND_DIGEST)}"]
    return add_checksum(_NOTE + "\n".join(lines) + "\n")


def _format_command(job: Job, *words: str) -> str:
    parts = [f"{name}={shlex.quote(value)}" for name, value in job.variables]
    parts += map(shlex.quote, job.command(*words))
    # cron reads % as the end of the line.
    return " ".join(parts).replace("%", r"\%")


def add_markers(text: str, name: str = "") -> str:
    """Return a block between the markers of an instance."""
    begin, end = _get_markers(name)
    return f"{begin}\n{text}{end}\n"


def split(crontab: str, name: str = "") -> Crontab:
    """Split a crontab at the markers of an instance. Raise ScheduleError if they do not match."""
    begin, end = _get_markers(name)
    pattern = f"^(?:{re.escape(begin)}|{re.escape(end)})$"
    pieces = re.split(f"{pattern}\n?", crontab, flags=re.MULTILINE)
    markers = re.findall(pattern, crontab, flags=re.MULTILINE)
    if not markers:
        return Crontab(crontab, None, "")
    if markers != [begin, end]:
        raise ScheduleError(
            f"the crontab does not contain exactly one pair of `{begin}` and `{end}`:"
            " fix it with `crontab -e`"
        )
    return Crontab(*pieces)


def replace_block(crontab: str, text: str, name: str = "") -> str:
    """Return a crontab with a block in place of the existing one, or at the end."""
    before, _, after = split(crontab, name)
    if before and not before.endswith("\n"):
        before += "\n"
    return before + add_markers(text, name) + after


def remove_block(crontab: str, name: str = "") -> str:
    """Return a crontab without the block of an instance."""
    before, _, after = split(crontab, name)
    return before + after


def _get_markers(name: str) -> tuple[str, str]:
    return (f"{BEGIN} {name}", f"{END} {name}") if name else (BEGIN, END)
