from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.claude import SimAccount, SimOrganization, session_cookie
from tests import captures
from tests.simulation import faults
from tests.simulation.challenges import Challenge, clearance_cookie
from tests.simulation.claude import (
    FakeClaude,
    challenge,
    cleared_session_cookie,
    expired,
    login_redirect,
    wrong_organization,
)
from tests.simulation.http_client import Got, ask
from tests.simulation.usage_json import saved_resets, usage

if TYPE_CHECKING:
    from tests.simulation.faults import Fault

ALICE, BOB = "sk-ant-sid02-alice", "sk-ant-sid01-bob"
ORGANIZATIONS = "/api/organizations"
USAGE = "/api/organizations/o-alice/usage"
AT = datetime(2026, 11, 22, 15, 9, 59, 318402, tzinfo=UTC)


@pytest.fixture
def claude(fake_claude: FakeClaude) -> FakeClaude:
    team = SimOrganization("o-alice", "Alice", ("chat", "claude_max"), "default_claude_max_5x")
    console = SimOrganization("o-api", "Console", ("api",))
    fake_claude.add(SimAccount(ALICE, (console, team), usage(five_hour_resets=AT)))
    fake_claude.add(SimAccount(BOB, (SimOrganization("o-bob"),), usage(0, 5)))
    return fake_claude


def test_organizations_are_listed_in_the_order_given(claude: FakeClaude) -> None:
    got = ask(claude.url, ORGANIZATIONS, ALICE)
    assert [each["uuid"] for each in got.json] == ["o-api", "o-alice"]
    assert got.json[1] == {
        "id": 7,
        "uuid": "o-alice",
        "name": "Alice",
        "capabilities": ["chat", "claude_max"],
        "rate_limit_tier": "default_claude_max_5x",
        "billing_type": "stripe_subscription",
        "raven_type": None,
        "plan_display_name": None,
        "plan_display_label": None,
        "parent_organization_uuid": None,
        "access_block": None,
        "billing_issue": None,
        "subscription_pause": None,
        "billable_usage_paused_until": None,
        "visibility_status": "visible",
    }
    assert got.json[1].keys() == captures.load("pro-plain")["organizations"][0].keys()


def test_each_key_sees_its_own_usage(claude: FakeClaude) -> None:
    alice = ask(claude.url, USAGE, ALICE).json
    bob = ask(claude.url, "/api/organizations/o-bob/usage", BOB).json
    assert (alice["five_hour"]["utilization"], bob["five_hour"]["utilization"]) == (41, 0)


def test_new_usage_is_in_the_next_answer(claude: FakeClaude) -> None:
    claude.set_usage(ALICE, {"five_hour": None})
    assert ask(claude.url, USAGE, ALICE).json == {"five_hour": None}


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("", {"extra_usage", "spend"}),
        ("?cedar_ember=0", {"extra_usage", "spend"}),
        ("?cedar_ember=1", {"cedar_ember", "extra_usage", "spend"}),
        ("?cedar_ember=1&skip_spend=1", {"cedar_ember"}),
    ],
)
def test_saved_resets_are_given_on_demand_and_money_unless_it_is_declined(
    claude: FakeClaude, query: str, given: set[str]
) -> None:
    claude.set_usage(ALICE, usage(cedar_ember=saved_resets(AT, weekly_resets=AT)))
    answer = ask(claude.url, USAGE + query, ALICE).json
    parts = ("cedar_ember", "extra_usage", "spend")
    assert {part for part in parts if answer[part] is not None} == given


@pytest.mark.parametrize("path", [ORGANIZATIONS, USAGE])
@pytest.mark.parametrize(("key", "status"), [(None, 401), ("sk-ant-sid02-unknown", 403)])
def test_a_missing_or_unknown_key_has_no_valid_session(
    claude: FakeClaude, path: str, key: str | None, status: int
) -> None:
    got = ask(claude.url, path, key)
    assert got.status == status
    assert blame(got) == ("permission_error", "account_session_invalid")


def test_a_revoked_key_has_no_valid_session(claude: FakeClaude) -> None:
    claude.remove(ALICE)
    assert ask(claude.url, USAGE, ALICE).status == 403


def test_anothers_organization_is_refused_without_an_error_code(claude: FakeClaude) -> None:
    got = ask(claude.url, "/api/organizations/o-bob/usage", ALICE)
    assert got.status == 403
    assert blame(got) == ("permission_error", None)
    assert got.json["error"]["message"] == "Invalid authorization for organization"


def test_an_unknown_path_of_the_api_is_404_json(claude: FakeClaude) -> None:
    got = ask(claude.url, "/api/organizations/o-alice/nothing", ALICE)
    assert (got.status, got.json["error"]["type"]) == (404, "not_found_error")


def test_what_a_browser_asks_for_by_itself_is_404_and_empty(claude: FakeClaude) -> None:
    got = ask(claude.url, "/favicon.ico", ALICE)
    assert (got.status, got.body) == (404, b"")


def test_requests_are_recorded_with_their_key(claude: FakeClaude) -> None:
    ask(claude.url, ORGANIZATIONS, ALICE)
    ask(claude.url, USAGE, BOB)
    assert [(r.path, r.key) for r in claude.requests] == [(ORGANIZATIONS, ALICE), (USAGE, BOB)]


def test_a_fault_strikes_its_account_only_and_until_it_is_repaired(claude: FakeClaude) -> None:
    claude.fail(ALICE, faults.status(503))
    assert [ask(claude.url, ORGANIZATIONS, key).status for key in (ALICE, BOB)] == [503, 200]
    claude.heal(ALICE)
    assert ask(claude.url, ORGANIZATIONS, ALICE).status == 200


def test_a_fault_can_affect_only_the_usage(claude: FakeClaude) -> None:
    claude.fail(ALICE, faults.status(404).on("usage"), times=1)
    statuses = [ask(claude.url, path, ALICE).status for path in (ORGANIZATIONS, USAGE, USAGE)]
    assert statuses == [200, 404, 200]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (expired(), 401, "account_session_invalid"),
        (expired(403), 403, "account_session_invalid"),
        (wrong_organization(), 403, None),
    ],
)
def test_refusals_of_the_key_differ_in_their_error_code(
    claude: FakeClaude, fault: Fault, status: int, code: str | None
) -> None:
    claude.fail(ALICE, fault)
    got = ask(claude.url, USAGE, ALICE)
    assert (got.status, blame(got)) == (status, ("permission_error", code))


@pytest.mark.parametrize("status", [403, 503])
@pytest.mark.parametrize("header", [True, False])
def test_a_challenge_is_a_page_with_or_without_its_header(
    claude: FakeClaude, status: int, header: bool
) -> None:
    claude.fail(ALICE, challenge(status, header=header))
    got = ask(claude.url, USAGE, ALICE)
    assert got.status == status
    assert b"Just a moment" in got.body
    assert got.header("cf-mitigated") == ("challenge" if header else None)


@pytest.mark.parametrize("kind", Challenge)
def test_a_challenged_account_has_to_show_its_clearance(
    claude: FakeClaude, kind: Challenge
) -> None:
    """Its page has a script, which sets the clearance; never, by itself, or after a click."""
    claude.challenge(ALICE, kind)
    got = ask(claude.url, USAGE, ALICE)
    assert (got.status, got.header("cf-mitigated")) == (403, "challenge")
    [script] = re.findall(r'src="([^"]+)"', got.body.decode())
    code = ask(claude.url, script).body.decode()
    assert ("location.reload()" in code) is (kind is not Challenge.NEVER)
    assert ("onclick" in code) is (kind is Challenge.PERSON)
    assert ask(claude.url, "/api/organizations/o-bob/usage", BOB).status == 200
    cleared = f"{ALICE}; {clearance_cookie(ALICE)}"
    assert ask(claude.url, USAGE, cleared).status == 200
    claude.challenge(ALICE, None)
    assert ask(claude.url, USAGE, ALICE).status == 200


def test_an_expired_key_can_be_sent_to_the_login_page(claude: FakeClaude) -> None:
    claude.fail(ALICE, login_redirect())
    assert ask(claude.url, USAGE, ALICE).header("Location") == "/login"
    assert b"Sign in" in ask(claude.url, "/login").body


def test_a_refusal_can_clear_the_key(claude: FakeClaude) -> None:
    claude.fail(ALICE, expired().then(faults.set_cookie(cleared_session_cookie())))
    got = ask(claude.url, USAGE, ALICE)
    assert got.status == 401
    assert str(got.header("Set-Cookie")).startswith('sessionKey=""; Expires=Thu, 01 Jan 1970')


def test_a_good_answer_can_change_the_key(claude: FakeClaude) -> None:
    claude.fail(ALICE, faults.set_cookie(session_cookie("sk-ant-sid02-new")), times=1)
    got = ask(claude.url, USAGE, ALICE)
    assert got.status == 200
    assert str(got.header("Set-Cookie")).startswith("sessionKey=sk-ant-sid02-new; Max-Age=2419200")


def test_the_login_page_waits_until_the_simulated_person_signs_in(claude: FakeClaude) -> None:
    assert ask(claude.url, "/login").header("Set-Cookie") is None
    claude.sign_in(ALICE)
    got = ask(claude.url, "/login")
    assert (got.status, got.header("Location")) == (302, "/")
    assert str(got.header("Set-Cookie")).startswith(f"sessionKey={ALICE};")
    assert ask(claude.url, "/").status == 200


def test_every_instant_of_an_answer_jitters_within_bounds() -> None:
    with FakeClaude(jitter=1.0) as claude:
        claude.add(SimAccount(ALICE, (SimOrganization("o-alice"),), usage(five_hour_resets=AT)))
        answers = [ask(claude.url, USAGE, ALICE).json for _ in range(8)]
    flat = [answer["five_hour"]["resets_at"] for answer in answers]
    assert flat == [answer["limits"][0]["resets_at"] for answer in answers]
    assert len(set(flat)) == 8
    assert all(abs(datetime.fromisoformat(each) - AT) <= timedelta(seconds=1) for each in flat)


def test_without_jitter_the_usage_is_served_as_it_was_given(claude: FakeClaude) -> None:
    body = usage(12.5, 101, {"Fable": 72}, five_hour_resets=AT, seven_day_resets=AT)
    claude.set_usage(ALICE, body)
    assert ask(claude.url, USAGE, ALICE).json == body


def blame(got: Got) -> tuple[str, str | None]:
    error = got.json["error"]
    return error["type"], (error["details"] or {}).get("error_code")
