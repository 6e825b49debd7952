"""`cldmon schedule` as the installed command: filled in from the configuration, each step told."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from cldmon.cli.schedule import command
from tests.contrib.confined import settings
from tests.env import CLDMON, restricted
from tests.schedule.tools import FakeMachine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    machine = FakeMachine(tmp_path).install_programs()
    configure(machine)
    return machine


def configure(machine: FakeMachine, text: str = "") -> None:
    config = machine.folder / "config.toml"
    config.write_text(f'{text}\n[[accounts]]\nlabel = "alice"\nsession_key = "sk-ant-sid01-a"\n')
    config.chmod(0o600)


def schedule(
    machine: FakeMachine, *arguments: str, under: Sequence[str] = (), **options: Any
) -> subprocess.CompletedProcess[str]:
    env = {**machine.env, "HOME": str(machine.folder)}
    return subprocess.run(
        [*under, CLDMON, "schedule", *arguments],
        **{
            "env": env,
            "cwd": machine.folder,
            "capture_output": True,
            "text": True,
            "check": False,
            **options,
        },
    )


def test_by_default_the_units_are_printed_and_nothing_is_done(machine: FakeMachine) -> None:
    ran = schedule(machine, "systemd")
    assert ran.returncode == 0
    for name in ("sysusers.d/cldmon.conf", "cldmon-fetch.service", "cldmon-fetch.timer"):
        assert f"{name}\n# Written by `cldmon schedule`" in ran.stdout
    assert machine.calls == []


def test_the_users_units_are_filled_in_from_the_configuration(machine: FakeMachine) -> None:
    configure(machine, 'fetch_interval_minutes = 20\ndata_dir = "kept"')
    found = settings(schedule(machine, "systemd", "--user").stdout)
    assert found["OnCalendar"] == ["*:0/20"]
    config, kept = machine.folder / "config.toml", machine.folder / "kept"
    assert found["ExecStart"][0] == f"{CLDMON} --config {config} --data-dir {kept} fetch"


@pytest.mark.parametrize("kind", ["systemd", "cron"])
def test_a_channel_that_wants_the_digest_gets_it_every_week(
    machine: FakeMachine, kind: str
) -> None:
    channel = '[[notifications.channels]]\ncommand = ["notify"]\n'
    configure(machine, f"{channel}digest = true")
    assert "digest --send\n" in schedule(machine, kind, "--user").stdout
    configure(machine, channel)
    assert "digest" not in schedule(machine, kind, "--user").stdout


def test_the_folder_of_the_textfile_may_be_written_to(machine: FakeMachine) -> None:
    configure(machine, '[metrics]\ntextfile = "/srv/metrics/cldmon.prom"')
    assert "ReadWritePaths=-/srv/metrics\n" in schedule(machine, "systemd").stdout


def test_a_browser_that_is_named_in_the_environment_is_handed_on(machine: FakeMachine) -> None:
    env = {**machine.env, "HOME": str(machine.folder), "CLDMON_BROWSER": "/opt/shell"}
    assert "Environment=CLDMON_BROWSER=/opt/shell" in schedule(machine, "systemd", env=env).stdout
    assert " CLDMON_BROWSER=/opt/shell " in schedule(machine, "cron", "--user", env=env).stdout


@pytest.mark.parametrize("kind", ["cron", "systemd"])
def test_no_name_begins_a_line_of_its_own_in_what_is_scheduled(
    machine: FakeMachine, kind: str
) -> None:
    """It would be run by cron, or be a setting of the unit."""
    env = {**machine.env, "HOME": str(machine.folder), "CLDMON_BROWSER": "/b\n* * * * * evil"}
    ran = schedule(machine, kind, env=env)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "contains a control character" in ran.stderr


def test_install_status_and_uninstall_for_oneself(machine: FakeMachine) -> None:
    units = machine.folder / ".config/systemd/user"
    installed = schedule(machine, "systemd", "--user", "--install")
    assert installed.returncode == 0, installed.stderr
    assert f"write: {units}/cldmon-fetch.timer" in installed.stdout
    assert "run: systemctl --user restart cldmon-fetch.timer" in installed.stdout
    assert "enable-linger" in installed.stderr
    status = schedule(machine, "systemd", "--user", "--status")
    assert (status.returncode, status.stdout.count("up to date")) == (0, 3)
    assert schedule(machine, "systemd", "--user", "--uninstall").returncode == 0
    assert list(units.iterdir()) == []


def test_a_crontab_of_ones_own(machine: FakeMachine) -> None:
    assert schedule(machine, "cron", "--user", "--status").returncode == 1
    assert schedule(machine, "cron", "--user", "--install").returncode == 0
    assert "cldmon" in machine.crontab.read_text()
    assert schedule(machine, "cron", "--user", "--status").stdout == "crontab: up to date\n"
    assert schedule(machine, "cron", "--user", "--uninstall").returncode == 0
    assert machine.crontab.read_text() == ""


def test_uninstall_needs_no_configuration(machine: FakeMachine) -> None:
    schedule(machine, "cron", "--user", "--install")
    (machine.folder / "config.toml").unlink()
    assert schedule(machine, "cron", "--user", "--uninstall").returncode == 0
    assert machine.crontab.read_text() == ""


def another(machine: FakeMachine, text: str = 'data_dir = "other"') -> Path:
    """Write a second configuration, and return its path."""
    path = machine.folder / "other.toml"
    account = '[[accounts]]\nlabel = "bob"\nsession_key = "sk-ant-sid01-b"\n'
    path.write_text(f"{text}\n{account}")
    path.chmod(0o600)
    return path


def of_other(machine: FakeMachine, *words: str) -> subprocess.CompletedProcess[str]:
    other = str(machine.folder / "other.toml")
    return schedule(
        machine, *words, env={**machine.env, "HOME": str(machine.folder), "CLDMON_CONFIG": other}
    )


def test_two_configurations_are_two_instances(machine: FakeMachine) -> None:
    """The passes of the first go on. Units and crontabs: see tests/schedule/test_install.py."""
    kind = "systemd"
    assert schedule(machine, kind, "--user", "--install").returncode == 0
    other = another(machine)
    refused = of_other(machine, kind, "--user", "--install")
    assert refused.returncode == 1
    assert "--name" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert of_other(machine, kind, "--user", "--status").returncode == 1
    assert of_other(machine, kind, "--user", "--uninstall").returncode == 1
    assert schedule(machine, kind, "--user", "--status").returncode == 0
    named = of_other(machine, kind, "--user", "--name", "second", "--install")
    assert named.returncode == 0, named.stderr
    assert of_other(machine, kind, "--user", "--name", "second", "--status").returncode == 0
    other.unlink()  # as somebody may have done who then cleans up
    assert of_other(machine, kind, "--user", "--name", "second", "--uninstall").returncode == 0
    assert schedule(machine, kind, "--user", "--status").returncode == 0


def test_what_is_out_of_date_is_exit_code_1(machine: FakeMachine) -> None:
    schedule(machine, "cron", "--user", "--install")
    assert schedule(machine, "cron", "--user", "--status").returncode == 0
    configure(machine, "fetch_interval_minutes = 30")
    status = schedule(machine, "cron", "--user", "--status")
    assert status.returncode == 1
    assert "out of date" in status.stdout


def test_a_second_instance_needs_data_of_its_own(machine: FakeMachine) -> None:
    another(machine, "")
    ran = of_other(machine, "systemd", "--user", "--name", "second")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"{machine.folder}/other.toml" in ran.stderr
    assert "set data_dir = " in ran.stderr


@pytest.mark.parametrize(
    "name", ["", "a b", "../x", "a/b", "-x", "é", "x" * 65, "a\n* * * * * evil"]
)
def test_a_name_is_one_that_a_unit_can_have(name: str) -> None:
    ran = CliRunner().invoke(command, ["systemd", f"--name={name}"])
    assert ran.exit_code == 2
    assert "a name has up to 32 letters, digits, - and _" in ran.output


@pytest.mark.parametrize(("minutes", "warned"), [("2.9", True), ("3", False)])
def test_a_short_interval_is_warned_of(machine: FakeMachine, minutes: str, warned: bool) -> None:
    configure(machine, f"fetch_interval_minutes = {minutes}")
    assert ("rate limited" in schedule(machine, "systemd", "--user").stderr) is warned


def test_an_interval_that_cron_rounds_is_reported(machine: FakeMachine) -> None:
    configure(machine, "fetch_interval_minutes = 45")
    assert "it will be every 60 minutes" in schedule(machine, "cron", "--user").stderr


def test_a_configuration_unreadable_for_the_service_user_is_reported(machine: FakeMachine) -> None:
    told = "passes run as cldmon" in schedule(machine, "systemd").stderr
    assert told is (os.geteuid() == 0)


@pytest.mark.parametrize("kind", ["systemd", "cron"])
def test_a_data_folder_that_other_commands_would_not_find_is_reported(
    machine: FakeMachine, kind: str
) -> None:
    """A service keeps them where no command looks that is given the configuration alone."""
    told = schedule(machine, kind).stderr
    assert 'set data_dir = "/var/lib/cldmon" in' in told
    assert str(machine.folder / "config.toml") in told
    configure(machine, 'data_dir = "/var/lib/cldmon"')
    assert "data_dir" not in schedule(machine, kind).stderr


def test_a_data_folder_from_the_environment_is_reported(machine: FakeMachine) -> None:
    """The option is in the unit, and nowhere else."""
    env = {**machine.env, "HOME": str(machine.folder), "CLDMON_DATA_DIR": "/srv/kept"}
    told = schedule(machine, "systemd", "--user", env=env).stderr
    assert 'set data_dir = "/srv/kept" in' in told
    assert "data_dir" not in schedule(machine, "systemd", "--user").stderr


def on_ubuntu(machine: FakeMachine, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it where AppArmor keeps user namespaces from programs without a profile."""
    browser = machine.folder / "chrome"
    browser.write_bytes(b"\x7fELF")
    browser.chmod(0o755)
    env = {**machine.env, "HOME": str(machine.folder), "CLDMON_BROWSER": str(browser)}
    return schedule(machine, *words, env=env, under=restricted(machine.folder, as_root=True))


def test_a_browser_that_needs_an_apparmor_profile_is_given_one(machine: FakeMachine) -> None:
    printed = on_ubuntu(machine, "systemd").stdout
    assert "# /etc/apparmor.d/cldmon-browser\n" in printed
    assert f'profile cldmon-browser "{machine.folder}/chrome" flags=(unconfined) {{' in printed
    assert "apparmor" not in schedule(machine, "systemd").stdout


@pytest.mark.parametrize("words", [["systemd", "--user"], ["cron"], ["cron", "--user"]])
def test_where_only_root_can_install_the_profile_the_command_is_printed(
    machine: FakeMachine, words: list[str]
) -> None:
    ran = on_ubuntu(machine, *words)
    assert (
        f"the sandbox of {machine.folder}/chrome needs an AppArmor profile here: printf "
        in ran.stderr
    )
    assert "apparmor" not in ran.stdout + schedule(machine, *words).stderr


@pytest.mark.parametrize("words", [["systemd"], ["cron"]])
def test_without_a_sandbox_or_with_a_profile_none_is_needed(
    machine: FakeMachine, words: list[str]
) -> None:
    configure(machine, "[browser]\nsandbox = false")
    ran = on_ubuntu(machine, *words)
    assert "pparmor" not in ran.stdout + ran.stderr
    configure(machine)
    theirs = machine.folder / "apparmor.d" / "theirs"
    theirs.write_text(f"profile x {machine.folder}/chrome flags=(unconfined) {{ userns, }}")
    ran = on_ubuntu(machine, *words)
    assert "AppArmor" not in ran.stdout + ran.stderr


def test_the_system_is_for_root_to_change(machine: FakeMachine) -> None:
    """As somebody else: root itself would be let through to this very machine."""
    plan = (
        "import os; os.geteuid = lambda: 1000;"
        "from cldmon.schedule.plan import Plan; Plan(None, 'systemd', False).require_root()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", plan],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "--user" in ran.stderr


def test_without_systemd_it_says_what_else_there_is(machine: FakeMachine) -> None:
    (machine.folder / "no-systemd").touch()
    ran = schedule(machine, "systemd", "--user", "--install")
    assert ran.returncode == 1
    assert "cldmon schedule cron" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_bad_configuration_is_refused(machine: FakeMachine) -> None:
    configure(machine, "fetch_interval_minutes = 0")
    assert schedule(machine, "systemd").returncode == 2


def test_a_link_in_the_way_is_not_followed(machine: FakeMachine) -> None:
    """The draft of a unit is written without following links, and replaced as a whole."""
    units = machine.folder / ".config/systemd/user"
    units.mkdir(parents=True)
    target = machine.folder / "target"
    target.write_text("mine\n")
    (units / "cldmon-fetch.timer").symlink_to(target)
    assert schedule(machine, "systemd", "--user", "--install").returncode == 1
    assert target.read_text() == "mine\n"


def test_installing_and_removing_exclude_each_other() -> None:
    ran = CliRunner().invoke(command, ["systemd", "--install", "--uninstall"])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--install, --uninstall and --status exclude each other" in ran.stderr
