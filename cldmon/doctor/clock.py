"""The clock: a wrong one makes every age, countdown and alert wrong."""

from __future__ import annotations

from datetime import timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.request import Request

from cldmon.doctor.check import fail, ok, warn
from cldmon.domain.headers import instant
from cldmon.urls import opener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation

WRONG = timedelta(minutes=2)
_SECONDS = 5.0


def clock(installation: Installation) -> Iterator[Check]:
    """Compare our clock with the date that the service's answers carry."""
    if installation.config is None or installation.offline:
        return
    theirs = date_of(installation.config.claude_url)
    yield compared(installation.app.now(), theirs)


def compared(ours: datetime, theirs: datetime | None) -> Check:
    """Return how far our clock is from theirs."""
    if theirs is None:
        local = ours.astimezone()
        why = "couldn't check the clock: no response to compare with"
        return warn("clock", f"{local:%Y-%m-%d %H:%M:%S %Z}; {why}")
    off = ours - theirs
    if abs(off) < WRONG:
        return ok("clock", f"right to within {WRONG.total_seconds():.0f} s")
    direction = "ahead" if off > timedelta(0) else "behind"
    detail = f"{abs(off.total_seconds()):,.0f} s {direction} of the service's"
    return fail("clock", detail, "set it by NTP: timedatectl set-ntp true")


def date_of(url: str) -> datetime | None:
    """Return the Date header of an answer, be it an error; None where there is none."""
    request = Request(url, headers={"User-Agent": "cldmon"})  # noqa: S310 - http(s) by config
    try:
        with opener().open(request, timeout=_SECONDS) as answer:
            text = answer.headers.get("date")
    except (OSError, HTTPException, ValueError):
        return None
    return instant(text or "")
