"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cldmon.domain.secret import mask_secrets

if TYPE_CHECKING:
    from cldmon.errors import CldmonError


TRY_AGAIN = "fix this, then run cldmon doctor again"


class Verdict(StrEnum):
    """FAILED: cldmon can't do its work. UNSURE: it is unknown, or may fail later."""

    OK = "ok"
    FAILED = "failed"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Check:
    """The state of one thing cldmon depends on, and how to fix it. Contains no secrets."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(name, Verdict.OK, mask_secrets(detail))


def fail(name: str, detail: str, remedy: str) -> Check:
    """Return a check that found a problem."""
    return Check(name, Verdict.FAILED, mask_secrets(detail), mask_secrets(remedy))


def fail_to_load(name: str, error: CldmonError, remedy: str) -> Check:
    """Return a check that could not use a file. `remedy` is for wrong content.

    The message about a file that can't be read says by itself what to do.
    """
    is_unreadable = isinstance(error.__cause__, OSError)
    return fail(name, str(error), TRY_AGAIN if is_unreadable else remedy)


def warn(name: str, detail: str, remedy: str = "") -> Check:
    """Return a check that found a possible problem, or could not be completed."""
    return Check(name, Verdict.UNSURE, mask_secrets(detail), mask_secrets(remedy))
