"""The memory, threads and file descriptors of `cldmon serve` under a long mixed load.

Logins, pages, usage, history, subscriptions, bad requests and aborted connections, at a steady
rate, while passes go on. Prints a row a minute, and what is left after the last client.

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
CLIENTS = 16
PASS_EVERY_SECONDS = 10
REST_SECONDS = 20
"""Longer than the idle timeout of the server."""

REQUESTS_PER_ACTION = 1.2
"""On average."""

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


class Client(threading.Thread):
    """Performs random actions until `stopping` is set."""

    def __init__(self, port: int, pause: float, stopping: threading.Event) -> None:
        super().__init__(daemon=True)
        self.statuses: Counter[object] = Counter()
        self._port, self._pause, self._stopping = port, pause, stopping
        self._random = random.Random()  # noqa: S311 - chance, not secrecy
        self._cookie = ""
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)

    def run(self) -> None:
        """Perform actions until told to stop."""
        actions = [self._log_in, *[self._get_page] * 3, self._get_history, self._subscribe]
        actions += [self._log_out, self._send_bad_request, self._send_broken, self._abort_download]
        while not self._stopping.wait(self._random.expovariate(1 / self._pause)):
            try:
                self._random.choice(actions)()
            except (OSError, HTTPException) as error:
                self.statuses[type(error).__name__] += 1
                self._connection.close()
        self._connection.close()

    def _request(self, method: str, path: str, body: object = None, **headers: str) -> None:
        data = None if body is None else json.dumps(body).encode()
        headers |= {"Cookie": self._cookie, "X-Forwarded-For": self._address()}
        headers |= {"Content-Type": "application/json"} if data else {}
        self._connection.request(method, path, data, headers)
        response = self._connection.getresponse()
        response.read()
        self._cookie = response.getheader("Set-Cookie", self._cookie).partition(";")[0]
        self.statuses[response.status] += 1

    def _address(self) -> str:
        return f"10.{self._random.randrange(256)}.{self._random.randrange(256)}.1"

    def _log_in(self) -> None:
        user = self._random.choice(("", *(person.id for person in PEOPLE)))
        self._request("GET", f"/api/slack/users?q={user}")
        self._request("POST", "/api/auth", {"slackId": user})

    def _get_page(self) -> None:
        self._request("GET", self._random.choice(("/api/usage", "/", "/js/main.js", "/metrics")))

    def _get_history(self) -> None:
        encoding = {"Accept-Encoding": "gzip"} if self._random.random() < 0.5 else {}
        path = self._random.choice(("range=7d&points=800", "range=7d", "range=1h"))
        self._request("GET", f"/api/history?{path}", **encoding)

    def _subscribe(self) -> None:
        subscription = {"label": LABELS[0], "key": "reset", "enabled": self._random.random() < 0.5}
        self._request("POST", "/api/subscriptions", subscription)

    def _log_out(self) -> None:
        self._request("POST", "/api/logout")

    def _send_bad_request(self) -> None:
        self._request(
            *self._random.choice((("GET", "/%2e%2e/"), ("PUT", "/"), ("POST", "/api/auth")))
        )
        self._request("POST", "/api/auth", ["no object"])

    def _send_broken(self) -> None:
        with self._connect() as sock:
            sock.sendall(self._random.choice(BROKEN))
            self._stopping.wait(self._random.random() * 2)

    def _abort_download(self) -> None:
        head = f"GET /api/history?range=7d HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self._cookie}"
        with self._connect() as sock:
            sock.sendall(f"{head}\r\n\r\n".encode())
            sock.recv(100)

    @contextmanager
    def _connect(self) -> Iterator[socket.socket]:
        """Connect, and close the connection either properly or by a reset."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=20) as sock:
            yield sock
            if self._random.random() < 0.5:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.statuses["aborted"] += 1


def main() -> None:
    """Run the load and print the samples."""
    options = _options()
    with (
        tempfile.TemporaryDirectory() as name,
        FakeSlack(users=PEOPLE) as slack,
        _serve(Path(name), slack) as (port, pid),
    ):
        print(tabulate([_sample(pid)], headers="keys", tablefmt="plain"))
        stopping, pause = threading.Event(), CLIENTS * REQUESTS_PER_ACTION / options.rate
        clients = [Client(port, pause, stopping) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for minute in range(1, options.minutes + 1):
            _run_passes_for_a_minute(Path(name))
            print(minute, *_sample(pid).values(), sep="\t", flush=True)
        stopping.set()
        for client in clients:
            client.join()
        time.sleep(REST_SECONDS)
        print(tabulate([_sample(pid)], headers="keys", tablefmt="plain"))
        print(dict(sum((client.statuses for client in clients), Counter())))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--rate", type=float, default=50.0)
    return parser.parse_args()


@contextmanager
def _serve(folder: Path, slack: FakeSlack) -> Iterator[tuple[int, int]]:
    """Run a server with a week of history; yield its port and process id."""
    for minute in range(7 * 1440, 0, -10):
        _store_pass(folder, datetime.now(UTC) - timedelta(minutes=minute))
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


def _run_passes_for_a_minute(folder: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        _store_pass(folder, datetime.now(UTC))
        time.sleep(PASS_EVERY_SECONDS)


def _store_pass(folder: Path, at: datetime) -> None:
    """Store the result of a pass."""
    windows = {"fiveHour": Window(at.minute, at + timedelta(hours=2)), "sevenDay": Window(42, None)}
    accounts = tuple(Account(label, Reading(at, windows)) for label in LABELS)
    StateFile(folder).save(State(snapshot=Snapshot(at, accounts)))
    with (folder / f"history-{at:%Y-%m-%d}.jsonl").open("a", encoding="utf-8") as file:
        file.write(history.format_line(at, dict.fromkeys(LABELS, windows)) + "\n")


def _sample(pid: int) -> dict[str, float]:
    """Return the memory in MiB, the threads and the file descriptors of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    number = {key: int(value) for key, value in re.findall(r"(\w+):\s+(\d+)", status)}
    fds = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return {"MiB": round(number["VmRSS"] / 1024, 1), "threads": number["Threads"], "fds": fds}


if __name__ == "__main__":
    main()
