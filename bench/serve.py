"""`cldmon serve` against a bare http.server handler that answers the same bytes.

GET /api/usage over connections that stay open: requests a second and the 99th percentile of the
answer's time, as medians of ratios of paired rounds; and what the server keeps in memory. Then the
time of a normal request while a thousand idle connections are held against it, and the history.

Usage: serve.py [--rounds N] [--seconds S]
"""

from __future__ import annotations

import argparse
import json
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from cldmon.domain.model import Account, Reading, Snapshot, Window
from cldmon.store import history
from cldmon.store.state import State, StateFile

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = 10
CONNECTIONS = (1, 16)
BUSY_ACCOUNTS = 100
DAYS = 7
CLDMON = str(Path(sys.executable).with_name("cldmon"))
BARE = str(Path(__file__).with_name("bare_server.py"))


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_state(folder)
        with _cldmon(folder) as (port, process):
            request = _request(port, "/api/usage")
            body = folder / "body"
            body.write_bytes(_ask(port, request))
            with _bare(body) as bare:
                _compare(options, {"bare": bare, "cldmon": port}, request)
            print(f"memory: {_resident_mib(process.pid):.1f} MiB")
            _crowd(port, request)
            print(f"memory: {_resident_mib(process.pid):.1f} MiB")
        _write_history(folder)
        with _cldmon(folder) as (port, process):
            _history(folder, port, process.pid)
            print(f"memory: {_resident_mib(process.pid):.1f} MiB")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=0.5)
    return parser.parse_args()


def _compare(options: argparse.Namespace, ports: dict[str, int], request: bytes) -> None:
    rows = []
    for connections in CONNECTIONS:
        rates, tails = [], []
        for _ in range(options.rounds):
            rate, tail = {}, {}
            for name, port in ports.items():
                times = _load(port, request, connections, options.seconds)
                rate[name] = len(times) / options.seconds
                tail[name] = statistics.quantiles(times, n=100)[-1]
            rates.append(rate)
            tails.append(tail)
        rows.append(
            [
                connections,
                statistics.median(r["bare"] for r in rates),
                statistics.median(r["cldmon"] for r in rates),
                statistics.median(r["cldmon"] / r["bare"] for r in rates),
                statistics.median(t["bare"] for t in tails) * 1000,
                statistics.median(t["cldmon"] for t in tails) * 1000,
                statistics.median(t["cldmon"] / t["bare"] for t in tails),
            ]
        )
    names = "connections", "bare/s", "cldmon/s", "ratio", "bare p99 ms", "p99 ms", "ratio"
    print(tabulate(rows, names, floatfmt=".2f"))


def _load(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    """Ask over so many connections at once, and return how long each answer took, in seconds."""
    times = []
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(request)
            selector.register(sock, selectors.EVENT_READ, [time.perf_counter(), 0, 0])
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            for key, _ in selector.select(1):
                state, sock = key.data, key.fileobj
                data = sock.recv(1 << 16)
                if not state[1]:
                    length = re.search(rb"Content-Length: (\d+)", data)
                    state[1] = data.index(b"\r\n\r\n") + 4 + int(length[1])
                state[2] += len(data)
                if state[2] >= state[1]:
                    now = time.perf_counter()
                    times.append(now - state[0])
                    sock.sendall(request)
                    state[:] = [time.perf_counter(), 0, 0]
        for key in list(selector.get_map().values()):
            key.fileobj.close()
    return times


def _crowd(port: int, request: bytes) -> None:
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(1000)]
    for sock in crowd[::2]:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: ")
    times = [_timed(port, request) for _ in range(50)]
    for sock in crowd:
        sock.close()
    print(f"among 1000 idle connections: worst of 50 requests {max(times) * 1000:.0f} ms")


def _history(folder: Path, port: int, pid: int) -> None:
    files = sorted(folder.glob("history-*.jsonl"))
    size = sum(file.stat().st_size for file in files)

    def parsed() -> None:
        lines = [json.loads(line) for file in files for line in file.open(encoding="utf-8")]
        json.dumps(lines)

    naive = min(_duration(parsed) for _ in range(2))
    week = min(_timed(port, _request(port, "/api/history?range=7d")) for _ in range(5))
    hour = min(_timed(port, _request(port, "/api/history?range=1h")) for _ in range(5))
    print(
        f"history of {size / 1e6:.0f} MB: week {week * 1000:.0f} ms, {naive / week:.1f} times as"
        f" fast as parsing; hour {hour * 1000:.1f} ms"
    )
    print(f"memory: {_resident_mib(pid):.1f} MiB")
    chart = _timed(port, _request(port, "/api/history?range=7d&points=400"))
    one = min(
        _timed(
            port, _request(port, "/api/history?range=7d&points=400&account=account-1@example.org")
        )
        for _ in range(2)
    )
    print(f"chart of all accounts {chart * 1000:.0f} ms, of one {one * 1000:.0f} ms")


def _duration(work) -> float:  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _timed(port: int, request: bytes) -> float:
    return _duration(lambda: _ask(port, request, last=True))


def _ask(port: int, request: bytes, *, last: bool = False) -> bytes:
    """Ask once, and return the body as it came."""
    if last:
        request = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(request)
        sock.settimeout(20)
        data = bytearray(sock.recv(1 << 16))
        while last and (more := sock.recv(1 << 20)):
            data += more
    assert data.startswith(b"HTTP/1.1 200"), data[:200]
    return bytes(data).partition(b"\r\n\r\n")[2]


def _request(port: int, path: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {_cookie(port)}\r\n"
    return f"{head}User-Agent: bench\r\nAccept: */*\r\n\r\n".encode()


def _cookie(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(f"GET /api/session HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        found = re.search(rb"Set-Cookie: ([^;]+)", sock.recv(1 << 16))
    assert found
    return found[1].decode()


@contextmanager
def _cldmon(folder: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    accounts = "".join(
        f'[[accounts]]\nlabel = "a{n}"\nsession_key = "sk-ant-sid01-x"\n' for n in range(ACCOUNTS)
    )
    config = folder / "config.toml"
    config.write_text(f'data_dir = "{folder}"\nport = {port}\n{accounts}', encoding="utf-8")
    config.chmod(0o600)
    with subprocess.Popen(
        [CLDMON, "--config", config, "serve"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        process.stderr.readline()
        try:
            yield port, process
        finally:
            process.terminate()


@contextmanager
def _bare(body: Path) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, BARE, body], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def _write_state(folder: Path) -> None:
    now = datetime.now(UTC)
    windows = {
        name: Window(42, now + timedelta(hours=2)) for name in ("fiveHour", "sevenDay", "models.A")
    }
    accounts = tuple(Account(f"a{n}", Reading(now, windows)) for n in range(ACCOUNTS))
    StateFile(folder).save(State(snapshot=Snapshot(now, accounts)))


def _write_history(folder: Path) -> None:
    """Write a week of a hundred accounts, a line a minute: windows fill, and begin anew."""
    now = datetime.now(UTC)
    for minute in range(DAYS * 1440, 0, -1):
        at = now - timedelta(minutes=minute)
        line = history.line(
            at,
            {
                f"account-{n}@example.org": {
                    "fiveHour": Window((minute + 31 * n) // 3 % 101, None),
                    "sevenDay": Window((minute + 977 * n) // 99 % 101, None),
                }
                for n in range(BUSY_ACCOUNTS)
            },
        )
        with (folder / f"history-{at:%Y-%m-%d}.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    assert peak
    print(f"  (peak {int(peak[1]) / 1024:.1f} MiB)")
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
