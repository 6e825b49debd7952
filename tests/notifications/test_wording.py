"""What is said of each event, to the letter; the tests of each channel say how it is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cldmon.domain.events import OCCURRENCES, Event, EventKind
from cldmon.domain.model import Window
from cldmon.notifications.wording import format_plain_text, format_title
from tests.fakes import NOON

HOUR = timedelta(hours=1)
SOON, LATER = NOON + 3 * HOUR, NOON + 50 * HOUR
LIMITED: dict[str, Any] = {"limited_by": "sevenDay", "limited_until": LATER}


def event(kind: str, window: str | None = "fiveHour", **values: Any) -> Event:
    return Event(EventKind(kind), "alice", window, NOON, **{"resets_at": SOON, **values})


SAID = [
    (
        event("limit_hit", utilization=100),
        "limit reached",
        "🔴 alice's 5-hour limit has been reached (100%). Resets 2026-11-22 15:00 UTC.",
    ),
    (
        event("limit_hit", utilization=100, **LIMITED),
        "limit reached",
        (
            "🔴 alice's 5-hour limit has been reached (100%). Resets 2026-11-22 15:00 UTC."
            " But the weekly limit holds until 2026-11-24 14:00 UTC."
        ),
    ),
    (
        event("usage_reset", utilization=0, resets_at=None),
        "limit reset",
        "🟢 alice's 5-hour limit has reset. No new window has started yet.",
    ),
    (
        event("usage_reset", utilization=4, **LIMITED),
        "limit reset",
        (
            "🟢 alice's 5-hour limit has reset and is at 4%, but the weekly limit holds until"
            " 2026-11-24 14:00 UTC. The 5-hour limit resets next 2026-11-22 15:00 UTC."
        ),
    ),
    (
        event("threshold", "models.Fable", utilization=82, thresholds=(80,)),
        "80% used",
        "🟠 alice's weekly Fable limit is at 82%. Resets 2026-11-22 15:00 UTC.",
    ),
    (
        event("threshold", utilization=82, thresholds=(80,), full_at=NOON + HOUR),
        "80% used",
        (
            "🟠 alice's 5-hour limit is at 82%. On pace to be full 2026-11-22 13:00 UTC."
            " Resets 2026-11-22 15:00 UTC."
        ),
    ),
    (
        event("run_out", utilization=60, full_at=NOON + HOUR),
        "will run out early",
        (
            "🟡 alice's 5-hour limit is at 60% and on pace to be full 2026-11-22 13:00 UTC."
            " Resets 2026-11-22 15:00 UTC."
        ),
    ),
    (
        event("limit_changed", "sevenDay", utilization=20, before=Window(50, SOON)),
        "limit changed",
        (
            "🔵 alice's weekly limit fell from 50% to 20% before its reset: it was raised, or a"
            " saved reset was used. Resets 2026-11-22 15:00 UTC."
        ),
    ),
    (
        event(
            "limit_changed", "sevenDay", utilization=50, before=Window(50, SOON), resets_at=LATER
        ),
        "limit changed",
        (
            "🔵 alice's weekly limit now resets 2026-11-24 14:00 UTC instead of 2026-11-22 15:00"
            " UTC (50% used)."
        ),
    ),
    (
        event("key_expiring", None, resets_at=None, days=21),
        "session key expires soon",
        (
            "🔑 alice's session key is 21 days old. Keys stop working after about 28 days."
            " Renew it with: cldmon login alice"
        ),
    ),
    (
        event("key_expiring", None, resets_at=None, days=28),
        "session key expires soon",
        (
            "🔑 alice's session key is 28 days old. It may stop working any day."
            " Renew it with: cldmon login alice"
        ),
    ),
    (
        event("account_failed", None, resets_at=None, reason="session key expired"),
        "can't be read",
        "⚠ alice's usage can't be read. Session key expired.",
    ),
    (
        event("account_recovered", None, resets_at=None),
        "can be read again",
        "🟢 alice's usage can be read again.",
    ),
    (
        event("saved_reset_ending", None),
        "saved reset ends soon",
        "⌛ alice's saved limit reset ends 2026-11-22 15:00 UTC unless it is used.",
    ),
]


@pytest.mark.parametrize(("told", "headline", "line"), SAID)
def test_an_event_in_words(told: Event, headline: str, line: str) -> None:
    """The account, the window, its percentage, its reset, the forecast and what else limits."""
    assert format_plain_text([told], NOON, None) == line
    assert format_title([told], NOON) == f"alice: {headline}"


def test_there_are_words_for_each_event() -> None:
    assert {told.kind for told, _, _ in SAID} == {*OCCURRENCES}


def test_several_events_are_lines_of_one_message_with_a_link_at_its_end() -> None:
    events = [told for told, _, _ in SAID]
    lines = [line for _, _, line in SAID]
    link = "https://cldmon.example/"
    # Beside the limit that was reached in the same reading, a threshold says nothing.
    expected = [line for line in lines if "🟠 alice's 5-hour" not in line]
    assert format_plain_text(events, NOON, link).splitlines() == [*expected, link]
    assert format_title(events, NOON) == f"alice: limit reached, and {len(expected) - 1} more"


def test_accounts_that_fail_alike_are_one_line_and_all_are_named() -> None:
    labels = ("alice", "bob", "carol", "dave")
    failed = [
        Event(EventKind.ACCOUNT_FAILED, label, None, NOON, reason=reason)
        for reason in ("the browser failed", "no session key")
        for label in labels[: 4 if "browser" in reason else 1]
    ]
    assert format_plain_text(failed, NOON, None).splitlines() == [
        (
            "⚠ alice, bob, carol and 1 more's usage can't be read. The browser failed."
            " Accounts: alice, bob, carol, dave."
        ),
        "⚠ alice's usage can't be read. No session key.",
    ]
