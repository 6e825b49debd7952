"""Runs `cldmon …` in this process and samples each millisecond which part works or waits.

Usage: sampler.py FILE ARGUMENTS…      (writes [[seconds, part], …] to FILE as JSON)
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import inspect
import json
import sys
import threading
import time
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cldmon.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

INTERVAL = 0.001
"""Seconds."""

IMPORTING = "<frozen importlib._bootstrap>"
OURS = "/cldmon/"
PACKAGES = "/site-packages/"


def part_of(frame: FrameType | None, waiting: list[str]) -> str:
    """Return the part of the program that a stack is in; `waiting` is what asyncio awaits."""
    stack = list(reversed(list(_stack(frame))))
    files = [each.f_code.co_filename for each in stack]
    if IMPORTING in files:
        inner = files[files.index(IMPORTING) :]
        package = next((f.partition(PACKAGES)[2] for f in inner if PACKAGES in f), "cldmon/")
        return f"import {package.partition('/')[0].removesuffix('.py')}"
    ours = [each for each in stack if _is_ours(each.f_code.co_filename)]
    in_loop = any(file.endswith("asyncio/base_events.py") for file in files)
    if in_loop and waiting:
        return waiting[-1]
    return _name(ours[-1].f_code) if ours else "import cldmon"


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame:
        yield frame
        frame = frame.f_back


def _is_ours(file: str) -> bool:
    return OURS in file and PACKAGES not in file and "/bench/" not in file


def _name(code: Any) -> str:
    return f"{Path(code.co_filename).stem}.{code.co_qualname}"


def find_awaited(loop: asyncio.AbstractEventLoop) -> list[str]:
    """Return our functions in the longest chain of awaits, the outermost first."""
    chains = [list(_chain(task.get_coro())) for task in asyncio.all_tasks(loop)]
    return max(chains, key=len, default=[])


def _chain(awaitable: Any) -> Iterator[str]:
    while awaitable is not None:
        code = getattr(awaitable, "cr_code", None) or getattr(awaitable, "ag_code", None)
        if code and _is_ours(code.co_filename):
            yield _name(code)
        awaitable = _inner(awaitable)


def _inner(awaitable: Any) -> Any:
    """Return what an awaitable awaits, or the generator behind a step of a context manager."""
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        if hasattr(awaitable, name):
            return getattr(awaitable, name)
    return next(filter(inspect.isasyncgen, gc.get_referents(awaitable)), None)


class Sampler:
    """Samples the main thread from another thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._samples: list[tuple[float, str]] = []
        self._loops: list[asyncio.AbstractEventLoop] = []
        # The event loop policy is the one public place to learn about each new loop.
        asyncio.set_event_loop_policy(self._policy())
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start sampling; the samples are written at exit."""
        sys.setswitchinterval(INTERVAL / 2)
        atexit.register(self.write)
        self._thread.start()

    def write(self) -> None:
        """Write the samples."""
        self._path.write_text(json.dumps([*self._samples, [time.monotonic(), ""]]))

    def _policy(self) -> asyncio.AbstractEventLoopPolicy:
        loops = self._loops

        class Policy(asyncio.DefaultEventLoopPolicy):
            def new_event_loop(self) -> asyncio.AbstractEventLoop:
                loops.append(super().new_event_loop())
                return loops[-1]

        return Policy()

    def _run(self) -> None:
        main_thread = threading.main_thread().ident or 0
        while True:
            running = list(takewhile(lambda loop: not loop.is_closed(), self._loops[-1:]))
            try:
                waiting = find_awaited(running[0]) if running else []
            except RuntimeError:  # the tasks changed while they were listed
                waiting = []
            frame = sys._current_frames().get(main_thread)
            self._samples.append((time.monotonic(), part_of(frame, waiting)))
            time.sleep(INTERVAL)


if __name__ == "__main__":
    sampler = Sampler(Path(sys.argv[1]))
    del sys.argv[1]
    sampler.start()
    main()
