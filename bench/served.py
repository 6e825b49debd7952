"""Servers to measure: cldmon's, the bare one, and `cat` behind a socket; and how they are asked."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING

from bench.measuring import CLDMON, HERE, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class Server:
    """A server that runs: its port, process, and standard input where it has one."""

    port: int
    pid: int
    stdin: IO[str] | None = None

    def request(self, path: str, *, last: bool = False) -> bytes:
        """Return a request of a guest who has logged in."""
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self._cookie()}\r\n"
        end = "Connection: close\r\n\r\n" if last else "\r\n"
        return f"{head}User-Agent: bench\r\nAccept: */*\r\n{end}".encode()

    def _cookie(self) -> str:
        question = f"GET /api/session HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n"
        found = re.search(rb"Set-Cookie: ([^;]+)", ask(self.port, question.encode()))
        return found[1].decode() if found else ""

    def resident(self) -> float:
        """Return the memory that it has, in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def ask(port: int, request: bytes) -> bytes:
    """Ask once, and return the first part of the answer."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(request)
        return sock.recv(1 << 16)


@contextmanager
def cldmon(config: Path, port: int) -> Iterator[Server]:
    """Run `cldmon serve` while the block runs; the configuration names the port."""
    command = [CLDMON, "--config", str(config), "serve"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        yield from _running(process, process.stderr, port)


@contextmanager
def of_last_year(config: Path, port: int) -> Iterator[Server]:
    """Run the same server with a clock that is set back by as many days as its input says."""
    command = [sys.executable, "-m", "bench.clocked", str(config)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        yield from _running(process, process.stderr, port)


@contextmanager
def bare(body: Path) -> Iterator[Server]:
    """Run the bare http.server that answers with these bytes."""
    command = [sys.executable, str(HERE / "bare_server.py"), str(body)]
    # Of each connection that the load process drops it would complain.
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        assert process.stdout
        yield from _running(process, None, int(process.stdout.readline()))


def _running(process: subprocess.Popen[str], said: IO[str] | None, port: int) -> Iterator[Server]:
    try:
        if said:
            said.readline()
        yield Server(port, process.pid, process.stdin)
    finally:
        process.terminate()


@contextmanager
def cat(files: list[Path]) -> Iterator[int]:
    """Answer each connection with `cat` of these files, and yield the port; the list may change."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1 << 16)
                    subprocess.run(["cat", *files], stdout=connection.fileno(), check=True)

        Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


class Drain:
    """The process that takes long answers and throws them away."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "drain.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Drain:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def seconds(self, port: int, request: bytes) -> float:
        """Return how long an answer took, from connecting to its end."""
        return self.taken(port, request)[0]

    def taken(self, port: int, request: bytes) -> tuple[float, int]:
        """Return how long an answer took in seconds, and its size in bytes."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{port} {request.hex()}\n")
        self._process.stdin.flush()
        seconds, size = self._process.stdout.readline().split()
        return float(seconds), int(size)


def load(port: int, request: bytes, connections: int, seconds: float) -> dict[str, float]:
    """Ask from another process over so many connections at once; see `bench/load.py`."""
    command: Sequence[str] = [
        *(sys.executable, str(HERE / "load.py"), str(port), request.hex()),
        *(str(connections), str(seconds)),
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(said)
    return found
