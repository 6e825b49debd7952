"""Who can be told on Slack: the workspace's people, kept on disk for a day."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from cldmon import files
from cldmon.channels.slack.people import make_person, parse_person, resolve
from cldmon.domain.instants import format_iso, from_iso
from cldmon.errors import BusyError, SlackError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.people import Person

FILE_NAME = "slack-users.json"
MAX_AGE = timedelta(hours=24)
RETRY_AFTER = timedelta(minutes=1)
"""How long Slack is left alone after it failed: the login box asks at every keystroke."""


class Workspace(Protocol):
    """What a directory needs of `cldmon.channels.slack.client.SlackMessenger`."""

    @property
    def fingerprint(self) -> str:
        """What tells one app, and so one workspace, from others."""

    def users(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the workspace's users, page by page."""

    def members(self, channel: str) -> Iterator[list[str]]:
        """Yield the user ids of a channel's members, page by page."""


@dataclass(frozen=True, slots=True)
class _List:
    people: tuple[Person, ...]
    fetched_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        # A list from the future was fetched before the clock was set back: its age is unknown.
        return timedelta(0) <= now - self.fetched_at < MAX_AGE


def fetch_people(workspace: Workspace, channel: str | None) -> list[Person]:
    """Ask Slack for its people, only a channel's members if one is named.

    Raises SlackError.
    """
    members = {m for page in workspace.members(channel) for m in page} if channel else None
    everybody = (parse_person(user) for page in workspace.users() for user in page)
    return [p for p in everybody if p and (members is None or p.id in members)]


def open_directory(
    workspace: Workspace, channel: str | None, data_dir: Path, clock: Callable[[], datetime]
) -> Directory:
    """Return the directory of a workspace, or of one channel's members, kept in `data_dir`."""
    return Directory(
        partial(fetch_people, workspace, channel),
        data_dir / FILE_NAME,
        clock,
        scope=f"{workspace.fingerprint} {channel or ''}",
    )


class Directory:
    """The people that `fetch` finds, fetched once a day and kept in the file `path`.

    `scope` names what they were fetched for (workspace, channel): a list kept for another one is
    not used. Threads may share a directory. `clock` gives UTC instants.
    """

    def __init__(
        self,
        fetch: Callable[[], Iterable[Person]],
        path: Path,
        clock: Callable[[], datetime],
        *,
        scope: str = "",
    ) -> None:
        self._fetch = fetch
        self._path = path
        self._clock = clock
        self._scope = scope
        self._fetching = threading.Lock()
        self._kept: _List | None = None
        self._failure: tuple[datetime, SlackError] | None = None

    def people(self) -> list[Person]:
        """Return everybody; where Slack fails, as they were when last fetched.

        Raises SlackError if Slack fails and they never were fetched.
        """
        kept = self._kept
        # Whoever comes while another thread fetches is given the old list at once.
        if kept and (kept.is_fresh(self._clock()) or self._fetching.locked()):
            return list(kept.people)
        with self._fetching:
            self._kept = self._kept or self._load()
            return list(self._renewed().people)

    def find(self, text: str) -> Person:
        """Return the person that an id, `@name` or unambiguous name means; raises SlackError."""
        return resolve(self.people(), text)

    def _renewed(self) -> _List:
        kept, now = self._kept, self._clock()
        if kept and kept.is_fresh(now):
            return kept
        try:
            self._spare_slack(now)
            self._kept = kept = _List(tuple(self._fetch()), now)
        except SlackError as error:
            self._failure = self._failure or (now, error)
            if kept is None:
                raise
            return kept
        self._failure = None
        self._save(kept)
        return kept

    def _spare_slack(self, now: datetime) -> None:
        """Raise the last failure again instead of asking Slack too soon."""
        if self._failure is None:
            return
        failed_at, error = self._failure
        if timedelta(0) <= now - failed_at < RETRY_AFTER:
            raise SlackError(str(error))
        self._failure = None

    def _load(self) -> _List | None:
        """Return what the file holds; None where it is missing, foreign or not understood."""
        try:
            return self._parsed(json.loads(files.read(self._path) or b""))
        except _NOT_UNDERSTOOD:
            return None

    def _parsed(self, body: dict[str, Any]) -> _List | None:
        fetched_at = from_iso(body["fetchedAt"])
        if fetched_at is None or body["scope"] != self._scope:
            return None
        return _List(tuple(_parse_people(body)), fetched_at)

    def _save(self, kept: _List) -> None:
        users = [asdict(p) for p in kept.people]
        body = {"fetchedAt": format_iso(kept.fetched_at), "scope": self._scope, "users": users}
        # A cache that can't be written costs time at the next start and nothing else.
        with suppress(StoreError, BusyError):
            files.private_dir(self._path.parent)
            with files.lock(self._path.with_suffix(".lock"), wait=0):
                files.replace(self._path, json.dumps(body).encode(), durable=False)


def read_timezones(data_dir: Path) -> dict[str, str]:
    """Return the time zones of all people in the file by id."""
    try:
        people = [*_parse_people(json.loads(files.read(data_dir / FILE_NAME) or b""))]
    except _NOT_UNDERSTOOD:
        return {}
    return {person.id: person.timezone for person in people if person.timezone}


def _parse_people(body: dict[str, Any]) -> Iterator[Person]:
    for user in body["users"]:
        # Files of earlier versions lack the time zone.
        if found := make_person(*({"timezone": "", **user}[key] for key in _FIELDS)):
            yield found


_FIELDS = ("id", "name", "real_name", "display_name", "timezone")
_NOT_UNDERSTOOD = (
    StoreError,
    ValueError,
    RecursionError,
    LookupError,
    TypeError,
    AttributeError,
)
