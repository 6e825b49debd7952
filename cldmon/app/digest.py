"""The digest of an installation: computed from its files, and sent to the channels that want it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.digest import CONTEXT, HISTORY_OF_RESETS, Digest, compute_digest, format_message
from cldmon.domain.events import Event, EventKind
from cldmon.domain.instants import to_ms
from cldmon.domain.ranges import Span
from cldmon.errors import ConfigError
from cldmon.store.data_dir import pass_lock
from cldmon.store.events import find_first_day
from cldmon.store.reader import read_all_series

if TYPE_CHECKING:
    from cldmon.app.app import App

PATIENCE = timedelta(minutes=16)
"""How long a digest that is sent waits for a pass to end: longer than a pass can take."""


def build_digest(app: App, span: Span) -> Digest:
    """Return the digest of a span: of the configured accounts, and of others that were read.

    Raises StoreError.
    """
    now, data_dir = app.now(), app.data_dir
    until = min(now, span.until + CONTEXT)
    around = Span(span.since - CONTEXT, until)
    readings = read_all_series(data_dir, to_ms(around.since), to_ms(around.until))
    inside = to_ms(span.since), to_ms(span.until)
    read = [
        label
        for label, points in readings.items()
        if any(inside[0] <= ms <= inside[1] for ms, _ in points)
    ]
    labels = dict.fromkeys([*app.outline.labels, *read])
    return compute_digest(
        {label: readings.get(label, []) for label in labels},
        app.read_events(Span(span.since - HISTORY_OF_RESETS, until)),
        span,
        app.outline.interval,
        find_first_day(data_dir),
    )


def send_digest(app: App, span: Span, patience: timedelta = PATIENCE) -> list[str]:
    """Send the digest to the channels that want it; return those for which it still waits.

    It is stored with the alerts, so the next pass sends what cannot be sent now. Raises ConfigError
    if no channel wants it, BusyError if a pass runs longer than `patience`, StoreError.
    """
    # Loaded here, since the table needs none of it.
    from cldmon.app.alerts import build_channels
    from cldmon.notifications.outbox import Delivery
    from cldmon.store.state import Message, StateFile

    config = app.read_config()
    named = config.notifications.named_channels
    channels = {name: channel for name, channel in named.items() if channel.digest}
    if not channels:
        raise ConfigError(
            f"no channel wants it: add digest = true to a [[notifications.channels]] in"
            f" {app.config_path}"
        )
    digest, data_dir, now = build_digest(app, span), app.outline.data_dir, app.now()
    file = StateFile(data_dir)
    files.create_private_dir(data_dir)
    messages = []
    for name, channel in channels.items():
        accounts = tuple(
            each
            for each in digest.accounts
            if channel.accounts is None or each.label in channel.accounts
        )
        title, lines = format_message(replace(digest, accounts=accounts), None)
        event = Event(EventKind.DIGEST, "", None, now, text="\n".join([title, *lines]))
        messages.append(Message(event, name))
    with pass_lock(data_dir, patience):
        state = file.load()
        waiting = {(each.channel, each.event.text) for each in state.outbox}
        new = [each for each in messages if (each.channel, each.event.text) not in waiting]
        state = replace(state, outbox=(*state.outbox, *new))
        file.save(state)
        opened = build_channels(app, config)
        state = Delivery(
            state,
            {name: opened[name] for name in channels},
            is_wanted=lambda _message: True,
            now=app.now,
            save=file.save,
        ).run()
    left = {each.channel for each in state.outbox if each.event.kind is EventKind.DIGEST}
    return [name for name in channels if name in left]
