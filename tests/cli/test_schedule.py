"""`cldmon schedule` as the installed command: filled in from the configuration, each step told."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.contrib.confined import settings
from tests.env import CLDMON, restricted
from tests.schedule.tools import Box

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture
def box(tmp_path: Path) -> Box:
    box = Box(tmp_path).equip()
    configure(box)
    return box


def configure(box: Box, text: str = "") -> None:
    config = box.folder / "config.toml"
    config.write_text(f'{text}\n[[accounts]]\nlabel = "alice"\nsession_key = "sk-ant-sid01-a"\n')
    config.chmod(0o600)


def schedule(
    box: Box, *arguments: str, under: Sequence[str] = (), **options: Any
) -> subprocess.CompletedProcess[str]:
    env = {**box.env, "HOME": str(box.folder)}
    return subprocess.run(
        [*under, CLDMON, "schedule", *arguments],
        **{
            "env": env,
            "cwd": box.folder,
            "capture_output": True,
            "text": True,
            "check": False,
            **options,
        },
    )


def test_by_default_the_units_are_printed_and_nothing_is_done(box: Box) -> None:
    ran = schedule(box, "systemd")
    assert ran.returncode == 0
    for name in ("sysusers.d/cldmon.conf", "cldmon-fetch.service", "cldmon-fetch.timer"):
        assert f"{name}\n# Written by `cldmon schedule`" in ran.stdout
    assert box.calls == []


def test_the_users_units_are_filled_in_from_the_configuration(box: Box) -> None:
    configure(box, 'fetch_interval_minutes = 20\ndata_dir = "kept"')
    found = settings(schedule(box, "systemd", "--user").stdout)
    assert found["OnCalendar"] == ["*:0/20"]
    config, kept = box.folder / "config.toml", box.folder / "kept"
    assert found["ExecStart"][0] == f"{CLDMON} --config {config} --data-dir {kept} fetch"


def test_the_folder_of_the_textfile_may_be_written_to(box: Box) -> None:
    configure(box, '[metrics]\ntextfile = "/srv/metrics/cldmon.prom"')
    assert "ReadWritePaths=-/srv/metrics\n" in schedule(box, "systemd").stdout


def test_a_browser_that_is_named_in_the_environment_is_handed_on(box: Box) -> None:
    env = {**box.env, "HOME": str(box.folder), "CLDMON_BROWSER": "/opt/shell"}
    assert "Environment=CLDMON_BROWSER=/opt/shell" in schedule(box, "systemd", env=env).stdout
    assert " CLDMON_BROWSER=/opt/shell " in schedule(box, "cron", "--user", env=env).stdout


@pytest.mark.parametrize("kind", ["cron", "systemd"])
def test_no_name_begins_a_line_of_its_own_in_what_is_scheduled(box: Box, kind: str) -> None:
    """It would be run by cron, or be a setting of the unit."""
    env = {**box.env, "HOME": str(box.folder), "CLDMON_BROWSER": "/b\n* * * * * evil"}
    ran = schedule(box, kind, env=env)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "holds a control character" in ran.stderr


def test_install_status_and_uninstall_for_oneself(box: Box) -> None:
    units = box.folder / ".config/systemd/user"
    installed = schedule(box, "systemd", "--user", "--install")
    assert installed.returncode == 0, installed.stderr
    assert f"write: {units}/cldmon-fetch.timer" in installed.stdout
    assert "run: systemctl --user restart cldmon-fetch.timer" in installed.stdout
    assert "enable-linger" in installed.stderr
    status = schedule(box, "systemd", "--user", "--status")
    assert (status.returncode, status.stdout.count("up to date")) == (0, 3)
    assert schedule(box, "systemd", "--user", "--uninstall").returncode == 0
    assert list(units.iterdir()) == []


def test_a_crontab_of_ones_own(box: Box) -> None:
    assert schedule(box, "cron", "--user", "--status").returncode == 1
    assert schedule(box, "cron", "--user", "--install").returncode == 0
    assert "cldmon" in box.crontab.read_text()
    assert schedule(box, "cron", "--user", "--status").stdout == "crontab: up to date\n"
    assert schedule(box, "cron", "--user", "--uninstall").returncode == 0
    assert box.crontab.read_text() == ""


def test_uninstall_needs_no_configuration(box: Box) -> None:
    schedule(box, "cron", "--user", "--install")
    (box.folder / "config.toml").unlink()
    assert schedule(box, "cron", "--user", "--uninstall").returncode == 0
    assert box.crontab.read_text() == ""


def another(box: Box, text: str = 'data_dir = "other"') -> Path:
    """Write a second configuration, and return its path."""
    path = box.folder / "other.toml"
    account = '[[accounts]]\nlabel = "bob"\nsession_key = "sk-ant-sid01-b"\n'
    path.write_text(f"{text}\n{account}")
    path.chmod(0o600)
    return path


def of_other(box: Box, *words: str) -> subprocess.CompletedProcess[str]:
    other = str(box.folder / "other.toml")
    return schedule(box, *words, env={**box.env, "HOME": str(box.folder), "CLDMON_CONFIG": other})


@pytest.mark.parametrize("kind", ["systemd", "cron"])
def test_two_configurations_are_two_instances(box: Box, kind: str) -> None:
    """The first one's passes go on, whatever is done with the second configuration."""
    assert schedule(box, kind, "--user", "--install").returncode == 0
    other = another(box)
    refused = of_other(box, kind, "--user", "--install")
    assert refused.returncode == 1
    assert "--name" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert of_other(box, kind, "--user", "--status").returncode == 1
    assert of_other(box, kind, "--user", "--uninstall").returncode == 1
    assert schedule(box, kind, "--user", "--status").returncode == 0
    named = of_other(box, kind, "--user", "--name", "second", "--install")
    assert named.returncode == 0, named.stderr
    assert of_other(box, kind, "--user", "--name", "second", "--status").returncode == 0
    other.unlink()  # as somebody may have done who then cleans up
    assert of_other(box, kind, "--user", "--name", "second", "--uninstall").returncode == 0
    assert schedule(box, kind, "--user", "--status").returncode == 0


@pytest.mark.parametrize("kind", ["systemd", "cron"])
def test_what_is_out_of_date_is_exit_code_1(box: Box, kind: str) -> None:
    schedule(box, kind, "--user", "--install")
    assert schedule(box, kind, "--user", "--status").returncode == 0
    configure(box, "fetch_interval_minutes = 30")
    status = schedule(box, kind, "--user", "--status")
    assert status.returncode == 1
    assert "out of date" in status.stdout


@pytest.mark.parametrize("kind", ["systemd", "cron"])
def test_a_second_instance_needs_data_of_its_own(box: Box, kind: str) -> None:
    another(box, "")
    ran = of_other(box, kind, "--user", "--name", "second")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"{box.folder}/other.toml" in ran.stderr
    assert "set data_dir = " in ran.stderr


@pytest.mark.parametrize(
    "name", ["", "a b", "../x", "a/b", "-x", "é", "x" * 65, "a\n* * * * * evil"]
)
def test_a_name_is_one_that_a_unit_can_have(box: Box, name: str) -> None:
    ran = schedule(box, "systemd", f"--name={name}")
    assert (ran.returncode, ran.stdout) == (2, "")


@pytest.mark.parametrize(("minutes", "warned"), [("2.9", True), ("3", False)])
def test_a_short_interval_is_warned_of(box: Box, minutes: str, warned: bool) -> None:
    configure(box, f"fetch_interval_minutes = {minutes}")
    assert ("rate limited" in schedule(box, "systemd", "--user").stderr) is warned


def test_what_cron_cannot_keep_is_said(box: Box) -> None:
    configure(box, "fetch_interval_minutes = 45")
    assert "it will be every 60 minutes" in schedule(box, "cron", "--user").stderr


def test_a_configuration_that_the_service_user_cannot_read_is_told(box: Box) -> None:
    told = "passes run as cldmon" in schedule(box, "systemd").stderr
    assert told is (os.geteuid() == 0)


@pytest.mark.parametrize("kind", ["systemd", "cron"])
def test_data_that_a_person_would_look_for_elsewhere_is_told(box: Box, kind: str) -> None:
    """A service keeps them where no command looks that is given the configuration alone."""
    told = schedule(box, kind).stderr
    assert 'set data_dir = "/var/lib/cldmon" in' in told
    assert str(box.folder / "config.toml") in told
    configure(box, 'data_dir = "/var/lib/cldmon"')
    assert "data_dir" not in schedule(box, kind).stderr


def test_data_that_was_named_by_hand_is_told_too(box: Box) -> None:
    """The option is in the unit, and nowhere else."""
    env = {**box.env, "HOME": str(box.folder), "CLDMON_DATA_DIR": "/srv/kept"}
    told = schedule(box, "systemd", "--user", env=env).stderr
    assert 'set data_dir = "/srv/kept" in' in told
    assert "data_dir" not in schedule(box, "systemd", "--user").stderr


def on_ubuntu(box: Box, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it where AppArmor keeps user namespaces from programs without a profile."""
    browser = box.folder / "chrome"
    browser.write_bytes(b"\x7fELF")
    browser.chmod(0o755)
    env = {**box.env, "HOME": str(box.folder), "CLDMON_BROWSER": str(browser)}
    return schedule(box, *words, env=env, under=restricted(box.folder, as_root=True))


def test_a_browser_that_needs_an_apparmor_profile_is_given_one(box: Box) -> None:
    printed = on_ubuntu(box, "systemd").stdout
    assert "# /etc/apparmor.d/cldmon-browser\n" in printed
    assert f'profile cldmon-browser "{box.folder}/chrome" flags=(unconfined) {{' in printed
    assert "apparmor" not in schedule(box, "systemd").stdout


@pytest.mark.parametrize("words", [["systemd", "--user"], ["cron"], ["cron", "--user"]])
def test_where_only_root_can_install_the_profile_the_command_is_told(
    box: Box, words: list[str]
) -> None:
    ran = on_ubuntu(box, *words)
    assert (
        f"the sandbox of {box.folder}/chrome needs an AppArmor profile here: printf " in ran.stderr
    )
    assert "apparmor" not in ran.stdout + schedule(box, *words).stderr


@pytest.mark.parametrize("words", [["systemd"], ["cron"]])
def test_without_a_sandbox_or_with_a_profile_none_is_needed(box: Box, words: list[str]) -> None:
    configure(box, "[browser]\nsandbox = false")
    ran = on_ubuntu(box, *words)
    assert "pparmor" not in ran.stdout + ran.stderr
    configure(box)
    theirs = box.folder / "apparmor.d" / "theirs"
    theirs.write_text(f"profile x {box.folder}/chrome flags=(unconfined) {{ userns, }}")
    ran = on_ubuntu(box, *words)
    assert "AppArmor" not in ran.stdout + ran.stderr


def test_the_system_is_for_root_to_change(box: Box) -> None:
    """As somebody else: root itself would be let through to this very machine."""
    plan = (
        "import os; os.geteuid = lambda: 1000;"
        "from cldmon.schedule.plan import Plan; Plan(None, 'systemd', False).require_rights()"
    )
    ran = subprocess.run(
        [CLDMON.replace("cldmon", "python"), "-c", plan],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "--user" in ran.stderr


def test_without_systemd_it_says_what_else_there_is(box: Box) -> None:
    (box.folder / "no-systemd").touch()
    ran = schedule(box, "systemd", "--user", "--install")
    assert ran.returncode == 1
    assert "cldmon schedule cron" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_bad_configuration_is_refused(box: Box) -> None:
    configure(box, "fetch_interval_minutes = 0")
    assert schedule(box, "systemd").returncode == 2


def test_a_link_in_the_way_is_not_followed(box: Box) -> None:
    """The draft of a unit is written without following links, and replaced as a whole."""
    units = box.folder / ".config/systemd/user"
    units.mkdir(parents=True)
    target = box.folder / "target"
    target.write_text("mine\n")
    (units / "cldmon-fetch.timer").symlink_to(target)
    assert schedule(box, "systemd", "--user", "--install").returncode == 1
    assert target.read_text() == "mine\n"
