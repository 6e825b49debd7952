"""Who can be told on Slack: the workspace's people, kept on disk for a day."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.channels.slack.people import make_person, parse_person, resolve
from cldmon.domain.instants import format_iso, from_iso
from cldmon.errors import BusyError, SlackError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from cldmon.channels.slack.client import SlackMessenger
    from cldmon.domain.people import Person

FILE_NAME = "slack-users.json"
MAX_AGE = timedelta(hours=24)
RETRY_AFTER = timedelta(minutes=1)
"""How long Slack is left alone after it failed: the login box asks at every keystroke."""


@dataclass(frozen=True, slots=True)
class _List:
    people: tuple[Person, ...]
    fetched_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        # A list from the future was fetched before the clock was set back: its age is unknown.
        return timedelta(0) <= now - self.fetched_at < MAX_AGE


def open_directory(
    messenger: SlackMessenger, channel: str | None, data_dir: Path, clock: Callable[[], datetime]
) -> Directory:
    """Return the directory of a workspace, or of one channel's members, kept in `data_dir`."""

    def fetch() -> Iterator[Person]:
        members = {m for page in messenger.members(channel) for m in page} if channel else None
        for user in (user for page in messenger.users() for user in page):
            person = parse_person(user)
            if person and (members is None or person.id in members):
                yield person

    scope = f"{messenger.fingerprint} {channel or ''}"
    return Directory(fetch, data_dir / FILE_NAME, clock, scope=scope)


@dataclass(eq=False, repr=False)
class Directory:
    """The people that `fetch` finds, fetched once a day and kept in the file `path`.

    `scope` names what they were fetched for (workspace, channel): a list kept for another one is
    not used. Threads may share a directory. `clock` gives UTC instants.
    """

    fetch: Callable[[], Iterable[Person]]
    path: Path
    clock: Callable[[], datetime]
    scope: str = ""
    _fetching: threading.Lock = field(default_factory=threading.Lock, init=False)
    _kept: _List | None = field(default=None, init=False)
    _failure: str = field(default="", init=False)
    _failed_at: datetime | None = field(default=None, init=False)

    def people(self) -> list[Person]:
        """Return everybody; where Slack fails, as they were when last fetched.

        Raises SlackError if Slack fails and they never were fetched.
        """
        kept = self._kept
        # Whoever comes while another thread fetches is given the old list at once.
        if kept is None or not (kept.is_fresh(self.clock()) or self._fetching.locked()):
            with self._fetching:
                self._kept = self._kept or self._load()
                self._kept = kept = self._refresh(self._kept, self.clock())
        return list(kept.people)

    def find(self, text: str) -> Person:
        """Return the person that an id, `@name` or unambiguous name means; raises SlackError."""
        return resolve(self.people(), text)

    def _refresh(self, kept: _List | None, now: datetime) -> _List:
        """Return the list, fetched again if it is old, unless Slack fails or has just failed."""
        failed_at = self._failed_at
        has_just_failed = failed_at and timedelta(0) <= now - failed_at < RETRY_AFTER
        if not has_just_failed and not (kept and kept.is_fresh(now)):
            try:
                kept, self._failed_at = _List(tuple(self.fetch()), now), None
                self._save(kept)
            except SlackError as error:
                self._failure, self._failed_at = str(error), now
        if kept is None:
            raise SlackError(self._failure)
        return kept

    def _load(self) -> _List | None:
        """Return what the file holds; None where it is missing, foreign or not understood."""
        with suppress(*_NOT_UNDERSTOOD):
            body = json.loads(files.read(self.path) or b"")
            fetched_at = from_iso(body["fetchedAt"])
            if fetched_at and body["scope"] == self.scope:
                return _List(tuple(_parse_people(body)), fetched_at)
        return None

    def _save(self, kept: _List) -> None:
        users = [asdict(p) for p in kept.people]
        body = {"fetchedAt": format_iso(kept.fetched_at), "scope": self.scope, "users": users}
        # A cache that can't be written costs time at the next start and nothing else.
        with suppress(StoreError, BusyError):
            files.create_private_dir(self.path.parent)
            with files.lock(self.path.with_suffix(".lock"), wait=0):
                files.replace(self.path, json.dumps(body).encode(), durable=False)


def read_timezones(data_dir: Path) -> dict[str, str]:
    """Return the time zones of all people in the file by id."""
    try:
        people = [*_parse_people(json.loads(files.read(data_dir / FILE_NAME) or b""))]
    except _NOT_UNDERSTOOD:
        return {}
    return map_timezones(people)


def map_timezones(people: Iterable[Person]) -> dict[str, str]:
    """Return the time zones of people by id, of those who have one."""
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
