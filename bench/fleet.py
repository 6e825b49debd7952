"""Ten thousand accounts: the resources of a fleet of machines, estimated from the measurements.

Every machine has its share of the accounts, in one configuration or in several with staggered
timers; one Prometheus scrapes them all. Seeded, so the same in every run.
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

MAX_REQUEST_RATE = 1.0
"""Requests a second that one address may send on average: an assumption, see the page."""

JITTER = 60.0
"""Seconds by which systemd's RandomizedDelaySec spreads the passes."""

CORES, MEMORY_GIB = 2, 4
CORE_MONTH = 8.0
"""Euros: the approximate price of a core with two GiB per month in 2026."""

SERIES_PER_ACCOUNT = 14
"""Three windows with percentage, reset and forecast, and five of the account."""

SAMPLE_BYTES = 1.5
LINE_BYTES = 73
"""Of one account in a line of the history."""

DEFAULTS = {
    "pass wall base": 0.9,
    "pass wall slope": 0.07,
    "pass cpu base": 0.8,
    "pass cpu slope": 0.12,
    "pass memory base": 300.0,
    "pass memory slope": 0.2,
}
"""Used until they are measured."""


@dataclass(frozen=True)
class Pass:
    """A pass that knows the organizations: its seconds, CPU seconds and MiB."""

    accounts: int
    wall: float
    cpu: float
    memory: float

    @property
    def rate(self) -> float:
        """Requests a second while it runs."""
        return self.accounts / self.wall


@dataclass(frozen=True)
class Fleet:
    """Machines, each with some configurations whose timers are staggered evenly."""

    machines: int
    configurations: int

    @property
    def accounts(self) -> int:
        """Accounts in each configuration."""
        return math.ceil(ACCOUNTS / self.machines / self.configurations)


def estimate(figures: Mapping[str, float]) -> PartResult:
    """Return the limits of one machine, and the resources of several fleets."""
    known = {**DEFAULTS, **figures}
    limits = _limits(known)
    by_rate = math.ceil(ACCOUNTS / (MAX_REQUEST_RATE * INTERVAL))
    fewest = math.ceil(ACCOUNTS / min(by for name, by, _ in limits if name != "the service"))
    fleets = [Fleet(fewest, 1), Fleet(by_rate, 1), Fleet(by_rate, 6), Fleet(100, 1), Fleet(100, 5)]
    return PartResult(
        lists={
            "limits": [
                ["limit", "accounts", "assumption"],
                *([name, f"{by:,.0f}", how] for name, by, how in limits),
            ],
            "fleets": [HEAD, *(_fleet_row(fleet, known) for fleet in fleets)],
            "whole": _totals(known),
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


def estimate_pass(accounts: int, figures: Mapping[str, float]) -> Pass:
    """Return the cost of a pass."""

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
        (
            "the service",
            MAX_REQUEST_RATE * INTERVAL,
            f"{MAX_REQUEST_RATE:g} request per second from one address",
        ),
    ]


def _fleet_row(fleet: Fleet, figures: Mapping[str, float]) -> list[str]:
    one = estimate_pass(fleet.accounts, figures)
    second, minute = _simulate_peaks(fleet, one)
    cores = fleet.configurations * one.cpu / INTERVAL
    return [
        f"{fleet.machines} × {fleet.configurations} × {fleet.accounts}",
        f"{one.wall:.0f} s",
        f"{cores:.2f} of {CORES}",
        f"{one.memory:.0f} MiB",
        f"{one.rate:.0f}/s",
        f"{minute / 60:.1f}/s",
        f"{second:.0f}/s",
        f"{fleet.machines * CORES * CORE_MONTH:,.0f}",
    ]


def _simulate_peaks(fleet: Fleet, one: Pass, rounds: int = 4) -> tuple[float, float]:
    """Return the peak number of requests in a second, and in a minute from one address."""
    rng = random.Random(7)  # noqa: S311 - a simulation
    seconds: Counter[int] = Counter()
    minutes: Counter[tuple[int, int]] = Counter()
    for machine in range(fleet.machines):
        phase = rng.uniform(0, INTERVAL)
        for number in range(fleet.configurations * rounds):
            due = number * INTERVAL / fleet.configurations
            begins = phase + due + rng.uniform(0, min(JITTER, INTERVAL / fleet.configurations))
            for asked in range(fleet.accounts):
                at = int(begins + asked / one.rate)
                seconds[at] += 1
                minutes[machine, at // 60] += 1
    return max(seconds.values()), max(minutes.values())


def _totals(figures: Mapping[str, float]) -> Table:
    """Return the total resources, which do not depend on the distribution."""
    one = estimate_pass(100, figures)
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
