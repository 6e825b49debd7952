"""Days of history that are larger than any day ever is, and what is asked of them."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from typing import TYPE_CHECKING

from tests.confinement import read_unit_limits, run_within
from tests.env import CLDMON
from tests.reliability.attack_target import CANARY, PATIENCE, SECRETS, get_request, serve_target
from tests.reliability.damaged import restore_files
from tests.reliability.result import LostError, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.reliability.attack_target import AttackTarget

    Fill = Callable[[Path], object]

UNIT = read_unit_limits("cldmon-serve.service")
MEBIBYTE = 1 << 20
LINE = b'{"timestamp":%d,"accounts":[{"label":"other","fiveHour":17,"sevenDay":45}]}\n'
PATHS = ("range=1d", "range=1d&points=500", f"range=7d&account={CANARY}")
COMMANDS = (["status"], ["history", "--range", "1d", "--format", "csv"])


def grow_days(folder: Path, fills: Mapping[str, Fill], asked: int) -> Result:
    """Fill a day; each case is who asks for it, so many at once. The lines of the day count.

    The server and the commands have the tasks and the memory of the server's unit.
    """
    result = Result("grow_days of history in many large files, or padded with zeros")
    with serve_target(folder) as server:
        server.write_history({minutes: {CANARY: (17, 45)} for minutes in range(5, 60, 5)})
        base = folder / "base"
        shutil.copytree(server.folder, base)
        for name, fill in fills.items():
            fill(max(server.data.glob("history-*.jsonl")))
            for path in PATHS:
                with result.case(f"{name}: {path}, {asked} at once"):
                    _check_answer(server, path, asked)
            for command in COMMANDS:
                with result.case(f"{name}: {command[0]}"):
                    _check_output(server, command)
            restore_files(server, base)
    return result


def _check_answer(server: AttackTarget, path: str, asked: int) -> None:
    with ThreadPoolExecutor(asked) as pool:
        found = list(pool.map(partial(_get, server), [path] * asked))
    assert {status for status, _ in found} <= {200, 503}, [status for status, _ in found]
    bodies = [body for status, body in found if status == 200]
    assert bodies
    if any(CANARY.encode() not in body for body in bodies):
        raise LostError("the lines of the day")
    assert server.sent(get_request("/healthz"))[0].status == 200


def _get(server: AttackTarget, path: str) -> tuple[int, bytes]:
    with closing(HTTPConnection(*server.address, timeout=PATIENCE)) as connection:
        headers = {"Authorization": f"Bearer {SECRETS['api_token']}"}
        connection.request("GET", f"/api/history?{path}", headers=headers)
        response = connection.getresponse()
        return response.status, response.read()


def _check_output(server: AttackTarget, command: list[str]) -> None:
    with run_within(UNIT) as under:
        ran = subprocess.run(
            [*under, CLDMON, *command],
            cwd=server.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (0, ""), (ran.returncode, ran.stderr)
    if CANARY not in ran.stdout:
        raise LostError("the lines of the day")


def _write_rotated(count: int, piece: bytes, today: Path) -> None:
    """Put so many packed files beside a day, each of 80 MB."""
    packed = gzip.compress(piece * (MEBIBYTE // len(piece)), 9) * 80
    for number in range(1, count + 1):
        today.with_name(f"{today.name}.{number}.gz").write_bytes(packed)


def _write_gzip_as_plain(piece: bytes, today: Path) -> None:
    lines = today.read_bytes()
    today.unlink()
    bomb = gzip.compress(piece * (MEBIBYTE // len(piece)), 9) * 400
    today.with_name(f"{today.name}.gz").write_bytes(gzip.compress(lines) + bomb)


def _write_many_lines(today: Path) -> None:
    """Put 200 MB of good lines beside a day, each of another time."""
    first = 10**12
    text = b"".join(LINE % (first + number) for number in range(2_600_000))
    today.with_name(f"{today.name}.1.gz").write_bytes(gzip.compress(text, 1))


def _append_zeros(size: int, today: Path) -> None:
    with today.open("ab") as file:
        file.write(bytes(size))


def _insert_zeros(size: int, today: Path) -> None:
    lines = today.read_bytes().splitlines(keepends=True)
    today.write_bytes(b"".join(lines[:3]) + bytes(size) + b"\n" + b"".join(lines[3:]))


FILLS: dict[str, Fill] = {
    "8 of blanks": partial(_write_rotated, 8, b" "),
    "24 of blanks": partial(_write_rotated, 24, b" "),
    "8 of zeros": partial(_write_rotated, 8, b"\0"),
    "8 of line ends": partial(_write_rotated, 8, b"\n"),
    "8 of one line": partial(_write_rotated, 8, LINE % 10**12),
    "8 of one endless line": partial(_write_rotated, 8, (LINE % 10**12).rstrip()),
    "8 of beginnings": partial(_write_rotated, 8, LINE[:20] + b"\n"),
    "8 of short lines": partial(_write_rotated, 8, b"x\n"),
    "200 MB of good lines": _write_many_lines,
    "400 MB behind the lines of a packed day": partial(_write_gzip_as_plain, b" "),
    "64 MB of zeros behind": partial(_append_zeros, 64 * MEBIBYTE),
    "64 MB of zeros between": partial(_insert_zeros, 64 * MEBIBYTE),
}
