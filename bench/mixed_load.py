"""What `cldmon serve` keeps of a long mixed load: memory, threads and file descriptors.

Logins, pages, usage, history, alerts, bad requests and connections that break, at a steady rate,
while passes go on; a row a minute, and what is left once everybody has gone.

Usage: mixed_load.py [--minutes N] [--rate REQUESTS_A_SECOND]
"""

from __future__ import annotations

import argparse
import json
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from cldmon.demo.slack import TOKEN, SimUser
from cldmon.domain.model import Account, Reading, Snapshot, Window
from cldmon.store import history
from cldmon.store.state import State, StateFile
from tests.simulation.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterator

CLDMON = str(Path(sys.executable).with_name("cldmon"))
LABELS = [f"account-{n}" for n in range(20)]
PEOPLE = tuple(SimUser(f"U{n:02}", f"name{n}", f"Name {n}", f"Name {n}") for n in range(40))
VISITORS = 16
PASS_EVERY_SECONDS = 10
REST_SECONDS = 20
"""Longer than the server lets a connection be idle."""

ASKS_A_DEED = 1.2
"""Requests, on average."""

BROKEN = (
    b"",
    b"GET /api/us",
    b"GET / HTTP/1.1\r\nHost: x\r\n",
    b"POST /api/auth HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n{",
    b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"\x16\x03\x01\x02\x00" + bytes(200),
)


class Visitor(threading.Thread):
    """Does one thing after another, at a rate of its own, until told to end."""

    def __init__(self, port: int, pause: float, ending: threading.Event) -> None:
        super().__init__(daemon=True)
        self.statuses: Counter[object] = Counter()
        self._port, self._pause, self._ending = port, pause, ending
        self._random = random.Random()  # noqa: S311 - chance, not secrecy
        self._cookie = ""
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)

    def run(self) -> None:
        """Go on until the end."""
        deeds = (self._enter, self._look, self._look, self._look, self._chart, self._alert)
        more = (self._leave, self._mistake, self._break_off, self._leave_early)
        while not self._ending.wait(self._random.expovariate(1 / self._pause)):
            try:
                self._random.choice(deeds + more)()
            except (OSError, HTTPException) as error:
                self.statuses[type(error).__name__] += 1
                self._connection.close()
        self._connection.close()

    def _ask(self, method: str, path: str, body: object = None, **headers: str) -> None:
        sent = None if body is None else json.dumps(body).encode()
        headers |= {"Cookie": self._cookie, "X-Forwarded-For": self._address()}
        headers |= {"Content-Type": "application/json"} if sent else {}
        self._connection.request(method, path, sent, headers)
        answer = self._connection.getresponse()
        answer.read()
        self._cookie = answer.getheader("Set-Cookie", self._cookie).partition(";")[0]
        self.statuses[answer.status] += 1

    def _address(self) -> str:
        return f"10.{self._random.randrange(256)}.{self._random.randrange(256)}.1"

    def _enter(self) -> None:
        someone = self._random.choice(("", *(person.id for person in PEOPLE)))
        self._ask("GET", f"/api/slack/users?q={someone}")
        self._ask("POST", "/api/auth", {"slackId": someone})

    def _look(self) -> None:
        self._ask("GET", self._random.choice(("/api/usage", "/", "/js/main.js", "/metrics")))

    def _chart(self) -> None:
        packed = {"Accept-Encoding": "gzip"} if self._random.random() < 0.5 else {}
        path = self._random.choice(("range=7d&points=800", "range=7d", "range=1h"))
        self._ask("GET", f"/api/history?{path}", **packed)

    def _alert(self) -> None:
        wish = {"label": LABELS[0], "key": "reset", "enabled": self._random.random() < 0.5}
        self._ask("POST", "/api/subscriptions", wish)

    def _leave(self) -> None:
        self._ask("POST", "/api/logout")

    def _mistake(self) -> None:
        self._ask(*self._random.choice((("GET", "/%2e%2e/"), ("PUT", "/"), ("POST", "/api/auth"))))
        self._ask("POST", "/api/auth", ["no object"])

    def _break_off(self) -> None:
        with self._raw() as sock:
            sock.sendall(self._random.choice(BROKEN))
            self._ending.wait(self._random.random() * 2)

    def _leave_early(self) -> None:
        head = f"GET /api/history?range=7d HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self._cookie}"
        with self._raw() as sock:
            sock.sendall(f"{head}\r\n\r\n".encode())
            sock.recv(100)

    @contextmanager
    def _raw(self) -> Iterator[socket.socket]:
        """Connect, and at the end close either politely or by a reset."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=20) as sock:
            yield sock
            if self._random.random() < 0.5:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.statuses["broken off"] += 1


def main() -> None:
    """Load, and print."""
    options = _options()
    with (
        tempfile.TemporaryDirectory() as name,
        FakeSlack(users=PEOPLE) as slack,
        _serving(Path(name), slack) as (port, pid),
    ):
        print(tabulate([_kept(pid)], headers="keys", tablefmt="plain"))
        ending, pause = threading.Event(), VISITORS * ASKS_A_DEED / options.rate
        visitors = [Visitor(port, pause, ending) for _ in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        for minute in range(1, options.minutes + 1):
            _minute_of_passes(Path(name))
            print(minute, *_kept(pid).values(), sep="\t", flush=True)
        ending.set()
        for visitor in visitors:
            visitor.join()
        time.sleep(REST_SECONDS)
        print(tabulate([_kept(pid)], headers="keys", tablefmt="plain"))
        print(dict(sum((visitor.statuses for visitor in visitors), Counter())))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--rate", type=float, default=50.0)
    return parser.parse_args()


@contextmanager
def _serving(folder: Path, slack: FakeSlack) -> Iterator[tuple[int, int]]:
    """Start the server on a week of history; yield its port and process."""
    for minute in range(7 * 1440, 0, -10):
        _pass(folder, datetime.now(UTC) - timedelta(minutes=minute))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    accounts = (
        f'[[accounts]]\nlabel = "{label}"\nsession_key = "sk-ant-sid01-{label}"\n'
        for label in LABELS
    )
    config = folder / "config.toml"
    config.write_text(
        f'port = {port}\ndata_dir = "."\nslack_url = "{slack.url}"\n'
        f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN}"\n{"".join(accounts)}',
        encoding="utf-8",
    )
    config.chmod(0o600)
    with subprocess.Popen(
        [CLDMON, "--config", config, "serve"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        process.stderr.readline()
        try:
            yield port, process.pid
        finally:
            process.terminate()


def _minute_of_passes(folder: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        _pass(folder, datetime.now(UTC))
        time.sleep(PASS_EVERY_SECONDS)


def _pass(folder: Path, at: datetime) -> None:
    """Leave behind what a pass would."""
    windows = {"fiveHour": Window(at.minute, at + timedelta(hours=2)), "sevenDay": Window(42, None)}
    accounts = tuple(Account(label, Reading(at, windows)) for label in LABELS)
    StateFile(folder).save(State(snapshot=Snapshot(at, accounts)))
    with (folder / f"history-{at:%Y-%m-%d}.jsonl").open("a", encoding="utf-8") as file:
        file.write(history.format_line(at, dict.fromkeys(LABELS, windows)) + "\n")


def _kept(pid: int) -> dict[str, float]:
    """Return what a process holds: memory in MiB, threads, file descriptors."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    number = {key: int(value) for key, value in re.findall(r"(\w+):\s+(\d+)", status)}
    fds = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return {"MiB": round(number["VmRSS"] / 1024, 1), "threads": number["Threads"], "fds": fds}


if __name__ == "__main__":
    main()
