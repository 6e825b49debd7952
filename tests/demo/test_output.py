"""The demo in words."""

from __future__ import annotations

from datetime import UTC, datetime

from cldmon.collector.collector import Outcome
from cldmon.demo import output
from cldmon.demo.runner import PassRecord
from cldmon.demo.slack import SentMessage
from cldmon.domain.events import Event, EventKind
from cldmon.domain.model import Account, Failure, FailureKind, Pool, Reading, Snapshot, Window
from cldmon.domain.windows import FIVE_HOUR, SEVEN_DAY
from cldmon.terminal.style import Terminal

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PLAIN = Terminal(columns=80, colour=False, unicode=True)
COLOURED = Terminal(columns=80, colour=True, unicode=True)
BROKEN = Failure(FailureKind.KEY_EXPIRED, "sign in again")


def account(percent: int | None, failure: Failure | None = None) -> Account:
    windows = {} if percent is None else {FIVE_HOUR: Window(percent, None)}
    return Account("alice", Reading(NOON, windows), failure)


def record(account: Account, *events: Event, sent: tuple[SentMessage, ...] = ()) -> PassRecord:
    outcome = Outcome(Snapshot(NOON, (account,)), ("alice",), events)
    return PassRecord(NOON, outcome, sent)


def name_of(user: str | None) -> str:
    return f"Name of {user}"


def line(now: PassRecord, before: PassRecord | None, terminal: Terminal = PLAIN) -> str:
    return output.format_pass(now, before, name_of, terminal)[5:]


def test_a_pass_without_news_is_its_numbers() -> None:
    assert line(record(account(12)), record(account(11))) == "   12%"


def test_the_first_pass_sends_no_alert() -> None:
    assert line(record(account(100)), None) == "  100%  first reading: no alerts"


def test_an_account_without_windows_shows_a_dash() -> None:
    assert line(record(account(None)), record(account(None))) == "     –"


def test_an_account_without_a_session_shows_its_week() -> None:
    weekly = Account("alice", Reading(NOON, {SEVEN_DAY: Window(33, None)}))
    assert line(record(weekly), record(weekly)) == "   33%"


def test_a_used_up_credit_is_announced_once() -> None:
    left, used_up = (
        record(
            Account("alice", Reading(NOON, {}, pools=(Pool("x", "Credit", 1, 2, percent, None),)))
        )
        for percent in (99, 100)
    )
    assert line(used_up, left) == "     –  alice: Credit used up, no alert"
    assert line(used_up, used_up) == "     –"


def test_trouble_is_announced_at_its_start_and_end_only() -> None:
    well, ill = record(account(5)), record(account(5, BROKEN))
    assert line(ill, well) == " error  alice: key expired"
    assert line(ill, ill) == " error"
    assert line(well, ill) == "    5%  alice: answers again"


def test_an_event_is_shown_with_its_window_and_recipients() -> None:
    hits = [
        Event(EventKind.LIMIT_HIT, "alice", window, NOON) for window in (FIVE_HOUR, "models.Fable")
    ]
    message = SentMessage("U1", "text", (), NOON, "U1")
    hit = record(account(100), *hits, sent=(message,))
    expected = "  100%  alice: limit hit, limit hit (7d Fable); notified Name"
    assert line(hit, record(account(99))) == expected


def test_colour_says_how_near_the_limit_is() -> None:
    quiet, near, full = (record(account(percent)) for percent in (89, 90, 100))
    assert "\x1b" not in line(quiet, quiet, COLOURED)
    assert "\x1b[33m" in line(near, near, COLOURED)
    assert "\x1b[31m" in line(full, full, COLOURED)


def test_a_message_is_wrapped_and_cannot_steer_the_terminal() -> None:
    sent = SentMessage("U1", "word " * 30 + "\x1b[2J", (), NOON, "U1")
    lines = output.format_message(sent, name_of, PLAIN).splitlines()
    assert lines[0].endswith("to Name of U1 (U1)")
    assert max(map(len, lines)) <= 80
    assert not any("\x1b" in each for each in lines)
