"""The usage that Claude Code has cached: the service's answer, in `.claude.json`."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from cldmon import files
from cldmon.claude.usage import parse
from cldmon.config.locate import expand_user
from cldmon.domain.instants import from_epoch
from cldmon.domain.windows import FIVE_HOUR, SEVEN_DAY
from cldmon.errors import ReportError
from cldmon.reporter.readings import CACHE, Progress, Reading, add_reading
from cldmon.reporter.status_line import Window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

_ADVICE = "open /usage in Claude Code once, and check that it is up to date"


class CachedUsage(NamedTuple):
    """The cached reading, and a hash of the id of the account that it is of."""

    reading: Reading
    account_hash: str | None


def find_cache(env: Mapping[str, str]) -> Path:
    """Return the file in which Claude Code keeps it."""
    return expand_user(env.get("CLAUDE_CONFIG_DIR") or "~", env).absolute() / ".claude.json"


def read_cache(path: Path, now: datetime) -> CachedUsage:
    """Return what Claude Code has cached. Raises `ReportError` or `StoreError`."""
    content = files.read(path)
    if content is None:
        raise ReportError(f"there is no {path}: run this as the user that runs Claude Code")
    try:
        cached = json.loads(content)["cachedUsageUtilization"]
        fetched_at = from_epoch(cached["fetchedAtMs"])
        account = cached.get("accountUuid")
        found = parse(cached["utilization"], taken_at=now)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        fetched_at = found = account = None
    windows = tuple(
        Window(name, found.windows[name].utilization, found.windows[name].resets_at)
        for name in (FIVE_HOUR, SEVEN_DAY)
        if found and name in found.windows
    )
    if not windows or fetched_at is None:
        raise ReportError(f"{path} has no usage of a subscription: {_ADVICE}")
    if fetched_at > now:
        raise ReportError(f"the usage in {path} is from the future: check this machine's clock")
    account_hash = (
        sha256(account.encode(errors="replace")).hexdigest() if isinstance(account, str) else None
    )
    return CachedUsage(Reading(windows, None, fetched_at), account_hash)


def add_cached(progress: Progress, cached: CachedUsage, label: str) -> Progress:
    """Return the progress with what is cached; raises `ReportError` for another account's."""
    known, found = progress.account_hash, cached.account_hash
    if known and found and found != known:
        raise ReportError(
            f"Claude Code is logged in to another account than was reported as {label}: if that"
            f" is right, run `cldmon report --reset --account {label}`"
        )
    return add_reading(progress, CACHE, cached.reading)._replace(account_hash=found or known)
