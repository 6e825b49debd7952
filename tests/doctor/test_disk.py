"""The doctor on the data folder."""

from __future__ import annotations

import grp
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.doctor import disk
from cldmon.doctor.check import Verdict

if TYPE_CHECKING:
    from tests.doctor.ward import Ward

ROOT = Path(__file__).resolve().parents[2]


def test_a_data_folder_that_a_pass_would_make_is_a_question_mark(ward: Ward) -> None:
    [check] = disk.data_dir(ward.installation())
    assert (check.verdict, check.remedy) == (Verdict.UNSURE, "the first pass makes it")


def test_a_data_folder_that_nobody_can_make_is_a_cross(ward: Ward) -> None:
    ward.env["CLDMON_DATA_DIR"] = f"{ward.config}/data"
    [check] = disk.data_dir(ward.installation())
    assert (check.verdict, "not ours to make it in" in check.detail) == (Verdict.FAILED, True)


def test_a_data_folder_that_is_a_file_is_a_cross(ward: Ward) -> None:
    ward.data.write_text("")
    [check] = disk.data_dir(ward.installation())
    assert check.verdict is Verdict.FAILED


def test_a_private_data_folder_is_good_and_an_open_one_is_not(ward: Ward) -> None:
    ward.passed()
    assert [c.verdict for c in disk.data_dir(ward.installation())] == [Verdict.OK]
    ward.data.chmod(0o755)
    [check] = disk.data_dir(ward.installation())
    assert (check.verdict, check.remedy) == (Verdict.FAILED, f"chmod 700 {ward.data}")


def test_files_that_a_pass_cannot_use_are_named(ward: Ward) -> None:
    """A link is followed by no writer; one that leads nowhere can't even be read."""
    ward.passed()
    (ward.data / "health.log").symlink_to("state.json")
    (ward.data / "old").symlink_to("nowhere")
    details = {c.detail for c in disk.files(ward.installation())}
    assert details == {
        f"{ward.data}/health.log is a symbolic link",
        f"{ward.data}/old cannot be read and written",
    }


def test_of_many_files_that_a_pass_cannot_use_three_are_named_and_the_rest_is_counted(
    ward: Ward,
) -> None:
    ward.passed()
    for number in range(10):
        (ward.data / f"old-{number}").symlink_to("nowhere")
    checks = list(disk.files(ward.installation()))
    assert len(checks) == 4
    assert checks[-1].detail == f"7 more in {ward.data} cannot be read and written"
    assert "sudo chown -R " in checks[-1].remedy


def test_of_a_folder_that_is_no_good_itself_no_files_are_named(ward: Ward) -> None:
    ward.data.write_text("")
    assert list(disk.files(ward.installation())) == []


def test_a_file_system_may_be_mounted_for_reading_alone() -> None:
    found = [4096, 4096, 10**7, 10**6, 10**6, 0, 0, 0, os.ST_RDONLY | os.ST_NOSUID, 255]
    assert disk.is_read_only(os.statvfs_result(found))
    assert not disk.is_read_only(os.statvfs_result([*found[:8], os.ST_NOSUID, 255]))


def test_room_is_looked_at_where_the_data_are_and_where_the_browser_works(ward: Ward) -> None:
    checks = [*disk.space(ward.installation()), *disk.temporary(ward.installation())]
    assert [c.name for c in checks] == ["disk space", "temporary space"]
    assert all("free at" in c.detail for c in checks)


@pytest.mark.parametrize(
    ("blocks", "inodes", "verdict"),
    [(10**6, 10**6, Verdict.OK), (10, 10**6, Verdict.FAILED), (10**6, 10, Verdict.FAILED)],
)
def test_too_few_bytes_or_inodes_are_a_cross(blocks: int, inodes: int, verdict: Verdict) -> None:
    found = os.statvfs_result((4096, 4096, 2 * blocks, blocks, blocks, 10**7, inodes, inodes, 0, 9))
    assert disk.room("disk space", "/data", found).verdict is verdict


def test_a_file_system_that_counts_no_inodes_has_enough() -> None:
    """btrfs says 0 of 0."""
    found = os.statvfs_result((4096, 4096, 10**7, 10**6, 10**6, 0, 0, 0, 0, 9))
    assert disk.room("disk space", "/data", found).verdict is Verdict.OK


@pytest.mark.parametrize("name", ["state.json", "subscriptions.json"])
def test_a_corrupt_file_is_a_cross_and_left_alone(ward: Ward, name: str) -> None:
    ward.passed()
    (ward.data / name).write_text("{torn")
    checks = [*disk.state(ward.installation()), *disk.subscriptions(ward.installation())]
    [failed] = [c for c in checks if c.verdict is Verdict.FAILED]
    assert (name in failed.detail, bool(failed.remedy)) == (True, True)
    assert (ward.data / name).read_text() == "{torn"


def test_the_folder_of_the_metrics_has_to_be_there(ward: Ward) -> None:
    ward.write('metrics.textfile = "prom/cldmon.prom"')
    [check] = disk.textfile(ward.installation())
    assert check.verdict is Verdict.FAILED
    (ward.folder / "prom").mkdir()
    [check] = disk.textfile(ward.installation())
    assert check.verdict is Verdict.OK


@pytest.mark.parametrize("kind", ["unit", "crontab"])
def test_passes_that_keep_their_data_elsewhere_are_a_cross(ward: Ward, kind: str) -> None:
    """What is shown here would be of another time, or nothing at all."""
    ward.passed()
    elsewhere = ward.folder / "elsewhere"
    if kind == "unit":
        ward.schedule(data=elsewhere)
    else:
        ward.program("crontab", f"echo '* * * * * cldmon --data-dir {elsewhere} fetch'")
    ok, check = disk.data_dir(ward.installation())
    assert (ok.verdict, check.verdict) == (Verdict.OK, Verdict.FAILED)
    assert str(elsewhere) in check.detail
    assert f'data_dir = "{elsewhere}" in {ward.config}' in check.remedy
    assert "--install" in check.remedy


def test_passes_that_keep_their_data_here_are_in_order(ward: Ward) -> None:
    ward.passed()
    ward.schedule()
    ward.schedule(name="cldmon-b-fetch", config=Path("/b.toml"), data=ward.folder / "b")
    ward.program("crontab", f"echo '* * * * * cldmon --config /b --data-dir {ward.folder} fetch'")
    assert [check.verdict for check in disk.data_dir(ward.installation())] == [Verdict.OK]


def test_a_textfile_that_the_service_may_not_write_is_a_cross(ward: Ward) -> None:
    """Whoever looks by hand may: the unit was installed before the textfile was configured."""
    folder = ward.folder / "prom"
    folder.mkdir()
    ward.write('metrics.textfile = "prom/cldmon.prom"')
    ward.schedule("ProtectSystem=strict")
    [check] = disk.textfile(ward.installation())
    assert check.verdict is Verdict.FAILED
    assert "cldmon-fetch.service" in check.detail
    assert "cldmon schedule systemd --user --install" in check.remedy
    ward.schedule(f"ProtectSystem=strict\nReadWritePaths=-{folder}")
    [check] = disk.textfile(ward.installation())
    assert check.verdict is Verdict.OK


def test_the_folder_of_the_textfile_is_opened_as_the_page_says(ward: Ward) -> None:
    page = (ROOT / "docs" / "prometheus.md").read_text(encoding="utf-8")
    folder, us = ward.folder / "prom", grp.getgrgid(os.getegid()).gr_name
    ward.write('metrics.textfile = "prom/cldmon.prom"')
    [absent] = disk.textfile(ward.installation())
    assert absent.remedy == f"sudo install -d -m 775 -g {us} {folder}"
    folder.mkdir()
    remedy = disk.opened_to_us(folder)
    assert remedy == f"sudo chgrp {us} {folder} && sudo chmod g+w {folder}"
    for command in remedy.replace(str(folder), "DIR").replace(us, "cldmon").split(" && "):
        assert command in page.replace("/var/lib/prometheus/node-exporter", "DIR")
