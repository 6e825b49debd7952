"""Answers with real shapes, read by real passes, as the installed command then shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cldmon.demo.server import json_response
from cldmon.demo.slack import TOKEN
from cldmon.domain.instants import from_iso
from tests import captures
from tests.env import Env, key_of
from tests.fakes import set_alerts
from tests.simulation.claude import FakeClaude
from tests.simulation.faults import instead
from tests.simulation.slack import FakeSlack
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from collections.abc import Iterator

POOL = {"utilization": 50, "resets_at": None, "limit_dollars": 800, "used_dollars": 400}
BEFORE = usage(five_hour=50, seven_day=50, cinder_cove=POOL, iguana_necktie=POOL)
"""What each account said in the pass before: whatever reads otherwise now has changed."""
FORMATS = ("table", "line", "csv")
INSTANT_TOLERANCE = timedelta(minutes=2)


@dataclass(frozen=True)
class Seen:
    """What became of the captures: by `status --json`, the other outputs, and Slack messages."""

    accounts: dict[str, dict[str, Any]]
    outputs: dict[str, str]
    messages: list[str]
    history: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Read each capture as an account of its own, in the second of two passes."""
    with FakeClaude() as claude, FakeSlack() as slack:
        env = Env(tmp_path_factory.mktemp("captures"), claude)
        env.set_up(
            dict.fromkeys(captures.NAMES),
            f'slack_url = "{slack.url}"',
            f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN}"\n',
        )
        for name in captures.NAMES:
            set_alerts(env.data, "U01ALICE", name, limit_hit=True, reset=True)
        for of_usage in (lambda _capture: BEFORE, lambda capture: capture["usage"]):
            for name in captures.NAMES:
                capture = captures.load(name)
                claude.heal(key_of(name))
                listed = instead(json_response(capture["organizations"]))
                answered = instead(json_response(of_usage(capture)))
                claude.fail(key_of(name), listed.on("organizations"))
                claude.fail(key_of(name), answered.on("usage"))
            assert env.run("fetch").returncode == 0
        body = json.loads(env.run("status", "--json").stdout)
        yield Seen(
            {account["label"]: account for account in body["accounts"]},
            {form: env.run("status", "--format", form).stdout for form in ("table", "line", "csv")},
            [message.text for message in slack.sent],
            {entry["label"]: entry for entry in env.history[-1]["accounts"]},
        )


@pytest.fixture(params=captures.NAMES)
def capture(request: pytest.FixtureRequest, seen: Seen) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is expected of one capture, and its account as shown."""
    return captures.load(request.param)["expect"], seen.accounts[request.param]


def test_the_plan_and_the_windows_are_those_expected(
    capture: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    expected, account = capture
    shown = {window["short"]: window["utilization"] for window in account["windows"]}
    assert account["status"] == "ok"
    assert account["plan"] == expected.get("plan", account["plan"])
    assert shown == expected["windows"]
    assert not set(expected.get("absent", ())) & shown.keys()
    assert account["ignored"] == expected.get("ignored", account["ignored"])


def test_resets_lie_where_expected_and_overdue_ones_are_marked(
    capture: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    expected, account = capture
    windows = {window["short"]: window for window in account["windows"]}
    overdue = [short for short, window in windows.items() if window["resetOverdue"]]
    assert overdue == expected.get("overdue", [])
    assert not any(window["resetDue"] for window in windows.values())
    for short, seconds in expected.get("resets", {}).items():
        assert _is_in(windows[short]["resetsAt"], seconds)


def test_money_pools_and_saved_resets_are_those_expected(
    capture: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    expected, account = capture
    money = account["credits"] or {}
    assert money.items() >= expected.get("credits", {}).items()
    assert bool(money) == ("credits" in expected)
    pools = [{"used": pool["used"], "limit": pool["limit"]} for pool in account["pools"]]
    assert pools == expected.get("pools", [])
    saved, wanted = account["savedResets"], expected.get("savedResets")
    assert (saved is None) == (wanted is None)
    if wanted:
        assert saved["left"] == wanted["left"]
        assert _is_in(saved["endsAt"], wanted["endsIn"])


def test_what_an_account_lacks_is_in_no_output(
    capture: tuple[dict[str, Any], dict[str, Any]], seen: Seen
) -> None:
    """Only the two documented keys stay, as a number that the Node program's page can draw."""
    _, account = capture
    label = account["label"]
    names = {window["name"] for window in account["windows"]}
    placeholder = {"utilization": 0, "resetsAt": None, "missing": True}
    for name, short in (("fiveHour", "5h"), ("sevenDay", "7d")):
        if name in names:
            assert account[name]["utilization"] == seen.history[label][name]
            continue
        assert account[name] == placeholder
        assert name not in seen.history[label]
        block = seen.outputs["table"].split(f"\n{label} ")[1].split("\n\n")[0]
        assert f"\n  {short} " not in block
        assert f"{label},{account['plan']},ok,{name}," not in seen.outputs["csv"]


def test_no_message_follows_but_of_windows(seen: Seen) -> None:
    """A used-up pool is no limit hit; nor is anything else here."""
    silent = [name for name in captures.NAMES if captures.load(name)["expect"].get("never_alerts")]
    assert silent
    assert seen.messages == []


def test_the_line_shows_money_where_it_is_the_only_figure_and_an_overdue_reset(seen: Seen) -> None:
    line = seen.outputs["line"]
    assert "spend-only monthly spend 72%" in line
    assert "overdue 5h 40% 7d 97%!! (reset overdue)" in line


def _is_in(instant: str, seconds: int) -> bool:
    at = from_iso(instant)
    assert at
    return abs(at - datetime.now(UTC) - timedelta(seconds=seconds)) < INSTANT_TOLERANCE
