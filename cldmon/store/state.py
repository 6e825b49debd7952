"""state.json: the commit point of a pass.

It is replaced whole and fsynced. What a pass still owes when it is killed, the history line and the
messages, stands in it, and the next pass does it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.domain import json_types
from cldmon.domain import snapshot as snapshots
from cldmon.domain.delivery import Waiting
from cldmon.domain.events import AlertState, Event, EventKind
from cldmon.domain.model import Snapshot, iso, iso_or_none
from cldmon.domain.ports import Organization
from cldmon.store import history, latest
from cldmon.store.latest import VERSION
from cldmon.store.latest import StateCorruptError as StateCorruptError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path


DROPPED = "messagesDropped"
"""The counter of messages that were not delivered and will not be."""

CHALLENGES = {True: "challenges.passed", False: "challenges.failed"}
"""The counters of challenges, by whether they let the browser pass."""

PASSES_TO_SKIP = 2
"""An account whose challenge did not let the browser pass is asked in every third pass."""

_LONGEST_REST = timedelta(days=1)
_REFUSAL_LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeyFingerprint:
    """Which session key an account had, as a fingerprint, and since when it was seen (UTC)."""

    fingerprint: str
    since: datetime


@dataclass(frozen=True, slots=True)
class AccountState:
    """What has to be known of an account from pass to pass, beyond what is shown.

    `alerts` is what alerts go by, also of windows that are gone; `organization` the choice made
    at `organization_at`; until `retry_at` it is left alone; at `saved_resets_refused_at` the
    service refused to be asked for saved resets. `challenges` counts those in a row that did not
    let the browser pass; it is left alone for `passes_to_skip` passes after the last one.
    """

    alerts: AlertState = field(default_factory=AlertState)
    organization: Organization | None = None
    organization_at: datetime | None = None
    retry_at: datetime | None = None
    key: KeyFingerprint | None = None
    saved_resets_refused_at: datetime | None = None
    challenges: int = 0
    passes_to_skip: int = 0

    def refuses_saved_resets(self, now: datetime) -> bool:
        """Return whether the service is not asked for saved resets yet, having refused to be."""
        at = self.saved_resets_refused_at
        return at is not None and timedelta(0) <= now - at < _REFUSAL_LIFE

    def is_backing_off(self, now: datetime) -> bool:
        """Return whether the account is to be left alone still."""
        return _is_ahead(self.retry_at, now)


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is owed: an event, and the Slack user to tell.

    `user` is None while it is not known who is to be told (subscriptions unreadable). `unsure`
    counts the attempts after which nobody knows whether it arrived.
    """

    event: Event
    user: str | None
    unsure: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """All of state.json. `history_line` is the last pass's, without its line end."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    account_states: Mapping[str, AccountState] = field(default_factory=dict)
    outbox: tuple[Message, ...] = ()
    history_line: str | None = None
    slack_retry_at: datetime | None = None
    pass_seconds: float | None = None
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def waiting(self) -> Waiting:
        """What there is to say of the outbox."""
        since = min((message.event.at for message in self.outbox), default=None)
        return Waiting(len(self.outbox), since, self.counters.get(DROPPED, 0))

    def without(self, message: Message) -> State:
        """Return the state with one message struck off."""
        rest = list(self.outbox)
        rest.remove(message)
        return replace(self, outbox=tuple(rest))

    def is_slack_backing_off(self, now: datetime) -> bool:
        """Return whether Slack is to be left alone still."""
        return _is_ahead(self.slack_retry_at, now)


def _is_ahead(until: datetime | None, now: datetime) -> bool:
    # Nobody is left alone for longer: the clock was set back since.
    return until is not None and now < until <= now + _LONGEST_REST


class StateFile:
    """state.json in a data_dir."""

    def __init__(self, data_dir: Path) -> None:
        self.path = latest.state_path(data_dir)

    def load(self) -> State:
        """Return what the last pass left, or an empty state before the first one.

        Raises `StoreError` for a file that cannot be read or understood.
        """
        text = files.read(self.path)
        return State() if text is None else decode(text, self.path)

    def save(self, state: State) -> None:
        """Replace the file; when this returns the state survives a loss of power."""
        files.replace(self.path, encode(state))

    def set_aside(self, now: datetime) -> Path:
        """Move a file that is not understood out of the way, and return where it went."""
        aside = self.path.with_name(f"{self.path.name}.corrupt-{now:%Y%m%dT%H%M%SZ}")
        with files.wrap_os_errors("set aside", self.path):
            self.path.replace(aside)
        return aside


def encode(state: State) -> bytes:
    """Return the bytes of state.json."""
    body = {
        "version": VERSION,
        "snapshot": snapshots.to_json(state.snapshot),
        "accounts": {label: _memory_to_json(m) for label, m in state.account_states.items()},
        "outbox": [_message_to_json(message) for message in state.outbox],
        "historyLine": state.history_line,
        "slackRetryAt": iso_or_none(state.slack_retry_at),
        "passSeconds": state.pass_seconds,
        "counters": dict(state.counters),
    }
    return json.dumps(body, ensure_ascii=False).encode() + b"\n"


def decode(text: bytes, path: Path) -> State:
    """Return the state that `encode` wrote; raises `StateCorruptError` for anything else."""
    return latest.decoded(text, path, _state_from_json)


def _state_from_json(body: dict[str, Any]) -> State:
    return State(
        snapshot=snapshots.from_json(body["snapshot"]),
        account_states={
            json_types.text(label): _memory_from_json(m) for label, m in body["accounts"].items()
        },
        outbox=tuple(map(_message_from_json, body["outbox"])),
        history_line=json_types.optional(_line, body["historyLine"]),
        slack_retry_at=json_types.optional(json_types.instant, body["slackRetryAt"]),
        pass_seconds=json_types.optional(json_types.number, body["passSeconds"]),
        counters={json_types.text(k): json_types.whole(v) for k, v in body["counters"].items()},
    )


def _memory_to_json(memory: AccountState) -> dict[str, Any]:
    organization, key = memory.organization, memory.key
    return {
        "windows": snapshots.windows_to_json(memory.alerts.confirmed),
        "pending": snapshots.windows_to_json(memory.alerts.pending),
        "organization": organization and {"uuid": organization.uuid, "plan": organization.plan},
        "organizationAt": iso_or_none(memory.organization_at),
        "retryAt": iso_or_none(memory.retry_at),
        "key": key and {"fingerprint": key.fingerprint, "since": iso(key.since)},
        "savedResetsRefusedAt": iso_or_none(memory.saved_resets_refused_at),
        "challenges": memory.challenges,
        "passesToSkip": memory.passes_to_skip,
    }


def _memory_from_json(entry: dict[str, Any]) -> AccountState:
    organization, key = entry["organization"], entry["key"]
    return AccountState(
        alerts=AlertState(
            snapshots.windows_from_json(entry["windows"]),
            snapshots.windows_from_json(entry.get("pending", {})),
        ),
        organization=_organization_from_json(organization) if organization else None,
        organization_at=json_types.optional(json_types.instant, entry["organizationAt"]),
        retry_at=json_types.optional(json_types.instant, entry["retryAt"]),
        key=_key_from_json(key) if key else None,
        saved_resets_refused_at=json_types.optional(
            json_types.instant, entry.get("savedResetsRefusedAt")
        ),
        challenges=json_types.whole(entry.get("challenges", 0)),
        passes_to_skip=min(json_types.whole(entry.get("passesToSkip", 0)), PASSES_TO_SKIP),
    )


def _organization_from_json(entry: dict[str, Any]) -> Organization:
    return Organization(json_types.text(entry["uuid"]), json_types.text(entry["plan"]))


def _key_from_json(entry: dict[str, Any]) -> KeyFingerprint:
    return KeyFingerprint(json_types.text(entry["fingerprint"]), json_types.instant(entry["since"]))


def _message_to_json(message: Message) -> dict[str, Any]:
    event = message.event
    return {
        "kind": event.kind.value,
        "label": event.label,
        "window": event.window,
        "at": iso(event.at),
        "resetsAt": iso_or_none(event.resets_at),
        "user": message.user,
        "unsure": message.unsure,
    }


def _message_from_json(entry: dict[str, Any]) -> Message:
    event = Event(
        kind=EventKind(entry["kind"]),
        label=json_types.text(entry["label"]),
        window=json_types.text(entry["window"]),
        at=json_types.instant(entry["at"]),
        resets_at=json_types.optional(json_types.instant, entry["resetsAt"]),
    )
    user = json_types.optional(json_types.text, entry["user"])
    return Message(event, user, json_types.whole(entry["unsure"]))


def _line(value: object) -> str:
    line = json_types.text(value)
    history.line_date(line)  # raises where it is none
    return line
