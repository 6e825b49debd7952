"""What a source is asked, and what it brings back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from concurrent.futures import Future

    from cldmon.domain.model import Failure, Reading
    from cldmon.domain.secret import Secret


Lookup: TypeAlias = "Future[ReadRequest | Failure]"
"""What to ask about an account, once its key was looked up; a failure where there is none."""


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization of the service: its uuid, and the plan's name as people know it."""

    uuid: str
    plan: str

    @property
    def normalized_uuid(self) -> str:
        """The uuid as it is compared."""
        return normalize_uuid(self.uuid)


def normalize_uuid(uuid: str) -> str:
    """Return a uuid as it is compared: in lower case, without braces."""
    return uuid.strip("{}").lower()


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One account to be read.

    `organization` is the uuid that the configuration names, if it does; `remembered` the choice
    of an earlier pass, which saves looking it up; `saved_resets` whether to ask for saved resets.
    """

    label: str
    key: Secret
    organization: str | None = None
    remembered: Organization | None = None
    saved_resets: bool = True


def make_lookup(question: ReadRequest) -> Lookup:
    """Return the look-up of a question whose key is known already."""
    from concurrent.futures import Future  # here, for `status` has to start fast

    lookup: Lookup = Future()
    lookup.set_result(question)
    return lookup


@dataclass(frozen=True, slots=True)
class ReadResult:
    """A good reading, and the organization that it is of.

    `looked_up` says that the organization was asked for, not remembered, `saved_resets_refused`
    that the service answers only where it is not asked for saved resets, `challenged` that the
    browser passed a challenge of Cloudflare's before.
    """

    reading: Reading
    organization: Organization
    looked_up: bool = False
    saved_resets_refused: bool = False
    challenged: bool = False
