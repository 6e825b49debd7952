"""`cldmon subscribe` as people run it: the real command against a simulated Slack."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.slack import TOKEN, SimUser
from cldmon.domain.subscriptions import Subscription
from cldmon.errors import CldmonError, UsageError
from cldmon.terminal.style import width
from tests.simulation.slack import error

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.env import Env


ALICE = "U01ALICE"


@pytest.fixture
def env(env: Env) -> Env:
    """The accounts `red` and `blue`, and Slack."""
    return env.write_config(labels=["red", "blue"], slack=True)


def read_subscriptions(env: Env) -> object:
    return json.loads((env.data / "subscriptions.json").read_text())


def test_a_change_is_stored_shown_and_confirmed_at_once(env: Env) -> None:
    ran = env.run("subscribe", ALICE, "red", "--hit")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[1].split() == [ALICE, "Alice", "Example", "red", "on", "off"]
    assert read_subscriptions(env) == {
        "users": {ALICE: {"accounts": {"red": {"limitHit": True, "reset": False}}}}
    }
    [sent] = env.slack.sent
    assert sent.user == ALICE
    assert "red" in sent.text


def test_the_file_is_for_its_owner_only(env: Env) -> None:
    env.run("subscribe", ALICE, "red", "--hit")
    assert stat.S_IMODE((env.data / "subscriptions.json").stat().st_mode) == 0o600


def test_an_alert_that_is_not_named_stays_as_it_was(env: Env) -> None:
    env.run("subscribe", ALICE, "red", "--hit", "--reset")
    ran = env.run("subscribe", ALICE, "red", "--no-hit", "--json")
    assert json.loads(ran.stdout) == {
        "slackId": ALICE,
        "slackName": "Alice Example",
        "label": "red",
        "limitHit": False,
        "reset": True,
    }


def test_without_flags_nothing_is_changed_or_sent(env: Env) -> None:
    ran = env.run("subscribe", ALICE, "red")
    assert ran.returncode == 0
    assert ran.stdout.split()[-2:] == ["off", "off"]
    assert not (env.data / "subscriptions.json").exists()
    assert env.slack.sent == []


def test_without_an_account_all_settings_of_a_person_are_shown(env: Env) -> None:
    for label in env.labels:
        env.subscriptions.change(ALICE, label, lambda _: Subscription(reset=True))
    shown = env.invoke("subscribe", ALICE)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert [row.split()[3:] for row in shown.stdout.splitlines()[1:]] == [
        ["red", "off", "on"],
        ["blue", "off", "on"],
    ]


def test_everything_can_be_changed_at_once(env: Env) -> None:
    options = ("--at", "95,80%", "--run-out", "--window", "7d", "--quiet", "20:00-08:00", "--test")
    ran = env.invoke("subscribe", ALICE, "red", *options)
    assert (ran.exit_code, ran.stderr) == (0, "cldmon: test message sent\n")
    row, quiet = ran.stdout.splitlines()[1:]
    assert row.endswith("off    off      80%, 95%, run-out, only 7d")
    assert quiet == f"{ALICE}: quiet 20:00-08:00"
    change, hours, test = (sent.text for sent in env.slack.sent)
    assert "weekly limit of red is 80% or 95% used or is on pace to run out" in change
    assert hours == "You get no alerts from 20:00 to 08:00 (the time zone of your Slack profile)."
    assert test == "This is a test message from cldmon."
    ran = env.invoke("subscribe", ALICE, "red", "--no-at", "--window", "all", "--no-quiet")
    [row] = ran.stdout.splitlines()[1:]
    assert row.endswith("red        off    off      run-out")


def test_a_test_message_that_fails_says_why(env: Env) -> None:
    env.slack.fail(error("missing_scope", needed="chat:write").on("chat.postMessage"))
    ran = env.invoke("subscribe", ALICE, "--test")
    assert isinstance(ran.exception, CldmonError)
    assert "the Slack app lacks the scope chat:write: add it under OAuth" in str(ran.exception)


def test_a_pause_ends_by_itself_or_early(env: Env) -> None:
    paused = f"{ALICE}: paused until 2026-11-22 14:00\n"
    assert env.invoke("subscribe", ALICE, "--pause", "2h").stdout == paused
    [sent] = env.slack.sent
    assert sent.text == "Your alerts are paused until 2026-11-22 14:00 UTC."
    assert "<!date^1795356000^" in str(sent.blocks)
    env.clock.tick(timedelta(hours=2))
    assert env.invoke("subscribe", "--list").stdout == ""
    assert env.invoke("subscribe", ALICE, "--pause", "2h").stdout != ""
    assert env.invoke("subscribe", ALICE, "--pause", "0").stdout == ""
    assert read_subscriptions(env) == {"users": {ALICE: {"accounts": {}}}}


def test_settings_are_removed_even_of_a_person_who_has_left_slack(env: Env) -> None:
    for label in env.labels:
        env.subscriptions.change("U06GONE", label, lambda _: Subscription(reset=True))
    ran = env.invoke("subscribe", "U06GONE", "red", "--remove")
    assert ran.exit_code == 0
    assert read_subscriptions(env) == {
        "users": {"U06GONE": {"accounts": {"blue": {"limitHit": False, "reset": True}}}}
    }
    assert env.invoke("subscribe", "U06GONE", "--remove").exit_code == 0
    assert read_subscriptions(env) == {"users": {}}
    again = env.invoke("subscribe", "U06GONE", "--remove")
    assert isinstance(again.exception, UsageError)
    assert str(again.exception) == "U06GONE has no settings"


def test_the_list_can_be_that_of_an_account(env: Env) -> None:
    env.subscriptions.change(ALICE, "red", lambda _: Subscription(reset=True))
    assert ALICE in env.invoke("subscribe", "--list", "--account", "red").stdout
    empty = env.invoke("subscribe", "--list", "--account", "blue")
    assert empty.stderr == (
        "cldmon: nobody gets alerts about blue: cldmon subscribe SLACK_ID blue --hit\n"
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--at", "0"), "--at: 0 is not a percentage from 1 to 99"),
        (("--at", "100"), "--at: from 1 to 99; --hit is for 100"),
        (("--at", "101"), "--at: 101 is not a percentage from 1 to 99"),
        (("--at", "lots"), "--at: 'lots' is not a list of percentages such as 80,95"),
        (("--at", ""), "--at: '' is not a list of percentages such as 80,95"),
        (("--at", ",".join(map(str, range(1, 21)))), "--at: 20 thresholds: 10 is the maximum"),
        (("--at", "80", "--no-at"), "--at and --no-at exclude each other"),
        (("--window", "12h"), "no window '12h'; there are 5h, 7d"),
        (("--quiet", "20:00"), "--quiet: '20:00' is not a span such as 20:00-08:00"),
        (("--quiet", "20:00-24:00"), "--quiet: '24:00' is not a time of day such as 20:00"),
        (("--quiet", "8:00-8:00"), "--quiet: '8:00' is not a time of day such as 20:00"),
        (("--quiet", "08:00-08:00"), "--quiet: quiet hours begin and end at the same time"),
        (("--pause", "soon"), "--pause: invalid range 'soon'"),
        (("--pause", "53w"), "--pause: a year is the maximum"),
    ],
)
def test_bad_values_change_nothing(env: Env, arguments: tuple[str, ...], problem: str) -> None:
    ran = env.invoke("subscribe", ALICE, "red", *arguments)
    assert isinstance(ran.exception, UsageError)
    assert str(ran.exception).startswith(problem)
    assert not (env.data / "subscriptions.json").exists()


def test_a_person_can_be_given_by_name(env: Env) -> None:
    """Every form of a name: see tests/channels/slack/test_people.py."""
    ran = env.run("subscribe", "@alice", "red", "--hit", "--json")
    assert json.loads(ran.stdout)["slackId"] == ALICE


def test_an_unknown_name_changes_nothing(env: Env) -> None:
    ran = env.run("subscribe", "alcie", "red", "--hit")
    assert ran.returncode == 1
    assert "did you mean Alice Example (@alice, U01ALICE)?" in ran.stderr
    assert not (env.data / "subscriptions.json").exists()


def test_an_id_is_taken_as_it_is_while_slack_is_down(env: Env) -> None:
    """The change stands and the reader knows that nobody could look the id up, or was told."""
    env.slack.fail(error("service_unavailable"))
    ran = env.run("subscribe", "U0NEW1", "red", "--hit")
    assert ran.returncode == 0
    looked_up, confirmed = ran.stderr.splitlines()
    assert looked_up.startswith("cldmon: U0NEW1 is taken as it is: Slack can't be asked")
    assert confirmed.startswith("cldmon: saved, but the confirmation message")
    assert read_subscriptions(env) == {
        "users": {"U0NEW1": {"accounts": {"red": {"limitHit": True, "reset": False}}}}
    }


def test_a_name_cannot_be_taken_while_slack_is_down(env: Env) -> None:
    env.slack.fail(error("service_unavailable"))
    ran = env.run("subscribe", "alice", "red", "--hit")
    assert ran.returncode == 1
    assert not (env.data / "subscriptions.json").exists()


def test_an_id_unknown_to_slack_is_refused(env: Env) -> None:
    ran = env.run("subscribe", "U0NEW1", "red", "--hit")
    assert ran.returncode == 1
    assert ran.stderr == (
        "cldmon: no Slack user matches 'U0NEW1': give a Slack id such as U0123ABCD; "
        "--force stores the id anyway\n"
    )
    assert not (env.data / "subscriptions.json").exists()
    forced = env.run("subscribe", "U0NEW1", "red", "--hit", "--force")
    assert forced.returncode == 0
    assert "U0NEW1 is not known in this Slack workspace" in forced.stderr
    assert forced.stdout.splitlines()[1].split() == ["U0NEW1", "–", "red", "on", "off"]


def test_an_unknown_account_is_refused_and_the_known_ones_named(env: Env) -> None:
    ran = env.run("subscribe", ALICE, "green", "--hit")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "cldmon: no account 'green' in the config; it has: red, blue\n"


@pytest.mark.parametrize(
    "arguments", [(), (ALICE, "--hit"), ("--list", ALICE), ("--list", "--hit")], ids=" ".join
)
def test_half_a_command_is_refused(env: Env, arguments: tuple[str, ...]) -> None:
    ran = env.run("subscribe", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("cldmon: ")


def test_with_slack_off_it_says_which_key_turns_it_on(env: Env) -> None:
    switch_slack_off(env)
    ran = env.run("subscribe", ALICE, "red", "--hit")
    assert ran.returncode == 2
    assert ran.stderr == (
        f"cldmon: Slack is off: set enabled = true below [notifications.slack] in {env.config}\n"
    )


def two_people(env: Env) -> None:
    env.run("subscribe", ALICE, "red", "--hit")
    env.run("subscribe", "U02BOB", "blue", "--reset")


def test_the_list_shows_everybody_by_name(env: Env) -> None:
    two_people(env)
    header, *rows = env.run("subscribe", "--list").stdout.splitlines()
    assert header.split() == ["Slack", "id", "Name", "Account", "Hit", "Reset", "Also"]
    assert [row.split()[0] for row in rows] == [ALICE, "U02BOB"]
    assert "Bob <b>Builder<…" in rows[1]


def test_a_row_fits_into_80_columns(env: Env) -> None:
    label = "a long label " * 5
    env.config.write_text(env.config.read_text().replace('"red"', f'"{label}"'))
    env.slack.users["U0123456789"] = SimUser("U0123456789", "long", "a long name " * 5)
    percents = "10,20,30,40,50,60,70,80,90"
    ran = env.run("subscribe", "U0123456789", label, "--at", percents, "--run-out")
    assert ran.returncode == 0
    assert "".join(line[60:] for line in ran.stdout.splitlines()[1:]).count("%") == 9
    assert max(map(len, ran.stdout.splitlines())) <= 80


def break_slack(env: Env) -> None:
    (env.data / "slack-users.json").unlink()
    env.slack.fail(error("service_unavailable"))


def switch_slack_off(env: Env) -> None:
    tables = f'[notifications.slack]\nenabled = false\nbot_token = "{TOKEN}"\n'
    env.write_config(tables=tables)


@pytest.mark.parametrize("harm", [break_slack, switch_slack_off])
def test_the_list_needs_no_slack(env: Env, harm: Callable[[Env], None]) -> None:
    two_people(env)
    harm(env)
    ran = env.run("subscribe", "--list", "--json")
    assert ran.returncode == 0
    assert [(line["slackId"], line["slackName"]) for line in json.loads(ran.stdout)] == [
        (ALICE, None),
        ("U02BOB", None),
    ]


def test_an_empty_list_says_how_to_begin(env: Env) -> None:
    ran = env.run("subscribe", "--list")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "cldmon subscribe SLACK_ID ACCOUNT --hit" in ran.stderr


def test_a_corrupt_file_is_reported_and_left_alone(env: Env) -> None:
    env.data.mkdir()
    file = env.data / "subscriptions.json"
    file.write_text('{"users": ')
    ran = env.run("subscribe", ALICE, "red", "--hit")
    assert ran.returncode == 1
    assert file.read_text() == '{"users": '
    assert env.slack.sent == []


def test_wide_names_leave_the_columns_below_each_other(env: Env) -> None:
    env.slack.users["U03KIM"] = SimUser("U03KIM", "kim", "김선준 🎉")
    two_people(env)
    env.run("subscribe", "U03KIM", "red", "--hit")
    lines = env.run("subscribe", "--list").stdout.splitlines()
    assert "김선준 🎉" in lines[3]
    assert len({width(line[: line.rindex("  o")]) for line in lines[2:]}) == 1


def test_quiet_hours_and_pauses_are_shown_without_any_subscription(env: Env) -> None:
    ran = env.run("subscribe", ALICE, "--quiet", "20:00-08:00")
    assert (ran.stdout, ran.stderr) == (f"{ALICE}: quiet 20:00-08:00\n", "")
    assert env.run("subscribe", "--list").stdout == f"{ALICE}: quiet 20:00-08:00\n"
    ran = env.run("subscribe", ALICE, "--remove")
    assert (ran.stdout, ran.stderr) == ("", f"cldmon: no alert settings for {ALICE}\n")
