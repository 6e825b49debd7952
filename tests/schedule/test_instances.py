"""Several instances on one machine: none takes over the units, the block or the data of another."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.errors import ScheduleError
from cldmon.schedule.install import Cron, Systemd
from tests.schedule.tools import FETCH, HOURLY, JOB, OTHERS, FakeMachine

if TYPE_CHECKING:
    from cldmon.schedule.job import Job

OTHER = replace(JOB, config=Path("/srv/other.toml"), data_dir=Path("/srv/other"))
"""Another configuration, with its own data."""


def second(machine: FakeMachine) -> Systemd:
    return Systemd(machine.places._replace(name="second"), machine.system)


def test_the_units_of_another_configuration_are_left_alone(
    machine: FakeMachine, systemd: Systemd
) -> None:
    """Its passes would stop, and its alerts with them."""
    systemd.install(JOB)
    before, calls = machine.files(), machine.calls
    with pytest.raises(ScheduleError) as caught:
        systemd.install(OTHER)
    assert (machine.files(), machine.calls) == (before, calls)
    for words in (FETCH, str(JOB.config), "--name", "--uninstall"):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("job", "difference"),
    [
        (replace(JOB, data_dir=OTHER.data_dir), f"{JOB.data_dir}, not in {OTHER.data_dir}"),
        (replace(JOB, user="alice"), "cldmon, not as alice"),
    ],
)
def test_nor_are_those_with_other_data_or_another_user_replaced(
    machine: FakeMachine, systemd: Systemd, job: Job, difference: str
) -> None:
    """Removing them first says that it is meant."""
    systemd.install(JOB)
    before, calls = machine.files(), machine.calls
    with pytest.raises(ScheduleError, match=f"{FETCH} .*{difference}: add --name NAME .*: `cldmon"):
        systemd.install(job)
    assert (machine.files(), machine.calls) == (before, calls)
    assert re.search(f"another instance: it .*{difference}", "\n".join(systemd.status(job).lines))
    systemd.uninstall(job.config)
    systemd.install(job)
    assert systemd.status(job).up_to_date


def test_a_link_to_the_data_folder_is_the_same_folder(
    machine: FakeMachine, systemd: Systemd, tmp_path: Path
) -> None:
    link, folder = tmp_path / "link", tmp_path / "data"
    folder.mkdir()
    link.symlink_to(folder)
    systemd.install(replace(JOB, data_dir=folder))
    systemd.install(replace(JOB, data_dir=link))
    with pytest.raises(ScheduleError, match="data_dir of its own"):
        second(machine).install(replace(OTHER, data_dir=folder))


def test_neither_are_they_removed_by_another_configuration(
    machine: FakeMachine, systemd: Systemd
) -> None:
    systemd.install(JOB)
    before, calls = machine.files(), machine.calls
    with pytest.raises(ScheduleError, match=f"--config {JOB.config}"):
        systemd.uninstall(OTHER.config)
    assert (machine.files(), machine.calls) == (before, calls)
    systemd.uninstall(JOB.config)
    assert machine.files() == {}


def test_a_second_instance_can_be_installed(machine: FakeMachine, systemd: Systemd) -> None:
    systemd.install(JOB)
    first = machine.files()
    second(machine).install(OTHER)
    new = {name: text for name, text in machine.files().items() if name not in first}
    assert set(new) == {
        "cldmon-second.conf",
        "cldmon-second-fetch.service",
        "cldmon-second-fetch.timer",
        "cldmon-second-serve.service",
    }
    assert first.items() <= machine.files().items()
    assert (
        "--config /srv/other.toml --data-dir /srv/other fetch" in new[f"cldmon-second-{FETCH[7:]}"]
    )
    assert machine.calls[-3:] == [
        "systemctl enable cldmon-second-fetch.timer",
        "systemctl restart cldmon-second-fetch.timer",
        "systemctl try-restart cldmon-second-serve.service",
    ]
    second(machine).uninstall(OTHER.config)
    assert machine.files() == first


def test_two_instances_do_not_share_their_data(machine: FakeMachine, systemd: Systemd) -> None:
    """Each pass would forget the accounts of the other."""
    systemd.install(JOB)
    before = machine.files()
    for job in (replace(OTHER, data_dir=JOB.data_dir), JOB):
        with pytest.raises(ScheduleError, match=f"{FETCH}.*{JOB.data_dir}"):
            second(machine).install(job)
    assert machine.files() == before
    second(machine).install(OTHER)
    with pytest.raises(ScheduleError, match=f"cldmon-second-{FETCH[7:]}"):
        systemd.install(replace(JOB, data_dir=OTHER.data_dir))


def test_status_names_the_configuration_of_foreign_units(
    machine: FakeMachine, systemd: Systemd
) -> None:
    systemd.install(JOB)
    status = systemd.status(OTHER)
    assert not status.up_to_date
    assert f"{FETCH}: of another instance: it runs the passes of {JOB.config}" in "\n".join(
        status.lines
    )
    assert systemd.status(JOB).up_to_date


def test_the_block_of_another_configuration_is_left_alone(
    machine: FakeMachine, crontab: Cron
) -> None:
    crontab.install(JOB)
    before = machine.crontab.read_text()
    with pytest.raises(ScheduleError) as caught:
        crontab.install(OTHER)
    for words in (str(JOB.config), "--name", "--uninstall"):
        assert words in str(caught.value)
    with pytest.raises(ScheduleError, match=f"--config {JOB.config}"):
        crontab.uninstall(OTHER.config)
    assert machine.crontab.read_text() == before
    status = crontab.status(OTHER)
    passes = f"it runs the passes of {JOB.config}, not of {OTHER.config}"
    assert status.lines == (f"crontab: of another instance: {passes}",)
    assert not status.up_to_date
    crontab.uninstall(JOB.config)
    assert machine.crontab.read_text() == OTHERS


def test_a_second_block_can_be_installed(machine: FakeMachine, crontab: Cron) -> None:
    crontab.install(JOB)
    first = machine.crontab.read_text()
    with pytest.raises(ScheduleError, match=f"{JOB.data_dir}, not in .*cron --user --uninstall"):
        crontab.install(replace(JOB, data_dir=OTHER.data_dir))
    second = Cron(None, machine.system, "second")
    with pytest.raises(ScheduleError, match=str(JOB.data_dir)):
        second.install(replace(OTHER, data_dir=JOB.data_dir))
    second.install(OTHER)
    both = machine.crontab.read_text()
    assert both.startswith(first)
    assert "# BEGIN cldmon schedule second\n" in both
    assert (second.status(OTHER).up_to_date, crontab.status(JOB).up_to_date) == (True, True)
    assert not crontab.status(HOURLY).up_to_date
    crontab.uninstall(JOB.config)
    assert "/srv/other.toml" in machine.crontab.read_text()
    second.uninstall(OTHER.config)
    assert machine.crontab.read_text() == OTHERS
