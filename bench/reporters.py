"""Machines that report at a steady rate, or a client that reads beside them.

Usage: reporters.py PORT SECONDS DATA_DIR RATE < TOKENS (a JSON object: label → token)
       reporters.py PORT SECONDS

Each 200 is checked at once: the account's file has to hold that report, or a newer one. The
report's number is in the time of its reset. Prints a JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any

RESETS = datetime(2030, 1, 1, tzinfo=UTC)
READ = ("/api/usage", "/healthz", "/api/history?range=1h", "/")
READ_PAUSE = 0.02


class Reporter(Thread):
    """One machine: reports `rate` times a second, or as fast as it is answered."""

    def __init__(self, port: int, data: Path, label: str, token: str, rate: float) -> None:
        super().__init__(daemon=True)
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.lost = 0
        self._port, self._label, self._token, self._pause = port, label, token, 1 / rate
        self._file = data / "reports" / f"{label}.json"

    def report(self, until: float) -> None:
        """Report until an instant of the monotonic clock."""
        self._until = until
        self.start()

    def run(self) -> None:
        """Send one report after another over one connection."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        next_at, number = time.monotonic(), 0
        while (now := time.monotonic()) < self._until:
            time.sleep(max(0.0, next_at - now))
            next_at = max(next_at + self._pause, now)
            number += 1
            begun = time.perf_counter()
            connection.request("POST", "/api/report", self._body(number), headers)
            response = connection.getresponse()
            response.read()
            self.seconds.append(time.perf_counter() - begun)
            self.statuses[response.status] += 1
            if response.status == 200:
                self.lost += self._read_number() < number
        connection.close()

    def _body(self, number: int) -> bytes:
        now = datetime.now(UTC).isoformat()
        resets = (RESETS + timedelta(seconds=number)).isoformat()
        window = {"name": "fiveHour", "utilization": number % 101, "resetsAt": resets}
        body = {"version": 1, "account": self._label, "machine": "bench", "windows": [window]}
        return json.dumps({**body, "readAt": now, "sentAt": now}).encode()

    def _read_number(self) -> int:
        [window] = json.loads(self._file.read_bytes())["windows"]
        return int((datetime.fromisoformat(window["resetsAt"]) - RESETS).total_seconds())


def percentile(values: list[float], share: float) -> float:
    """Return the value below which this share of the values lies, in ms."""
    return 1000 * sorted(values)[min(len(values) - 1, int(share * len(values)))]


def read(port: int, seconds: float) -> dict[str, float]:
    """Ask for other things, with pauses, and return how long that took."""
    connection, took = HTTPConnection("127.0.0.1", port, timeout=60), list[float]()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        path = READ[len(took) % len(READ)]
        begun = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        took.append(time.perf_counter() - begun)
        assert response.status == 200, (path, response.status)
        time.sleep(READ_PAUSE)
    connection.close()
    return {"reads": len(took), "p50_ms": percentile(took, 0.5), "p99_ms": percentile(took, 0.99)}


def report(
    port: int, seconds: float, data: Path, rate: float, tokens: dict[str, str]
) -> dict[str, Any]:
    """Let a machine of each account report, and return how that went."""
    reporters = [Reporter(port, data, label, token, rate) for label, token in tokens.items()]
    started = time.monotonic()
    for each in reporters:
        each.report(started + seconds)
    for each in reporters:
        each.join()
    took = time.monotonic() - started
    statuses: Counter[int] = sum((each.statuses for each in reporters), Counter())
    answers = [each for reporter in reporters for each in reporter.seconds]
    return {
        "statuses": {str(status): count for status, count in statuses.items()},
        "lost": sum(each.lost for each in reporters),
        "rate": statuses[200] / took,
        "p99_ms": percentile(answers, 0.99),
    }


if __name__ == "__main__":
    port, seconds, *more = sys.argv[1:]
    if more:
        data, rate = more
        tokens = json.load(sys.stdin)
        print(json.dumps(report(int(port), float(seconds), Path(data), float(rate), tokens)))
    else:
        print(json.dumps(read(int(port), float(seconds))))
