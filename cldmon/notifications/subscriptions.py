"""Alert settings changed by hand: who is meant, what is stored, and the confirmation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cldmon.domain.delivery import DeliveryStatus
from cldmon.domain.people import Person
from cldmon.errors import SlackError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from cldmon.domain.delivery import DeliveryResult
    from cldmon.domain.subscriptions import Subscription
    from cldmon.store.subscriptions import SubscriptionsFile

    class Directory(Protocol):
        """The people of the workspace."""

        def people(self) -> list[Person]:
            """Return everybody; raises SlackError."""

        def find(self, text: str) -> Person:
            """Return the person that an id or a name means; raises SlackError."""

    class Messenger(Protocol):
        """Sends direct messages."""

        def confirm(self, user: str, label: str, subscription: Subscription) -> DeliveryResult:
            """Confirm to a Slack user which alerts of account `label` they now get."""


_ID = re.compile(r"[UW](?=[A-Z0-9]*\d)[A-Z0-9]+")


class Subscribing:
    """Changes subscriptions and tells whom they are for; `warn` takes what went less than well."""

    def __init__(
        self,
        settings: SubscriptionsFile,
        messenger: Messenger,
        directory: Directory,
        warn: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._messenger = messenger
        self._directory = directory
        self._warn = warn

    def person(self, text: str) -> Person:
        """Return whom an id or a name means; an id that is not found is taken as it is.

        Raises SlackError for a name that nobody has, several have, or that cannot be looked up.
        """
        try:
            self._directory.people()
        except SlackError as error:
            return self._unseen(
                text, error, f"is stored as given: Slack could not be asked who that is: {error}"
            )
        try:
            return self._directory.find(text)
        except SlackError as error:
            return self._unseen(
                text, error, "is not in this workspace's member list; stored as given"
            )

    def names(self) -> dict[str, Person]:
        """Return Slack's people by id; raises SlackError where they cannot be had."""
        return {person.id: person for person in self._directory.people()}

    def current(self, user: str, label: str) -> Subscription:
        """Return a user's settings for an account; raises StoreError."""
        return self._settings.load().of(user, label)

    def change(
        self, user: str, label: str, *, limit_hit: bool | None, reset: bool | None
    ) -> Subscription:
        """Store a user's settings for an account and confirm them; None leaves one as it was.

        A confirmation that fails is a warning: the change stands. Raises StoreError.
        """
        new = self._settings.change(user, label, limit_hit=limit_hit, reset=reset)
        receipt = self._messenger.confirm(user, label, new)
        if receipt.fate is not DeliveryStatus.DELIVERED:
            self._warn(f"saved, but {_undelivered(receipt)}")
        return new

    def _unseen(self, text: str, error: SlackError, why: str) -> Person:
        if not _ID.fullmatch(text):
            raise error
        self._warn(f"{text} {why}")
        return Person(text, "")


def _undelivered(receipt: DeliveryResult) -> str:
    failed = "may have failed" if receipt.fate is DeliveryStatus.UNSURE else "failed"
    return f"the confirmation message {failed}: {receipt.reason}"
