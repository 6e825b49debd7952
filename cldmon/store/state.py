"""state.json: the commit point of a pass.

It is replaced whole and fsynced. What a pass still owes when it is killed, the history line and the
messages, stands in it, and the next pass does it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.domain import snapshot as snapshots
from cldmon.domain.delivery import Waiting
from cldmon.domain.events import Event, EventKind, Outage, WindowAlerts
from cldmon.domain.instants import format_iso
from cldmon.domain.json_types import (
    check_bool,
    check_int,
    check_number,
    check_text,
    from_json,
    optional,
    parse_instant,
    to_json,
)
from cldmon.domain.model import Snapshot, Window
from cldmon.domain.ports import Organization
from cldmon.domain.reports import Origin
from cldmon.store import history, latest
from cldmon.store.latest import VERSION
from cldmon.store.latest import StateCorruptError as StateCorruptError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from pathlib import Path


DROPPED = "messagesDropped"
"""The counter of messages that were not delivered and will not be."""

CHALLENGES = {True: "challenges.passed", False: "challenges.failed"}
"""The counters of challenges, by whether they let the browser pass."""

DIRECT_MESSAGES = "slack-dm"
"""The channel of messages to people; those of the configuration have names of their own."""

PASSES_TO_SKIP = 2
"""An account whose challenge did not let the browser pass is asked in every third pass."""

_LONGEST_REST = timedelta(days=1)
_REFUSAL_LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeyFingerprint:
    """Which session key an account had, as a fingerprint, and since when it was seen (UTC).

    `warned_days` is the age in days of which its owner was last warned.
    """

    fingerprint: str
    since: datetime
    warned_days: int = 0


@dataclass(frozen=True, slots=True)
class AccountState:
    """What has to be known of an account from pass to pass, beyond what is shown.

    `alerts` is what alerts go by, by window, also of windows that are gone; `organization` the
    choice made at `organization_at`; until `retry_at` it is left alone; at
    `saved_resets_refused_at` the service refused to be asked for saved resets. `challenges` counts
    those in a row that did not let the browser pass; it is left alone for `passes_to_skip` passes
    after the last one.
    `saved_resets_warned` are the ends of saved resets that were warned of. `origins` says which
    machine reported each window, if the last reading is made of reports.
    """

    alerts: Mapping[str, WindowAlerts] = field(default_factory=dict)
    organization: Organization | None = None
    organization_at: datetime | None = None
    retry_at: datetime | None = None
    key: KeyFingerprint | None = None
    saved_resets_refused_at: datetime | None = None
    challenges: int = 0
    passes_to_skip: int = 0
    outage: Outage | None = None
    saved_resets_warned: tuple[datetime, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def refuses_saved_resets(self, now: datetime) -> bool:
        """Return whether the service is not asked for saved resets yet, having refused to be."""
        at = self.saved_resets_refused_at
        return at is not None and timedelta(0) <= now - at < _REFUSAL_LIFE

    def is_backing_off(self, now: datetime) -> bool:
        """Return whether the account is to be left alone still."""
        return _is_ahead(self.retry_at, now)


@dataclass(frozen=True, slots=True)
class Message:
    """An event that a recipient has yet to get.

    `channel` is None while subscriptions cannot be read, so that nobody knows who wants it; `user`
    is the Slack id of a direct message. `unsure` counts the attempts after which it is not known
    whether it arrived. `held` says that it has waited for the end of quiet hours.
    """

    event: Event
    channel: str | None
    user: str | None = None
    unsure: int = 0
    held: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """All of state.json.

    `history_line` is the last pass's, `event_lines` what happened in it, without line ends;
    `channel_retry_at` says until when a channel is left alone (UTC).
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    account_states: Mapping[str, AccountState] = field(default_factory=dict)
    outbox: tuple[Message, ...] = ()
    history_line: str | None = None
    event_lines: tuple[str, ...] = ()
    channel_retry_at: Mapping[str, datetime] = field(default_factory=dict)
    pass_seconds: float | None = None
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def waiting(self) -> Waiting:
        """How many messages are due, apart from those held over quiet hours."""
        due = [message.event.at for message in self.outbox if not message.held]
        return Waiting(len(due), min(due, default=None), self.counters.get(DROPPED, 0))

    def without(self, messages: Collection[Message]) -> State:
        """Return the state with some messages struck off."""
        rest = list(self.outbox)
        for message in messages:
            rest.remove(message)
        return replace(self, outbox=tuple(rest))

    def is_backing_off(self, channel: str, now: datetime) -> bool:
        """Return whether a channel is still left alone."""
        return _is_ahead(self.channel_retry_at.get(channel), now)


def _is_ahead(until: datetime | None, now: datetime) -> bool:
    # Nobody is left alone for longer: the clock was set back since.
    return until is not None and now < until <= now + _LONGEST_REST


class StateFile:
    """state.json in a data_dir."""

    def __init__(self, data_dir: Path) -> None:
        self.path = latest.get_state_path(data_dir)

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
        "eventLines": list(state.event_lines),
        "channelRetryAt": {name: format_iso(at) for name, at in state.channel_retry_at.items()},
        "passSeconds": state.pass_seconds,
        "counters": dict(state.counters),
    }
    return json.dumps(body, ensure_ascii=False).encode() + b"\n"


def decode(text: bytes, path: Path) -> State:
    """Return the state that `encode` wrote; raises `StateCorruptError` for anything else."""
    return latest.decode_json(text, path, _state_from_json)


def _state_from_json(body: dict[str, Any]) -> State:
    return State(
        snapshot=snapshots.from_json(body["snapshot"]),
        account_states={
            check_text(label): _memory_from_json(entry) for label, entry in body["accounts"].items()
        },
        outbox=tuple(map(_message_from_json, body["outbox"])),
        history_line=optional(_parse_line, body["historyLine"]),
        event_lines=tuple(map(_parse_line, body.get("eventLines", ()))),
        channel_retry_at=_retries_from_json(body),
        pass_seconds=optional(check_number, body["passSeconds"]),
        counters={check_text(name): check_int(n) for name, n in body["counters"].items()},
    )


def _memory_to_json(memory: AccountState) -> dict[str, Any]:
    rest = to_json(replace(memory, alerts={}))
    del rest["alerts"]
    return {
        "windows": snapshots.windows_to_json({n: a.confirmed for n, a in memory.alerts.items()}),
        "pending": snapshots.windows_to_json(
            {name: a.pending for name, a in memory.alerts.items() if a.pending}
        ),
        "fired": {name: list(a.fired) for name, a in memory.alerts.items() if a.fired},
        "runOut": {
            name: {"readings": a.run_out_readings, "fired": a.run_out_fired}
            for name, a in memory.alerts.items()
            if a.run_out_readings or a.run_out_fired
        },
        **rest,
    }


def _memory_from_json(entry: dict[str, Any]) -> AccountState:
    last_warned = entry.get("savedResetWarned")  # all that an older version knew
    warned = {"savedResetsWarned": [last_warned] if last_warned else []}
    return from_json(
        AccountState,
        {**warned, "origins": {}, **entry, "alerts": entry},
        alerts=_alerts_from_json,
        organization=partial(from_json, Organization),
        key=partial(from_json, KeyFingerprint),
        passes_to_skip=lambda number: min(check_int(number), PASSES_TO_SKIP),
        outage=partial(from_json, Outage),
        saved_resets_warned=lambda ends: tuple(map(parse_instant, ends)),
        origins=lambda origins: {
            check_text(name): from_json(Origin, each) for name, each in origins.items()
        },
    )


def _alerts_from_json(entry: dict[str, Any]) -> dict[str, WindowAlerts]:
    pending = snapshots.windows_from_json(entry.get("pending", {}))
    alerts = {}
    for name, window in snapshots.windows_from_json(entry["windows"]).items():
        run_out = entry.get("runOut", {}).get(name, {"readings": 0, "fired": False})
        alerts[name] = WindowAlerts(
            window,
            pending.get(name),
            tuple(map(check_int, entry.get("fired", {}).get(name, ()))),
            check_int(run_out["readings"]),
            check_bool(run_out["fired"]),
        )
    return alerts


def _retries_from_json(body: dict[str, Any]) -> dict[str, datetime]:
    if "channelRetryAt" not in body:  # written by an older version, which only knew Slack
        at = optional(parse_instant, body["slackRetryAt"])
        return {DIRECT_MESSAGES: at} if at else {}
    return {check_text(name): parse_instant(at) for name, at in body["channelRetryAt"].items()}


# Kept, because the state is saved after each delivery, with all messages that still wait.
@lru_cache(maxsize=4096)
def _message_to_json(message: Message) -> Mapping[str, Any]:
    body = to_json(message)
    event = body.pop("event")
    return {**{key: value for key, value in event.items() if value not in (None, [])}, **body}


def _message_from_json(entry: dict[str, Any]) -> Message:
    # An older version wrote no channel: it only knew direct messages.
    channel = entry["user"] and DIRECT_MESSAGES
    body = {"channel": channel, **entry, "event": {"window": None, **entry}}
    return from_json(Message, body, event=_event_from_json)


def _event_from_json(entry: dict[str, Any]) -> Event:
    return from_json(
        Event,
        entry,
        kind=EventKind,
        thresholds=lambda values: tuple(map(check_int, values)),
        before=partial(from_json, Window),
    )


def _parse_line(value: object) -> str:
    line = check_text(value)
    history.parse_line_date(line)  # raises where it is none
    return line
