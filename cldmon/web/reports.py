"""`POST /api/report`: a person's machine reports usage, with a token for one account."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from cldmon.errors import CldmonError
from cldmon.reports.body import InvalidReportError, parse
from cldmon.reports.store import correct_clock
from cldmon.web.http import RefusedError, json_response
from cldmon.web.limits import LOCK_SECONDS, RETRY_SECONDS

if TYPE_CHECKING:
    from cldmon.reports.tokens import Token
    from cldmon.web.auth import Caller
    from cldmon.web.http import Request, Response
    from cldmon.web.services import Services


def check_token(request: Request, services: Services) -> Token:
    """Return the token of a report, before its body is read; raises 401 or 429."""
    token = request.bearer_token
    found = services.intake.find(token) if token is not None else None
    if found is None:
        raise RefusedError(401, "Unauthorized", ("WWW-Authenticate", "Bearer"))
    services.rate_limits.reports.check(found.hash)
    return found


def receive_report(request: Request, _caller: Caller, services: Services) -> Response:
    """Keep a report for the next pass. When this returns, it survives a loss of power."""
    token = check_token(request, services)
    services.rate_limits.reports.take(token.hash)
    try:
        report = parse(request.body)
    except InvalidReportError as error:
        raise RefusedError(400, f"not a report: {error}") from None
    if report.account != token.account:
        raise RefusedError(403, "this token is for another account")
    if report.account not in services.settings.reporting:
        raise RefusedError(404, "this account does not take reports")
    now, slots = services.now(), services.rate_limits.report_slots
    if not slots.acquire(timeout=LOCK_SECONDS):
        retry = ("Retry-After", str(RETRY_SECONDS))
        raise RefusedError(503, "too many reports are waiting", retry)
    try:
        services.intake.files.receive(correct_clock(report, now))
    finally:
        slots.release()
    with suppress(CldmonError):  # the report is safe, and that is what counts
        services.intake.note_use(token, now)
    return json_response({"ok": True})
