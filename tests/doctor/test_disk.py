"""The doctor on the data folder."""

from __future__ import annotations

import grp
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.doctor import disk, keys, passes
from cldmon.doctor.check import TRY_AGAIN, Verdict

if TYPE_CHECKING:
    from tests.doctor.env import DoctorEnv

ROOT = Path(__file__).resolve().parents[2]


def test_a_data_folder_that_a_pass_would_make_is_a_warning(env: DoctorEnv) -> None:
    [check] = disk.check_data_dir(env.installation())
    assert (check.verdict, check.remedy) == (Verdict.UNSURE, "run: cldmon fetch")


def test_a_data_folder_that_cannot_be_created_fails(env: DoctorEnv) -> None:
    env.environ["CLDMON_DATA_DIR"] = f"{env.config}/data"
    [check] = disk.check_data_dir(env.installation())
    assert (check.verdict, "not writable by user" in check.detail) == (Verdict.FAILED, True)


def test_a_data_folder_that_is_a_file_fails_its_check(env: DoctorEnv) -> None:
    env.data.write_text("")
    [check] = disk.check_data_dir(env.installation())
    assert check.verdict is Verdict.FAILED


def test_a_private_data_folder_is_good_and_an_open_one_is_not(env: DoctorEnv) -> None:
    env.complete_pass()
    assert [c.verdict for c in disk.check_data_dir(env.installation())] == [Verdict.OK]
    env.data.chmod(0o755)
    [check] = disk.check_data_dir(env.installation())
    assert (check.verdict, check.remedy) == (Verdict.FAILED, f"chmod 700 {env.data}")


def test_files_that_a_pass_cannot_use_are_named(env: DoctorEnv) -> None:
    """No writer follows a link; a dangling one cannot even be read."""
    env.complete_pass()
    (env.data / "health.log").symlink_to("state.json")
    (env.data / "old").symlink_to("nowhere")
    details = {c.detail for c in disk.check_files(env.installation())}
    assert details == {
        f"{env.data}/health.log is a symbolic link",
        f"{env.data}/old is not readable and writable",
    }


def test_of_many_unusable_files_three_are_named_and_the_rest_are_counted(
    env: DoctorEnv,
) -> None:
    env.complete_pass()
    for number in range(10):
        (env.data / f"old-{number}").symlink_to("nowhere")
    checks = list(disk.check_files(env.installation()))
    assert len(checks) == 4
    assert checks[-1].detail == f"7 more in {env.data} are not readable and writable"
    assert "sudo chown -R " in checks[-1].remedy


def test_files_of_an_unusable_folder_are_not_checked(env: DoctorEnv) -> None:
    env.data.write_text("")
    assert list(disk.check_files(env.installation())) == []


def test_a_read_only_file_system_is_recognized() -> None:
    found = [4096, 4096, 10**7, 10**6, 10**6, 0, 0, 0, os.ST_RDONLY | os.ST_NOSUID, 255]
    assert disk.is_read_only(os.statvfs_result(found))
    assert not disk.is_read_only(os.statvfs_result([*found[:8], os.ST_NOSUID, 255]))


def test_room_is_looked_at_where_the_data_are_and_where_the_browser_works(env: DoctorEnv) -> None:
    checks = [
        *disk.check_space(env.installation()),
        *disk.check_temporary_space(env.installation()),
    ]
    assert [c.name for c in checks] == ["disk space", "temporary space"]
    assert all("free at" in c.detail for c in checks)


@pytest.mark.parametrize(
    ("blocks", "inodes", "verdict"),
    [(10**6, 10**6, Verdict.OK), (10, 10**6, Verdict.FAILED), (10**6, 10, Verdict.FAILED)],
)
def test_too_few_bytes_or_inodes_fail_their_check(
    blocks: int, inodes: int, verdict: Verdict
) -> None:
    found = os.statvfs_result((4096, 4096, 2 * blocks, blocks, blocks, 10**7, inodes, inodes, 0, 9))
    assert disk.check_room("disk space", "/data", found).verdict is verdict


def test_a_file_system_that_counts_no_inodes_has_enough() -> None:
    """btrfs reports 0 of 0."""
    found = os.statvfs_result((4096, 4096, 10**7, 10**6, 10**6, 0, 0, 0, 0, 9))
    assert disk.check_room("disk space", "/data", found).verdict is Verdict.OK


@pytest.mark.parametrize("name", ["state.json", "subscriptions.json"])
def test_a_corrupt_file_fails_and_is_left_alone(env: DoctorEnv, name: str) -> None:
    env.complete_pass()
    (env.data / name).write_text("{torn")
    checks = [*disk.check_state(env.installation()), *disk.check_subscriptions(env.installation())]
    [failed] = [c for c in checks if c.verdict is Verdict.FAILED]
    assert (name in failed.detail, bool(failed.remedy)) == (True, True)
    assert (env.data / name).read_text() == "{torn"


def test_a_subscription_that_is_ignored_is_a_warning(env: DoctorEnv) -> None:
    env.complete_pass()
    (env.data / "subscriptions.json").write_text('{"users":{"U1":{"quiet":"20:00"}}}')
    [found] = disk.check_subscriptions(env.installation())
    assert (found.verdict, found.detail[:21]) == (Verdict.UNSURE, "U1: quiet is ignored:")


def test_a_state_that_cannot_be_read_fails_and_nothing_is_concluded_from_it(
    env: DoctorEnv,
) -> None:
    (env.data / "state.json").mkdir(parents=True)
    installation = env.installation()
    [check] = disk.check_state(installation)
    assert (check.verdict, check.remedy) == (Verdict.FAILED, TRY_AGAIN)
    assert "cannot read" in check.detail
    assert list(passes.check_last_pass(installation)) == []
    assert list(passes.check_outbox(installation)) == []
    [key] = keys.check_keys(installation)
    assert (key.verdict, key.detail) == (Verdict.OK, "well-formed")


def test_the_state_of_a_newer_version_is_not_a_matter_of_permissions(env: DoctorEnv) -> None:
    env.complete_pass()
    (env.data / "state.json").write_text('{"version": 99}')
    [check] = disk.check_state(env.installation())
    assert (check.verdict, check.remedy) == (
        Verdict.FAILED,
        "update cldmon, if it is older than that file",
    )


def test_the_textfiles_folder_must_exist(env: DoctorEnv) -> None:
    env.write_config('metrics.textfile = "prom/cldmon.prom"')
    [check] = disk.check_textfile(env.installation())
    assert check.verdict is Verdict.FAILED
    (env.folder / "prom").mkdir()
    [check] = disk.check_textfile(env.installation())
    assert check.verdict is Verdict.OK


@pytest.mark.parametrize("kind", ["unit", "crontab"])
def test_passes_that_keep_their_data_elsewhere_fail_their_check(env: DoctorEnv, kind: str) -> None:
    """Otherwise `status` would show old data, or none."""
    env.complete_pass()
    elsewhere = env.folder / "elsewhere"
    if kind == "unit":
        env.add_unit(data=elsewhere)
    else:
        env.add_program("crontab", f"echo '* * * * * cldmon --data-dir {elsewhere} fetch'")
    [check] = disk.check_data_of_passes(env.installation())
    assert (check.name, check.verdict) == ("data folder", Verdict.FAILED)
    assert str(elsewhere) in check.detail
    assert f'data_dir = "{elsewhere}" in {env.config}' in check.remedy
    assert re.search(r"schedule (.*) --uninstall && .*schedule \1 --install", check.remedy)


def test_passes_that_keep_their_data_here_are_in_order(env: DoctorEnv) -> None:
    env.complete_pass()
    env.add_unit()
    env.add_unit(name="cldmon-b-fetch", config=Path("/b.toml"), data=env.folder / "b")
    env.add_program("crontab", f"echo '* * * * * cldmon --config /b --data-dir {env.folder} fetch'")
    assert list(disk.check_data_of_passes(env.installation())) == []


def test_a_textfile_that_the_service_may_not_write_fails_its_check(env: DoctorEnv) -> None:
    """The user can, but the unit was installed before the textfile was configured."""
    folder = env.folder / "prom"
    folder.mkdir()
    env.write_config('metrics.textfile = "prom/cldmon.prom"')
    env.add_unit("ProtectSystem=strict")
    [check] = disk.check_textfile(env.installation())
    assert check.verdict is Verdict.FAILED
    assert "cldmon-fetch.service" in check.detail
    assert "cldmon schedule systemd --user --install" in check.remedy
    env.add_unit(f"ProtectSystem=strict\nReadWritePaths=-{folder}")
    [check] = disk.check_textfile(env.installation())
    assert check.verdict is Verdict.OK


def test_the_suggested_command_gives_access_to_the_textfiles_folder(env: DoctorEnv) -> None:
    page = (ROOT / "docs" / "prometheus.md").read_text(encoding="utf-8")
    folder, us = env.folder / "prom", grp.getgrgid(os.getegid()).gr_name
    env.write_config('metrics.textfile = "prom/cldmon.prom"')
    [absent] = disk.check_textfile(env.installation())
    assert absent.remedy == f"sudo install -d -m 775 -g {us} {folder}"
    folder.mkdir()
    remedy = disk.grant_group_access(folder)
    assert remedy == f"sudo chgrp {us} {folder} && sudo chmod g+w {folder}"
    for command in remedy.replace(str(folder), "DIR").replace(us, "cldmon").split(" && "):
        assert command in page.replace("/var/lib/prometheus/node-exporter", "DIR")
