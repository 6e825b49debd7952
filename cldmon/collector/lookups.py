"""Look-ups side by side: one that fails, or takes long, harms and holds up no other."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from cldmon.domain.model import Failure, FailureKind
from cldmon.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    T = TypeVar("T")


def start_lookups(lookups: Mapping[str, Callable[[], T]]) -> dict[str, Future[T | Failure]]:
    """Start what looks up a key for each label; return what it will give, or why there is none.

    Each runs in a thread that a process which ends does not wait for.
    """
    return {label: _start(look_up) for label, look_up in lookups.items()}


def _start(look_up: Callable[[], T]) -> Future[T | Failure]:
    future: Future[T | Failure] = Future()
    future.set_running_or_notify_cancel()
    try:
        Thread(target=_run, args=(look_up, future), daemon=True).start()
    except RuntimeError:  # the system has no thread left: one after the other, then
        _run(look_up, future)
    return future


def _run(look_up: Callable[[], T], future: Future[T | Failure]) -> None:
    try:
        future.set_result(_result(look_up))
    except BaseException as error:
        future.set_exception(error)


def _result(look_up: Callable[[], T]) -> T | Failure:
    try:
        return look_up()
    except SecretError as error:
        return Failure(FailureKind.KEY_MISSING, str(error))
    except Exception as error:
        return Failure.unexpected(error)
