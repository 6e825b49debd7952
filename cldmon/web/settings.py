"""The server's configuration, as the endpoints use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.errors import SlackError
from cldmon.web.guards import parse_host
from cldmon.web.sessions import CookieScope

if TYPE_CHECKING:
    from datetime import timedelta

    from cldmon.channels.slack.client import SlackMessenger
    from cldmon.channels.slack.directory import Directory
    from cldmon.channels.slack.messages import Message
    from cldmon.domain.secret import Secret
    from cldmon.notifications.wording import Text
    from cldmon.web.http import Request
    from cldmon.web.proxies import PublicUrl, TrustedProxies


@dataclass(frozen=True)
class Slack:
    """Slack as configured: who its members are, and how to reach them."""

    directory: Directory | NullSlack
    messenger: SlackMessenger | NullSlack


@dataclass(frozen=True)
class ServerSettings:
    """The server's configuration. `hosts` are in lower case, without brackets.

    `port` is where it listens, `public` where browsers reach it, if that is known. `reporting` are
    the labels of the accounts that take reports, `channels` the names of the channels of alerts.
    """

    port: int
    public: PublicUrl | None
    hosts: frozenset[str]
    proxies: TrustedProxies
    login: Literal["open", "code"]
    api_token: Secret | None
    labels: tuple[str, ...]
    reporting: frozenset[str]
    channels: tuple[str, ...]
    interval: timedelta
    slack: Slack | None

    @property
    def admits_guests(self) -> bool:
        """Whether anyone may read: not if a code is required."""
        return self.login == "open"

    def cookie_scope(self, request: Request) -> CookieScope:
        """Return the scope of the cookie for the sender of a request."""
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

    def confirm(self, user: str, text: str | Text) -> DeliveryResult:
        """Send nothing."""
        return DeliveryResult(DeliveryStatus.LATER, self.reason)

    def send(self, user: str, message: Message) -> DeliveryResult:
        """Send nothing."""
        return DeliveryResult(DeliveryStatus.LATER, self.reason)
