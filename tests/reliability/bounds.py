"""What is bounded for a server: its threads and memory, days of history, waits, damaged files."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.store import history
from cldmon.store.history import day_path
from tests.browser.server import now, windows
from tests.confinement import of_unit
from tests.env import wait_until
from tests.reliability.attack_http import MEMORY, many_files, slow_crowd
from tests.reliability.brink import CROWD
from tests.reliability.result import LetInError, Result
from tests.reliability.siege import CANARY, HOST, PATIENCE, PERSON, SECRETS, besieged, got, posted
from tests.web.raw import connected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.reliability.siege import Siege

    Get = Callable[[Siege, str, dict[str, str]], int]

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
UNIT = of_unit("cldmon-serve.service")


def few_threads(folder: Path, allowed: Iterable[int]) -> Result:
    """Let the server have so many tasks; 256 is what its unit gave it once."""
    result = Result("answers to other clients during 600 slow connections, with too few threads")
    for tasks in allowed:
        place = folder / f"{tasks}-tasks"
        place.mkdir()
        with besieged(place, replace(UNIT, tasks=tasks)) as siege:
            for moment in slow_crowd(siege):
                with result.case(f"{tasks} tasks, {moment}"):
                    assert siege.sent(got("/healthz"))[0].status == 200
    return result


def load(folder: Path, visitors: int, rounds: int) -> Result:
    """Let so many visitors at once go round; each case is an answer to one of them."""
    result = Result(f"answers to {visitors} clients at once that send requests as fast as they can")
    with besieged(folder) as siege:
        write_week(siege.data, accounts=20, every=timedelta(minutes=10))
        headers = {"Cookie": siege.cookie()}
        with ThreadPoolExecutor(visitors) as pool:
            rounds_of_all = [pool.submit(_round, siege, headers, rounds) for _ in range(visitors)]
            for path, status in itertools.chain.from_iterable(f.result() for f in rounds_of_all):
                with result.case(path):
                    assert status == 200 or (status == 503 and "/history" in path), status
        assert siege.memory < MEMORY
    return result


def _round(siege: Siege, headers: dict[str, str], rounds: int) -> list[tuple[str, int]]:
    return [(path, _get(siege, path, headers)) for _ in range(rounds) for path in PAGES]


def charts(folder: Path, asked: int) -> Result:
    """Each case is somebody else, while one guest asks anew as soon as there is an answer."""
    result = Result("charts for other clients while one guest requests 40 at a time")
    return _beside_a_guest(folder, result, asked, "/api/history?range=7d&points=10000", _get)


def long_answers(folder: Path, asked: int) -> Result:
    """Each case is somebody else, while one guest takes long answers by drops."""
    result = Result("long answers for other clients while one guest reads 40 slowly")
    return _beside_a_guest(folder, result, asked, "/api/history?range=7d", _get_by_drops)


def _beside_a_guest(folder: Path, result: Result, asked: int, path: str, greedy: Get) -> Result:
    with besieged(folder) as siege:
        write_week(siege.data, accounts=20, every=timedelta(minutes=10))
        guest, *others = [{"Cookie": siege.cookie(user)} for user in ("", "", PERSON.id)]
        others.append({"Authorization": f"Bearer {SECRETS['api_token']}"})
        with _for_ever(partial(greedy, siege, path, guest), 40):
            for number, other in zip(range(asked), itertools.cycle(others), strict=False):
                with result.case(f"{number}: {[*other]}"):
                    status = _get(siege, path, other)
                    if status == 503:
                        raise LetInError("the guest had it all")
                    assert status == 200
    return result


def held_locks(folder: Path, asked: int) -> Result:
    """Hold a lock as a script of somebody's might; each case is who wants something else."""
    result = Result(
        "answers to other clients while another process holds a lock that 550 changes wait for"
    )
    with besieged(folder, users=CROWD) as siege:
        cookies = [f"Cookie: {siege.cookie(user.id)}" for user in CROWD]
        wish = f'{{"label":"{CANARY}","key":"limitHit","enabled":true}}'
        for lock, path, body in (
            ("subscriptions.lock", "/api/subscriptions", wish),
            ("revoked-sessions.lock", "/api/logout", ""),
        ):
            posts = [
                posted(path, body, cookie, f"X-Forwarded-For: 203.0.113.{number % 250}")
                for number, cookie in enumerate(cookies * 11)
            ]
            with files.lock(siege.data / lock, wait=0), many_files(), ExitStack() as stack:
                for post in posts:
                    stack.enter_context(connected(siege)).sendall(post)
                for number in range(asked):
                    with result.case(f"{lock}, {number}"):
                        assert siege.sent(got("/healthz"))[0].status == 200
                with result.case(f"{lock}, one more change"):
                    assert status_of(siege, posts[0]) == 503
            with result.case(f"{lock}, afterwards"):
                wait_until(partial(_is_done, siege, posts[0]))
    return result


def _is_done(siege: Siege, post: bytes) -> bool:
    return status_of(siege, post) == 200


def status_of(siege: Siege, request: bytes) -> int:
    """Return the status of the one answer to a request."""
    [answer] = siege.cut_short(request)
    return answer.status


def write_week(data: Path, accounts: int, every: timedelta) -> None:
    """Write a week of history up to now."""
    at = now() - timedelta(days=7)
    days: dict[Path, list[str]] = {}
    while at < now():
        read = {f"account-{number}": windows(number, number, at=at) for number in range(accounts)}
        days.setdefault(day_path(data, at.date()), []).append(history.format_line(at, read))
        at += every
    for path, lines in days.items():
        path.write_text("\n".join(lines) + "\n")


@contextmanager
def _for_ever(ask: Callable[[], object], threads: int) -> Iterator[None]:
    """Ask again and again in so many threads, until the block ends."""
    ending = threading.Event()

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


def _get(siege: Siege, path: str, headers: dict[str, str]) -> int:
    """Return the status of a whole answer."""
    with closing(HTTPConnection(*siege.address, timeout=PATIENCE)) as connection:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status


def _get_by_drops(siege: Siege, path: str, headers: dict[str, str]) -> int:
    """Take an answer as slowly as one may, but for its end: the test has one, too."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE)
        sock.connect(siege.address)
        sock.sendall(f"GET {path} HTTP/1.1\r\n{lines}".encode() + HOST + b"\r\n")
        taken = 0
        while taken < 30 and sock.recv(1):
            taken += 1
            time.sleep(0.2)
        return taken
