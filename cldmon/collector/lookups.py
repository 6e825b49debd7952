"""Look-ups side by side: one that takes long, or for ever, holds up no other."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    T = TypeVar("T")


def start_lookups(lookups: Mapping[str, Callable[[], T]]) -> dict[str, Future[T]]:
    """Start every look-up and return what it will give, by name.

    Each runs in a thread that a process which ends does not wait for.
    """
    return {name: _start(look_up) for name, look_up in lookups.items()}


def _start(look_up: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()
    try:
        Thread(target=_run, args=(look_up, future), daemon=True).start()
    except RuntimeError:  # the system has no thread left: one after the other, then
        _run(look_up, future)
    return future


def _run(look_up: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(look_up())
    except BaseException as error:
        future.set_exception(error)
