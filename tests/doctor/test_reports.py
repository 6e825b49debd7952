"""The doctor on accounts that people's own machines report."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.doctor import browser, keys, reports
from cldmon.doctor.check import Verdict
from cldmon.reports.tokens import TokensFile
from tests.fakes import NOON
from tests.reports.report import body, drop

if TYPE_CHECKING:
    from tests.doctor.env import DoctorEnv


@pytest.fixture
def env(env: DoctorEnv) -> DoctorEnv:
    """Alice's account has no session key."""
    tables = '[[accounts]]\nlabel = "alice"\nsource = "report"\n'
    env.write_config(labels=[], tables=tables)
    return env


@pytest.mark.parametrize(
    ("ago", "verdict", "words"),
    [
        (timedelta(minutes=3), Verdict.OK, "the last one 3 min ago; 1 machine(s)"),
        (timedelta(days=6), Verdict.OK, "the last one 6 d ago; 1 machine(s)"),
        (timedelta(days=8), Verdict.UNSURE, "the last one 8 d ago"),
        (-timedelta(minutes=2), Verdict.OK, "the last one 2 min in the future; 1 machine(s)"),
        (-timedelta(hours=1), Verdict.FAILED, "refused: dated 2026-11-22 13:00, in the future"),
    ],
)
def test_the_age_of_the_last_report_is_reported(
    env: DoctorEnv, ago: timedelta, verdict: Verdict, words: str
) -> None:
    drop(env.data, body(NOON - ago))
    [check] = reports.check_reports(env.installation())
    assert (check.name, check.verdict, check.detail) == ("reports of alice", verdict, words)


@pytest.mark.parametrize("has_token", [False, True])
def test_without_a_report_the_remedy_depends_on_the_token(env: DoctorEnv, has_token: bool) -> None:
    if has_token:
        TokensFile(env.data).create("alice", "", NOON)
    [check] = reports.check_reports(env.installation())
    assert (check.verdict, check.detail) == (Verdict.UNSURE, "none yet")
    assert ("--status" if has_token else "--token alice") in check.remedy


def test_broken_files_are_named(env: DoctorEnv) -> None:
    path = drop(env.data, body(NOON))
    path.write_text("{")
    stray = drop(env.data, body(NOON), "Alice")
    (env.data / "report-tokens.json").write_text("{")
    found = [(check.name, check.verdict) for check in reports.check_reports(env.installation())]
    assert found == [
        ("report tokens", Verdict.FAILED),
        ("reports of alice", Verdict.FAILED),
        ("reports", Verdict.UNSURE),
    ]
    assert str(stray) in [*reports.check_reports(env.installation())][-1].detail


def test_no_browser_and_no_key_is_looked_for(env: DoctorEnv) -> None:
    env.environ["CLDMON_BROWSER"] = "/nowhere"
    installation = env.installation()
    [check] = browser.check_executable(installation)
    assert (check.verdict, check.detail) == (
        Verdict.OK,
        "not needed: all accounts are reported by machines",
    )
    for silent in (browser.check_start, browser.check_proxy, keys.check_keys, keys.check_access):
        assert [*silent(installation)] == []


def test_without_such_accounts_nothing_is_said(env: DoctorEnv) -> None:
    env.write_config(labels=["alice"])
    assert [*reports.check_reports(env.installation())] == []
