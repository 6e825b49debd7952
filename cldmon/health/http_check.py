"""HTTP requests that never take longer than they are given, no matter what the server does."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.request import Request

from cldmon.threads import start_thread
from cldmon.urls import describe_failure, opener

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 5.0
"""How long an answer may take, name look-up included."""

_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound to


def check_server(host: str, port: int, name: str) -> str | None:
    """Return why the server that listens on `host`:`port` can't be reached, or None if it can.

    `name` is a Host name that it accepts. The server is fine even if it finds the passes
    unhealthy (503).
    """
    address = _LOOPBACK_OF.get(host.strip("[]"), host.strip("[]"))
    header = f"[{name.strip('[]')}]:{port}" if ":" in name else f"{name}:{port}"

    def check() -> str | None:
        with closing(HTTPConnection(address, port, timeout=SECONDS)) as connection:
            connection.request("GET", "/healthz", headers={"Host": header})
            status = connection.getresponse().status
        return None if status in (200, 503) else f"HTTP {status}; is it cldmon?"

    return run_check(check)


def ping(url: str) -> str | None:
    """Get a URL and return what went wrong, or None; raises OSError, HTTPException or ValueError.

    No redirect is followed; proxies are those of the environment.
    """
    request = Request(url, headers={"User-Agent": "cldmon"})  # noqa: S310 - http(s) by config
    with opener().open(request, timeout=SECONDS) as answer:
        status: int = answer.status
    return None if 200 <= status < 300 else f"HTTP {status}"


def run_check(check: Callable[[], str | None], seconds: float = SECONDS) -> str | None:
    """Return what `check` returns or why it failed, after `seconds` at most."""
    try:
        return start_thread(check).result(seconds)
    except RuntimeError:
        return "no thread can be started"
    except (OSError, HTTPException, ValueError) as error:
        return describe_failure(error, seconds)
