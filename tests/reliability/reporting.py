"""Reports that `cldmon serve` receives, and what must hold of them after any fault.

There is no browser here and no service: the only account is reported.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from cldmon.reports.store import ReportFiles
from cldmon.reports.tokens import TokensFile
from tests.env import Env, free_port
from tests.reliability.kernel import Step, thread_steps, tracer
from tests.reliability.posting import CALLS, FOLLOWED
from tests.reliability.power import Disk, parse_log, put, recorder
from tests.reliability.result import LostError, Result
from tests.reliability.scenario import load_json, serve
from tests.reports.report import body

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.env import Running
    from tests.reliability.power import Call, Image

FIRST, SECOND, THIRD = 41, 97, 98
"""What is reported before the fault, during it, and after it, in percent."""


@dataclass(frozen=True)
class ReportServer:
    """A server, and the token of the only account; `base` is data_dir after the first report."""

    env: Env
    port: int
    token: str
    base: Path

    def served(self, under: Sequence[str] = ()) -> AbstractContextManager[Running]:
        """Run the server while the block runs; `under` is what it is started by."""
        return serve(self.env, self.port, under)

    def send(self, *percents: int) -> list[int]:
        """Report these, and return the statuses: of one that the server dies of there is none."""
        found = []
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        with contextlib.closing(connection), contextlib.suppress(OSError, HTTPException):
            for percent in percents:
                now = datetime.now(UTC)
                report = body(now, percent, resets=now + timedelta(hours=2))
                connection.request("POST", "/api/report", json.dumps(report), headers)
                answer = connection.getresponse()
                assert ("ok" in json.loads(answer.read())) == (answer.status == 200)
                found.append(answer.status)
        return found

    def reset(self, base: Path | None = None) -> None:
        """Return to the moment before the second report, or to other data."""
        shutil.rmtree(self.env.data, ignore_errors=True)
        shutil.copytree(base or self.base, self.env.data)

    def stored(self) -> int | None:
        """Return what is stored, in percent; raises LostError for half a file."""
        path = ReportFiles(self.env.data).path("alice")
        return read_percent(path.read_bytes()) if path.exists() else None

    def check_recovery(self) -> None:
        """Prove that another server takes a report, and that the next pass ingests it."""
        with self.served():
            assert self.send(THIRD) == [200]
        assert self.stored() == THIRD
        ran = self.env.run("fetch")
        assert (ran.returncode, ran.stderr) == (0, "")
        if self.env.history[-1]["accounts"] != [{"label": "alice", "fiveHour": THIRD}]:
            raise LostError("the history lacks the report")
        if len(load_json(TokensFile(self.env.data).path)["tokens"]) != 1:
            raise LostError("the token")
        names = [path.name for path in self.env.data.rglob("*")]
        assert [name for name in names if name.startswith(".")] == []


def read_percent(text: bytes) -> int:
    """Return what a file of reports says; raises LostError if it is torn."""
    try:
        [window] = json.loads(text)["windows"]
    except ValueError as error:
        raise LostError(f"alice.json: {error}") from error
    return int(window["utilization"])


def open_server(folder: Path) -> ReportServer:
    """Configure a server, and let it take the first report."""
    env = Env(folder / "home")
    port = free_port()
    table = '[[accounts]]\nlabel = "alice"\nsource = "report"\n'
    env.write_config(f"port = {port}", table, labels=[])
    token = TokensFile(env.data).create("alice", "", datetime.now(UTC)).reveal()
    server = ReportServer(env, port, token, folder / "base")
    with server.served():
        pass
    shutil.copytree(env.data, folder / "unreported")
    with server.served():
        assert server.send(FIRST) == [200]
    shutil.copytree(env.data, server.base)
    # So that the second report notes the use of the token, too.
    shutil.copy(folder / "unreported/report-tokens.json", server.base)
    return server


def trace_steps(server: ReportServer, log: Path) -> list[Step]:
    """Return the calls of a report that concern its files: all are one thread's."""
    server.reset()
    with server.served([*tracer(CALLS, (), log), *FOLLOWED, "-y"]):
        assert server.send(SECOND) == [200]
    return thread_steps(server.env, log, "alice.json")


def kill_at_steps(server: ReportServer, fault: str, steps: Iterable[Step]) -> Result:
    """Kill the server before each of these steps."""
    result = Result(fault)
    for step in steps:
        with result.case(str(step)):
            server.reset()
            with server.served([*step.killed(), *FOLLOWED]) as running:
                found = server.send(SECOND)
                assert running.process.wait(server.env.patience) == -signal.SIGKILL
            _check_stored(server, found)
            server.check_recovery()
    return result


def refuse_calls(server: ReportServer, fault: str, steps: Iterable[tuple[Step, str]]) -> Result:
    """Refuse the server each of these steps with this error."""
    result = Result(fault)
    for step, error in steps:
        with result.case(f"{error} at {step}"):
            server.reset()
            with server.served([*step.refused(error), *FOLLOWED]):
                found = server.send(SECOND)
                assert found in ([200], [503])
                _check_stored(server, found)
            server.check_recovery()
    return result


def lose_power(server: ReportServer, fault: str, log: Path, *, is_first: bool) -> Result:
    """Let the power go at any moment of a report; after the last of its calls it is safe.

    The first report of all makes the folder.
    """
    result = Result(fault)
    server.reset(server.base.with_name("unreported") if is_first else None)
    disk, before = Disk(server.env.data), server.stored()
    with server.served([*recorder(log), *FOLLOWED]):
        assert server.send(SECOND) == [200]
    calls = _select_calls(parse_log(server.env, log), log)
    moments = [*disk.play(calls)]
    for number, moment in enumerate(moments):
        is_answered = number == len(moments) - 1
        may_be: set[int | None] = {SECOND} if is_answered else {before, SECOND}
        for image in moment.images:
            with result.case(f"after {moment.after}"):
                _check_image(image, may_be)
    recovered = put(min(moments[-1].images, key=sorted), log.with_suffix(".disk"))
    server.reset(recovered)
    with result.case("a server and a pass on what is left"):
        server.check_recovery()
    return result


def _select_calls(calls: Sequence[Call], log: Path) -> list[Call]:
    """Return the calls from the first that concerns reports on: those before are of the start."""
    assert "unfinished" not in log.read_text("ascii"), "two threads at a time"
    first = next(n for n, call in enumerate(calls) if "/reports" in call.path)
    return [*calls[first:]]


def _check_stored(server: ReportServer, found: list[int]) -> None:
    """Prove that what was accepted is stored, and that what was not is so or not, as a whole."""
    stored = server.stored()
    if stored not in ((SECOND,) if found == [200] else (FIRST, SECOND)):
        raise LostError(f"{stored} % are stored after {found}")


def _check_image(image: Image, may_be: set[int | None]) -> None:
    """Prove that a disk holds one of these reports, and the token."""
    files = dict(image)
    text = files.get("reports/alice.json")
    if (stored := None if text is None else read_percent(text)) not in may_be:
        raise LostError(f"{stored} % are stored, not {may_be}")
    try:
        [_token] = json.loads(files["report-tokens.json"])["tokens"]
    except (KeyError, ValueError) as error:
        raise LostError(f"the token: {error}") from error
