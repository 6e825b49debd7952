"""Any service that Apprise knows as a channel of alerts; the only home of apprise.

The package is optional and slow to import, so it is imported for the first alert.
"""

from __future__ import annotations

import logging
import re
import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.errors import CldmonError, ConfigError
from cldmon.notifications.wording import format_markdown, format_plain_text, format_title
from cldmon.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cldmon.domain.events import Event
    from cldmon.domain.secret import Secret

TIMEOUT = timedelta(seconds=15)

_URL = re.compile(r"([a-z][a-z0-9]{0,19}://)(?:[^/?#]*@)?([^/?#:\[]*|\[[^]]*])")
_HOST = re.compile(r"([a-z0-9-]{1,30}\.)+[a-z]{2,10}|localhost|\d+(\.\d+){3}|\[[0-9a-f:]+]")


class AppriseChannel:
    """Sends alerts to the service of an Apprise URL; `link` is the dashboard's address.

    Apprise answers only yes or no. A no, like no answer in time, may still have been a delivery:
    for example an e-mail with two recipients, one of them refused.
    """

    max_events = 8
    time_limit = timedelta(seconds=30) - TIMEOUT
    """All messages of a pass end within 30 seconds, so the last one has to begin by then."""

    def __init__(
        self,
        url: Secret,
        *,
        now: Callable[[], datetime],
        link: str | None = None,
        timeout: timedelta = TIMEOUT,
    ) -> None:
        """Raise CldmonError if Apprise is not installed, ConfigError if it refuses the URL."""
        self._name = redact_url(url.reveal())
        self._apprise = _load(url.reveal(), self._name)
        self._takes_markdown_only = self._apprise[0].notify_format == "markdown"
        self._now = now
        self._link = link
        self._timeout = timeout.total_seconds()

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Send events as one message. `user` is not used: the URL names the recipients."""
        now = self._now()
        # Apprise's conversion would put a backslash before each hyphen, full stop and bracket.
        markup = "markdown" if self._takes_markdown_only else "text"
        format_body = format_markdown if self._takes_markdown_only else format_plain_text
        title, body = format_title(events, now), format_body(events, now, self._link)
        try:
            sending = start_thread(
                lambda: bool(self._apprise.notify(body, title, body_format=markup))
            )
            if sending.result(self._timeout):
                return DeliveryResult(DeliveryStatus.DELIVERED)
        except TimeoutError:
            reason = f"{self._name} did not answer within {self._timeout:g} seconds"
            return DeliveryResult(DeliveryStatus.UNSURE, reason, halt=True)
        except Exception as error:  # its text may quote the URL
            reason = f"Apprise failed for {self._name} ({type(error).__name__})"
            return DeliveryResult(DeliveryStatus.UNSURE, reason)
        return DeliveryResult(DeliveryStatus.UNSURE, f"Apprise could not send to {self._name}")


def redact_url(url: str) -> str:
    """Return the scheme of an Apprise URL, and the host if it is one: many hold a token there."""
    match = _URL.match(url)
    if not match:
        return "the URL"
    scheme, host = match.groups()
    return f"{scheme}{host if _HOST.fullmatch(host) else '…'}"


def _load(url: str, name: str) -> Any:
    """Return Apprise with one service."""
    for logger in map(logging.getLogger, ("apprise", "urllib3")):  # they log URLs
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
    warnings.filterwarnings("ignore", "Unverified HTTPS request")  # `verify=no` in the URL
    try:
        import apprise
    except ImportError:
        advice = "run: pip install 'cldmon[apprise]'"
        raise CldmonError(f"Apprise is needed for {name} and is not installed: {advice}") from None
    asset = apprise.AppriseAsset(
        app_id="cldmon",
        app_desc="cldmon",
        app_url="",
        image_url_mask="",  # no pictures from Apprise's repository
        image_url_logo="",
        async_mode=False,
        service_timeout=0,  # its own would leave a thread that the process waits for at its end
        http_redirects=False,  # a redirected POST becomes a GET, whose 200 is no delivery
        allow_templates=False,
    )
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        raise ConfigError(
            f"Apprise cannot use {name}: compare the URL with Apprise's documentation of the"
            " service, which also names the packages that some services need"
        )
    if "overflow=" not in url:
        service.overflow_mode = apprise.OverflowMode.SPLIT
    sender = apprise.Apprise(asset=asset)
    sender.add(service)
    return sender
