"""`cldmon subscribe` as people run it: the real command against a simulated Slack."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from cldmon.demo.slack import TOKEN, SimUser
from cldmon.terminal.style import width
from tests.simulation.slack import error

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.slack import FakeSlack

CLDMON = str(Path(sys.executable).with_name("cldmon"))
ALICE = "U01ALICE"


class Office(NamedTuple):
    """A configuration with the accounts `red` and `blue`, its data, and its Slack."""

    config: Path
    data: Path
    slack: FakeSlack

    def subscribe(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CLDMON, "--config", self.config, "subscribe", *arguments],
            env={**os.environ, "CLDMON_DATA_DIR": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    def stored(self) -> object:
        return json.loads((self.data / "subscriptions.json").read_text())


def configure(folder: Path, slack: FakeSlack, *, enabled: bool) -> Office:
    config = folder / "config.toml"
    accounts = (
        f'[[accounts]]\nlabel = "{label}"\nsession_key = "sk-ant-sid02-{label}"\n'
        for label in ("red", "blue")
    )
    config.write_text(
        f'slack_url = "{slack.url}"\ndata_dir = "data"\n[notifications.slack]\n'
        f'enabled = {json.dumps(enabled)}\nbot_token = "{TOKEN}"\n' + "".join(accounts)
    )
    config.chmod(0o600)
    return Office(config, folder / "data", slack)


@pytest.fixture
def office(tmp_path: Path, fake_slack: FakeSlack) -> Office:
    return configure(tmp_path, fake_slack, enabled=True)


def test_a_change_is_stored_shown_and_confirmed_at_once(office: Office) -> None:
    ran = office.subscribe(ALICE, "red", "--hit")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[1].split() == [ALICE, "Alice", "Example", "red", "on", "off"]
    assert office.stored() == {
        "users": {ALICE: {"accounts": {"red": {"limitHit": True, "reset": False}}}}
    }
    [sent] = office.slack.sent
    assert sent.user == ALICE
    assert "red" in sent.text


def test_the_file_is_for_its_owner_only(office: Office) -> None:
    office.subscribe(ALICE, "red", "--hit")
    assert stat.S_IMODE((office.data / "subscriptions.json").stat().st_mode) == 0o600


def test_an_alert_that_is_not_named_stays_as_it_was(office: Office) -> None:
    office.subscribe(ALICE, "red", "--hit", "--reset")
    ran = office.subscribe(ALICE, "red", "--no-hit", "--json")
    assert json.loads(ran.stdout) == {
        "slackId": ALICE,
        "slackName": "Alice Example",
        "label": "red",
        "limitHit": False,
        "reset": True,
    }


def test_without_flags_nothing_is_changed_or_sent(office: Office) -> None:
    ran = office.subscribe(ALICE, "red")
    assert ran.returncode == 0
    assert ran.stdout.split()[-2:] == ["off", "off"]
    assert not (office.data / "subscriptions.json").exists()
    assert office.slack.sent == []


@pytest.mark.parametrize("name", ["alice", "@alice", "Alice Example", "u01alice"])
def test_a_person_can_be_named_as_slack_knows_them(office: Office, name: str) -> None:
    ran = office.subscribe(name, "red", "--hit", "--json")
    assert json.loads(ran.stdout)["slackId"] == ALICE


def test_a_name_that_nobody_has_changes_nothing(office: Office) -> None:
    ran = office.subscribe("alcie", "red", "--hit")
    assert ran.returncode == 1
    assert "did you mean Alice Example (@alice, U01ALICE)?" in ran.stderr
    assert not (office.data / "subscriptions.json").exists()


def test_an_id_is_taken_as_it_is_while_slack_is_down(office: Office) -> None:
    """The change stands and the reader knows that nobody could look the id up, or was told."""
    office.slack.fail(error("service_unavailable"))
    ran = office.subscribe("U0NEW1", "red", "--hit")
    assert ran.returncode == 0
    looked_up, confirmed = ran.stderr.splitlines()
    assert looked_up.startswith("cldmon: U0NEW1 is stored as given: Slack could not be asked")
    assert confirmed.startswith("cldmon: saved, but the confirmation message")
    assert office.stored() == {
        "users": {"U0NEW1": {"accounts": {"red": {"limitHit": True, "reset": False}}}}
    }


def test_a_name_cannot_be_taken_while_slack_is_down(office: Office) -> None:
    office.slack.fail(error("service_unavailable"))
    ran = office.subscribe("alice", "red", "--hit")
    assert ran.returncode == 1
    assert not (office.data / "subscriptions.json").exists()


def test_an_id_that_slack_does_not_know_is_said_to_be_unknown(office: Office) -> None:
    ran = office.subscribe("U0NEW1", "red", "--hit")
    assert ran.returncode == 0
    listed, confirmed = ran.stderr.splitlines()
    assert listed.endswith("is not in this workspace's member list; stored as given")
    assert "U0NEW1 is not known in this Slack workspace" in confirmed
    assert ran.stdout.splitlines()[1].split() == ["U0NEW1", "–", "red", "on", "off"]


def test_an_unknown_account_is_refused_and_the_known_ones_named(office: Office) -> None:
    ran = office.subscribe(ALICE, "green", "--hit")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "cldmon: no account 'green' in the config; it has: red, blue\n"


@pytest.mark.parametrize(
    "arguments", [(), (ALICE,), ("--list", ALICE), ("--list", "--hit")], ids=" ".join
)
def test_half_a_command_is_refused(office: Office, arguments: tuple[str, ...]) -> None:
    ran = office.subscribe(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("cldmon: ")


def test_with_slack_off_it_says_which_key_turns_it_on(
    tmp_path: Path, fake_slack: FakeSlack
) -> None:
    office = configure(tmp_path, fake_slack, enabled=False)
    ran = office.subscribe(ALICE, "red", "--hit")
    assert ran.returncode == 2
    assert ran.stderr == (
        f"cldmon: Slack is off: set enabled = true below [notifications.slack] in {office.config}\n"
    )


def two_people(office: Office) -> None:
    office.subscribe(ALICE, "red", "--hit")
    office.subscribe("U02BOB", "blue", "--reset")


def test_the_list_shows_everybody_by_name(office: Office) -> None:
    two_people(office)
    header, *rows = office.subscribe("--list").stdout.splitlines()
    assert header.split() == ["Slack", "id", "Name", "Account", "Limit", "hit", "Reset"]
    assert [row.split()[0] for row in rows] == [ALICE, "U02BOB"]
    assert "Bob <b>Builder</b>" in rows[1]


def test_a_row_fits_into_80_columns(office: Office) -> None:
    label = "a long label " * 5
    office.config.write_text(office.config.read_text().replace('"red"', f'"{label}"'))
    office.slack.users["U0123456789"] = SimUser("U0123456789", "long", "a long name " * 5)
    ran = office.subscribe("U0123456789", label, "--hit")
    assert ran.returncode == 0
    assert max(map(len, ran.stdout.splitlines())) <= 80


def no_slack_answers(office: Office) -> None:
    (office.data / "slack-users.json").unlink()
    office.slack.fail(error("service_unavailable"))


def slack_is_off(office: Office) -> None:
    configure(office.config.parent, office.slack, enabled=False)


@pytest.mark.parametrize("harm", [no_slack_answers, slack_is_off])
def test_the_list_needs_no_slack(office: Office, harm: Callable[[Office], None]) -> None:
    two_people(office)
    harm(office)
    ran = office.subscribe("--list", "--json")
    assert ran.returncode == 0
    assert [(line["slackId"], line["slackName"]) for line in json.loads(ran.stdout)] == [
        (ALICE, None),
        ("U02BOB", None),
    ]


def test_an_empty_list_says_how_to_begin(office: Office) -> None:
    ran = office.subscribe("--list")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "cldmon subscribe SLACK_ID ACCOUNT --hit" in ran.stderr


def test_a_corrupt_file_is_reported_and_left_alone(office: Office) -> None:
    office.data.mkdir()
    file = office.data / "subscriptions.json"
    file.write_text('{"users": ')
    ran = office.subscribe(ALICE, "red", "--hit")
    assert ran.returncode == 1
    assert file.read_text() == '{"users": '
    assert office.slack.sent == []


def test_wide_names_leave_the_columns_below_each_other(office: Office) -> None:
    office.slack.users["U03KIM"] = SimUser("U03KIM", "kim", "김선준 🎉")
    two_people(office)
    office.subscribe("U03KIM", "red", "--hit")
    lines = office.subscribe("--list").stdout.splitlines()
    assert "김선준 🎉" in lines[3]
    assert len({width(line[: line.rindex("  o")]) for line in lines[2:]}) == 1
