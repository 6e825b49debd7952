"""Changes of subscriptions by way of `cldmon serve`, and what must hold of them after any fault."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

from cldmon.demo.slack import TOKEN
from tests.env import free_port, wait_until
from tests.reliability.brink import CHLOE, complaints, whole
from tests.reliability.changing import changed
from tests.reliability.kernel import CHANGES, LOOKS, thread_steps, tracer
from tests.reliability.result import LostError, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.env import Running
    from tests.reliability.brink import Brink
    from tests.reliability.kernel import Step

WISH = {"label": "bob", "key": "reset", "enabled": True}
FOLLOWED = ("-f", "-D")
"""Threads are watched, too, and the server is our own child all the same."""

_NO_STEPS = ("newfstatat", "close")
"""At data_dir itself the server looks as it starts, too. And a file whose close strace refuses
stays open, with its lock, in a server that goes on: no kernel does that."""

CALLS = (*CHANGES, *(call for call in LOOKS if call not in _NO_STEPS))


@dataclass(frozen=True)
class Site:
    """A server for the brink's home, and Chloe's session there; `base` is what data_dir holds."""

    brink: Brink
    port: int
    base: Path
    cookie: str = ""

    @contextlib.contextmanager
    def served(self, under: Sequence[str] = ()) -> Iterator[Running]:
        """Run the server while the block runs; `under` is what it is started by."""
        running = self.brink.env.start("serve", under=under)
        try:
            wait_until(self._answers)
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                running.send_signal(signal.SIGTERM)
            _, _, err = running.wait()
            complaints(err)
            wait_until(lambda: not self.brink.env.processes())

    def posts(self, times: int = 1) -> list[int]:
        """Ask for the change so often; return each status, none where the server dies of it.

        On one connection, which has one thread: strace counts the calls of each.
        """
        found = []
        with self._connected() as to, contextlib.suppress(OSError, HTTPException):
            for _ in range(times):
                status, answer, _ = self._asked(to, "POST", "/api/subscriptions", WISH)
                assert (status == 200) == ("ok" in answer), answer
                found.append(status)
        return found

    def log_in(self) -> str:
        """Let Chloe log in; return her cookie."""
        with self._connected() as to:
            status, _, cookie = self._asked(to, "POST", "/api/auth", {"slackId": CHLOE})
        assert status == 200
        return cookie

    def _asked(
        self, to: HTTPConnection, method: str, path: str, body: object = None
    ) -> tuple[int, Any, str]:
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        to.request(method, path, json.dumps(body) if body else None, headers)
        got = to.getresponse()
        cookie = (got.getheader("Set-Cookie") or "").partition(";")[0]
        return got.status, json.loads(got.read()), cookie

    def _connected(self) -> contextlib.closing[HTTPConnection]:
        return contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=60))

    def _answers(self) -> bool:
        with self._connected() as to, contextlib.suppress(OSError, HTTPException):
            return self._asked(to, "GET", "/healthz")[0] > 0
        return False


def opened(brink: Brink) -> Site:
    """Configure a server, and let Chloe log in; her session outlives that server."""
    port, base = free_port(), brink.folder / "logged-in"
    tables = f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN}"\n'
    brink.env.write_config(f'slack_url = "{brink.slack.url}"\nport = {port}', tables)
    brink.begin()
    site = Site(brink, port, base)
    with site.served():
        cookie = site.log_in()
    shutil.copytree(brink.data, base)
    return Site(brink, port, base, cookie)


def steps(site: Site, log: Path) -> list[Step]:
    """Return the calls of a change that concern its files: all are one thread's."""
    site.brink.begin(site.base)
    with site.served([*tracer(CALLS, (), log), *FOLLOWED, "-y"]):
        assert site.posts() == [200]
    return thread_steps(site.brink.env, log, "subscriptions.json")


def killed_at(site: Site, fault: str, steps: Iterable[Step]) -> Result:
    """Kill the server before each of these steps; another one then makes the change."""
    result = Result(fault)
    for step in steps:
        with result.case(str(step)):
            site.brink.begin(site.base)
            with site.served([*step.killed(), *FOLLOWED]) as running:
                found = site.posts()
                assert running.process.wait(site.brink.env.patience) == -signal.SIGKILL
            _settles(site, found)
    return result


def refused_at(site: Site, fault: str, steps: Iterable[tuple[Step, str]]) -> Result:
    """Refuse the server each of these steps with this error; it then makes the change itself."""
    result = Result(fault)
    for step, error in steps:
        with result.case(f"{error} at {step}"):
            site.brink.begin(site.base)
            with site.served([*step.refused(error), *FOLLOWED]):
                found = site.posts()
                _is_made_or_not(site, found)
            with site.served([*step.refused(error), *FOLLOWED]):
                assert site.posts(2) in ([200, 200], [503, 200])
            _settles(site, [200])
            assert found in ([200], [503])
    return result


def _settles(site: Site, found: list[int]) -> None:
    """Prove that a change stands if that was said, and is made when it is asked for again."""
    _is_made_or_not(site, found)
    with site.served():
        assert site.posts() == [200]
    if whole(site.brink.data / "subscriptions.json") != changed(site.brink):
        raise LostError("the change, or that of another")
    site.brink.is_tidy()


def _is_made_or_not(site: Site, found: list[int]) -> None:
    after = changed(site.brink)
    may_be = [after] if found == [200] else [whole(site.base / "subscriptions.json"), after]
    if whole(site.brink.data / "subscriptions.json") not in may_be:
        raise LostError("subscriptions.json is not what was said")
