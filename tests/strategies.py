"""Values of the domain as hypothesis makes them: any that can occur, and any JSON at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from cldmon.domain.events import Event, EventKind, Outage, WindowAlerts
from cldmon.domain.model import (
    Account,
    Credits,
    Failure,
    FailureKind,
    Pool,
    Reading,
    SavedResets,
    Snapshot,
    Window,
)
from cldmon.domain.ports import Organization
from cldmon.domain.reports import Origin
from cldmon.store import history
from cldmon.store.state import AccountState, KeyFingerprint, Message, State

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)

INSTANT = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
"""A UTC instant of whole milliseconds, as files have them."""

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAME = st.one_of(
    st.sampled_from(["fiveHour", "sevenDay", "sevenDayOpus", "monthlySpend"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9).map(
        lambda name: f"models.{name}"
    ),
    st.sampled_from(["scoped.Claude Design", "scoped.Fable · Cowork", "dailyScoped · Cowork"]),
)
COUNT = st.integers(0, 10**6)
WINDOW = st.builds(Window, st.integers(0, 100), st.none() | INSTANT)
WINDOWS = st.dictionaries(NAME, WINDOW, max_size=4)
PERCENT = st.integers(0, 100)
EXPONENT = st.integers(0, 4)
CREDITS = st.builds(
    Credits,
    st.none() | COUNT,
    st.none() | COUNT,
    TEXT,
    EXPONENT,
    st.booleans(),
    st.none() | TEXT,
    st.booleans(),
)
POOL = st.builds(
    Pool,
    TEXT,
    TEXT,
    st.none() | COUNT,
    st.none() | COUNT,
    st.none() | PERCENT,
    st.none() | INSTANT,
    TEXT,
    EXPONENT,
)
READING = st.builds(
    Reading,
    taken_at=INSTANT,
    windows=WINDOWS,
    plan=st.none() | TEXT,
    organization=st.none() | TEXT,
    credits=st.none() | CREDITS,
    pools=st.lists(POOL, max_size=2).map(tuple),
    saved_resets=st.none() | st.builds(SavedResets, COUNT, st.none() | INSTANT),
    ignored=COUNT,
    source=st.sampled_from(["browser", "report"]),
)
FAILURE = st.builds(Failure, st.sampled_from(FailureKind), TEXT, st.none() | INSTANT)
ACCOUNT = st.builds(Account, TEXT, st.none() | READING, st.none() | FAILURE, st.booleans())
SNAPSHOT = st.builds(
    Snapshot,
    fetched_at=st.none() | INSTANT,
    accounts=st.lists(ACCOUNT, max_size=3).map(tuple),
    interval=COUNT.map(lambda minutes: timedelta(minutes=minutes)),
    slack_enabled=st.booleans(),
)
THRESHOLDS = st.lists(st.integers(1, 99), max_size=3).map(tuple)
EVENT = st.builds(
    Event,
    st.sampled_from(EventKind),
    TEXT,
    st.none() | NAME,
    INSTANT,
    st.none() | INSTANT,
    st.none() | PERCENT,
    THRESHOLDS,
    st.none() | WINDOW,
    st.none() | INSTANT,
    st.none() | NAME,
    st.none() | INSTANT,
    st.none() | COUNT,
    st.none() | TEXT,
)
WINDOW_ALERTS = st.builds(
    WindowAlerts, WINDOW, st.none() | WINDOW, THRESHOLDS, st.integers(0, 2), st.booleans()
)
MESSAGE = st.builds(Message, EVENT, st.none() | TEXT, st.none() | TEXT, COUNT, st.booleans())
MEMORY = st.builds(
    AccountState,
    alerts=st.dictionaries(NAME, WINDOW_ALERTS, max_size=4),
    organization=st.none() | st.builds(Organization, TEXT, TEXT),
    organization_at=st.none() | INSTANT,
    retry_at=st.none() | INSTANT,
    key=st.none() | st.builds(KeyFingerprint, TEXT, INSTANT, COUNT),
    saved_resets_refused_at=st.none() | INSTANT,
    challenges=COUNT,
    passes_to_skip=st.integers(0, 2),
    outage=st.none() | st.builds(Outage, INSTANT, COUNT, st.booleans()),
    saved_resets_warned=st.lists(INSTANT, max_size=3).map(tuple),
    origins=st.dictionaries(NAME, st.builds(Origin, TEXT, INSTANT), max_size=3),
)
STATE = st.builds(
    State,
    snapshot=SNAPSHOT,
    account_states=st.dictionaries(TEXT, MEMORY, max_size=3),
    outbox=st.lists(MESSAGE, max_size=3).map(tuple),
    history_line=st.none()
    | st.builds(history.format_line, INSTANT, st.dictionaries(TEXT, WINDOWS, max_size=2)),
    event_lines=st.lists(st.builds(history.format_event_line, EVENT, INSTANT), max_size=2).map(
        tuple
    ),
    channel_retry_at=st.dictionaries(TEXT, INSTANT, max_size=2),
    pass_seconds=st.none() | st.floats(0, 1e6),
    counters=st.dictionaries(TEXT, COUNT, max_size=3),
)
