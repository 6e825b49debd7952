"""What an HTTP response of the service means: JSON to read, or an error.

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

MAX_BODY_BYTES = 2_000_000
"""A real response has about two thousand bytes."""
TOO_LONG = f"more than {MAX_BODY_BYTES:,} bytes"

_REFUSALS = (402, 403, 451)
_ORGANIZATION_REFUSAL = "Invalid authorization for organization"

_WORDS = {
    FailureKind.KEY_MISSING: "no session key",
    FailureKind.KEY_EXPIRED: "session key expired or revoked: sign in again and store a new key",
    FailureKind.WRONG_ORGANIZATION: (
        "the service refuses the organization to this key; the key may be fine"
    ),
    FailureKind.REFUSED: (
        "the service refuses this account, or this machine's address: check claude.ai in a browser"
    ),
    FailureKind.CHALLENGED: (
        "challenged by Cloudflare; the key is probably fine, and the browser may pass next time: if"
        " it lasts, sign in with `cldmon login` on this machine, set browser.headless = false"
        " (under Xvfb), or use another network address"
    ),
    FailureKind.RATE_LIMITED: "rate limited by the service",
    FailureKind.SERVICE_DOWN: "the service is not answering properly; will retry on the next pass",
    FailureKind.NOT_UNDERSTOOD: (
        "the answer was not understood; if it lasts, the service has changed: look for a newer"
        " cldmon"
    ),
    FailureKind.TIMEOUT: (
        "no answer in time; will retry on the next pass: if it lasts, raise browser.timeout_seconds"
    ),
    FailureKind.NO_BROWSER: "the browser failed: run `cldmon doctor`",
    FailureKind.UNEXPECTED: UNEXPECTED,
}

_BAD_UUID = "the service rejects the organization's uuid"
_REGION = "the service is not available in the region of this machine's address"
_PROXY = (
    "the proxy requires a valid user and password (HTTP 407): set browser.proxy or https_proxy"
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

_MAX_NAMED = 8
_MAX_DIGITS = 400
_MAX_QUOTE = 120
_HEAD = 16_384
"""How many bytes of a response are searched for its error."""

_TITLE = re.compile(r"<(?:title|h1)\b[^>]{0,200}>(.{0,1000}?)</", re.IGNORECASE | re.DOTALL)
_UNAVAILABLE = re.compile(
    r"(?:un|not[ -])available.{0,80}(?:region|country|location)", re.IGNORECASE
)
# Cloudflare adds jsd, another script of that folder, to pages that are not challenges.
_CHALLENGE = re.compile(rb"Just a moment|challenge-platform(?!/(?:h/\w{1,9}/)?scripts/jsd/)")


class AccountError(Exception):
    """One account could not be read; the others are not affected.

    The message is `words`, by default those of its kind, with the `detail` in brackets. `status` is
    the HTTP status of the response, if there was one.
    """

    status = 0

    def __init__(
        self,
        kind: FailureKind,
        detail: str = "",
        *,
        words: str = "",
        retry_at: datetime | None = None,
    ) -> None:
        words = words or _WORDS[kind]
        self.failure = Failure(kind, f"{words} ({detail})" if detail else words, retry_at)
        super().__init__(self.failure.message)


class OrganizationRefusedError(AccountError):
    """The key does not open the requested organization; it may open another."""

    def __init__(self) -> None:
        super().__init__(FailureKind.WRONG_ORGANIZATION)


@dataclass(frozen=True)
class HttpResponse:
    """A response of the service. The names of `headers` are in lower case.

    `redirected_to` is the final URL if it differs from the one requested.
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    redirected_to: str | None = None

    @property
    def is_html(self) -> bool:
        """Whether it is a page, by its content type or its first bytes."""
        start = self.body[:_HEAD].lstrip()[:15].lower()
        named = "html" in self.headers.get("content-type", "").lower()
        return named or start.startswith((b"<!doctype html", b"<html"))

    @cached_property
    def error(self) -> dict[str, Any]:
        """The error in a JSON body; empty if there is none."""
        try:
            body = json.loads(self.body[:_HEAD])
        except (ValueError, RecursionError):
            return {}
        error = body.get("error", body) if isinstance(body, dict) else None
        return error if isinstance(error, dict) else {"message": error}

    @cached_property
    def quote(self) -> str:
        """A page's title or an error's message, or an empty string.

        It is in quotation marks, one line of limited length, without secrets.
        """
        text = next(iter(self._titles), self.error.get("message"))
        line = one_line(text, _MAX_QUOTE) if isinstance(text, str) else ""
        return f'"{line}"' if line else ""

    @property
    def is_challenge(self) -> bool:
        """Whether it is one of Cloudflare's checks of the client."""
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
        if not self.is_html:
            return []
        found = _TITLE.findall(self.body[:_HEAD].decode(errors="replace"))
        return [text for each in found[:3] if (text := html.unescape(each).strip())]


def no_organization(configured: str | None, opened: Sequence[Organization]) -> AccountError:
    """Return the error for an account of which no organization can be read.

    `opened` are the organizations with a subscription that the service lists for the key.
    """
    uuids = ", ".join(o.uuid for o in opened[:_MAX_NAMED])
    if configured:
        advice = "remove it, or store another key"
        if uuids:
            advice = f"set it to one that the key opens ({uuids}), or remove it"
        words = f"the key does not open the configured `organization` {configured}: {advice}"
    elif uuids:
        words = (
            f"the service refuses every organization that it lists for the key ({uuids}); if it"
            " lasts, sign in again and store a new key"
        )
    else:
        words = _NO_ORGANIZATION
    return AccountError(FailureKind.WRONG_ORGANIZATION, words=words)


def redirect_error(url: str) -> AccountError:
    """Return the error for a redirect: to a login page, it means an expired key."""
    if "login" in url:
        return AccountError(FailureKind.KEY_EXPIRED)
    return AccountError(FailureKind.NOT_UNDERSTOOD, "redirected")


def parse_response(response: HttpResponse, *, now: datetime) -> object:
    """Return the JSON of a good response; raise `AccountError` for any other."""
    if response.is_challenge:
        raise AccountError(FailureKind.CHALLENGED)
    if response.redirected_to is not None and not response.names_region:
        raise redirect_error(response.redirected_to)
    if response.status != 200 or response.names_region:
        error = _interpret_status(response, now)
        error.status = response.status
        raise error
    if len(response.body) > MAX_BODY_BYTES:
        raise AccountError(FailureKind.NOT_UNDERSTOOD, TOO_LONG)
    try:
        # Decoded as by a page's fetch, which gets some of the responses.
        text = response.body.decode("utf-8-sig", "replace")
        return json.loads(text, parse_constant=_reject_constant, parse_int=_parse_int)
    except (ValueError, RecursionError):
        # The title of a page, about maintenance for example, helps more than "not JSON".
        detail = ": ".join(filter(None, ("not JSON", response.quote if response.is_html else "")))
        raise AccountError(FailureKind.SERVICE_DOWN, detail) from None


def _interpret_status(response: HttpResponse, now: datetime) -> AccountError:
    if response.names_region:
        return AccountError(FailureKind.REFUSED, response.quote, words=_REGION)
    status, error = response.status, response.error
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    if status == 401 or (status == 403 and code == "account_session_invalid"):
        return AccountError(FailureKind.KEY_EXPIRED)
    # Other refusals contain an error code.
    if status == 403 and not code and _ORGANIZATION_REFUSAL in str(error.get("message")):
        return OrganizationRefusedError()
    detail = ": ".join(filter(None, (f"HTTP {status}", response.quote)))
    if status == 400 and error.get("type") == "invalid_request_error":
        return AccountError(FailureKind.WRONG_ORGANIZATION, detail, words=_BAD_UUID)
    if status == 404:
        return AccountError(FailureKind.WRONG_ORGANIZATION, words=_NOT_FOUND)
    if status == 407:
        return AccountError(FailureKind.REFUSED, words=_PROXY)
    if status == 429:
        header = response.headers.get("retry-after")
        pause = headers.parse_retry_after(header, now, least=timedelta(0), most=timedelta(days=1))
        retry_at = None if pause is None else now + pause
        detail = "" if pause else "will retry on the next pass"
        return AccountError(FailureKind.RATE_LIMITED, detail, retry_at=retry_at)
    if status in _REFUSALS:
        return AccountError(FailureKind.REFUSED, detail)
    kind = FailureKind.SERVICE_DOWN if status >= 500 else FailureKind.NOT_UNDERSTOOD
    return AccountError(kind, detail)


def _parse_int(digits: str) -> float:
    # Python refuses to parse very long integers; as a float they become infinity.
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON
