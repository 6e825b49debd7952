"""A pass of `cldmon fetch` against a bare Playwright script with the same requests.

Each round runs the bare script, a pass that looks the organizations up, as the script does, and a
pass that knows them, one right after the other. Costs are those of the whole process tree.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from operator import truediv
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench import tls
from bench.measurement import CLDMON, HERE, Cost, Line, environment, fit_line, measure_cost
from bench.results import Effort, PartResult, Row
from cldmon.claude.browser import BrowserSettings, find_browser, tune_concurrency
from cldmon.demo.claude import SimAccount, SimOrganization
from cldmon.domain.model import Window
from cldmon.domain.subscriptions import Subscription
from cldmon.store.history import format_line, get_day_path
from cldmon.store.subscriptions import to_json
from tests.collector.env import CollectorEnv
from tests.fakes import windows
from tests.simulation.claude import FakeClaude
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

ANSWER_SECONDS = 0.15
REFERENCE = "bare Playwright script, same browser and concurrency"
FIRST = {"wall": 1.15, "cpu": 1.15, "memory": 1.15}
KNOWN = {"wall": 1.0, "cpu": 1.0, "memory": 1.15}
"""One request less takes less time, but the page needs the same memory."""

SUBSCRIBERS = 100
SUBSCRIPTION = Subscription(
    limit_hit=True, reset=True, thresholds=(50, 60, 70, 80, 90, 95), run_out=True, changes=True
)
MESSAGES = 1_000
SUBSCRIBED = 1.05
"""What a pass may cost if each of the subscribers wants every alert of every account."""

ROUNDS = {1: 11, 5: 11, 20: 7, 50: 5, 100: 3, 200: 3}
SECURE_ROUNDS = {1: 7, 5: 9, 20: 5, 50: 5, 100: 3, 200: 2}
GROWTH = (20, 50, 100, 200)
MAX_DEVIATION = 0.15
"""The largest relative distance of a measurement from a straight line."""

UNITS = {"wall": "s", "cpu": "CPU s", "memory": "MiB"}
Round = tuple[Cost, Cost, Cost]
"""The costs of the bare script, of a first pass, and of one that knows the organizations."""


@dataclass(frozen=True)
class Setting:
    """The simulated service, the browser, and a configuration for both."""

    url: str
    executable: str
    keys: Sequence[str]
    folder: Path

    def run_round(self) -> Round:
        """Run the bare script and both passes, and return their costs."""
        (self.folder / "data/state.json").unlink(missing_ok=True)
        concurrency = str(tune_concurrency(BrowserSettings(), len(self.keys)))
        bare = [sys.executable, str(HERE / "bare_pass.py"), self.executable, self.url, concurrency]
        return measure_cost([*bare, *self.keys]), self.fetch(), self.fetch()

    def fetch(self, *more: str) -> Cost:
        """Run a pass and return its cost."""
        command = [CLDMON, "--config", str(self.write_config()), "fetch", "--strict", *more]
        return measure_cost(command, environment(CLDMON_BROWSER=self.executable))

    def write_config(self) -> Path:
        """Write the configuration and return its path."""
        accounts = (f'[[accounts]]\nlabel = "{k[-4:]}"\nsession_key = "{k}"\n' for k in self.keys)
        path = self.folder / "config.toml"
        path.write_text(f'claude_url = "{self.url}"\ndata_dir = "data"\n{"".join(accounts)}')
        path.chmod(0o600)
        return path


def measure(effort: Effort) -> PartResult:
    """Measure passes over few and many accounts, and how their cost grows."""
    counts = list(ROUNDS)[:3] if effort.quick else list(ROUNDS)
    found = {count: measure_rounds(count, effort.rounds(ROUNDS[count])) for count in counts}
    rows = [row for count in found for row in _rows(f"pass over {count}", found[count])]
    if effort.quick:
        return PartResult(rows)
    accounts = max(found)
    rows.append(_subscribers_row(accounts, median(each[2].cpu for each in found[accounts])))
    rows.append(_outbox_row(accounts))
    rows += [_growth_row(unit, _fit(found, name, 1)) for name, unit in UNITS.items()]
    # The fleet is calculated for passes that know the organizations.
    lines = {name: _fit(found, name, 2) for name in UNITS}
    figures = {f"pass {name} base": line.base for name, line in lines.items()}
    figures |= {f"pass {name} slope": line.slope for name, line in lines.items()}
    return PartResult(rows, figures)


def measure_secure(effort: Effort) -> PartResult:
    """Measure the same with TLS."""
    counts = list(SECURE_ROUNDS)[:1] if effort.quick else list(SECURE_ROUNDS)
    rows = []
    for count in counts:
        found = measure_rounds(count, effort.rounds(SECURE_ROUNDS[count]), secure=True)
        rows += _rows(f"pass over {count}, TLS", found)
    return PartResult(rows)


def measure_rounds(accounts: int, rounds: int, *, secure: bool = False) -> list[Round]:
    """Return the costs of some rounds, after a pass over one account that fills caches."""
    with service(accounts, secure=secure) as setting:
        setting.fetch("--account", setting.keys[0][-4:])
        return [setting.run_round() for _ in range(rounds)]


@contextmanager
def service(accounts: int, *, secure: bool = False) -> Iterator[Setting]:
    """Run a simulated service with some accounts."""
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


def _subscribers_row(accounts: int, cpu: float) -> Row:
    """Compare a pass of so many CPU seconds with one that watches for alerts; it sends none."""
    more = measure_collector(accounts, SUBSCRIBERS) - measure_collector(accounts, 0)
    return Row.of_ratio(
        f"pass over {accounts}, {SUBSCRIBERS} subscribers to all with six thresholds each",
        "the same without subscribers, and without a history to forecast from",
        f"{more:.2f} CPU s more",
        1 + more / cpu,
        SUBSCRIBED,
    )


def measure_collector(accounts: int, subscribers: int, passes: int = 9) -> float:
    """Return the CPU seconds of this process in a pass that needs no browser."""
    labels = [f"account-{number:03}" for number in range(accounts)]
    users = {
        f"U{number:03}": {"accounts": dict.fromkeys(labels, to_json(SUBSCRIPTION))}
        for number in range(subscribers)
    }
    costs = []
    with tempfile.TemporaryDirectory() as name:
        env = CollectorEnv(Path(name), labels=labels)
        file = env.data_dir / "subscriptions.json"
        file.write_text(json.dumps({"users": users}))
        file.chmod(0o600)
        if subscribers:
            _write_week(env)
        for number in range(passes):
            begun = time.process_time()
            env.run(dict.fromkeys(labels, _windows(env.clock.at, number)))
            costs.append(time.process_time() - begun)
    return median(costs)


def _windows(now: datetime, percent: int) -> dict[str, Window | int]:
    ends = {"fiveHour": now + timedelta(hours=4), "sevenDay": now + timedelta(days=3)}
    return {name: Window(percent, end) for name, end in ends.items()}


def _write_week(env: CollectorEnv) -> None:
    """Write the lines of passes every ten minutes for seven days."""
    for number in range(7 * 144, 0, -1):
        at = env.clock.at - number * timedelta(minutes=10)
        line = format_line(at, dict.fromkeys(env.labels, windows(_windows(at, 1))))
        with get_day_path(env.data_dir, at.date()).open("a") as file:
            file.write(f"{line}\n")


def _outbox_row(accounts: int) -> Row:
    """Compare what a pass does about its messages, apart from sending, with sending them."""
    more = measure_outbox(accounts, MESSAGES) - measure_outbox(accounts, 0)
    return Row.of_ratio(
        f"pass over {accounts} that delivers {MESSAGES:,} messages, apart from sending them",
        f"{MESSAGES:,} messages to a service that takes {ANSWER_SECONDS * 1000:.0f} ms for each",
        f"{more:.1f} s more",
        more / (MESSAGES * ANSWER_SECONDS),
        1,
    )


def measure_outbox(accounts: int, messages: int) -> float:
    """Return the seconds of a pass whose outbox holds messages, each to somebody else.

    They are sent in no time, and each delivery is saved.
    """
    labels = [f"account-{number:03}" for number in range(accounts)]
    users = [f"U{number:04}" for number in range(messages)]
    with tempfile.TemporaryDirectory() as name:
        env = CollectorEnv(Path(name), labels=labels)
        file = env.data_dir / "subscriptions.json"
        wish = {"accounts": {labels[0]: to_json(SUBSCRIPTION)}}
        file.write_text(json.dumps({"users": dict.fromkeys(users, wish)}))
        file.chmod(0o600)
        env.run(dict.fromkeys(labels, 99))
        begun = time.perf_counter()
        env.run({**dict.fromkeys(labels, 99), labels[0]: 100})
        return time.perf_counter() - begun


def _rows(what: str, found: Sequence[Round]) -> list[Row]:
    return [_row(what, found, 1, FIRST), _row(f"{what}, organization known", found, 2, KNOWN)]


def _row(what: str, found: Sequence[Round], place: int, bounds: Mapping[str, float]) -> Row:
    def cost(name: str, place: int) -> list[float]:
        return [getattr(each[place], name) for each in found]

    ratios = {name: median(map(truediv, cost(name, place), cost(name, 0))) for name in bounds}
    wall, cpu, memory = (median(cost(name, place)) for name in UNITS)
    return Row(
        what,
        REFERENCE,
        f"{wall:.2f} s / {cpu:.2f} CPU s / {memory:.0f} MiB",
        f"{' / '.join(f'{ratio:.2f}' for ratio in ratios.values())} ×",
        f"≤ {' / '.join(f'{bound:g}' for bound in bounds.values())} ×",
        all(ratios[name] <= bound for name, bound in bounds.items()),
    )


def _fit(found: Mapping[int, Sequence[Round]], name: str, place: int) -> Line:
    return fit_line({n: median(getattr(each[place], name) for each in found[n]) for n in GROWTH})


def _growth_row(unit: str, line: Line) -> Row:
    return Row(
        f"growth of a pass from {GROWTH[0]} to {GROWTH[-1]}: {unit}",
        "a straight line",
        f"{line.slope:.3f} {unit} per further account",
        f"{line.deviation:.0%} off at most",
        f"≤ {MAX_DEVIATION:.0%} off",
        line.deviation <= MAX_DEVIATION,
    )
