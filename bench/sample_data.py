"""Sample data: configurations, day files and states, the same in every run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cldmon.domain.events import WindowAlerts
from cldmon.domain.model import Account, Reading, Snapshot, Window
from cldmon.domain.ports import Organization
from cldmon.store.state import AccountState, KeyFingerprint, State, StateFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def make_labels(count: int) -> list[str]:
    """Return `count` labels."""
    return [f"account {number:03d}" for number in range(count)]


def write_config(folder: Path, names: Sequence[str], *head: str) -> Path:
    """Write a configuration with its data folder beside it, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    accounts = (f'[[accounts]]\nlabel = "{name}"\nsession_key_env = "NONE"\n' for name in names)
    path = folder / "config.toml"
    path.write_text("\n".join(['data_dir = "."', *head, *accounts]), encoding="utf-8")
    path.chmod(0o600)
    return path


def write_history(
    folder: Path, names: Sequence[str], every: timedelta, days: int, now: datetime
) -> int:
    """Write the day files of `days` days up to now, and return their size in bytes.

    Usage rises in working hours and falls to zero at each reset.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count, size = DAY // every, 0
    bodies: list[str] = []
    for past in range(days, -1, -1):
        day = (now - past * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
        if past % 7 == days % 7 or not bodies:
            bodies = [_accounts(names, number, count, past) for number in range(count)]
        stamps = (day + number * every for number in range(count))
        text = "".join(
            f'{{"timestamp":{int(at.timestamp() * 1000)},"accounts":[{body}]}}\n'
            for at, body in zip(stamps, bodies, strict=True)
            if now - days * DAY <= at < now
        )
        size += (folder / f"history-{day:%Y-%m-%d}.jsonl").write_text(text, encoding="utf-8")
    return size


def _accounts(names: Sequence[str], number: int, count: int, day: int) -> str:
    """Return the accounts of pass `number` of `count`, `day` days ago, as JSON."""
    minute = number * 1440 // count
    works = 8 * 60 <= minute < 22 * 60
    return ",".join(
        f'{{"label":"{name}","fiveHour":{(minute // 3 + 31 * n) % 101 if works else 0},'
        f'"sevenDay":{(minute // 99 - 14 * day + 977 * n) % 101},'
        f'"models":{{"Fable":{(minute // 150 - 9 * day + 37 * n) % 101}}}}}'
        for n, name in enumerate(names)
    )


def write_state(folder: Path, names: Sequence[str]) -> State:
    """Save the state of a pass that read every account, and return it."""
    now = datetime.now(UTC)
    windows = dict(_windows(now))
    accounts = tuple(Account(name, Reading(now, windows, plan="Pro")) for name in names)
    organization = Organization("00000000-0000-4000-8000-000000000000", "Pro")
    memory = AccountState(
        {name: WindowAlerts(window) for name, window in windows.items()},
        organization,
        now,
        key=KeyFingerprint("0" * 16, now),
    )
    found = State(Snapshot(now, accounts, 10 * MINUTE), dict.fromkeys(names, memory))
    StateFile(folder).save(found)
    return found


def _windows(now: datetime) -> Iterator[tuple[str, Window]]:
    for hours, name in enumerate(("fiveHour", "sevenDay", "models.Fable"), start=2):
        yield name, Window(42, now + timedelta(hours=hours))
