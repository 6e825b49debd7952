"""A pass that ingests what people's machines have reported; the files are real."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.events import EventKind
from cldmon.domain.freshness import build_views
from cldmon.domain.model import BROWSER, REPORT
from cldmon.domain.secret import Secret
from cldmon.errors import PassFailedError
from cldmon.reports.store import ReportFiles
from cldmon.reports.tokens import TokensFile
from tests.fakes import DOWN, NOON
from tests.reports.report import body, drop

if TYPE_CHECKING:
    from cldmon.domain.model import Account
    from tests.collector.env import CollectorEnv

MINUTE = timedelta(minutes=1)


@pytest.fixture
def env(env: CollectorEnv) -> CollectorEnv:
    """Alice's account has no key; her machine reports it."""
    env.reporting = env.keyless = {"alice"}
    return env


def alice(env: CollectorEnv) -> Account:
    return env.state.snapshot.accounts[0]


def test_a_pass_takes_a_report_like_an_answer_and_asks_nobody(env: CollectorEnv) -> None:
    drop(env.data_dir, body(NOON + 3 * MINUTE, 99, sevenDay=40))
    env.run()
    drop(env.data_dir, body(NOON + 12 * MINUTE, 100, sevenDay=41))
    outcome = env.run()
    assert (outcome.failed, env.source.asked, env.warnings) == ([], [], [])
    account = alice(env)
    assert account.reading
    assert (account.source, account.reading.taken_at) == (REPORT, NOON + 12 * MINUTE)
    assert env.sent_alerts == ["U1: limit_hit alice fiveHour"]
    assert env.percents() == [99, 100]
    [event] = outcome.events
    assert event.at == NOON + 12 * MINUTE


def test_an_event_has_the_time_of_the_report(env: CollectorEnv) -> None:
    drop(env.data_dir, body(NOON, 99))
    env.run()
    drop(env.data_dir, body(NOON + 12 * MINUTE, 100))
    env.run()
    [line] = env.state.event_lines
    assert f'"timestamp":{int((NOON + 12 * MINUTE).timestamp() * 1000)}' in line


def test_the_same_report_is_taken_once(env: CollectorEnv) -> None:
    drop(env.data_dir, body(NOON))
    env.run()
    env.run()
    assert env.percents() == [41]
    assert alice(env).failure is None


def test_a_report_that_came_late_is_shown_but_not_dated_now(env: CollectorEnv) -> None:
    drop(env.data_dir, body(NOON - timedelta(hours=3)))
    env.run()
    [view] = build_views(env.state.snapshot, env.clock())
    assert (view.stale, view.awaits_report, view.age) == (
        True,
        True,
        timedelta(hours=3, minutes=10),
    )
    assert env.percents() == []


@pytest.mark.parametrize(
    ("left", "alerts"),
    [
        (timedelta(hours=9), ["U1: limit_hit alice fiveHour"]),
        (timedelta(hours=2), []),
        (timedelta(hours=3), []),
    ],
)
def test_a_report_that_came_late_sends_no_alert_about_what_is_over(
    env: CollectorEnv, left: timedelta, alerts: list[str]
) -> None:
    env.run()
    hit = env.clock() - timedelta(hours=3) + 10 * MINUTE
    for percent, at in (99, hit - 10 * MINUTE), (100, hit):
        drop(env.data_dir, body(at, percent, resets=hit + left))
        events = env.run().events
    assert [(event.kind, event.at) for event in events] == [(EventKind.LIMIT_HIT, hit)]
    assert len(env.state.event_lines) == 1
    assert env.sent_alerts == alerts


def test_an_account_without_a_report_is_no_error(env: CollectorEnv) -> None:
    outcome = env.run()
    outcome.raise_if_failed(strict=True)
    account = alice(env)
    assert (account.reading, account.failure, account.reports_only) == (None, None, True)


def test_waiting_for_a_report_does_not_hide_that_all_others_failed(env: CollectorEnv) -> None:
    env.labels = ("alice", "bob")
    with pytest.raises(PassFailedError, match=re.escape("1 of 2 account(s) could not be read")):
        env.run({"bob": DOWN}).raise_if_failed()
    drop(env.data_dir, body(env.clock()))
    env.run({"bob": DOWN}).raise_if_failed()


def test_a_report_from_the_future_is_refused_with_a_line(env: CollectorEnv) -> None:
    path = drop(env.data_dir, body(NOON + timedelta(hours=1)))
    env.run()
    assert alice(env).reading is None
    [line] = env.warnings
    assert line == (
        f"{path}: refused: it was read at 2026-11-22T13:00:00.000Z, in the future:"
        " set the clock of that machine"
    )


def test_a_clock_that_is_a_little_ahead_is_no_problem(env: CollectorEnv) -> None:
    drop(env.data_dir, body(NOON + 12 * MINUTE))
    env.run()
    reading = alice(env).reading
    assert (env.warnings, reading and reading.taken_at) == ([], env.clock())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is not JSON"),
        ('{"version":1,"acc', "it is not JSON"),
        ("[1]", "expected an object"),
        ('{"version":2}', "version: expected 1"),
        ("{}", "version is missing"),
    ],
)
def test_a_file_that_is_no_report_is_named(env: CollectorEnv, text: str, problem: str) -> None:
    drop(env.data_dir, body(NOON))
    env.run()
    path = ReportFiles(env.data_dir).path("alice")
    path.write_text(text)
    env.run()
    [line] = env.warnings
    assert line == f"{path}: {problem}: send it again"
    assert alice(env).reading


def test_another_accounts_report_is_refused(env: CollectorEnv) -> None:
    path = drop(env.data_dir, body(NOON, account="bob"), "alice")
    env.run()
    assert env.warnings == [f'{path}: account: expected "alice", as in the name of the file']


def test_a_file_with_a_wrong_name_is_named(env: CollectorEnv) -> None:
    path = drop(env.data_dir, body(NOON), "Alice")
    env.run()
    assert env.warnings == [f"{path} belongs to no account: expected alice.json"]
    assert path.exists()


def test_of_many_files_with_wrong_names_a_few_are_named(env: CollectorEnv) -> None:
    for number in range(300):
        drop(env.data_dir, body(NOON), f"stray {number:03}")
    env.run()
    assert len(env.warnings) == 4
    folder = env.data_dir / "reports"
    assert env.warnings[-1] == f"{folder} has 297 more files that belong to no account"


def test_a_removed_account_leaves_no_report_and_no_token(env: CollectorEnv) -> None:
    tokens = TokensFile(env.data_dir)
    for label in ("alice", "bob"):
        tokens.create(label, "", NOON)
        drop(env.data_dir, body(NOON, account=label))
    env.labels = ("alice", "bob")
    env.reporting = env.keyless = {"alice", "bob"}
    env.run()
    env.labels = ("alice",)
    env.run()
    assert [token.account for token in tokens.load().values()] == ["alice"]
    assert [path.name for path in (env.data_dir / "reports").iterdir()] == ["alice.json"]
    assert env.warnings == []


def test_the_age_of_a_key_that_the_configuration_no_longer_has_is_no_news(
    env: CollectorEnv,
) -> None:
    env.keyless = ()
    env.run({"alice": 7})
    assert env.state.account_states["alice"].key
    env.keyless = {"alice"}
    assert env.run(later=timedelta(days=22)).events == ()
    assert env.state.account_states["alice"].key is None


def test_a_key_that_was_first_seen_with_a_clock_ahead_is_as_old_as_the_clock_is_right(
    env: CollectorEnv,
) -> None:
    env.keyless = ()
    env.run({"alice": 7}, later=timedelta(days=900))
    env.run({"alice": 7}, later=timedelta(days=-900))
    kinds = [event.kind for event in env.run({"alice": 7}, later=timedelta(days=21)).events]
    assert kinds == [EventKind.KEY_EXPIRING]


class TestKeyAndReports:
    """An account with a session key that is reported as well."""

    @pytest.fixture
    def env(self, env: CollectorEnv) -> CollectorEnv:
        env.keyless = ()
        return env

    def test_the_browser_is_spared_while_a_report_is_younger_than_the_interval(
        self, env: CollectorEnv
    ) -> None:
        drop(env.data_dir, body(NOON + 1 * MINUTE, 50))
        env.run({"alice": 7})
        assert env.source.asked == []
        assert env.percents() == [50]
        env.run({"alice": 51})
        assert [question.label for question in env.source.asked] == ["alice"]
        assert env.percents() == [50, 51]
        assert alice(env).source == BROWSER

    def test_a_report_is_younger_than_the_interval_up_to_its_end(self, env: CollectorEnv) -> None:
        drop(env.data_dir, body(NOON, 50))
        env.run({"alice": 7})
        assert env.percents() == [7]

    def test_the_newer_one_wins(self, env: CollectorEnv) -> None:
        env.run({"alice": {"fiveHour": 60, "sevenDayOpus": 3}})
        drop(env.data_dir, body(NOON + 15 * MINUTE, 41, resets=NOON + timedelta(hours=1)))
        env.run()
        account = alice(env)
        assert account.reading
        assert (account.source, [*account.reading.windows]) == (REPORT, ["fiveHour"])
        assert account.reading.plan == "Max"
        env.run({"alice": 45})
        assert (alice(env).source, env.percents()) == (BROWSER, [60, 41, 45])

    def test_a_key_that_fails_is_an_error_until_the_next_report(self, env: CollectorEnv) -> None:
        drop(env.data_dir, body(NOON, 50))
        env.run({"alice": DOWN})
        account = alice(env)
        assert (account.failure and account.failure.kind, account.source) == (DOWN.kind, BROWSER)
        assert account.reading
        assert account.reading.source == REPORT
        drop(env.data_dir, body(NOON + 15 * MINUTE, 51))
        env.run({"alice": DOWN})
        assert (alice(env).failure, env.percents()) == (None, [50, 51])

    def test_a_failed_account_recovers_by_a_report(self, env: CollectorEnv) -> None:
        for _ in range(8):
            env.run({"alice": DOWN})
        drop(env.data_dir, body(env.clock(), 50))
        events = env.run(later=MINUTE).events
        assert [event.kind for event in events] == [EventKind.ACCOUNT_RECOVERED]

    def test_without_the_key_the_old_failure_is_gone(self, env: CollectorEnv) -> None:
        env.run({"alice": DOWN})
        env.keyless = {"alice"}
        env.run()
        assert alice(env).failure is None


def test_two_machines_are_distinguished_from_pass_to_pass(env: CollectorEnv) -> None:
    resets = NOON + timedelta(hours=2)
    drop(env.data_dir, body(NOON + 9 * MINUTE, 60, resets=resets))
    env.run()
    drop(env.data_dir, body(NOON + 12 * MINUTE, 41, machine="desktop", resets=resets))
    env.run()
    assert env.percents() == [60, 60]
    drop(env.data_dir, body(NOON + 19 * MINUTE, 42, machine="desktop", resets=resets))
    env.run()
    assert env.percents() == [60, 60, 42]


def test_a_clock_that_was_set_back_does_not_freeze_an_account(env: CollectorEnv) -> None:
    env.clock.tick(timedelta(days=1))
    drop(env.data_dir, body(env.clock(), 90))
    env.run()
    env.clock.tick(timedelta(days=-1))
    drop(env.data_dir, body(env.clock(), 10))
    env.run()
    reading = alice(env).reading
    assert reading
    assert reading.windows["fiveHour"].utilization == 10


def test_a_token_is_not_among_what_is_stored(env: CollectorEnv) -> None:
    token = TokensFile(env.data_dir).create("alice", "laptop", NOON)
    assert isinstance(token, Secret)
    assert token.reveal() not in TokensFile(env.data_dir).path.read_text()
