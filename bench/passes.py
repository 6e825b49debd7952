"""A pass of `cldmon fetch` against a bare Playwright script that asks the same.

In each round the bare script, a pass that looks the organizations up, as the script does, and one
that knows them: one right after the other, over the whole process tree.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench import tls
from bench.measurement import CLDMON, HERE, Cost, Line, environment, fit_line, measure_cost
from bench.results import Effort, PartResult, Row
from cldmon.claude.browser import BrowserSettings, find_browser, tune_concurrency
from cldmon.demo.claude import SimAccount, SimOrganization
from cldmon.demo.usage_json import usage
from tests.simulation.claude import FakeClaude

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ANSWER_SECONDS = 0.15
REFERENCE = "bare Playwright script, same browser and concurrency"
FIRST = {"wall": 1.15, "cpu": 1.15, "memory": 1.15}
KNOWN = {"wall": 1.0, "cpu": 1.0, "memory": 1.15}
"""One question less takes less time; of memory, what one page takes is taken all the same."""

ROUNDS = {1: 11, 5: 11, 20: 7, 50: 5, 100: 3, 200: 3}
SECURE_ROUNDS = {1: 7, 5: 9, 20: 5, 50: 5, 100: 3, 200: 2}
GROWTH = (20, 50, 100, 200)
STRAIGHT = 0.15
"""How far from a straight line a measurement may be, as a part of it."""

QUANTITIES = ("wall", "cpu", "memory")


@dataclass(frozen=True)
class Setting:
    """Where passes are made: the service, the browser, and a configuration for both."""

    url: str
    executable: str
    keys: Sequence[str]
    folder: Path

    def round(self) -> tuple[Cost, Cost, Cost]:
        """Return what the bare script, a pass that looks all up and a later one took."""
        (self.folder / "data/state.json").unlink(missing_ok=True)
        at_once = str(tune_concurrency(BrowserSettings(), len(self.keys)))
        bare = [sys.executable, str(HERE / "bare_pass.py"), self.executable, self.url, at_once]
        return measure_cost([*bare, *self.keys]), self.fetch(), self.fetch()

    def fetch(self, *more: str) -> Cost:
        """Make a pass."""
        command = [CLDMON, "--config", str(self.config()), "fetch", "--strict", *more]
        return measure_cost(command, environment(CLDMON_BROWSER=self.executable))

    def config(self) -> Path:
        """Write the configuration, and return where it is."""
        accounts = (f'[[accounts]]\nlabel = "{k[-4:]}"\nsession_key = "{k}"\n' for k in self.keys)
        path = self.folder / "config.toml"
        path.write_text(f'claude_url = "{self.url}"\ndata_dir = "data"\n{"".join(accounts)}')
        path.chmod(0o600)
        return path


def measure(effort: Effort) -> PartResult:
    """Measure passes over few and many accounts, and how they grow."""
    counts = list(ROUNDS)[:3] if effort.quick else list(ROUNDS)
    found = {count: trips(count, effort.rounds(ROUNDS[count])) for count in counts}
    rows = [row for count in found for row in _rows(count, found[count])]
    if effort.quick:
        return PartResult(rows)
    return PartResult([*rows, *_growth(found)], _figures(found))


def measure_secure(effort: Effort) -> PartResult:
    """Measure the same with TLS."""
    counts = list(SECURE_ROUNDS)[:1] if effort.quick else list(SECURE_ROUNDS)
    found = {n: trips(n, effort.rounds(SECURE_ROUNDS[n]), secure=True) for n in counts}
    return PartResult([row for n in found for row in _rows(n, found[n], ", TLS")])


def trips(accounts: int, rounds: int, *, secure: bool = False) -> list[tuple[Cost, Cost, Cost]]:
    """Return what so many rounds took, after a pass over one account that fills caches."""
    with service(accounts, secure=secure) as setting:
        setting.fetch("--account", setting.keys[0][-4:])
        return [setting.round() for _ in range(rounds)]


@contextmanager
def service(accounts: int, *, secure: bool = False) -> Iterator[Setting]:
    """Run a simulated service of so many accounts while the block runs."""
    keys = [f"sk-ant-sid02-bench{number:04d}" for number in range(accounts)]
    executable = find_browser(BrowserSettings(), os.environ)
    with tempfile.TemporaryDirectory() as name:
        certificate = tls.create_certificate(Path(name)) if secure else None
        context = certificate.context() if certificate else None
        with FakeClaude(delay=ANSWER_SECONDS, tls=context) as claude:
            for number, key in enumerate(keys):
                uuid = f"00000000-0000-4000-8000-{number:012d}"
                claude.add(SimAccount(key, (SimOrganization(uuid),), usage()))
            if certificate:
                executable = certificate.write_trusting_browser(executable)
            yield Setting(claude.url, executable, keys, Path(name))


def _rows(accounts: int, found: Sequence[tuple[Cost, Cost, Cost]], how: str = "") -> list[Row]:
    what = f"pass over {accounts}{how}"
    return [
        _row(what, found, 1, FIRST),
        _row(f"{what}, organization known", found, 2, KNOWN),
    ]


def _row(
    what: str, found: Sequence[tuple[Cost, Cost, Cost]], place: int, bounds: Mapping[str, float]
) -> Row:
    ratios = {
        quantity: median(_of(each[place], quantity) / _of(each[0], quantity) for each in found)
        for quantity in bounds
    }
    return Row(
        what,
        REFERENCE,
        _shown([each[place] for each in found]),
        f"{' / '.join(f'{ratio:.2f}' for ratio in ratios.values())} ×",
        f"≤ {' / '.join(f'{bound:g}' for bound in bounds.values())} ×",
        all(ratios[quantity] <= bound for quantity, bound in bounds.items()),
    )


def _shown(costs: Sequence[Cost]) -> str:
    wall, cpu, memory = (median(_of(each, quantity) for each in costs) for quantity in QUANTITIES)
    return f"{wall:.2f} s / {cpu:.2f} CPU s / {memory:.0f} MiB"


def _of(cost: Cost, quantity: str) -> float:
    return float(getattr(cost, quantity))


def _growth(found: dict[int, list[tuple[Cost, Cost, Cost]]]) -> list[Row]:
    units = {"wall": "s", "cpu": "CPU s", "memory": "MiB"}
    return [_grown(quantity, unit, _line(found, quantity)) for quantity, unit in units.items()]


def _line(found: dict[int, list[tuple[Cost, Cost, Cost]]], quantity: str, place: int = 1) -> Line:
    return fit_line({n: median(_of(each[place], quantity) for each in found[n]) for n in GROWTH})


def _grown(quantity: str, unit: str, line: Line) -> Row:
    return Row(
        f"growth of a pass from {GROWTH[0]} to {GROWTH[-1]}: {unit}",
        "a straight line",
        f"{line.slope:.3f} {unit} per further account",
        f"{line.deviation:.0%} off at most",
        f"≤ {STRAIGHT:.0%} off",
        line.deviation <= STRAIGHT,
    )


def _figures(found: dict[int, list[tuple[Cost, Cost, Cost]]]) -> dict[str, float]:
    """Return what the simulation of a fleet reckons with: passes that know the organizations."""
    lines = {quantity: _line(found, quantity, place=2) for quantity in QUANTITIES}
    return {
        f"pass {quantity} {part}": getattr(line, part)
        for quantity, line in lines.items()
        for part in ("base", "slope")
    }
