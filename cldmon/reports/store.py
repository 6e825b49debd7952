"""The folder `reports` in data_dir: one file for each account, replaced as a whole.

`serve` writes what it receives; anything else may put a file there as well, such as scp.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from cldmon import files
from cldmon.errors import StoreError
from cldmon.reports.body import MAX_MACHINES, InvalidReportError, encode, parse_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.reports import Report

SUFFIX = ".json"
_LONGEST_NAME = 200
"""Bytes, of the 255 that a file system allows."""
_KEPT = timedelta(days=1)
"""How much older than the newest one another machine's report may be."""
MAX_AHEAD = timedelta(minutes=2)
"""How far ahead the clock of a machine may be that drops a file here."""
_OLDEST = timedelta(days=366)
"""An older report counts as this old."""


def file_name(label: str) -> str:
    """Return the name of an account's file: its label percent-encoded, so no label is a path.

    A name that would be too long ends with a hash of the label instead.
    """
    name = quote(label, safe="")
    if len(name) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME - 65] + "-" + hashlib.sha256(label.encode()).hexdigest()
    return name + SUFFIX


class ReportFiles:
    """The files of reports in a data_dir.

    `patience` is how many seconds a writer may wait for another one. Methods raise StoreError.
    """

    def __init__(self, data_dir: Path, patience: float = 30.0) -> None:
        self.folder = data_dir / "reports"
        self._patience = patience
        self._known: dict[str, tuple[files.Version | None, tuple[Report, ...]]] = {}

    def path(self, label: str) -> Path:
        """Return the path of an account's file."""
        return self.folder / file_name(label)

    def load(self, label: str) -> tuple[Report, ...]:
        """Return the reports of an account, the newest first.

        Raises InvalidReportError if the file holds none, or another account's.
        """
        path = self.path(label)
        text = files.read(path)
        if text is None:
            return ()
        try:
            found = parse_file(text)
        except InvalidReportError as error:
            raise InvalidReportError(f"{path}: {error}: send it again") from None
        if any(report.account != label for report in found):
            raise InvalidReportError(
                f'{path}: account: expected "{label}", as in the name of the file'
            )
        return found

    def receive(self, report: Report) -> None:
        """Keep a report that is sent now.

        When this returns, it or a newer one survives a loss of power. What was kept with a later
        time than now is dropped: the clock was set back since. So is a file that cannot be used.
        """
        path = self.path(report.account)
        files.create_private_dir(self.folder)
        with files.lock(path.with_suffix(".lock"), wait=self._patience):
            known = self._load_cached(report.account, path)
            latest = report.sent_at + MAX_AHEAD
            usable = tuple(each for each in known if each.read_at <= latest)
            merged = _add(usable, report)
            if merged != known:
                files.replace(path, encode(merged))
                self._known[report.account] = files.get_version(path), merged

    def _load_cached(self, label: str, path: Path) -> tuple[Report, ...]:
        """Return what is in a file; one that cannot be used has nothing that is worth keeping."""
        version = files.get_version(path)
        known_version, known = self._known.get(label, (None, ()))
        if version == known_version:
            return known
        try:
            return self.load(label)
        except (InvalidReportError, StoreError):  # if the disk fails, so will the writing
            return ()

    def remove(self, label: str) -> None:
        """Remove an account's reports."""
        path = self.path(label)
        for each in (path, path.with_suffix(".lock")):
            with files.wrap_os_errors("remove", each):
                each.unlink(missing_ok=True)

    def find_strays(self, labels: Iterable[str]) -> list[Path]:
        """Return the files that belong to none of these accounts."""
        known = {file_name(label) for label in labels}
        with files.wrap_os_errors("list", self.folder):
            if not self.folder.is_dir():
                return []
            found = sorted(self.folder.glob(f"[!.]*{SUFFIX}"))
        return [path for path in found if path.name not in known]


def correct_clock(report: Report, now: datetime) -> Report:
    """Return a report that arrives at `now`, with its times by this machine's clock."""
    age = min(max(timedelta(0), report.sent_at - report.read_at), _OLDEST)
    return replace(report, read_at=now - age, sent_at=now)


def _add(known: tuple[Report, ...], report: Report) -> tuple[Report, ...]:
    """Return an account's reports, the newest first, with a new one.

    It takes the place of older ones by the same machine that know no other limits.
    """
    if any(each.read_at >= report.read_at and _covers(each, report) for each in known):
        return known
    others = [each for each in known if each.read_at > report.read_at or not _covers(report, each)]
    merged = sorted([report, *others], key=lambda each: each.read_at, reverse=True)
    oldest = merged[0].read_at - _KEPT
    return tuple(each for each in merged[: MAX_MACHINES + 1] if each.read_at >= oldest)


def _covers(report: Report, other: Report) -> bool:
    """Return whether a report says all that another one of the same machine does."""
    return report.machine == other.machine and other.windows.keys() <= report.windows.keys()
