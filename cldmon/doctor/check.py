"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cldmon.domain.secret import mask_secrets
from cldmon.errors import CldmonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Verdict(StrEnum):
    """OK; FAILED: cldmon cannot do its work; UNSURE: it cannot be told, or will fail some day."""

    OK = "ok"
    FAILED = "failed"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that cldmon depends on: its state, and how to fix it. Holds no secret."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(name, Verdict.OK, mask_secrets(detail))


def fail(name: str, detail: str, remedy: str) -> Check:
    """Return a check that found what keeps cldmon from its work."""
    return Check(name, Verdict.FAILED, mask_secrets(detail), mask_secrets(remedy))


def warn(name: str, detail: str, remedy: str = "") -> Check:
    """Return a check that found what a person should look at, or that could find nothing."""
    return Check(name, Verdict.UNSURE, mask_secrets(detail), mask_secrets(remedy))


def guarded(name: str, look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Yield what `look` finds; whatever it raises becomes a check, too, and stops no other."""
    try:
        yield from look()
    except CldmonError as error:
        yield fail(name, str(error), "fix what it names, then run cldmon doctor again")
    except Exception as error:
        yield warn(name, f"could not be looked at: unexpected {type(error).__name__}")
