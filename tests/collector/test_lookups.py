"""Look-ups run side by side, and each is answered for, whatever becomes of it."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import pytest

from cldmon.collector.lookups import start_lookups
from cldmon.domain.model import Failure, FailureKind
from cldmon.errors import SecretError
from tests.env import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = 20


def test_none_waits_for_another() -> None:
    together = threading.Barrier(MANY, timeout=PATIENCE)
    lookups = start_lookups({str(number): together.wait for number in range(MANY)})
    assert {lookup.result() for lookup in lookups.values()} == {*range(MANY)}


def test_one_that_hangs_keeps_no_other_from_its_end() -> None:
    never = threading.Event()
    lookups = start_lookups({"slow": never.wait, "quick": lambda: True})
    assert lookups["quick"].result(PATIENCE)
    assert not lookups["slow"].done()
    never.set()
    assert lookups["slow"].result(PATIENCE)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SecretError, FailureKind.KEY_MISSING),
        (ValueError, FailureKind.UNEXPECTED),
        (RecursionError, FailureKind.UNEXPECTED),
    ],
)
def test_one_that_raises_has_failed(error: type[Exception], kind: FailureKind) -> None:
    failure = start_lookups({"broken": partial(fail, error)})["broken"].result(PATIENCE)
    assert isinstance(failure, Failure)
    assert failure.kind is kind


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_what_is_to_end_all_of_it_is_handed_on(error: type[BaseException]) -> None:
    lookup = start_lookups({"broken": partial(fail, error)})["broken"]
    assert isinstance(lookup.exception(PATIENCE), error)


def fail(error: type[BaseException]) -> NoReturn:
    raise error


def test_nobody_can_call_one_off_that_runs() -> None:
    """As asyncio tries to when a pass is out of time: its thread could not say what it found."""
    go = threading.Event()
    lookup = start_lookups({"alice": go.wait})["alice"]
    assert not lookup.cancel()
    go.set()
    wait([lookup], PATIENCE)
    assert lookup.result() is True


@pytest.fixture
def no_threads() -> Iterator[None]:
    """Whatever thread is started now would need more memory than there is."""
    before = threading.stack_size(1 << 46)
    yield
    threading.stack_size(before)


@pytest.mark.usefixtures("no_threads")
def test_without_threads_it_is_one_after_the_other() -> None:
    with pytest.raises(RuntimeError):
        threading.Thread(target=print).start()
    lookups = start_lookups({"a": lambda: 1, "b": lambda: 2})
    assert {name: lookup.result(0) for name, lookup in lookups.items()} == {"a": 1, "b": 2}
