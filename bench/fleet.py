"""Ten thousand accounts: what a fleet of machines needs, estimated from the measurements.

Every machine has its share of the accounts, in one configuration or in several whose timers are
apart; a Prometheus reads them all. Seeded, so the same at every run.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.results import PartResult, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNTS = 10_000
INTERVAL = 600.0
"""Seconds from one pass to the next."""

POLITE = 1.0
"""Requests a second, on average, that one address may fairly send: an assumption, see the page."""

JITTER = 60.0
"""Seconds by which systemd's RandomizedDelaySec spreads the passes."""

CORES, MEMORY_GIB = 2, 4
CORE_MONTH = 8.0
"""Euros: what a core with two GiB costs a month in 2026, about."""

SERIES_PER_ACCOUNT = 14
"""Three windows with percent, reset and forecast, and the account's own five."""

SAMPLE_BYTES = 1.5
LINE_BYTES = 73
"""Of an account in a line of history."""

DEFAULTS = {
    "pass wall base": 0.9,
    "pass wall slope": 0.07,
    "pass cpu base": 0.8,
    "pass cpu slope": 0.12,
    "pass memory base": 300.0,
    "pass memory slope": 0.2,
}
"""Used for what was not measured yet."""


@dataclass(frozen=True)
class Pass:
    """What a pass over `accounts` takes, organizations known: seconds, CPU seconds, MiB."""

    accounts: int
    wall: float
    cpu: float
    memory: float

    @property
    def rate(self) -> float:
        """Requests a second while it runs."""
        return self.accounts / self.wall


@dataclass(frozen=True)
class Shape:
    """How the accounts lie: machines, and configurations on each, their timers evenly apart."""

    machines: int
    configurations: int

    @property
    def accounts(self) -> int:
        """The accounts of one configuration."""
        return math.ceil(ACCOUNTS / self.machines / self.configurations)


def estimate(figures: Mapping[str, float]) -> PartResult:
    """Return the limits of one machine, and what several fleets would take."""
    known = {**DEFAULTS, **figures}
    limits = _limits(known)
    polite = math.ceil(ACCOUNTS / (POLITE * INTERVAL))
    fewest = math.ceil(ACCOUNTS / min(by for name, by, _ in limits if name != "the service"))
    shapes = [Shape(fewest, 1), Shape(polite, 1), Shape(polite, 6), Shape(100, 1), Shape(100, 5)]
    return PartResult(
        lists={
            "limits": [
                ["limit", "accounts", "assumption"],
                *([name, f"{by:,.0f}", how] for name, by, how in limits),
            ],
            "fleets": [HEAD, *(_fleet(shape, known) for shape in shapes)],
            "whole": _whole(known),
        }
    )


HEAD = [
    "machines × configurations × accounts",
    "pass",
    "cores busy per machine",
    "peak memory",
    "requests per address, during a pass",
    "requests per address, worst minute",
    "all requests, busiest second",
    "€ per month",
]


def pass_over(accounts: int, figures: Mapping[str, float]) -> Pass:
    """Return what a pass takes."""

    def of(quantity: str) -> float:
        return figures[f"pass {quantity} base"] + figures[f"pass {quantity} slope"] * accounts

    return Pass(accounts, of("wall"), of("cpu"), of("memory"))


def _limits(figures: Mapping[str, float]) -> list[tuple[str, float, str]]:
    half = INTERVAL / 2
    free = MEMORY_GIB * 1024 / 2
    return [
        (
            "time",
            (half - figures["pass wall base"]) / figures["pass wall slope"],
            "a pass takes half the interval; the other half is reserve for a slow service",
        ),
        (
            "processor",
            (CORES * half - figures["pass cpu base"]) / figures["pass cpu slope"],
            f"half of {CORES} cores",
        ),
        (
            "memory",
            (free - figures["pass memory base"]) / max(0.01, figures["pass memory slope"]),
            f"half of {MEMORY_GIB} GiB",
        ),
        ("the service", POLITE * INTERVAL, f"{POLITE:g} request per second from one address"),
    ]


def _fleet(shape: Shape, figures: Mapping[str, float]) -> list[str]:
    one = pass_over(shape.accounts, figures)
    second, minute = _busiest(shape, one)
    cores = shape.configurations * one.cpu / INTERVAL
    return [
        f"{shape.machines} × {shape.configurations} × {shape.accounts}",
        f"{one.wall:.0f} s",
        f"{cores:.2f} of {CORES}",
        f"{one.memory:.0f} MiB",
        f"{one.rate:.0f}/s",
        f"{minute / 60:.1f}/s",
        f"{second:.0f}/s",
        f"{shape.machines * CORES * CORE_MONTH:,.0f}",
    ]


def _busiest(shape: Shape, one: Pass, rounds: int = 4) -> tuple[float, float]:
    """Return the most requests in a second of all, and in a minute from one address."""
    chance = random.Random(7)  # noqa: S311 - a simulation
    seconds: Counter[int] = Counter()
    minutes: Counter[tuple[int, int]] = Counter()
    for machine in range(shape.machines):
        phase = chance.uniform(0, INTERVAL)
        for number in range(shape.configurations * rounds):
            due = number * INTERVAL / shape.configurations
            begins = phase + due + chance.uniform(0, min(JITTER, INTERVAL / shape.configurations))
            for asked in range(shape.accounts):
                at = int(begins + asked / one.rate)
                seconds[at] += 1
                minutes[machine, at // 60] += 1
    return max(seconds.values()), max(minutes.values())


def _whole(figures: Mapping[str, float]) -> Table:
    """Return what all of it takes, however it is spread."""
    one = pass_over(100, figures)
    day = 86_400 / INTERVAL
    series = ACCOUNTS * SERIES_PER_ACCOUNT
    samples = series * 86_400 / 60
    return [
        ["what", "per day"],
        [
            "requests",
            f"{ACCOUNTS * day + ACCOUNTS:,.0f}: one per pass, plus the organizations once",
        ],
        ["requests per second, on average", f"{ACCOUNTS / INTERVAL:.1f}"],
        ["CPU hours, in passes of 100", f"{ACCOUNTS / 100 * day * one.cpu / 3600:,.0f}"],
        ["history", f"{ACCOUNTS * day * LINE_BYTES / 1e6:,.0f} MB"],
        ["series in Prometheus", f"{series:,}"],
        ["samples, scraped every minute", f"{samples / 1e6:,.0f} million"],
        ["disk space for the samples", f"{samples * SAMPLE_BYTES / 1e6:,.0f} MB"],
    ]
