"""Look up session keys concurrently: one that fails or takes long does not affect the others."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from cldmon.domain.model import Failure, FailureKind
from cldmon.errors import SecretError
from cldmon.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    T = TypeVar("T")


def start_lookups(lookups: Mapping[str, Callable[[], T]]) -> dict[str, Future[T | Failure]]:
    """Start looking up a key for each label; return the futures of the keys, or of failures."""
    return {label: _start(partial(_run, look_up)) for label, look_up in lookups.items()}


def _start(work: Callable[[], T]) -> Future[T]:
    try:
        return start_thread(work)
    except RuntimeError:  # the system has no thread left: one after the other, then
        future: Future[T] = Future()
        future.set_result(work())
        return future


def _run(look_up: Callable[[], T]) -> T | Failure:
    try:
        return look_up()
    except SecretError as error:
        return Failure(FailureKind.KEY_MISSING, str(error))
    except Exception as error:
        return Failure.unexpected(error)
