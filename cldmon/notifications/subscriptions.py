"""The one service that changes alert settings and confirms the change, for CLI and API."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cldmon.domain.delivery import DeliveryStatus
from cldmon.domain.people import Person
from cldmon.domain.windows import limit_name
from cldmon.errors import SlackError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cldmon.domain.delivery import DeliveryResult
    from cldmon.domain.subscriptions import QuietHours, Subscription
    from cldmon.notifications.wording import Text
    from cldmon.store.subscriptions import SubscriptionsFile

_log = logging.getLogger(__name__)
_ID = re.compile(r"[UW](?=[A-Z0-9]*\d)[A-Z0-9]+")


class Directory(Protocol):
    """The people of the workspace."""

    def people(self) -> Sequence[Person]:
        """Return everybody; raises SlackError."""

    def find(self, text: str) -> Person:
        """Return the person that an id or a name means; raises SlackError."""


class Messenger(Protocol):
    """Sends direct messages."""

    def confirm(self, user: str, text: str | Text) -> DeliveryResult:
        """Confirm a change of their alert settings to a Slack user."""


@dataclass(eq=False, repr=False)
class SubscriptionService:
    """Changes alert settings, and confirms each change by a direct message.

    Methods that change settings raise StoreError, and return why the confirmation failed, or None:
    the change is saved all the same.
    """

    file: SubscriptionsFile
    messenger: Messenger
    directory: Directory

    def find_person(self, text: str, *, force: bool = False) -> Person:
        """Return the person that an id or a name means.

        An id is taken as it is while Slack cannot be asked, and with `force` always. Raises
        SlackError where no user or several match, and for a name that cannot be looked up.
        """
        is_id = _ID.fullmatch(text) is not None
        try:
            self.directory.people()
        except SlackError as error:
            if not is_id:
                raise
            _log.warning("%s is taken as it is: Slack can't be asked who that is: %s", text, error)
            return Person(text, "")
        try:
            return self.directory.find(text)
        except SlackError as error:
            if is_id and force:
                return Person(text, "")
            hint = "; --force stores the id anyway" if is_id else ""
            raise SlackError(f"{error}{hint}") from None

    def names(self) -> dict[str, Person]:
        """Return Slack's people by id; raises SlackError where they cannot be had."""
        return {person.id: person for person in self.directory.people()}

    def send_test(self, user: str) -> str | None:
        """Send a test message; return why it failed, or None."""
        result = self.messenger.confirm(user, "This is a test message from cldmon.")
        return None if result.status is DeliveryStatus.DELIVERED else result.reason

    def change(
        self, user: str, label: str, change: Callable[[Subscription], Subscription]
    ) -> tuple[Subscription, str | None]:
        """Change a user's settings for an account; return them, and why no confirmation came."""
        new = self.file.change(user, label, change)
        return new, send_confirmation(self.messenger, user, describe_subscription(label, new))

    def set_quiet(self, user: str, quiet: QuietHours | None) -> str | None:
        """Set a user's quiet hours; None for none."""
        self.file.set_quiet(user, quiet)
        return send_confirmation(self.messenger, user, describe_quiet(quiet))

    def pause(self, user: str, until: datetime | None) -> str | None:
        """Hold a user's alerts until an instant (UTC); None for no longer."""
        self.file.pause(user, until)
        return send_confirmation(self.messenger, user, describe_pause(until))

    def remove(self, user: str, label: str | None) -> tuple[bool, str | None]:
        """Remove a user's settings for an account, or all; return whether there were any."""
        if not self.file.remove(user, label):
            return False, None
        about = f" about {label}" if label else ""
        return True, send_confirmation(self.messenger, user, f"You will get no more alerts{about}.")


def send_confirmation(messenger: Messenger, user: str, text: str | Text) -> str | None:
    """Send a confirmation; return why it failed, or None."""
    result = messenger.confirm(user, text)
    if result.status is DeliveryStatus.DELIVERED:
        return None
    failed = "may have failed" if result.status is DeliveryStatus.UNSURE else "failed"
    return f"the confirmation message {failed}: {result.reason}"


def describe_subscription(label: str, subscription: Subscription) -> str:
    """Return what alerts a person gets now about an account, as a sentence to them."""
    if subscription.is_empty:
        return f"You will get no more alerts about {label}."
    wanted = []
    if subscription.limit_hit:
        wanted.append("is reached")
    if subscription.thresholds:
        wanted.append(f"is {_join([f'{n}%' for n in subscription.thresholds])} used")
    if subscription.run_out:
        wanted.append("is on pace to run out before its reset")
    if subscription.reset:
        wanted.append("resets")
    if subscription.changes:
        wanted.append("is changed")
    limits = "a limit"
    if subscription.windows is not None:
        limits = f"the {_join([limit_name(name) for name in subscription.windows])}"
    return f"You'll get a message when {limits} of {label} {_join(wanted)}."


def describe_quiet(quiet: QuietHours | None) -> str:
    """Return when a person gets no alerts, as a sentence to them."""
    if quiet is None:
        return "You have no quiet hours: alerts come at any time."
    zone = quiet.timezone or "the time zone of your Slack profile"
    return f"You get no alerts from {quiet.start:%H:%M} to {quiet.end:%H:%M} ({zone})."


def describe_pause(until: datetime | None) -> Text:
    """Return until when a person gets no alerts, as a sentence to them."""
    if until is None:
        return ("Your alerts are no longer paused.",)
    return ("Your alerts are paused until ", until, ".")


def _join(words: Sequence[str]) -> str:
    """Return words as `a or b`, or `a, b, or c`."""
    *rest, last = words
    comma = "," if len(rest) > 1 else ""
    return f"{', '.join(rest)}{comma} or {last}" if rest else last
