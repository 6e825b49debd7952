"""The measured servers (cldmon's, a bare one, `cat` behind a socket) and their clients."""

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

from bench.measurement import CLDMON, HERE, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class Server:
    """A running server: its port, process, and standard input if it has one."""

    port: int
    pid: int
    stdin: IO[str] | None = None

    def request(self, path: str, *, last: bool = False) -> bytes:
        """Return a request with the session cookie of a guest; the `last` closes the connection."""
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self._cookie()}\r\n"
        end = "Connection: close\r\n\r\n" if last else "\r\n"
        return f"{head}User-Agent: bench\r\nAccept: */*\r\n{end}".encode()

    def _cookie(self) -> str:
        request = f"GET /api/session HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n"
        found = re.search(rb"Set-Cookie: ([^;]+)", send_request(self.port, request.encode()))
        return found[1].decode() if found else ""

    def set_back(self, days: float) -> None:
        """Set the clock of a backdated server back by a number of days."""
        assert self.stdin
        print(days, file=self.stdin, flush=True)

    def resident_mib(self) -> float:
        """Return its resident memory in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0


def free_port() -> int:
    """Return an unused port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def send_request(port: int, request: bytes) -> bytes:
    """Send a request and return the first part of the response."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(request)
        return sock.recv(1 << 16)


@contextmanager
def serve_cldmon(config: Path, port: int) -> Iterator[Server]:
    """Run `cldmon serve` on the port that the configuration names, with its unit's environment."""
    command = [CLDMON, "--config", str(config), "serve"]
    env = environment(MALLOC_ARENA_MAX="2")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as process:
        yield from _run(process, process.stderr, port)


@contextmanager
def serve_backdated(config: Path, port: int) -> Iterator[Server]:
    """Run the same server with a clock set back by the number of days written to its input."""
    command = [sys.executable, "-m", "bench.backdated_server", str(config)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(MALLOC_ARENA_MAX="2"),
    ) as process:
        yield from _run(process, process.stderr, port)


@contextmanager
def serve_bare(body: Path) -> Iterator[Server]:
    """Run a bare http.server that responds with the content of a file."""
    command = [sys.executable, str(HERE / "bare_server.py"), str(body)]
    # It would print a traceback for each connection that the load generator drops.
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        assert process.stdout
        yield from _run(process, None, int(process.stdout.readline()))


def _run(process: subprocess.Popen[str], stderr: IO[str] | None, port: int) -> Iterator[Server]:
    try:
        if stderr:
            stderr.readline()
        yield Server(port, process.pid, process.stdin)
    finally:
        process.terminate()


@contextmanager
def serve_cat(files: list[Path]) -> Iterator[int]:
    """Respond to each connection with `cat` of some files, and yield the port."""
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


class Downloader:
    """A process that downloads responses and discards them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "downloader.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Downloader:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def measure_seconds(self, port: int, request: bytes) -> float:
        """Return the seconds from connecting to the end of the response."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{port} {request.hex()}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def generate_load(port: int, request: bytes, connections: int, seconds: float) -> dict[str, float]:
    """Send requests over several connections from another process; see `load_generator`."""
    command: Sequence[str] = [
        *(sys.executable, str(HERE / "load_generator.py"), str(port), request.hex()),
        *(str(connections), str(seconds)),
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    statistics: dict[str, float] = json.loads(output)
    return statistics
