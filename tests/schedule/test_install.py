"""Installing and removing: each step reported, repeatable, and without touching other files."""

from __future__ import annotations

import stat
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cldmon.errors import ScheduleError
from cldmon.schedule import cron
from cldmon.schedule.install import Cron, Systemd
from tests.schedule.tools import (
    DIGEST,
    DIGEST_TIMER,
    DIGESTED,
    FETCH,
    HOURLY,
    JOB,
    OTHERS,
    SERVE,
    TIMER,
    FakeMachine,
)


def test_install_writes_what_is_printed_and_starts_the_timer(
    machine: FakeMachine, systemd: Systemd
) -> None:
    systemd.install(JOB)
    printed = systemd.render(JOB)
    assert len(machine.files()) == 4  # both cldmon.conf share a name
    for name, text in machine.files().items():
        assert name in printed
        assert text in printed
    assert machine.calls == [
        f"systemd-sysusers {machine.places.all_files[0]}",
        "chown --recursive --no-dereference cldmon:cldmon /etc/cldmon",
        f"systemd-tmpfiles --create {machine.places.all_files[1]}",
        "systemctl daemon-reload",
        f"systemctl enable {TIMER}",
        f"systemctl restart {TIMER}",
        f"systemctl try-restart {SERVE}",
    ]


def test_every_file_and_command_is_reported(machine: FakeMachine, systemd: Systemd) -> None:
    systemd.install(DIGESTED)
    assert [
        s.removeprefix("run: ") for s in machine.reported if s.startswith("run: ")
    ] == machine.calls
    written = {Path(s.removeprefix("write: ")) for s in machine.reported if s.startswith("write: ")}
    assert written == set(machine.places.all_files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o644}


def test_installing_again_writes_nothing_that_is_there(
    machine: FakeMachine, systemd: Systemd
) -> None:
    systemd.install(JOB)
    machine.reported.clear()
    systemd.install(JOB)
    assert not [s for s in machine.reported if s.startswith(("write", "remove"))]
    assert len([s for s in machine.reported if s.startswith("unchanged")]) == 5


def test_a_new_interval_replaces_only_the_timer(machine: FakeMachine, systemd: Systemd) -> None:
    systemd.install(JOB)
    machine.reported.clear()
    systemd.install(HOURLY)
    assert [s for s in machine.reported if s.startswith("write")] == [
        f"write: {machine.places.units / TIMER}"
    ]


def test_a_digest_has_a_timer_of_its_own_that_goes_when_nobody_wants_it(
    machine: FakeMachine, systemd: Systemd
) -> None:
    systemd.install(DIGESTED)
    assert {DIGEST, DIGEST_TIMER} <= set(machine.files())
    assert machine.calls[-3:-1] == [
        f"systemctl enable {DIGEST_TIMER}",
        f"systemctl restart {DIGEST_TIMER}",
    ]
    status = systemd.status(DIGESTED)
    assert (status.running, status.up_to_date) == (True, True)
    assert status.lines[-2:] == (f"{TIMER}: active", f"{DIGEST_TIMER}: active")
    status = systemd.status(JOB)
    assert not status.up_to_date
    assert f"{machine.places.units / DIGEST}: not needed: --install removes it" in status.lines
    systemd.install(JOB)
    assert {DIGEST, DIGEST_TIMER}.isdisjoint(machine.files())
    assert f"systemctl disable --now {DIGEST} {DIGEST_TIMER}" in machine.calls
    assert systemd.status(JOB).up_to_date


def test_the_line_of_the_digest_goes_when_nobody_wants_it(
    machine: FakeMachine, crontab: Cron
) -> None:
    crontab.install(DIGESTED)
    assert "digest --send" in machine.crontab.read_text()
    assert crontab.status(DIGESTED).up_to_date
    assert not crontab.status(JOB).up_to_date
    crontab.install(JOB)
    assert "digest" not in machine.crontab.read_text()


def test_only_the_service_users_folder_is_handed_over(
    machine: FakeMachine, systemd: Systemd
) -> None:
    systemd.install(replace(JOB, user="alice", group="staff"))
    systemd.uninstall()
    systemd.install(replace(JOB, config=Path("/srv/config.toml")))
    Systemd(machine.users_places, machine.system).install(JOB)
    assert [call for call in machine.calls if call.startswith("chown")] == []


@pytest.mark.parametrize("name", [FETCH, TIMER, SERVE])
@pytest.mark.parametrize("changed", [True, False], ids=["changed", "foreign"])
def test_what_is_not_ours_keeps_everything_as_it_is(
    machine: FakeMachine, systemd: Systemd, name: str, changed: bool
) -> None:
    if changed:
        systemd.install(HOURLY)
    path = machine.places.units / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write("# mine\n")
    before, calls = machine.files(), machine.calls
    with pytest.raises(ScheduleError, match="left alone") as caught:
        systemd.install(JOB)
    assert name in str(caught.value)
    assert (machine.files(), machine.calls) == (before, calls)


def test_uninstall_removes_its_own_and_nothing_else(machine: FakeMachine, systemd: Systemd) -> None:
    systemd.install(JOB)
    mine = machine.places.units / SERVE
    mine.write_text("[Service]\n")
    stranger = machine.places.units / "other.service"
    stranger.write_text("[Service]\n")
    systemd.uninstall()
    assert set(machine.files()) == {SERVE, "other.service"}
    assert f"systemctl disable --now {FETCH} {TIMER}" in machine.calls
    assert machine.calls[-1] == "systemctl daemon-reload"
    assert f"left alone: {mine} is not written by cldmon" in machine.reported


def test_uninstalling_what_is_not_there_does_nothing(
    machine: FakeMachine, systemd: Systemd, crontab: Cron
) -> None:
    systemd.uninstall()
    crontab.uninstall()
    assert (machine.calls, machine.reported) == ([], ["nothing to remove"] * 2)


def test_status_lists_each_file_and_the_timer(machine: FakeMachine, systemd: Systemd) -> None:
    systemd.install(HOURLY)
    with (machine.places.units / SERVE).open("a") as file:
        file.write("# mine\n")
    (machine.places.units / FETCH).unlink()
    status = systemd.status(JOB)
    lines = "\n".join(status.lines)
    assert f"{TIMER}: out of date" in lines
    assert f"{SERVE}: written by cldmon, but changed since" in lines
    assert f"{FETCH}: not installed" in lines
    assert "cldmon.conf: up to date" in lines
    assert status.lines[-1] == f"{TIMER}: active"
    assert status.running


PROFILED = replace(JOB, browser=Path("/opt/chrome/chrome"))


def test_a_browser_that_needs_a_profile_is_given_it(machine: FakeMachine) -> None:
    """Last, so that a parser that rejects it does not keep the timer from starting."""
    systemd = Systemd(machine.profiled_places, machine.system)
    systemd.install(PROFILED)
    path = machine.folder / "etc/apparmor.d/cldmon-browser"
    assert f"# {path}\n{path.read_text()}" in systemd.render(PROFILED)
    assert 'profile cldmon-browser "/opt/chrome/chrome"' in path.read_text()
    assert machine.calls[-1] == f"apparmor_parser --replace {path}"
    assert systemd.status(PROFILED).up_to_date
    systemd.uninstall()
    assert f"apparmor_parser --remove {path}" in machine.calls
    assert machine.files() == {}


def test_a_profile_that_is_not_needed_any_more_is_taken_back(machine: FakeMachine) -> None:
    systemd = Systemd(machine.profiled_places, machine.system)
    systemd.install(PROFILED)
    systemd.install(JOB)
    path = machine.folder / "etc/apparmor.d/cldmon-browser"
    assert f"apparmor_parser --remove {path}" in machine.calls
    assert not path.exists()


def test_a_foreign_profile_is_left_alone(machine: FakeMachine) -> None:
    path = machine.folder / "etc/apparmor.d/cldmon-browser"
    path.parent.mkdir(parents=True)
    path.write_text("mine\n")
    systemd = Systemd(machine.profiled_places, machine.system)
    with pytest.raises(ScheduleError, match="left alone"):
        systemd.install(PROFILED)
    systemd.install(JOB)
    systemd.uninstall()
    assert machine.files() == {"cldmon-browser": "mine\n"}


def test_each_instance_has_its_own_profile(machine: FakeMachine) -> None:
    places = machine.profiled_places._replace(name="team")
    Systemd(places, machine.system).install(PROFILED)
    assert "profile cldmon-team-browser " in machine.files()["cldmon-team-browser"]


@pytest.mark.parametrize("change", ["changed", "missing", "old"])
def test_anything_that_differs_is_not_up_to_date(
    machine: FakeMachine, systemd: Systemd, change: str
) -> None:
    systemd.install(HOURLY if change == "old" else JOB)
    path = machine.places.units / FETCH
    if change == "changed":
        path.write_text(path.read_text() + "# mine\n")
    elif change == "missing":
        path.unlink()
    assert not systemd.status(JOB).up_to_date


def test_a_users_own_manager_is_used(machine: FakeMachine) -> None:
    Systemd(machine.users_places, machine.system).install(JOB)
    assert machine.calls[0] == "systemctl --user daemon-reload"
    assert all(call.startswith("systemctl --user ") for call in machine.calls)


def test_without_a_running_systemd_nothing_is_written(
    machine: FakeMachine, systemd: Systemd
) -> None:
    (machine.folder / "no-systemd").touch()
    for act in (
        partial(systemd.install, JOB),
        systemd.uninstall,
        partial(systemd.status, JOB),
    ):
        with pytest.raises(ScheduleError, match="cldmon schedule cron"):
            act()
    assert (machine.files(), machine.calls) == ({}, [])


def test_a_missing_program_is_reported(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    env = {"PATH": str(tmp_path)}
    system = replace(machine.system, env=env)
    with pytest.raises(ScheduleError, match="systemctl was not found"):
        Systemd(machine.places, system).install(JOB)
    with pytest.raises(ScheduleError, match="crontab was not found"):
        Cron(None, system).install(JOB)


def test_a_failed_command_is_reported_with_its_reason(
    machine: FakeMachine, systemd: Systemd
) -> None:
    (machine.folder / "bin" / "systemd-sysusers").write_text(
        "#!/bin/sh\necho no such >&2\nexit 1\n"
    )
    with pytest.raises(ScheduleError, match=r"systemd-sysusers .* failed: no such"):
        systemd.install(JOB)


def test_programs_do_not_inherit_a_secret(machine: FakeMachine) -> None:
    program = machine.folder / "bin" / "crontab"
    program.write_text('#!/bin/sh\nprintf %s "${ALICE_KEY-none}"\n')
    system = replace(machine.system, env={**machine.env, "ALICE_KEY": "sk-ant-sid01-MARKER"})
    assert system.query("crontab", "-l").text == "none"


def test_cron_gets_the_block_beside_the_lines_of_others(
    machine: FakeMachine, crontab: Cron
) -> None:
    crontab.install(JOB)
    assert machine.crontab.read_text() == OTHERS + crontab.render(JOB)
    assert machine.reported[-1] == "run: crontab -"
    assert any(s.startswith("+ */10 * * * * /usr/local/bin/cldmon ") for s in machine.reported)
    assert crontab.status(JOB).lines == ("crontab: up to date",)
    assert crontab.status(HOURLY).lines[0].startswith("crontab: out of date")


def test_cron_installed_again_runs_nothing(machine: FakeMachine, crontab: Cron) -> None:
    crontab.install(JOB)
    crontab.install(JOB)
    assert machine.calls == ["crontab -"]


def test_cron_uninstalled_is_as_it_was(machine: FakeMachine, crontab: Cron) -> None:
    crontab.install(JOB)
    crontab.uninstall()
    assert machine.crontab.read_text() == OTHERS
    crontab.uninstall()
    assert len(machine.calls) == 2
    assert not crontab.status(JOB).running


def test_a_first_crontab_is_made(machine: FakeMachine) -> None:
    Cron(None, machine.system).install(JOB)
    assert machine.crontab.read_text() == cron.add_markers(cron.format_block(JOB))


def test_an_edited_block_is_left_alone(machine: FakeMachine, crontab: Cron) -> None:
    crontab.install(JOB)
    changed = machine.crontab.read_text().replace("*/10", "*/15")
    machine.crontab.write_text(changed)
    for act in (partial(crontab.install, HOURLY), crontab.uninstall):
        with pytest.raises(ScheduleError, match="crontab -e"):
            act()
    assert machine.crontab.read_text() == changed


def test_an_unreadable_crontab_is_not_taken_for_an_empty_one(
    machine: FakeMachine, crontab: Cron
) -> None:
    (machine.folder / "broken").touch()
    with pytest.raises(ScheduleError, match="you may not use it"):
        crontab.install(JOB)
    assert machine.crontab.read_text() == OTHERS


def test_root_writes_into_the_crontab_of_the_service_user(machine: FakeMachine) -> None:
    Cron("cldmon", machine.system).install(JOB)
    assert machine.calls == ["crontab -u cldmon -"]
