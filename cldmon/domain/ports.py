"""The requests to a source of readings, and their results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from concurrent.futures import Future

    from cldmon.domain.model import Failure, Reading
    from cldmon.domain.secret import Secret


Lookup: TypeAlias = "Future[ReadRequest | Failure]"
"""The request for an account, once its key has been looked up; a failure if there is no key."""


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization of the service: its uuid, and the name of its plan."""

    uuid: str
    plan: str

    @property
    def normalized_uuid(self) -> str:
        """The uuid in the form for comparison."""
        return normalize_uuid(self.uuid)


def normalize_uuid(uuid: str) -> str:
    """Return a uuid in the form for comparison: in lower case, without braces."""
    return uuid.strip("{}").lower()


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One account to read.

    `organization` is the uuid from the configuration, if set; `remembered` is the choice of an
    earlier pass, which saves a look-up; `saved_resets` is whether to request saved resets.
    """

    label: str
    key: Secret
    organization: str | None = None
    remembered: Organization | None = None
    saved_resets: bool = True


def make_lookup(request: ReadRequest) -> Lookup:
    """Return a finished look-up, for a request whose key is already known."""
    from concurrent.futures import Future  # here because `status` has to start fast

    lookup: Lookup = Future()
    lookup.set_result(request)
    return lookup


@dataclass(frozen=True, slots=True)
class ReadResult:
    """A good reading, and its organization.

    `looked_up`: the organization was requested, not remembered. `saved_resets_refused`: the
    service answers only requests without saved resets. `challenged`: the browser passed a
    Cloudflare challenge first.
    """

    reading: Reading
    organization: Organization
    looked_up: bool = False
    saved_resets_refused: bool = False
    challenged: bool = False
