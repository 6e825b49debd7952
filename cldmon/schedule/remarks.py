"""What a person ought to know before a job is scheduled; pure."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.claude import apparmor
from cldmon.schedule import cron
from cldmon.schedule.job import CONFIG_DIR, MIN_INTERVAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.schedule.job import Job


def of_interval(job: Job) -> Iterator[str]:
    """Yield what is to be said of the interval."""
    if job.interval < MIN_INTERVAL:
        yield (
            f"a pass every {_minutes(job.interval)} may get accounts rate limited: set"
            f" fetch_interval_minutes to {_number(MIN_INTERVAL)} or more (10 is safe)"
        )


def of_data_dir(job: Job, expected: Path) -> Iterator[str]:
    """Yield where people will look for the data in vain; `expected` is what they are led to."""
    if job.data_dir != expected:
        yield (
            f"commands that are run by hand look for the data in {expected}: set"
            f" data_dir = {json.dumps(str(job.data_dir), ensure_ascii=False)} in {job.config}"
        )


def of_browser(job: Job) -> Iterator[str]:
    """Yield what lets the browser have its sandbox, where that is for root to do."""
    if job.browser:
        yield (
            f"the sandbox of {job.browser} needs an AppArmor profile here:"
            f" {apparmor.command(job.browser)}"
        )


def of_cron(job: Job) -> Iterator[str]:
    """Yield what cron cannot do."""
    kept = cron.kept(job.interval)
    if kept != job.interval:
        yield (
            f"cron cannot start a pass every {_minutes(job.interval)}: it will be every"
            f" {_minutes(kept)}; set fetch_interval_minutes to {_number(kept)}"
        )


def of_service(job: Job, config_owner: str) -> Iterator[str]:
    """Yield what the user of a system's service will not be able to open."""
    handed_over = job.config.parent == CONFIG_DIR
    if config_owner != job.user and not handed_over:
        yield (
            f"{job.config} belongs to {config_owner}, and passes run as {job.user}: move it to"
            f" {CONFIG_DIR}, or give it to whom the passes shall run as"
        )
    program = Path(job.program[0])
    if job.user != config_owner and program.is_relative_to("/root"):
        yield f"{program} is in the home folder of root: install cldmon where {job.user} may go"


def _minutes(length: timedelta) -> str:
    return f"{_number(length)} minute{'' if length == timedelta(minutes=1) else 's'}"


def _number(length: timedelta) -> str:
    return f"{length / timedelta(minutes=1):g}"
