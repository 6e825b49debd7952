"""What the endpoints work with: the parts that the composition root passes to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NoReturn, Protocol

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.errors import SlackError
from cldmon.web.guards import parse_host
from cldmon.web.limits import LOCK_SECONDS, ConcurrencyLimiter, RateLimiter
from cldmon.web.one_time_codes import Codes
from cldmon.web.sessions import CookieScope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from cldmon.channels.slack.messages import Message
    from cldmon.domain.people import Person
    from cldmon.domain.secret import Secret
    from cldmon.store.subscriptions import SubscriptionsFile
    from cldmon.web.confirmations import Confirmations
    from cldmon.web.http import Document, Request
    from cldmon.web.person_hashes import PersonHashes
    from cldmon.web.proxies import PublicUrl, TrustedProxies
    from cldmon.web.sessions import Sessions
    from cldmon.web.usage import Usage


class Messenger(Protocol):
    """What the endpoints need of `cldmon.channels.slack.client.SlackMessenger`."""

    def confirm(self, user: str, text: str) -> DeliveryResult:
        """Confirm a change of their alert settings to a Slack user."""

    def send(self, user: str, message: Message) -> DeliveryResult:
        """Send a direct message to a Slack user."""


class Directory(Protocol):
    """What the endpoints need of `cldmon.channels.slack.directory.Directory`."""

    def people(self) -> Sequence[Person]:
        """Return everybody who may log in; raises SlackError."""


@dataclass(frozen=True)
class Slack:
    """Slack as configured: who is there, and how to reach them."""

    directory: Directory
    messenger: Messenger


@dataclass(frozen=True)
class ServerSettings:
    """The configuration of the server. `hosts` are in lower case, without brackets.

    `port` is where it listens, `public` where browsers find it, if that is known.
    """

    port: int
    public: PublicUrl | None
    hosts: frozenset[str]
    proxies: TrustedProxies
    login: Literal["open", "code"]
    api_token: Secret | None
    labels: tuple[str, ...]
    interval: timedelta
    slack: Slack | None

    @property
    def admits_guests(self) -> bool:
        """Whether anybody may read: not if a code is required."""
        return self.login == "open"

    def cookie_scope(self, request: Request) -> CookieScope:
        """Return the scope of the cookie for whoever sent a request."""
        public = self.public
        if public and parse_host(request).name == public.host:
            return CookieScope(public.port, public.path, secure=public.is_tls)
        return CookieScope(self.port, "/", secure=self.proxies.is_tls(request))


@dataclass(frozen=True)
class NullSlack:
    """A Slack that is enabled but whose token cannot be read."""

    reason: str

    def people(self) -> NoReturn:
        """Raise SlackError."""
        raise SlackError(self.reason)

    def confirm(self, user: str, text: str) -> DeliveryResult:
        """Send nothing."""
        return DeliveryResult(DeliveryStatus.LATER, self.reason)

    def send(self, user: str, message: Message) -> DeliveryResult:
        """Send nothing."""
        return DeliveryResult(DeliveryStatus.LATER, self.reason)


class RateLimits:
    """What outlives a change of the configuration: counts, codes and slots."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        minute = timedelta(minutes=1)
        self.codes = Codes(now)
        self.logins = RateLimiter(60, minute, now)
        """By address, as the next four; the last two are by user."""
        self.logouts = RateLimiter(60, minute, now)
        """Guests can log out too, and each logout rewrites the revocation file."""
        self.wrong_codes = RateLimiter(20, 10 * minute, now)
        self.searches = RateLimiter(600, minute, now)
        self.anonymous_searches = RateLimiter(200, 10 * minute, now)
        """If a code is required, so that nobody can list all names within minutes."""
        self.logins_as = RateLimiter(20, minute, now)
        self.changes_by = RateLimiter(60, minute, now)
        self.slack_slots = ConcurrencyLimiter("Slack is slow: try again in a moment", max_active=16)
        self.change_slots = _write_slots("changes of alerts")
        self.logout_slots = _write_slots("logouts")
        # Each has a day of history in memory.
        self.history_slots = ConcurrencyLimiter(
            "too many ask for history at a time", max_active=2, max_queued=30
        )


def _write_slots(what: str) -> ConcurrencyLimiter:
    """Return slots to write a locked file: few may wait while other processes hold it."""
    return ConcurrencyLimiter(
        f"too many {what} wait", max_active=1, max_queued=7, patience=LOCK_SECONDS
    )


@dataclass(frozen=True)
class Services:
    """Everything that an endpoint needs. `now` returns UTC instants."""

    settings: ServerSettings
    sessions: Sessions
    person_hashes: PersonHashes
    rate_limits: RateLimits
    usage: Usage
    subscriptions: SubscriptionsFile
    confirmations: Confirmations
    data_dir: Path
    pages: Mapping[str, Document]
    now: Callable[[], datetime]
