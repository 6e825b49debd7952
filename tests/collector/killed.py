"""Kills a pass at each of its steps; run as a program of its own by `test_killed.py`.

A step is a call into the kernel that has an effect. Before the first, the second, … of them a child
that makes the pass over a copy of the same data_dir gets SIGKILL, until one child lives to the end.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import resource
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.notifications.rules import Audience, ChannelRule
from tests.collector.env import CollectorEnv
from tests.fakes import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cldmon.domain.events import Event

STEPS = {
    os.open,
    os.close,
    os.write,
    os.pwrite,
    os.fsync,
    os.ftruncate,
    os.fchmod,
    os.mkdir,
    os.replace,
    os.rename,
    os.unlink,
    fcntl.flock,
}


HOOK = "hook"


class SlackOnDisk(FakeSlack):
    """A Slack whose messages outlive whoever sends them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Write a line."""
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        lines = [f"{user}: {event.kind.value}\n" for event in events]
        os.write(fd, "".join(lines).encode())
        os.close(fd)
        return DeliveryResult(DeliveryStatus.DELIVERED)


def env_of(folder: Path) -> CollectorEnv:
    """Return an env with people and another channel, all of which write down what they get."""
    return CollectorEnv(
        folder / "data",
        slack=SlackOnDisk(folder / "slack"),
        channels={HOOK: SlackOnDisk(folder / HOOK)},
        audience=Audience(channels=(ChannelRule(HOOK),)),
    )


def at_step(number: int) -> None:
    """Kill this process before its step of that number, counted from 0."""
    steps = itertools.count()

    def count(_frame: object, event: str, called: object) -> None:
        if event == "c_call" and called in STEPS and next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(count)  # each channel has a thread of its own
    sys.setprofile(count)


def beyond_size(size: int) -> None:
    """Kill this process in the middle of the write that makes a file larger than so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def make_pass(folder: Path, arm: Callable[[int], None], number: int) -> bool:
    """Make the pass in a child that is armed so, and tell whether it lived to the end."""
    child = os.fork()
    if child == 0:
        env = env_of(folder)
        env.clock.at = env.state.snapshot.fetched_at or env.clock.at
        arm(number)
        env.run({"alice": 100})
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return not os.WIFSIGNALED(status)


def main(base: Path, target: Path, how: str, *numbers: str) -> None:
    """Make passes over copies of `base`, each to be killed elsewhere; those killed are kept."""
    for number in map(int, numbers) if numbers else itertools.count():
        folder = target / f"{number:06}"
        shutil.copytree(base, folder)
        if make_pass(folder, at_step if how == "step" else beyond_size, number):
            shutil.rmtree(folder)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
