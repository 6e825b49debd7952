"""The doctor on Slack, the clock and the browser."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.demo.server import Response, Route
from cldmon.demo.slack import TOKEN
from cldmon.doctor import browser as browser_checks
from cldmon.doctor import services
from cldmon.doctor.check import Verdict
from tests.fakes import NOON
from tests.simulation.server import FaultyServer
from tests.simulation.slack import FakeSlack, error

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cldmon.doctor.check import Check
    from tests.doctor.env import DoctorEnv


def use(env: DoctorEnv, service: FakeSlack, more: str = "", token: str = TOKEN) -> None:
    env.write_config(
        f'slack_url = "{service.url}"\nnotifications.slack.enabled = true\n'
        f'notifications.slack.bot_token = "{token}"\n{more}'
    )


def slack_checks(env: DoctorEnv) -> list[Check]:
    return list(services.check_slack(env.installation(offline=False)))


def verdicts(checks: Iterable[Check]) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in checks}


def test_slack_that_is_off_is_in_order(env: DoctorEnv) -> None:
    [check] = slack_checks(env)
    assert (check.verdict, check.detail) == (Verdict.OK, "off")


def test_a_valid_token_shows_team_and_scopes(env: DoctorEnv, fake_slack: FakeSlack) -> None:
    use(env, fake_slack)
    assert verdicts(slack_checks(env)) == {"slack": Verdict.OK, "slack scopes": Verdict.OK}


def test_a_token_that_slack_refuses_fails_its_check_without_the_token(
    env: DoctorEnv, fake_slack: FakeSlack
) -> None:
    use(env, fake_slack, token="xoxb-MARKER")
    [check] = slack_checks(env)
    assert (check.verdict, "invalid_auth" in check.detail) == (Verdict.FAILED, True)
    assert "MARKER" not in str(check)


def test_a_token_that_is_not_there_fails_its_check(env: DoctorEnv) -> None:
    env.write_config(
        "notifications.slack.enabled = true\nnotifications.slack.bot_token_env = 'GONE'"
    )
    [check] = slack_checks(env)
    assert (check.verdict, "GONE" in check.detail) == (Verdict.FAILED, True)


def test_a_token_that_systemd_gives_to_the_service_cannot_be_seen(env: DoctorEnv) -> None:
    env.write_config("notifications.slack.enabled = true")
    env.add_unit("LoadCredential=slack-bot-token:/etc/credstore/cldmon-slack")
    [check] = slack_checks(env)
    assert check.verdict is Verdict.UNSURE
    assert "LoadCredential=slack-bot-token:/etc/credstore/cldmon-slack" in check.detail


def test_offline_sends_no_request_to_slack(env: DoctorEnv, fake_slack: FakeSlack) -> None:
    use(env, fake_slack)
    assert [c.verdict for c in services.check_slack(env.installation())] == [Verdict.OK]
    assert fake_slack.requests == []


def test_an_app_of_an_organization_needs_the_workspace(
    env: DoctorEnv, fake_slack: FakeSlack
) -> None:
    use(env, fake_slack)
    fake_slack.fail(error("missing_argument").on("users.list"))
    found = slack_checks(env)
    assert verdicts(found)["slack people"] is Verdict.FAILED
    assert "set team_id below [notifications.slack]" in found[-1].detail


def test_each_scope_that_lacks_fails_its_check(env: DoctorEnv) -> None:
    with FakeSlack(scopes=("users:read",)) as service:
        use(env, service, 'notifications.slack.member_channel_id = "C1"')
        failed = [c for c in slack_checks(env) if c.verdict is Verdict.FAILED]
    assert [c.name for c in failed] == ["slack scopes", "slack scopes", "slack channel"]
    assert "chat:write" in failed[0].detail
    assert "channels:read" in failed[1].detail


def test_a_channel_that_the_app_does_not_see_fails_its_check(
    env: DoctorEnv, fake_slack: FakeSlack
) -> None:
    use(env, fake_slack, 'notifications.slack.member_channel_id = "C0NOWHERE"')
    found = slack_checks(env)
    assert verdicts(found)["slack channel"] is Verdict.FAILED
    channel = next(iter(fake_slack.channels))
    use(env, fake_slack, f'notifications.slack.member_channel_id = "{channel}"')
    assert verdicts(slack_checks(env))["slack channel"] is Verdict.OK


@pytest.mark.parametrize(
    ("off", "verdict", "words"),
    [
        (timedelta(seconds=119), Verdict.OK, "right"),
        (timedelta(hours=1), Verdict.FAILED, "3,600 s ahead"),
        (timedelta(minutes=-2), Verdict.FAILED, "120 s behind"),
    ],
)
def test_a_clock_that_is_two_minutes_off_fails_its_check(
    off: timedelta, verdict: Verdict, words: str
) -> None:
    check = services.compare_clocks(NOON + off, NOON)
    assert (check.verdict, words in check.detail) == (verdict, True)


@pytest.mark.parametrize("status", [200, 403])
def test_the_services_date_is_taken_from_any_answer(status: int) -> None:
    date = ("Date", format_datetime(datetime.now(UTC), usegmt=True))
    answer = Response(status).with_headers(date)
    with FaultyServer((Route("", ".*", lambda _request: answer),)) as service:
        theirs = services.fetch_date(service.url)
    assert theirs
    assert services.compare_clocks(datetime.now(UTC), theirs).verdict is Verdict.OK


def test_without_a_date_there_is_a_warning() -> None:
    assert services.fetch_date("http://127.0.0.1:9/") is None
    assert services.compare_clocks(NOON, None).verdict is Verdict.UNSURE


def test_without_a_browser_both_checks_say_what_to_do(env: DoctorEnv) -> None:
    env.write_config('browser.executable = "/nonexistent"')
    for look in (browser_checks.check_executable, browser_checks.check_start):
        [check] = look(env.installation())
        assert (check.verdict, "/nonexistent" in check.detail) == (Verdict.FAILED, True)
        assert check.remedy


def test_a_browser_that_does_not_start_fails_its_check_with_its_last_words(
    env: DoctorEnv, tmp_path: Path
) -> None:
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\necho 'libfoo.so is missing' >&2\nexit 127\n")
    browser.chmod(0o755)
    env.write_config(f'browser.executable = "{browser}"')
    [check] = browser_checks.check_start(env.installation())
    assert (check.verdict, "libfoo.so is missing" in check.detail) == (Verdict.FAILED, True)
    assert "doctor" not in check.detail


IGNORES_RULES = """#!/bin/sh
for word do
  shift
  case $word in --host-resolver-rules=*) ;; *) set -- "$@" "$word" ;; esac
done
exec {browser} "$@"
"""


@pytest.mark.parametrize(
    ("text", "verdict"),
    [('#!/bin/sh\nexec {browser} "$@"\n', Verdict.OK), (IGNORES_RULES, Verdict.FAILED)],
)
def test_a_browser_that_could_be_led_elsewhere_fails_its_check(
    env: DoctorEnv, tmp_path: Path, text: str, verdict: Verdict
) -> None:
    browser = tmp_path / "wrapper"
    browser.write_text(text.format(browser=find_browser(BrowserSettings(), os.environ)))
    browser.chmod(0o755)
    env.write_config(f'browser.executable = "{browser}"')
    [check] = browser_checks.check_start(env.installation())
    assert (check.verdict, "--host-resolver-rules" in check.detail) == (
        verdict,
        verdict is Verdict.FAILED,
    )
