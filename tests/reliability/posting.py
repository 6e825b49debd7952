"""Changes of subscriptions by way of `cldmon serve`, and what must hold of them after any fault."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

from tests.env import free_port
from tests.reliability.changing import expected_subscriptions
from tests.reliability.kernel import CHANGES, LOOKS, thread_steps, tracer
from tests.reliability.result import LostError, Result
from tests.reliability.scenario import CHLOE, load_json, serve

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.env import Running
    from tests.reliability.kernel import Step
    from tests.reliability.scenario import TwoAccountScenario

WISH = {"label": "bob", "key": "reset", "enabled": True}
FOLLOWED = ("-f", "-D")
"""Threads are watched, too, and the server is our own child all the same."""

_NO_STEPS = ("newfstatat", "close")
"""At data_dir itself the server looks as it starts, too. And a file whose close strace refuses
stays open, with its lock, in a server that goes on: no kernel does that."""

CALLS = (*CHANGES, *(call for call in LOOKS if call not in _NO_STEPS))


@dataclass(frozen=True)
class SubscriptionServer:
    """A server for the scenario, and Chloe's session there; `base` is a copy of data_dir."""

    scenario: TwoAccountScenario
    port: int
    base: Path
    cookie: str = ""

    def served(self, under: Sequence[str] = ()) -> AbstractContextManager[Running]:
        """Run the server while the block runs; `under` is what it is started by."""
        return serve(self.scenario.env, self.port, under)

    def posts(self, times: int = 1) -> list[int]:
        """Ask for the change so often; return each status, none where the server dies of it.

        On one connection, which has one thread: strace counts the calls of each.
        """
        found = []
        with self._connect() as to, contextlib.suppress(OSError, HTTPException):
            for _ in range(times):
                status, answer, _ = self._ask(to, "POST", "/api/subscriptions", WISH)
                assert (status == 200) == ("ok" in answer), answer
                found.append(status)
        return found

    def log_in(self) -> str:
        """Let Chloe log in; return her cookie."""
        with self._connect() as to:
            status, _, cookie = self._ask(to, "POST", "/api/auth", {"slackId": CHLOE})
        assert status == 200
        return cookie

    def _ask(
        self, to: HTTPConnection, method: str, path: str, body: object = None
    ) -> tuple[int, Any, str]:
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        to.request(method, path, json.dumps(body) if body else None, headers)
        got = to.getresponse()
        cookie = (got.getheader("Set-Cookie") or "").partition(";")[0]
        return got.status, json.loads(got.read()), cookie

    def _connect(self) -> contextlib.closing[HTTPConnection]:
        return contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=60))


def open_site(scenario: TwoAccountScenario) -> SubscriptionServer:
    """Configure a server, and let Chloe log in; her session outlives that server."""
    port, base = free_port(), scenario.folder / "logged-in"
    scenario.env.write_config(f"port = {port}", slack=True)
    scenario.reset()
    site = SubscriptionServer(scenario, port, base)
    with site.served():
        cookie = site.log_in()
    shutil.copytree(scenario.data, base)
    return SubscriptionServer(scenario, port, base, cookie)


def trace_steps(site: SubscriptionServer, log: Path) -> list[Step]:
    """Return the calls of a change that concern its files: all are one thread's."""
    site.scenario.reset(site.base)
    with site.served([*tracer(CALLS, (), log), *FOLLOWED, "-y"]):
        assert site.posts() == [200]
    return thread_steps(site.scenario.env, log, "subscriptions.json")


def kill_at_steps(site: SubscriptionServer, fault: str, steps: Iterable[Step]) -> Result:
    """Kill the server before each of these steps; another one then makes the change."""
    result = Result(fault)
    for step in steps:
        with result.case(str(step)):
            site.scenario.reset(site.base)
            with site.served([*step.killed(), *FOLLOWED]) as running:
                found = site.posts()
                assert running.process.wait(site.scenario.env.patience) == -signal.SIGKILL
            _check_outcome(site, found)
    return result


def refuse_calls(site: SubscriptionServer, fault: str, steps: Iterable[tuple[Step, str]]) -> Result:
    """Refuse the server each of these steps with this error; it then makes the change itself."""
    result = Result(fault)
    for step, error in steps:
        with result.case(f"{error} at {step}"):
            site.scenario.reset(site.base)
            with site.served([*step.refused(error), *FOLLOWED]):
                found = site.posts()
                _check_atomic(site, found)
            with site.served([*step.refused(error), *FOLLOWED]):
                assert site.posts(2) in ([200, 200], [503, 200])
            _check_outcome(site, [200])
            assert found in ([200], [503])
    return result


def _check_outcome(site: SubscriptionServer, found: list[int]) -> None:
    """Prove that a change stands if that was said, and is made when it is asked for again."""
    _check_atomic(site, found)
    with site.served():
        assert site.posts() == [200]
    if load_json(site.scenario.data / "subscriptions.json") != expected_subscriptions(
        site.scenario
    ):
        raise LostError("the change, or that of another")
    site.scenario.check_tidy()


def _check_atomic(site: SubscriptionServer, found: list[int]) -> None:
    after = expected_subscriptions(site.scenario)
    may_be = [after] if found == [200] else [load_json(site.base / "subscriptions.json"), after]
    if load_json(site.scenario.data / "subscriptions.json") not in may_be:
        raise LostError("subscriptions.json is not what was said")
