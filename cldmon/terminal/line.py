"""Usage in one line, for tmux, prompts and status bars.

It is made of the snapshot's JSON, for it has to start fast: no dataclasses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cldmon.domain.honest import WARNING, annotated, level
from cldmon.domain.instants import from_iso
from cldmon.domain.names import FIVE_HOUR, FULL, SEVEN_DAY, flatten, short_title
from cldmon.terminal.style import MARKS
from cldmon.terminal.times import countdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from cldmon.terminal.style import Look

    Json = Mapping[str, Any]


def line(body: Json, labels: Iterable[str], now: datetime, look: Look) -> str:
    """Return `alice 5h 41% 7d 63% · bob 5h 100%!! (2h14m) 7d 8% · carol ✗`.

    `body` is a snapshot's JSON. A limit of one model is named from the warning level on. `!` and
    `!!` mark a limit that comes near, `?` an old reading, `–` what is not known, `✗` an account
    in error.
    """
    known = {entry["label"]: entry for entry in annotated(body, now)["accounts"]}
    accounts = (f"{look.clean(x)} {_account(known.get(x), now, look)}" for x in labels)
    return look.pick(" · ", " | ").join(accounts)


def _account(entry: Json | None, now: datetime, look: Look) -> str:
    if entry and entry["status"] == "ok":
        return " ".join(_windows(entry, now, look))
    return look.pick("✗", "x") if entry and entry["errorKind"] else look.missing


def _windows(entry: Json, now: datetime, look: Look) -> Iterator[str]:
    for name, window in flatten(entry).items():
        percent = window["utilization"]
        if name in (FIVE_HOUR, SEVEN_DAY) or (percent is not None and percent >= WARNING):
            used = look.missing if percent is None else _used(window, now, live=not entry["stale"])
            yield f"{look.clean(short_title(name))} {used}"


def _used(window: Json, now: datetime, *, live: bool) -> str:
    percent, resets_at = window["utilization"], from_iso(window["resetsAt"])
    if window["resetDue"]:
        return "due"
    if not live:
        return f"{percent}%?"
    used = f"{percent}%{MARKS[level(percent)]}"
    if percent < FULL or resets_at is None:
        return used
    return f"{used} ({countdown(resets_at - now).replace(' ', '')})"
