"""Work in a daemon thread, so that waiting for it can be bounded.

No socket timeout bounds name look-ups, or headers that arrive byte by byte.
"""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def start_thread(work: Callable[[], T]) -> Future[T]:
    """Start `work` in a thread that does not keep the process alive, and return its future.

    Raises RuntimeError if no thread can be started.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # asyncio could cancel it otherwise
    Thread(target=_run, args=(future, work), daemon=True).start()
    return future


def start_or_run(work: Callable[[], T]) -> Future[T]:
    """Start `work` in a thread, or do it now if no thread can be started."""
    try:
        return start_thread(work)
    except RuntimeError:
        future: Future[T] = Future()
        _run(future, work)
        return future


def _run(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # raised where the result is awaited
        future.set_exception(error)
