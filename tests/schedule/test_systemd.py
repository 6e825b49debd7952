"""The units: when they start a pass, what they can write, and how systemd reads them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.doctor import passes
from cldmon.schedule import systemd
from cldmon.schedule.systemd import SYSTEM
from tests.contrib.confined import settings
from tests.schedule.tools import DIGEST, DIGEST_TIMER, FETCH, JOB, SERVE, TIMER

if TYPE_CHECKING:
    from cldmon.schedule.job import Job

USERS = SYSTEM._replace(sysusers=None, tmpfiles=None)
MINUTE = timedelta(minutes=1)


def unit(name: str, job: Job = JOB) -> str:
    return systemd.generate_files(job, SYSTEM)[SYSTEM.units / name]


@pytest.mark.parametrize("places", [SYSTEM, USERS])
@pytest.mark.parametrize("name", [FETCH, SERVE])
def test_a_crash_writes_no_core_dump(name: str, places: systemd.Places) -> None:
    assert settings(systemd.generate_files(JOB, places)[places.units / name])["LimitCORE"] == ["0"]


def verify(*units: Path) -> str:
    """Return everything that systemd complains about in some units."""
    ran = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    return ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("minutes", "calendar"),
    [
        (10, "*:0/10"),
        (1, "*:0/1"),
        (30, "*:0/30"),
        (60, "0/1:00"),
        (120, "0/2:00"),
        (1440, "daily"),
    ],
)
def test_an_interval_that_divides_hour_or_day_follows_the_calendar(
    minutes: int, calendar: str
) -> None:
    """Only then is a pass that was missed while the machine was off run later."""
    found = settings(unit(TIMER, replace(JOB, interval=minutes * MINUTE)))
    assert (found["OnCalendar"], found["Persistent"]) == ([calendar], ["true"])


@pytest.mark.parametrize(
    ("minutes", "span"), [(7, "420s"), (45, "2700s"), (0.5, "30s"), (0.001, "60ms"), (2.5, "150s")]
)
def test_any_other_interval_counts_from_pass_to_pass(minutes: float, span: str) -> None:
    found = settings(unit(TIMER, replace(JOB, interval=minutes * MINUTE)))
    assert (found["OnActiveSec"], found["OnUnitActiveSec"]) == (["0"], [span])
    assert "OnCalendar" not in found


@given(st.floats(0.001, 10_080))
def test_every_interval_of_a_configuration_gives_a_rhythm_and_a_delay_below_it(
    minutes: float,
) -> None:
    found = settings(unit(TIMER, replace(JOB, interval=timedelta(minutes=minutes))))
    assert ("OnCalendar" in found) != ("OnUnitActiveSec" in found)
    assert found["RandomizedDelaySec"][0][:-1].removesuffix("m").isdigit()


def test_a_pass_runs_as_the_service_user_and_writes_only_to_its_state() -> None:
    found = settings(unit(FETCH))
    assert (found["User"], found["StateDirectory"]) == (["cldmon"], ["cldmon"])
    assert found["StateDirectoryMode"] == ["0700"]
    assert found["ProtectHome"] == ["yes"]
    assert "ReadWritePaths" not in found
    words = "/usr/local/bin/cldmon --config /etc/cldmon/config.toml --data-dir /var/lib/cldmon"
    assert found["ExecStart"] == [f"{words} fetch"]
    assert settings(unit(SERVE))["ExecStart"] == [f"{words} serve"]


def test_another_data_folder_and_that_of_the_textfile_are_opened_for_writing() -> None:
    job = replace(JOB, data_dir=Path("/srv/my data"), written=(Path("/var/lib/metrics"),))
    for name in (FETCH, SERVE):
        found = settings(unit(name, job))
        assert found["ReadWritePaths"] == ['"/srv/my data" -/var/lib/metrics']
        assert "StateDirectory" not in found
    assert 'd "/srv/my data" 0700 cldmon cldmon -' in unit_of_tmpfiles(job)


def unit_of_tmpfiles(job: Job) -> str:
    assert SYSTEM.tmpfiles
    return systemd.generate_files(job, SYSTEM).get(SYSTEM.tmpfiles / SYSTEM.conf, "")


HOME = Path("/home/alice/cldmon")


@pytest.mark.parametrize(
    "job",
    [
        replace(JOB, program=(str(HOME),)),
        replace(JOB, config=HOME),
        replace(JOB, data_dir=HOME),
        replace(JOB, written=(HOME,)),
    ],
    ids=["program", "config", "data_dir", "textfile"],
)
def test_homes_are_readable_if_anything_is_in_one(job: Job) -> None:
    assert settings(unit(FETCH, job))["ProtectHome"] == ["read-only"]


def test_the_folder_in_etc_is_the_service_users_and_tmpfiles_looks_at_nothing_in_it() -> None:
    """systemd-tmpfiles refuses files of root in a folder of another user."""
    [line] = [each for each in unit_of_tmpfiles(JOB).splitlines() if not each.startswith("#")]
    assert line == "d /etc/cldmon 0700 cldmon cldmon -"


def test_a_configuration_of_a_person_runs_as_that_person_and_needs_no_new_user() -> None:
    job = replace(JOB, user="alice", group="staff", config=Path("/srv/alice/config.toml"))
    assert settings(unit(FETCH, job))["User"] == ["alice"]
    assert SYSTEM.sysusers
    assert SYSTEM.sysusers / SYSTEM.conf not in systemd.generate_files(job, SYSTEM)
    assert unit_of_tmpfiles(job) == ""


def test_user_units_need_no_privileges() -> None:
    for text in systemd.generate_files(JOB, USERS).values():
        assert (
            not {"User", "ProtectSystem", "PrivateUsers", "StateDirectory"} & settings(text).keys()
        )
    assert {path.name for path in systemd.generate_files(JOB, USERS)} == {FETCH, TIMER, SERVE}


def test_the_digest_runs_weekly_as_confined_as_a_pass(tmp_path: Path) -> None:
    job = replace(JOB, digest=True)
    found, fetch = settings(unit(DIGEST, job)), settings(unit(FETCH, job))
    assert found["ExecStart"] == [fetch["ExecStart"][0].removesuffix("fetch") + "digest --send"]
    assert found["User"] == fetch["User"]
    assert settings(unit(DIGEST_TIMER, job))["OnCalendar"] == ["Mon 09:05"]
    path = tmp_path / DIGEST
    path.write_text(unit(DIGEST, job))
    argv = ["systemd-analyze", "security", "--offline=true", "--threshold=30", str(path)]
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0


def test_an_overlapping_pass_is_not_a_failure() -> None:
    assert settings(unit(FETCH))["SuccessExitStatus"] == ["75"]


def test_doctor_looks_for_the_timer_that_is_installed() -> None:
    assert passes.TIMER == TIMER


@pytest.mark.parametrize("name", ["cldmon", 'a b"c', "50%h", "$HOME", "back\\slash", "it's;"])
def test_systemd_reads_any_path_as_it_is(tmp_path: Path, name: str) -> None:
    """`verify` looks for the program, so it would not find a misread path."""
    program = tmp_path / name / "cldmon"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    job = replace(
        JOB,
        program=(str(program),),
        config=program.parent / "config.toml",
        data_dir=program.parent / "data",
        variables=(("CLDMON_BROWSER", str(program)),),
        digest=True,
    )
    for places in (SYSTEM, USERS):
        for path, text in systemd.generate_files(job, places).items():
            (tmp_path / path.name).write_text(text)
        units = [tmp_path / each for each in (FETCH, TIMER, SERVE, DIGEST, DIGEST_TIMER)]
        assert verify(*units) == ""


def test_an_invalid_unit_would_be_noticed(tmp_path: Path) -> None:
    """`systemd-analyze verify` exits with 0 for an unknown key: only its output shows it."""
    path = tmp_path / "a.service"
    path.write_text("[Service]\nExecStart=/bin/true\nProtectSytem=strict\n")
    assert "ProtectSytem" in verify(path)
