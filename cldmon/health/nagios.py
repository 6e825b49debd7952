"""The verdict in the form of a monitoring plugin: a line of state, text and figures. Pure.

Source: the Monitoring Plugins Development Guidelines, "Plugin Output" and "Threshold".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from cldmon.domain.delivery import LONGEST_WAIT
from cldmon.domain.windows import short_title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.domain.freshness import AccountView, WindowView
    from cldmon.domain.model import Reading
    from cldmon.health.verdict import Verdict

_SECOND = timedelta(seconds=1)

_IN_TEXT = str.maketrans("|", "¦")
"""A bar ends the text."""

_IN_NAME = str.maketrans({"'": "''", "=": "_", "|": "¦"})
"""A quote within quotes is written twice; an equals sign cannot be written at all."""


class Level(IntEnum):
    """The exit codes of a plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Percent of a window above which the state is WARNING or CRITICAL."""

    warning: int
    critical: int

    def level(self, utilization: int) -> Level:
        """Return the level of a utilization (percent)."""
        if utilization > self.critical:
            return Level.CRITICAL
        return Level.WARNING if utilization > self.warning else Level.OK


def level(verdict: Verdict, thresholds: Thresholds) -> Level:
    """Return the worst of: the verdict, accounts that do not report, windows above a threshold.

    Messages that Slack has not accepted for long are a warning, too.
    """
    if not verdict.ok:
        return Level.CRITICAL
    trouble = verdict.errors or verdict.waited > LONGEST_WAIT
    some_fail = Level.WARNING if trouble else Level.OK
    return max([some_fail, *(state for _, _, state in _find_high(verdict, thresholds))])


def format_line(verdict: Verdict, thresholds: Thresholds) -> str:
    """Return the plugin's line: state, text and, behind a bar, figures of windows and outbox."""
    high = [
        f"{label} {short_title(w.name)} {w.utilization}%"
        for label, w, _ in _find_high(verdict, thresholds)
    ]
    text = "; ".join([verdict.text, *high]).translate(_IN_TEXT)
    figures = " ".join(_format_figures(verdict, thresholds))
    return f"CLDMON {level(verdict, thresholds).name} - {text}" + (
        f" | {figures}" if figures else ""
    )


def format_unknown(reason: str) -> str:
    """Return the plugin's line if the check itself fails."""
    return f"CLDMON {Level.UNKNOWN.name} - {' '.join(reason.split()).translate(_IN_TEXT)}"


def _find_high(verdict: Verdict, thresholds: Thresholds) -> Iterator[tuple[str, WindowView, Level]]:
    """Yield the windows that are above a threshold now, with their level."""
    for account in verdict.accounts:
        for window in account.windows:
            state = thresholds.level(window.utilization)
            if state and _is_known(account, window):
                yield account.label, window, state


def _format_figures(verdict: Verdict, thresholds: Thresholds) -> Iterator[str]:
    """Yield the performance data; `U` is a number that is currently unknown."""
    for account in verdict.accounts:
        for window in account.windows:
            name = f"{account.label} {short_title(window.name)}".translate(_IN_NAME)
            value = f"{window.utilization}%" if _is_known(account, window) else "U"
            yield f"'{name}'={value};{thresholds.warning};{thresholds.critical};0;100"
        if account.live and account.reading:
            yield from _format_extra_figures(account.label, account.reading)
    if verdict.waiting:
        yield f"waiting={verdict.waiting.count};;;0"
        yield f"waited={verdict.waited // _SECOND}s;{LONGEST_WAIT // _SECOND};;0"
        yield f"dropped={verdict.waiting.dropped}c"


def _format_extra_figures(label: str, reading: Reading) -> Iterator[str]:
    """Yield money in whole units, credit pools in percent, and saved resets: without thresholds."""
    money, saved = reading.credits, reading.saved_resets
    if money and money.used is not None:
        whose = "org credits" if money.shared else "credits"
        name = f"{label} {whose} {money.currency}".translate(_IN_NAME)
        unit = 10**money.exponent
        most = "" if money.limit is None else f"{money.limit / unit:.15g}"
        yield f"'{name}'={money.used / unit:.15g};;;0;{most}"
    for pool in reading.pools:
        if pool.utilization is not None:
            yield f"'{f'{label} {pool.title}'.translate(_IN_NAME)}'={pool.utilization}%;;;0;100"
    if saved:
        yield f"'{f'{label} saved resets'.translate(_IN_NAME)}'={saved.left};;;0"


def _is_known(account: AccountView, window: WindowView) -> bool:
    return account.live and not window.due
