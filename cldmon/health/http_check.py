"""HTTP questions that may never take longer than they are given, whatever the other side does."""

from __future__ import annotations

import threading
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import Request

from cldmon.urls import opener

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 5.0
"""How long an answer may take, name look-up included."""

_TROUBLE = (OSError, HTTPException, ValueError)
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked at, not bound to


class BackgroundCheck:
    """A question that runs beside what the program does, and dies with it.

    `work` returns what went wrong, or None. A thread, because no time-out of a socket bounds
    name look-ups and slow headers.
    """

    def __init__(self, work: Callable[[], str | None]) -> None:
        self._result: SimpleQueue[str | None] = SimpleQueue()
        self._work = work
        try:
            threading.Thread(target=self._run, daemon=True).start()
        except RuntimeError:
            self._result.put("no thread can be started")

    def problem(self, seconds: float = SECONDS) -> str | None:
        """Wait for the answer, `seconds` at most, and return what went wrong."""
        try:
            return self._result.get(timeout=seconds)
        except Empty:
            return f"no answer within {seconds:g} s"

    def _run(self) -> None:
        try:
            self._result.put(self._work())
        except _TROUBLE as error:
            self._result.put(_words(error))


def check_server(host: str, port: int, name: str) -> str | None:
    """Return why the server that listens on `host`:`port` is not to be reached, or None.

    `name` is a Host name that it answers to. That it finds the passes unhealthy (503) is not its
    own failure.
    """
    address = _EVERY_ADDRESS.get(host.strip("[]"), host.strip("[]"))

    def ask() -> str | None:
        connection = HTTPConnection(address, port, timeout=SECONDS)
        try:
            connection.request("GET", "/healthz", headers={"Host": _host_header(name, port)})
            status = connection.getresponse().status
        finally:
            connection.close()
        return None if status in (200, 503) else f"HTTP {status}; is it cldmon?"

    return BackgroundCheck(ask).problem()


def ping(url: str) -> str | None:
    """Get a URL and return what went wrong, or None; raises what a socket or an address raises.

    No redirect is followed; proxies are those of the environment.
    """
    request = Request(url, headers={"User-Agent": "cldmon"})  # noqa: S310 - http(s) by config
    with opener().open(request, timeout=SECONDS) as answer:
        status: int = answer.status
    return None if 200 <= status < 300 else f"HTTP {status}"


def _host_header(name: str, port: int) -> str:
    return f"[{name.strip('[]')}]:{port}" if ":" in name else f"{name}:{port}"


def _words(error: Exception) -> str:
    """Say what went wrong without quoting the address, which may be a secret."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {SECONDS:g} s"
    return getattr(cause, "strerror", None) or type(cause).__name__
