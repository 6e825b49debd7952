"""`cldmon subscribe` as people run it: the real command against a simulated Slack."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.slack import TOKEN, SimUser
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
    assert looked_up.startswith("cldmon: U0NEW1 is stored as given: Slack can't be asked")
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
    "arguments", [(), (ALICE,), ("--list", ALICE), ("--list", "--hit")], ids=" ".join
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
    ran = env.run("subscribe", "U0123456789", label, "--hit")
    assert ran.returncode == 0
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
