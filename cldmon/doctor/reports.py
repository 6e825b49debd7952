"""The accounts that people's own machines report: whether reports come, and can be used."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon.doctor.check import fail, fail_to_load, ok, warn
from cldmon.errors import CldmonError, StoreError
from cldmon.reports.store import MAX_AHEAD, ReportFiles, file_name
from cldmon.reports.tokens import TokensFile
from cldmon.terminal.times import format_age, format_timestamps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation

LONG_SILENCE = timedelta(days=7)
"""Longer than this, and the person may not be on holiday."""

_LOOK = "on that machine, run: cldmon report --status"


def check_reports(installation: Installation) -> Iterator[Check]:
    """Check each account that takes reports, and that no file has a wrong name."""
    config, folder, now = installation.config, installation.open_data_dir, installation.app.now()
    labels = [account.label for account in config.accounts if account.source] if config else []
    if folder is None or not labels:
        return
    files, with_token = ReportFiles(folder), set[str]()
    try:
        with_token = {token.account for token in TokensFile(folder).load().values()}
    except StoreError as error:
        remedy = "then create new ones: cldmon report --token LABEL"
        yield fail_to_load("report tokens", error, remedy)
    for label in labels:
        yield _check_account(files, label, now, has_token=label in with_token)
    for path in files.find_strays(labels):
        expected = ", ".join(map(file_name, labels))
        yield warn(
            "reports", f"{path} belongs to no account", f"remove it, or rename it: {expected}"
        )


def _check_account(files: ReportFiles, label: str, now: datetime, *, has_token: bool) -> Check:
    name = f"reports of {label}"
    try:
        reports = files.load(label)
    except CldmonError as error:
        remedy = f"nothing, if the next report replaces it; if none comes, {_LOOK}"
        return fail_to_load(name, error, remedy)
    if not reports:
        create = f"cldmon report --token {shlex.quote(label)}, and follow what it prints"
        return warn(name, "none yet", _LOOK if has_token else create)
    newest = reports[0].read_at
    if newest - now > MAX_AHEAD:
        [at] = format_timestamps([newest], None)
        return fail(name, f"refused: dated {at}, in the future", "set the clock of that machine")
    if now - newest > LONG_SILENCE:
        return warn(name, f"the last one {format_age(now - newest)}", _LOOK)
    machines = len({report.machine for report in reports})
    return ok(name, f"the last one {format_age(now - newest)}; {machines} machine(s)")
