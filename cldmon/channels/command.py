"""A program as a channel of alerts: one event per run, as JSON on its standard input.

docs/command-event.schema.json describes the JSON.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, ClassVar, cast

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.environment import clean_environment
from cldmon.domain.instants import format_iso, format_optional
from cldmon.domain.text import one_line
from cldmon.domain.windows import title
from cldmon.notifications.wording import format_event
from cldmon.processes import kill_group, read_output, start_group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.events import Event

VERSION = 1
TIMEOUT = timedelta(seconds=10)

_KEPT_BYTES = 1 << 12
_LONGEST_TITLE = 80
_LONGEST_OUTPUT = 200
_SHORTEST_SECRET = 8
_START_PROBLEMS = {
    errno.ENOENT: "was not found, or the interpreter in its first line was not: fix `command`",
    errno.EACCES: "is not executable: run `chmod +x` on it",
    errno.ENOEXEC: "is not a program: a script needs a first line such as #!/bin/sh",
}


@dataclass(frozen=True, slots=True)
class CommandChannel:
    """Runs a program for each event, without a shell, in the folder `folder`.

    Exit status 0 means delivered, `os.EX_TEMPFAIL` (75) try again later, any other that the event
    is dropped. A program that has not ended after ten seconds is killed, and its event dropped: it
    may have been delivered. All that the program started in its process group ends with it.

    The program gets `env` without what looks like a secret of cldmon's.
    """

    max_events: ClassVar = 1
    time_limit: ClassVar = timedelta(seconds=30) - TIMEOUT
    """All runs of a pass end within 30 seconds, so the last one has to begin by then."""

    command: tuple[str, ...] = field(repr=False)  # people put tokens into arguments
    folder: Path
    env: Mapping[str, str] = field(repr=False)
    now: Callable[[], datetime]
    timeout: timedelta = TIMEOUT

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Run the program for one event. If it cannot be started, events wait."""
        [event] = events
        try:
            status, output = self._run(to_json(event, self.now()).encode())
        except subprocess.TimeoutExpired:
            reason = f"it did not end within {self.timeout.total_seconds():g} seconds"
            return DeliveryResult(DeliveryStatus.GONE, reason, halt=True)
        except subprocess.SubprocessError:
            return DeliveryResult(DeliveryStatus.LATER, "it was stopped with the pass", halt=True)
        except (OSError, ValueError) as error:
            return DeliveryResult(DeliveryStatus.LATER, self._explain(error), halt=True)
        if status == 0:
            return DeliveryResult(DeliveryStatus.DELIVERED)
        ended = f"exit status {status}" if status > 0 else f"killed by signal {-status}"
        lines = output.decode(errors="replace").split("\n")
        last = next((line for each in reversed(lines) if (line := each.strip())), "")
        for argument in self.command[1:]:  # programs quote a URL that they cannot reach
            if len(argument) >= _SHORTEST_SECRET:
                last = last.replace(argument, "**********")
        reason = f"{ended}: {one_line(last, _LONGEST_OUTPUT)}" if last else ended
        if status == os.EX_TEMPFAIL:
            return DeliveryResult(DeliveryStatus.LATER, reason, halt=True)
        return DeliveryResult(DeliveryStatus.GONE, reason)

    def _run(self, event: bytes) -> tuple[int, bytes]:
        """Return the exit status of the program and the end of its output."""
        # A file, unlike a pipe, is written at once whether or not the program reads it.
        with TemporaryFile() as stdin:
            stdin.write(event)
            stdin.seek(0)
            with start_group(
                self.command,
                env=clean_environment(self.env),
                cwd=self.folder,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as process:
                pipe, seconds = cast("IO[bytes]", process.stdout), self.timeout.total_seconds()
                output = read_output(process.pid, pipe.fileno(), seconds, _KEPT_BYTES)
                kill_group(process)  # what it has started and left behind
        return process.returncode, output

    def _explain(self, error: OSError | ValueError) -> str:
        problem = "could not be started: fix `command`"
        if isinstance(error, OSError):
            problem = _START_PROBLEMS.get(
                error.errno or 0, f"could not be started: {error.strerror}"
            )
        return f"{one_line(self.command[0], _LONGEST_OUTPUT)} {problem}"


def to_json(event: Event, now: datetime) -> str:
    """Return an event as a program gets it: one line of ASCII."""
    content = {
        "version": VERSION,
        "event": event.kind,
        "account": event.label or None,
        "window": event.window,
        "title": one_line(title(event.window), _LONGEST_TITLE) if event.window else None,
        "utilization": event.utilization,
        "threshold": event.threshold,
        "resetsAt": format_optional(event.resets_at),
        "at": format_iso(event.at),
        "text": format_event(event, now),
    }
    return json.dumps(content) + "\n"
