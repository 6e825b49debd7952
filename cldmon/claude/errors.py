"""What an HTTP answer of the service means: JSON to read, or a reason in words.

Source: the facts of the service, "Errors".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from cldmon.domain import headers
from cldmon.domain.instants import spoken
from cldmon.domain.model import UNEXPECTED, Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from cldmon.domain.asking import Organization

LARGEST_BODY = 2_000_000
"""Bytes of an answer that are read; a real one has about two thousand."""

_LONGEST_WAIT = timedelta(days=1)

_WORDS = {
    FailureKind.KEY_MISSING: "no session key",
    FailureKind.KEY_EXPIRED: "session key expired or revoked: sign in again and store a new key",
    FailureKind.WRONG_ORGANIZATION: (
        "the service refuses the organization to this key; the key may be fine"
    ),
    FailureKind.CHALLENGED: (
        "challenged by Cloudflare; the key is probably fine: if it lasts, set browser.headless"
        " = false (under Xvfb) or ask from another address"
    ),
    FailureKind.RATE_LIMITED: "rate limited by the service",
    FailureKind.SERVICE_DOWN: "the service is not answering well; it is asked again next time",
    FailureKind.NOT_UNDERSTOOD: (
        "the answer was not understood; if it lasts, the service has changed: look for a newer"
        " cldmon"
    ),
    FailureKind.TIMEOUT: (
        "no answer in time; asked again next time: if it lasts, raise browser.timeout_seconds"
    ),
    FailureKind.NO_BROWSER: "the browser could not do it: run `cldmon doctor`",
    FailureKind.UNEXPECTED: UNEXPECTED,
}

_NOT_FOUND = (
    "not found (HTTP 404): the organization is gone, or the service has changed: look for a newer"
    " cldmon"
)

_MOST_NAMED = 8

_NO_ORGANIZATION = (
    "the key opens no organization with a Claude subscription: store the key of an account that"
    " has one"
)


class AccountFailed(Exception):  # noqa: N818 - an outcome that is stored, not a fault of ours
    """One account could not be read; the others are not touched by it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class OrganizationRefused(AccountFailed):
    """The key does not open the organization that was asked for; it may open another."""

    def __init__(self) -> None:
        super().__init__(failed(FailureKind.WRONG_ORGANIZATION).failure)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer of the service: names of `headers` are in lower case.

    `redirected_to` is the URL that the request ended at, where that is not the one asked for.
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    redirected_to: str | None = None


def failed(kind: FailureKind, detail: str = "", retry_at: datetime | None = None) -> AccountFailed:
    """Return the failure of a kind, in words that a person can act on."""
    words = _WORDS[kind]
    return AccountFailed(Failure(kind, f"{words} ({detail})" if detail else words, retry_at))


def no_organization(configured: str | None, opened: Sequence[Organization]) -> AccountFailed:
    """Return the failure of an account none of whose organizations can be asked.

    `opened` are those with a subscription that the service lists for the key.
    """
    kind, uuids = FailureKind.WRONG_ORGANIZATION, ", ".join(o.uuid for o in opened[:_MOST_NAMED])
    if configured:
        advice = (
            f"set it to one that the key opens ({uuids}), or remove it"
            if uuids
            else "remove it, or store another key"
        )
        words = f"the key does not open the configured `organization` {configured}: {advice}"
        return AccountFailed(Failure(kind, words))
    if uuids:
        words = f"the service refuses every organization that it lists for the key ({uuids}); "
        return AccountFailed(
            Failure(kind, words + "if it lasts, sign in again and store a new key")
        )
    return AccountFailed(Failure(kind, _NO_ORGANIZATION))


def too_long() -> AccountFailed:
    """Return the failure of an account whose answer has no end in sight."""
    return failed(FailureKind.NOT_UNDERSTOOD, f"more than {LARGEST_BODY:,} bytes")


def refuse_redirect(url: str) -> NoReturn:
    """Raise the failure of an account that is sent elsewhere, to a login page or another place."""
    if "login" in url:
        raise failed(FailureKind.KEY_EXPIRED)
    raise failed(FailureKind.NOT_UNDERSTOOD, "redirected")


def read(answer: HttpAnswer, *, now: datetime) -> object:
    """Return the JSON of a good answer; raises `AccountFailed` for any other."""
    if _is_challenge(answer):
        raise failed(FailureKind.CHALLENGED)
    if answer.redirected_to is not None:
        refuse_redirect(answer.redirected_to)
    if answer.status != 200:
        _refuse_status(answer, now)
    if len(answer.body) > LARGEST_BODY:
        raise too_long()
    return _json(answer.body)


def retry_after(text: str | None, now: datetime) -> datetime | None:
    """Return when a Retry-After header lets us ask again; None if it does not say.

    It holds seconds or an HTTP date; more than a day counts as a day.
    """
    pause = headers.pause(text, now, least=timedelta(0), most=_LONGEST_WAIT)
    return None if pause is None else now + pause


def _is_challenge(answer: HttpAnswer) -> bool:
    if answer.headers.get("cf-mitigated") == "challenge":
        return True
    if not _is_html(answer):
        return False
    return answer.status == 403 or b"Just a moment" in answer.body


def _is_html(answer: HttpAnswer) -> bool:
    return "html" in answer.headers.get("content-type", "").lower()


def _refuse_status(answer: HttpAnswer, now: datetime) -> NoReturn:
    status = answer.status
    if status == 401:
        raise failed(FailureKind.KEY_EXPIRED)
    if status == 403:
        _refuse_forbidden(answer.body)
    if status == 404:
        raise AccountFailed(Failure(FailureKind.WRONG_ORGANIZATION, _NOT_FOUND))
    if status == 429:
        _refuse_for_now(answer, now)
    kind = FailureKind.SERVICE_DOWN if status >= 500 else FailureKind.NOT_UNDERSTOOD
    raise failed(kind, f"HTTP {status}")


def _refuse_for_now(answer: HttpAnswer, now: datetime) -> NoReturn:
    until = retry_after(answer.headers.get("retry-after"), now)
    detail = f"until {spoken(until, now)}" if until and until > now else "asked again next time"
    raise failed(FailureKind.RATE_LIMITED, detail, until)


def _refuse_forbidden(body: bytes) -> None:
    """Raise for a dead key and for one of another organization, which has no error code."""
    if b"account_session_invalid" in body:
        raise failed(FailureKind.KEY_EXPIRED)
    if b"Invalid authorization for organization" in body:
        raise OrganizationRefused


def _json(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise failed(FailureKind.NOT_UNDERSTOOD, "not JSON") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON
