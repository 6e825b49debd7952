"""The verdict on the passes, and its two forms: a line for people, a line for monitoring."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.delivery import LONGEST_WAIT, Waiting
from cldmon.domain.labels import find_label_problem
from cldmon.domain.model import REPORT, Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.domain.windows import FIVE_HOUR
from cldmon.health import nagios
from cldmon.health.nagios import Level, Thresholds
from cldmon.health.verdict import add_outbox, failed, format_line, judge

NOW = datetime(2026, 3, 12, 2, 54, 43, tzinfo=UTC)
FETCHED = datetime(2026, 3, 12, 2, 47, 15, 95000, tzinfo=UTC)
EXPIRED = Failure(FailureKind.KEY_EXPIRED, "session key expired")
USUAL = Thresholds(75, 90)
TEAM = ("alice", "bob")


def account(label: str, failure: Failure | None = None, **windows: int) -> Account:
    named = windows or {FIVE_HOUR: 41}
    reading = Reading(FETCHED, {name: Window(percent, None) for name, percent in named.items()})
    return Account(label, reading, failure)


def snapshot(*accounts: Account, at: datetime | None = FETCHED) -> Snapshot:
    return Snapshot(fetched_at=at, accounts=accounts)


def format_verdict(*accounts: Account, at: datetime | None = FETCHED) -> str:
    return format_line(judge(snapshot(*accounts, at=at), TEAM, NOW), NOW)


def test_the_good_line_is_the_documented_one() -> None:
    assert format_verdict(account("alice"), account("bob")) == (
        "[2026-03-12T02:54:43Z] OK:   2 account(s) reporting, 0 error(s),"
        " last fetched 2026-03-12T02:47:15.095Z"
    )


def test_the_line_of_failure_is_the_documented_one() -> None:
    assert format_verdict(account("alice", EXPIRED), account("bob", EXPIRED)) == (
        "[2026-03-12T02:54:43Z] FAIL: all 2 account(s) have errors — check session keys"
    )


def test_some_errors_are_counted_and_fail_nothing() -> None:
    assert format_verdict(account("alice"), account("bob", EXPIRED)) == (
        "[2026-03-12T02:54:43Z] WARN: 1 account(s) reporting, 1 error(s),"
        " last fetched 2026-03-12T02:47:15.095Z; needs action: session key expired (bob)"
    )
    assert judge(snapshot(account("alice"), account("bob", EXPIRED)), TEAM, NOW).ok


@pytest.mark.parametrize(
    ("kind", "attempts", "cause"),
    [
        (FailureKind.KEY_MISSING, 1, "needs action: no session key"),
        (FailureKind.KEY_EXPIRED, 1, "needs action: session key expired"),
        (FailureKind.WRONG_ORGANIZATION, 1, "needs action: wrong organization"),
        (FailureKind.REFUSED, 1, "needs action: refused"),
        (FailureKind.CHALLENGED, 1, "recovers by itself: challenged"),
        (FailureKind.CHALLENGED, 3, "needs action: challenged"),
        (FailureKind.RATE_LIMITED, 1, "recovers by itself: rate limited"),
        (FailureKind.SERVICE_DOWN, 1, "recovers by itself: service down"),
        (FailureKind.NOT_UNDERSTOOD, 1, "needs action: answer not understood"),
        (FailureKind.TIMEOUT, 1, "recovers by itself: timed out"),
        (FailureKind.NO_BROWSER, 1, "needs action: no browser"),
        (FailureKind.UNEXPECTED, 1, "needs action: unexpected error"),
    ],
)
def test_the_real_cause_is_named_and_who_must_act(
    kind: FailureKind, attempts: int, cause: str
) -> None:
    """Whether some accounts fail or all; keys are blamed only if all failures are about keys."""
    failure = Failure(kind, "words", attempts=attempts)
    assert format_verdict(account("alice"), account("bob", failure)).endswith(f"Z; {cause} (bob)")
    all_failed = format_verdict(account("alice", failure), account("bob", failure))
    is_key = kind in (FailureKind.KEY_EXPIRED, FailureKind.KEY_MISSING)
    advice = "check session keys" if is_key else f"{cause} (alice, bob)"
    assert all_failed.endswith(f"FAIL: all 2 account(s) have errors — {advice}")


@pytest.mark.parametrize(
    ("zone", "clock"), [("Europe/Berlin", "04:26"), ("America/New_York", "23:26")]
)
def test_when_an_account_recovers_is_said_in_local_time(zone: str, clock: str) -> None:
    """Of accounts with one cause, when the last of them does; a time that has passed is not."""
    soon, later = (
        Failure(FailureKind.RATE_LIMITED, "words", NOW + timedelta(minutes=n)) for n in (5, 31)
    )
    mixed = snapshot(account("alice", soon), account("bob", later), account("carol", EXPIRED))
    found = judge(mixed, (*TEAM, "carol"), NOW, ZoneInfo(zone))
    assert found.text == (
        "all 3 account(s) have errors — needs action: session key expired (carol);"
        f" recovers by itself: rate limited until {clock} (alice, bob)"
    )
    passed = replace(soon, retry_at=NOW - timedelta(minutes=1))
    text = judge(snapshot(account("alice", passed)), TEAM, NOW, ZoneInfo(zone)).text
    assert text.endswith("recovers by itself: rate limited (alice)")


def test_many_accounts_with_one_cause_are_counted() -> None:
    team = [account(f"a{n}", EXPIRED) for n in range(9)]
    found = judge(snapshot(account("alice"), *team), ["alice", *(a.label for a in team)], NOW)
    assert found.text.endswith("; needs action: session key expired (a0, a1, a2 and 6 more)")


def test_accounts_without_a_current_reading_are_named() -> None:
    old = Account("bob", Reading(NOW - timedelta(hours=2), {}))
    found = judge(snapshot(account("alice"), old, Account("carol", None)), (*TEAM, "carol"), NOW)
    assert found.text.endswith("; not read for too long (bob); not read yet (carol)")


def test_an_account_that_no_pass_reads_any_more_does_not_report() -> None:
    old = account("bob")
    assert old.reading
    stale = replace(old, reading=replace(old.reading, taken_at=NOW - timedelta(hours=2)))
    assert "1 account(s) reporting, 1 error(s)" in format_verdict(account("alice"), stale)


def build_reported(label: str, ago: timedelta | None) -> Account:
    reading = Reading(NOW - ago, {}, source=REPORT) if ago is not None else None
    return Account(label, reading, reports_only=True)


@pytest.mark.parametrize("ago", [None, timedelta(hours=3)])
def test_an_account_that_waits_for_a_report_is_no_error(ago: timedelta | None) -> None:
    assert format_verdict(account("alice"), build_reported("bob", ago)) == (
        "[2026-03-12T02:54:43Z] OK:   1 account(s) reporting, 0 error(s),"
        " 1 without a recent report, last fetched 2026-03-12T02:47:15.095Z"
    )


def test_nobody_at_work_is_no_failure() -> None:
    found = judge(
        snapshot(build_reported("alice", timedelta(hours=9)), build_reported("bob", None)),
        TEAM,
        NOW,
    )
    assert (found.ok, found.errors, nagios.level(found, USUAL)) == (True, 0, Level.OK)


def test_errors_of_all_others_are_a_failure() -> None:
    assert "FAIL: all 1 account(s) have errors" in format_verdict(
        account("alice", EXPIRED), build_reported("bob", None)
    )


@pytest.mark.parametrize(
    ("age", "ok"), [(timedelta(minutes=30), True), (timedelta(minutes=30, seconds=1), False)]
)
def test_silence_of_more_than_three_intervals_fails(age: timedelta, ok: bool) -> None:
    reading = Reading(NOW - age, {})
    found = judge(snapshot(Account("alice", reading), at=NOW - age), TEAM, NOW)
    assert found.ok is ok
    assert ("no pass ended within 30 min" in found.text) is not ok


def test_a_pass_from_the_future_fails_and_blames_the_clock() -> None:
    assert "check the clock" in format_verdict(account("alice"), at=NOW + timedelta(days=1))


def test_before_the_first_pass_it_fails() -> None:
    assert format_verdict(at=None).endswith("FAIL: no pass has ended yet — run `cldmon fetch`")


def test_without_an_account_it_fails() -> None:
    found = judge(snapshot(account("alice")), (), NOW)
    assert (found.ok, "no account is configured" in found.text) == (False, True)


def test_accounts_that_left_the_configuration_do_not_count() -> None:
    found = judge(snapshot(account("alice"), account("carol", EXPIRED)), ("alice",), NOW)
    assert "1 account(s) reporting, 0 error(s)" in found.text


def test_an_account_that_was_never_read_alone_is_no_good_news() -> None:
    assert "no configured account has been read yet" in format_verdict(account("carol"))


def test_a_reason_of_several_lines_becomes_one() -> None:
    assert format_line(failed("a\nb\r\n c"), NOW) == "[2026-03-12T02:54:43Z] FAIL: a b c"


def plugin(*accounts: Account, thresholds: Thresholds = USUAL) -> tuple[Level, str]:
    found = judge(snapshot(*accounts), [a.label for a in accounts], NOW)
    return nagios.level(found, thresholds), nagios.format_line(found, thresholds)


def test_the_plugin_line_has_state_text_and_figures() -> None:
    level, text = plugin(account("alice", fiveHour=41, sevenDay=63))
    assert level is Level.OK
    assert text == (
        "CLDMON OK - 1 account(s) reporting, 0 error(s), last fetched 2026-03-12T02:47:15.095Z"
        " | 'alice 5h'=41%;75;90;0;100 'alice 7d'=63%;75;90;0;100"
    )


@pytest.mark.parametrize(
    ("percent", "level"),
    [(75, Level.OK), (76, Level.WARNING), (90, Level.WARNING), (91, Level.CRITICAL)],
)
def test_a_threshold_is_the_last_good_value(percent: int, level: Level) -> None:
    """The guidelines' ranges: `75` warns of what lies outside 0 to 75."""
    assert plugin(account("alice", fiveHour=percent))[0] is level


def test_a_window_above_a_threshold_is_named() -> None:
    assert "; alice 7d 93% |" in plugin(account("alice", sevenDay=93))[1]


def test_one_account_in_error_is_a_warning_and_its_figures_are_unknown() -> None:
    level, text = plugin(account("alice"), account("bob", EXPIRED, fiveHour=99))
    assert level is Level.WARNING
    assert "'bob 5h'=U;75;90;0;100" in text
    assert "99" not in text


def test_a_window_that_was_to_reset_since_is_unknown() -> None:
    reading = Reading(FETCHED, {FIVE_HOUR: Window(100, NOW - timedelta(minutes=1))})
    level, text = plugin(Account("alice", reading))
    assert (level, text.rpartition(" | ")[2]) == (Level.OK, "'alice 5h'=U;75;90;0;100")


def test_a_bad_verdict_is_critical() -> None:
    found = failed("state.json | is corrupt")
    assert nagios.level(found, USUAL) is Level.CRITICAL
    assert nagios.format_line(found, USUAL) == "CLDMON CRITICAL - state.json ¦ is corrupt"


def waiting(age: timedelta, dropped: int = 0) -> Waiting:
    return Waiting(3, NOW - age, dropped)


def test_waiting_messages_are_counted_and_are_not_a_failure() -> None:
    good = judge(snapshot(account("alice")), ("alice",), NOW)
    found = add_outbox(good, waiting(timedelta(hours=2), dropped=5), NOW)
    words = "; 3 Slack message(s) wait since 2026-03-12T00:54:43.000Z, 5 dropped so far"
    assert (found.ok, found.text) == (True, good.text + words)
    assert add_outbox(good, Waiting(dropped=5), NOW).text == good.text


@pytest.mark.parametrize(
    ("age", "level"), [(LONGEST_WAIT, Level.OK), (LONGEST_WAIT * 2, Level.WARNING)]
)
def test_monitoring_is_warned_of_messages_that_are_stuck(age: timedelta, level: Level) -> None:
    good = judge(snapshot(account("alice")), ("alice",), NOW)
    found = add_outbox(good, waiting(age, dropped=5), NOW)
    assert nagios.level(found, USUAL) is level
    figures = f" waiting=3;;;0 waited={age // timedelta(seconds=1)}s;3600;;0 dropped=5c"
    assert nagios.format_line(found, USUAL).endswith(figures)


def test_a_clock_that_was_set_back_makes_no_message_older() -> None:
    assert waiting(-timedelta(hours=1)).age(NOW) == timedelta(0)


printable = st.text(min_size=1, max_size=20).filter(lambda text: find_label_problem(text) is None)


@given(printable)
def test_no_label_breaks_the_plugin_line(label: str) -> None:
    """One line, one bar, and a figure whose quoted name has no `=` and no single quote."""
    _, text = plugin(account(label, fiveHour=95))
    assert len(text.split("\n")) == 1
    assert text.count("|") == 1
    figure = text.rpartition("| ")[2]
    assert re.fullmatch(r"'(?:[^'=|]|'')* 5h'=95%;75;90;0;100", figure)
