"""The crontab line of a job, in a block of its own between the lines of others; pure.

Source: crontab(5).
"""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from cldmon.errors import ScheduleError
from cldmon.schedule.checksum import with_checksum

if TYPE_CHECKING:
    from cldmon.schedule.job import Job

BEGIN = "# BEGIN cldmon schedule"
END = "# END cldmon schedule"
"""The markers around a block; those of a named instance end in its name."""

_MINUTES = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
_HOURS = (1, 2, 3, 4, 6, 8, 12)
_RHYTHMS = {
    **{timedelta(minutes=n): f"*/{n} * * * *" if n > 1 else "* * * * *" for n in _MINUTES},
    **{timedelta(hours=n): f"0 */{n} * * *" if n > 1 else "0 * * * *" for n in _HOURS},
    timedelta(days=1): "0 0 * * *",
    timedelta(days=7): "0 0 * * 0",
}
"""Every interval that a crontab can keep without a short one at the end of the hour or day."""

_NOTE = """\
# Two passes never run at once: cldmon holds a lock. It prints nothing while all is well, so cron
# mails only what needs you (MAILTO).
"""


class Parts(NamedTuple):
    """A crontab: the block of cldmon, if there is one, and what stands around it."""

    before: str
    block: str | None
    after: str


def kept(interval: timedelta) -> timedelta:
    """Return the interval that a crontab keeps: the next longer one where it cannot do better."""
    return min((each for each in _RHYTHMS if each >= interval), default=timedelta(days=7))


def block(job: Job) -> str:
    """Return the sealed lines of a job, without the markers around them."""
    words = [*(f"{name}={shlex.quote(value)}" for name, value in job.variables)]
    words += map(shlex.quote, job.command("fetch"))
    # cron reads % as the end of the line.
    command = " ".join(words).replace("%", r"\%")
    return with_checksum(f"{_NOTE}{_RHYTHMS[kept(job.interval)]} {command}\n")


def framed(text: str, name: str = "") -> str:
    """Return a block with the markers of an instance around it."""
    begin, end = _markers(name)
    return f"{begin}\n{text}{end}\n"


def parts(crontab: str, name: str = "") -> Parts:
    """Return the parts of a crontab; raises ScheduleError where the markers do not fit."""
    begin, end = _markers(name)
    pattern = f"^(?:{re.escape(begin)}|{re.escape(end)})$"
    pieces = re.split(f"{pattern}\n?", crontab, flags=re.MULTILINE)
    marks = re.findall(pattern, crontab, flags=re.MULTILINE)
    if not marks:
        return Parts(crontab, None, "")
    if marks != [begin, end]:
        raise ScheduleError(
            f"the crontab does not hold exactly one pair of `{begin}` and `{end}`:"
            " put it right with `crontab -e`"
        )
    return Parts(*pieces)


def with_block(crontab: str, text: str, name: str = "") -> str:
    """Return a crontab with the block in the place of the present one, else at its end."""
    found = parts(crontab, name)
    before = found.before
    if before and not before.endswith("\n"):
        before += "\n"
    return before + framed(text, name) + found.after


def without_block(crontab: str, name: str = "") -> str:
    """Return a crontab without the block of an instance."""
    found = parts(crontab, name)
    return found.before + found.after


def _markers(name: str) -> tuple[str, str]:
    return (f"{BEGIN} {name}", f"{END} {name}") if name else (BEGIN, END)
