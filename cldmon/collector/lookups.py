"""Look up session keys concurrently: one that fails or takes long does not affect the others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from cldmon.domain.model import Failure, FailureKind
from cldmon.errors import SecretError
from cldmon.threads import start_or_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    T = TypeVar("T")


def start_lookups(lookups: Mapping[str, Callable[[], T]]) -> dict[str, Future[T | Failure]]:
    """Start looking up a key for each label; return the futures of the keys, or of failures."""
    return {label: start_or_run(partial(_run, look_up)) for label, look_up in lookups.items()}


def _run(look_up: Callable[[], T]) -> T | Failure:
    try:
        return look_up()
    except SecretError as error:
        return Failure(FailureKind.KEY_MISSING, str(error))
    except Exception as error:
        return Failure.unexpected(error)
