"""What is bounded for a server: its threads and memory, days of history, waits, damaged files."""

from __future__ import annotations

import itertools
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.store import history
from cldmon.store.history import get_day_path
from tests.browser.server import now, windows
from tests.confinement import read_unit_limits
from tests.env import wait_until
from tests.reliability.attack_http import MEMORY, many_files, slow_crowd
from tests.reliability.attack_target import (
    CANARY,
    HOST,
    PATIENCE,
    PERSON,
    SECRETS,
    get_request,
    post_request,
    serve_target,
)
from tests.reliability.result import LetInError, Result
from tests.reliability.scenario import CROWD
from tests.web.raw import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.reliability.attack_target import AttackTarget

    Get = Callable[[AttackTarget, str, dict[str, str], threading.Event], int]

PAGES = (
    "/",
    "/js/main.js",
    "/api/session",
    "/api/usage",
    "/metrics",
    "/api/history?range=1d",
    "/api/history?range=7d&points=500",
    "/healthz",
)
UNIT = read_unit_limits("cldmon-serve.service")


def limit_tasks(folder: Path, allowed: Iterable[int]) -> Result:
    """Let the server have so many tasks; 256 is what its unit gave it once."""
    result = Result("answers to other clients during 600 slow connections, with too few threads")
    for tasks in allowed:
        place = folder / f"{tasks}-tasks"
        place.mkdir()
        with serve_target(place, replace(UNIT, tasks=tasks)) as server:
            for moment in slow_crowd(server):
                with result.case(f"{tasks} tasks, {moment}"):
                    assert server.sent(get_request("/healthz"))[0].status == 200
    return result


def apply_load(folder: Path, visitors: int, rounds: int) -> Result:
    """Let so many visitors at once go round; each case is an answer to one of them."""
    result = Result(f"answers to {visitors} clients at once that send requests as fast as they can")
    with serve_target(folder) as server:
        write_week(server.data, accounts=20, every=timedelta(minutes=10))
        headers = {"Cookie": server.cookie()}
        with ThreadPoolExecutor(visitors) as pool:
            rounds_of_all = [pool.submit(_round, server, headers, rounds) for _ in range(visitors)]
            for path, status in itertools.chain.from_iterable(f.result() for f in rounds_of_all):
                with result.case(path):
                    assert status == 200 or (status == 503 and "/history" in path), status
        assert server.memory < MEMORY
    return result


def _round(server: AttackTarget, headers: dict[str, str], rounds: int) -> list[tuple[str, int]]:
    return [(path, _get(server, path, headers)) for _ in range(rounds) for path in PAGES]


def request_charts(folder: Path, asked: int) -> Result:
    """Each case is somebody else, while one guest asks again as soon as there is an answer."""
    result = Result("charts for other clients while one guest requests 40 at a time")
    return _beside_a_guest(folder, result, asked, "/api/history?range=7d&points=10000", _get)


def request_long_answers(folder: Path, asked: int) -> Result:
    """Each case is somebody else, while one guest takes long answers by drops."""
    result = Result("long answers for other clients while one guest reads 40 slowly")
    return _beside_a_guest(folder, result, asked, "/api/history?range=7d", _get_by_drops)


def _beside_a_guest(folder: Path, result: Result, asked: int, path: str, greedy: Get) -> Result:
    with serve_target(folder) as server:
        write_week(server.data, accounts=20, every=timedelta(minutes=10))
        guest, *others = [{"Cookie": server.cookie(user)} for user in ("", "", PERSON.id)]
        others.append({"Authorization": f"Bearer {SECRETS['api_token']}"})
        ending = threading.Event()
        with _repeat(partial(greedy, server, path, guest, ending), 40, ending):
            for number, other in zip(range(asked), itertools.cycle(others), strict=False):
                with result.case(f"{number}: {[*other]}"):
                    status = _get(server, path, other)
                    if status == 503:
                        raise LetInError("the guest had it all")
                    assert status == 200
    return result


def hold_locks(folder: Path, asked: int) -> Result:
    """Hold a lock as a script of somebody's might; each case is who wants something else."""
    result = Result(
        "answers to other clients while another process holds a lock that 550 changes wait for"
    )
    with serve_target(folder, users=CROWD) as server:
        cookies = [f"Cookie: {server.cookie(user.id)}" for user in CROWD]
        wish = f'{{"label":"{CANARY}","key":"limitHit","enabled":true}}'
        for lock, path, body in (
            ("subscriptions.lock", "/api/subscriptions", wish),
            ("revoked-sessions.lock", "/api/logout", ""),
        ):
            posts = [
                post_request(path, body, cookie, f"X-Forwarded-For: 203.0.113.{number % 250}")
                for number, cookie in enumerate(cookies * 11)
            ]
            with files.lock(server.data / lock, wait=0), many_files(), ExitStack() as stack:
                for post in posts:
                    stack.enter_context(connect(server)).sendall(post)
                for number in range(asked):
                    with result.case(f"{lock}, {number}"):
                        assert server.sent(get_request("/healthz"))[0].status == 200
                with result.case(f"{lock}, one more change"):
                    assert get_status(server, posts[0]) == 503
            with result.case(f"{lock}, afterwards"):
                wait_until(partial(_succeeds, server, posts[0]))
    return result


def _succeeds(server: AttackTarget, post: bytes) -> bool:
    return get_status(server, post) == 200


def get_status(server: AttackTarget, request: bytes) -> int:
    """Return the status of the one answer to a request."""
    [answer] = server.cut_short(request)
    return answer.status


def write_week(data: Path, accounts: int, every: timedelta) -> None:
    """Write a week of history up to now."""
    at = now() - timedelta(days=7)
    days: dict[Path, list[str]] = {}
    while at < now():
        read = {f"account-{number}": windows(number, number, at=at) for number in range(accounts)}
        days.setdefault(get_day_path(data, at.date()), []).append(history.format_line(at, read))
        at += every
    for path, lines in days.items():
        path.write_text("\n".join(lines) + "\n")


@contextmanager
def _repeat(ask: Callable[[], object], threads: int, ending: threading.Event) -> Iterator[None]:
    """Ask again and again in so many threads, until the block ends, which sets `ending`."""

    def work() -> None:
        while not ending.is_set():
            with suppress(OSError, HTTPException):
                ask()

    working = [threading.Thread(target=work) for _ in range(threads)]
    for thread in working:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in working:
            thread.join()


def _get(
    server: AttackTarget, path: str, headers: dict[str, str], _: threading.Event | None = None
) -> int:
    """Return the status of a whole answer."""
    with closing(HTTPConnection(*server.address, timeout=PATIENCE)) as connection:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status


def _get_by_drops(
    server: AttackTarget, path: str, headers: dict[str, str], ending: threading.Event
) -> int:
    """Take an answer as slowly as one may, until `ending`."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE)
        sock.connect(server.address)
        sock.sendall(f"GET {path} HTTP/1.1\r\n{lines}".encode() + HOST + b"\r\n")
        taken = 0
        while taken < 30 and sock.recv(1) and not ending.wait(0.2):
            taken += 1
        return taken
