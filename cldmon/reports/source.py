"""The reports as a pass reads them."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from cldmon.domain.instants import format_iso
from cldmon.errors import StoreError
from cldmon.reports.body import InvalidReportError
from cldmon.reports.store import MAX_AHEAD, ReportFiles, file_name
from cldmon.reports.tokens import TokensFile

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.reports import Report

_MAX_NAMED = 3
"""Files named in the warnings of a pass, which cron mails each time."""

_log = logging.getLogger(__name__)


class ReportSource:
    """Reads what machines have reported, and forgets what accounts leave behind.

    What cannot be used is a warning: it affects no other account.
    """

    def __init__(self, data_dir: Path) -> None:
        self._files = ReportFiles(data_dir)
        self._tokens = TokensFile(data_dir)

    def read(self, labels: Collection[str], now: datetime) -> Mapping[str, tuple[Report, ...]]:
        """Return the reports of the accounts that have any; none is later than `now` (UTC)."""
        found = {}
        for label in labels:
            try:
                reports = self._files.load(label)
            except (StoreError, InvalidReportError) as error:
                _log.warning("%s", error)
                continue
            usable = []
            for report in reports:
                if report.read_at - now > MAX_AHEAD:
                    path, at = self._files.path(label), format_iso(report.read_at)
                    _log.warning(
                        "%s: refused: it was read at %s, in the future: set the clock of that"
                        " machine",
                        path,
                        at,
                    )
                else:
                    usable.append(replace(report, read_at=min(report.read_at, now)))
            if usable:
                found[label] = tuple(usable)
        return found

    def clean_up(
        self, removed: Collection[str], configured: Collection[str], reporting: Collection[str]
    ) -> None:
        """Forget accounts that are no longer configured; name the files that no account reads.

        `removed` are those that the last pass still knew, `reporting` those that take reports.
        """
        try:
            for label in {*removed, *self._tokens.keep_only(configured)}:
                self._files.remove(label)
            strays = self._files.find_strays(reporting)
            names = [file_name(label) for label in reporting]
            expected = ", ".join(names[:_MAX_NAMED]) or "none, with this configuration"
            if len(names) > _MAX_NAMED:
                expected += f" or {len(names) - _MAX_NAMED} others"
            for path in strays[:_MAX_NAMED]:
                _log.warning("%s belongs to no account: expected %s", path, expected)
            if (more := len(strays) - _MAX_NAMED) > 0:
                _log.warning(
                    "%s has %d more files that belong to no account", self._files.folder, more
                )
        except StoreError as error:
            _log.warning("%s", error)
