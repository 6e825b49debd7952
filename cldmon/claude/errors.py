"""What an HTTP answer of the service means: JSON to read, or a reason in words.

Source: the facts of the service, "Errors".
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from cldmon.domain import headers
from cldmon.domain.model import UNEXPECTED, Failure, FailureKind
from cldmon.domain.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from cldmon.domain.ports import Organization

LARGEST_BODY = 2_000_000
"""Bytes of an answer that are read; a real one has about two thousand."""

_LONGEST_WAIT = timedelta(days=1)
_REFUSALS = (402, 403, 451)

_WORDS = {
    FailureKind.KEY_MISSING: "no session key",
    FailureKind.KEY_EXPIRED: "session key expired or revoked: sign in again and store a new key",
    FailureKind.WRONG_ORGANIZATION: (
        "the service refuses the organization to this key; the key may be fine"
    ),
    FailureKind.REFUSED: (
        "the service refuses this account, or this machine's address: see what claude.ai says in a"
        " browser"
    ),
    FailureKind.CHALLENGED: (
        "challenged by Cloudflare; the key is probably fine, and the browser may pass next time: if"
        " it lasts, sign in with `cldmon login` on this machine, set browser.headless = false"
        " (under Xvfb), or ask from another address"
    ),
    FailureKind.RATE_LIMITED: "rate limited by the service",
    FailureKind.SERVICE_DOWN: "the service is not answering properly; will retry on the next pass",
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

_BAD_UUID = "the service rejects the organization's uuid"
_REGION = "the service is not available in the region of this machine's address"
_PROXY = (
    "the proxy wants a user and a password, or others (HTTP 407): set browser.proxy or https_proxy"
    " to http://user:password@host:port"
)
_NOT_FOUND = (
    "not found (HTTP 404): the organization is gone, or the service has changed: look for a newer"
    " cldmon"
)

_NO_ORGANIZATION = (
    "the key opens no organization with a Claude subscription: store the key of an account that"
    " has one"
)

_MOST_NAMED = 8
_MOST_DIGITS = 400
_LONGEST_QUOTE = 120
_HEAD = 16_384
"""Bytes of an answer in which it says what is wrong."""

_TITLE = re.compile(r"<(?:title|h1)\b[^>]{0,200}>(.{0,1000}?)</", re.IGNORECASE | re.DOTALL)
_UNAVAILABLE = re.compile(
    r"(?:un|not[ -])available.{0,80}(?:region|country|location)", re.IGNORECASE
)
# Cloudflare adds another script of that folder, jsd, to pages that are no challenge.
_CHALLENGE = re.compile(rb"Just a moment|challenge-platform(?!/(?:h/\w{1,9}/)?scripts/jsd/)")


class AccountFailed(Exception):  # noqa: N818 - an outcome that is stored, not a fault of ours
    """One account could not be read; the others are not touched by it.

    `status` is the HTTP status of the answer that says so, if one does.
    """

    def __init__(self, failure: Failure, status: int | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.status = status


class OrganizationRefused(AccountFailed):
    """The key does not open the organization that was asked for; it may open another."""

    def __init__(self) -> None:
        super().__init__(failed(FailureKind.WRONG_ORGANIZATION).failure, 403)


@dataclass(frozen=True)
class HttpAnswer:
    """An answer of the service: names of `headers` are in lower case.

    `redirected_to` is the URL that the request ended at, where that is not the one asked for.
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    redirected_to: str | None = None

    @property
    def is_html(self) -> bool:
        """Whether it is a page, by its content type or by how it begins."""
        start = self.body[:_HEAD].lstrip()[:15].lower()
        named = "html" in self.headers.get("content-type", "").lower()
        return named or start.startswith((b"<!doctype html", b"<html"))

    @cached_property
    def error(self) -> dict[str, Any]:
        """The error that a JSON answer describes; empty where it describes none."""
        try:
            body = json.loads(self.body[:_HEAD])
        except (ValueError, RecursionError):
            return {}
        error = body.get("error", body) if isinstance(body, dict) else None
        return error if isinstance(error, dict) else {"message": error}

    @cached_property
    def quote(self) -> str:
        """What the service says in its own words, a page's title or an error's message.

        In quotation marks, as one bounded line without secrets; empty where it says nothing.
        """
        said = next(iter(self._titles), self.error.get("message"))
        line = one_line(said, _LONGEST_QUOTE) if isinstance(said, str) else ""
        return f'"{line}"' if line else ""

    @property
    def is_challenge(self) -> bool:
        """Whether Cloudflare answers instead of the service, to see what asks."""
        if self.headers.get("cf-mitigated", "").strip().lower() == "challenge":
            return True
        is_page = self.status in (403, 503) and self.is_html
        return is_page and not self.names_region and bool(_CHALLENGE.search(self.body))

    @property
    def names_region(self) -> bool:
        """Whether it says that the service is not available here."""
        places = [(self.redirected_to or "")[:_HEAD], *self._titles]
        return any(map(_UNAVAILABLE.search, places))

    @cached_property
    def _titles(self) -> list[str]:
        """The title of a page, and its first headings."""
        if not self.is_html:
            return []
        found = _TITLE.findall(self.body[:_HEAD].decode(errors="replace"))
        return [text for each in found[:3] if (text := html.unescape(each).strip())]


def failed(
    kind: FailureKind, detail: str = "", retry_at: datetime | None = None, status: int | None = None
) -> AccountFailed:
    """Return the failure of a kind, in words that a person can act on."""
    return _explained(kind, _WORDS[kind], detail, retry_at, status)


def _explained(
    kind: FailureKind,
    words: str,
    detail: str = "",
    retry_at: datetime | None = None,
    status: int | None = None,
) -> AccountFailed:
    message = f"{words} ({detail})" if detail else words
    return AccountFailed(Failure(kind, message, retry_at), status)


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
    if answer.is_challenge:
        raise failed(FailureKind.CHALLENGED, status=answer.status)
    if answer.names_region:
        raise _explained(FailureKind.REFUSED, _REGION, answer.quote, status=answer.status)
    if answer.redirected_to is not None:
        refuse_redirect(answer.redirected_to)
    if answer.status != 200:
        raise _status_failure(answer, now)
    if len(answer.body) > LARGEST_BODY:
        raise too_long()
    return _json(answer)


def retry_after(text: str | None, now: datetime) -> datetime | None:
    """Return when a Retry-After header lets us ask again; None if it does not say.

    It holds seconds or an HTTP date; more than a day counts as a day.
    """
    pause = headers.pause(text, now, least=timedelta(0), most=_LONGEST_WAIT)
    return None if pause is None else now + pause


def _status_failure(answer: HttpAnswer, now: datetime) -> AccountFailed:
    """Return what any status but 200 means."""
    status, error = answer.status, answer.error
    if status == 401 or (status == 403 and _error_code(error) == "account_session_invalid"):
        return failed(FailureKind.KEY_EXPIRED, status=status)
    if status == 403 and _is_organization_refusal(error):
        return OrganizationRefused()
    said = ": ".join(filter(None, (f"HTTP {status}", answer.quote)))
    if status == 400 and error.get("type") == "invalid_request_error":
        return _explained(FailureKind.WRONG_ORGANIZATION, _BAD_UUID, said, status=status)
    if status == 404:
        return _explained(FailureKind.WRONG_ORGANIZATION, _NOT_FOUND, status=status)
    if status == 407:
        return _explained(FailureKind.REFUSED, _PROXY, status=status)
    if status == 429:
        return _rate_limited(answer, now)
    if status in _REFUSALS:
        return failed(FailureKind.REFUSED, said, status=status)
    kind = FailureKind.SERVICE_DOWN if status >= 500 else FailureKind.NOT_UNDERSTOOD
    return failed(kind, said, status=status)


def _error_code(error: Mapping[str, Any]) -> object:
    details = error.get("details")
    return details.get("error_code") if isinstance(details, dict) else None


def _is_organization_refusal(error: Mapping[str, Any]) -> bool:
    # Only a refusal of another kind has an error code.
    words = "Invalid authorization for organization"
    return not _error_code(error) and words in str(error.get("message"))


def _rate_limited(answer: HttpAnswer, now: datetime) -> AccountFailed:
    until = retry_after(answer.headers.get("retry-after"), now)
    detail = "" if until and until > now else "asked again next time"
    return failed(FailureKind.RATE_LIMITED, detail, until, answer.status)


def _json(answer: HttpAnswer) -> object:
    try:
        # As the page's own fetch decodes it, which is one of the two ways to an answer.
        text = answer.body.decode("utf-8-sig", "replace")
        return json.loads(text, parse_constant=_no_constant, parse_int=_number)
    except (ValueError, RecursionError):
        # Where it is a page, about maintenance for example, what it says helps more than its form.
        detail = ": ".join(filter(None, ("not JSON", answer.quote if answer.is_html else "")))
        raise failed(FailureKind.SERVICE_DOWN, detail, status=answer.status) from None


def _number(digits: str) -> float:
    """Return a whole number; infinity for one that nobody means, which `int` may refuse to read."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON
