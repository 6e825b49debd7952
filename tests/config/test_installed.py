"""The units that make passes, read from their files as systemd reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.config import installed
from cldmon.config.installed import Call, Credential, FetchService
from cldmon.schedule import cron, systemd
from cldmon.schedule.systemd import SYSTEM
from tests.schedule.tools import JOB

if TYPE_CHECKING:
    from collections.abc import Callable

    from cldmon.schedule.job import Job

PATHS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1)

Write = "Callable[..., list[FetchService]]"


def service(job: Job) -> FetchService:
    path = SYSTEM.unit("fetch.service")
    text = systemd.generate_files(job, SYSTEM)[path]
    return FetchService(path, installed.parse_settings(text))


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., list[FetchService]]:
    """Write files below a folder for each manager, and look what is found."""

    def write(**texts: str) -> list[FetchService]:
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        env = {"HOME": str(tmp_path / "home")}
        return installed.find_fetch_services(env, [tmp_path / "etc", tmp_path / "lib"])

    return write


@given(PATHS, PATHS, PATHS)
def test_what_schedule_writes_is_read_as_it_was_meant(program: str, config: str, data: str) -> None:
    job = replace(
        JOB,
        program=(f"/{program}",),
        config=Path("/", config),
        data_dir=Path("/data", f"x{data}"),
    )
    read = service(job)
    assert read.call == Call(job.config, job.data_dir, job.user)
    assert read.may_write(job.data_dir)
    assert not read.may_write(Path("/somewhere/else"))


@given(PATHS, PATHS)
def test_what_schedule_writes_into_a_crontab_is_read_as_it_was_meant(
    config: str, data: str
) -> None:
    job = replace(JOB, config=Path("/", config), data_dir=Path("/", data))
    crontab = f"MAILTO=me\n{cron.add_markers(cron.format_block(job))}0 0 * * * backup\n"
    assert installed.parse_crontab(crontab) == [Call(job.config, job.data_dir)]


def test_a_line_of_ones_own_makes_passes_too() -> None:
    crontab = "* * * * * me cldmon --config=/a fetch\n* * * * * it's cldmon fetch\n#cldmon fetch\n"
    assert installed.parse_crontab(crontab) == [Call(Path("/a"), None), Call(None, None)]


@given(st.text())
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    read = FetchService(Path("a.service"), installed.parse_settings(f"[Service]\n{text}"))
    assert read.call
    assert read.credential("alice") in (None, read.credential("alice"))
    read.may_write(Path("/srv"))
    assert installed.parse_crontab(text) is not None
    read.data_dir(None, Path("/etc/cldmon/config.toml"))


def test_the_state_directory_may_be_written_to() -> None:
    assert service(JOB).may_write(Path("/var/lib/cldmon/metrics"))
    assert service(replace(JOB, written=(Path("/srv/a b"),))).may_write(Path("/srv/a b/c"))


def test_a_service_without_restrictions_writes_anywhere() -> None:
    assert FetchService(Path("a"), {"ProtectSystem": ["full"]}).may_write(Path("/srv"))


def test_the_data_folder_is_where_a_pass_would_keep_the_data() -> None:
    config = Path("/srv/config.toml")
    settings = {"StateDirectory": ["x y"], "ExecStart": ["/bin/cldmon fetch"]}
    by_hand = FetchService(Path("a"), settings)
    assert by_hand.data_dir(None, config) == Path("/var/lib/x")
    assert by_hand.data_dir("/srv/data", config) == Path("/srv/data")
    assert service(JOB).data_dir("/srv/data", config) == JOB.data_dir
    named = FetchService(Path("a"), {"Environment": ['"CLDMON_DATA_DIR=/a b" HOME=/h']})
    assert named.data_dir("/srv/data", config) == Path("/a b")


CREDENTIALS = """
[Service]
LoadCredential=alice:/etc/credstore/cldmon-alice
LoadCredentialEncrypted=bob:/etc/credstore.encrypted/bob
SetCredential=carol:sk-ant-sid01-MARKER
ImportCredential=team-*
LoadCredential=dora
"""


def test_a_credential_is_known_by_its_name_and_no_secret_is_reported() -> None:
    read = FetchService(Path("/x/a.service"), installed.parse_settings(CREDENTIALS))
    file = "/etc/credstore/cldmon-alice"
    assert read.credential("alice") == Credential("a.service", f"LoadCredential=alice:{file}", file)
    told = {name: str(read.credential(name)) for name in ("bob", "carol", "team-1", "dora")}
    assert told == {
        "bob": "LoadCredentialEncrypted=bob:/etc/credstore.encrypted/bob in a.service",
        "carol": "SetCredential in a.service",
        "team-1": "ImportCredential=team-* in a.service",
        "dora": "LoadCredential=dora in a.service",
    }
    assert read.credential("erin") is None


def test_drop_ins_count_and_the_first_place_before_the_others(
    found: Callable[..., list[FetchService]],
) -> None:
    main = "[Service]\nExecStart=/bin/cldmon --config /a fetch\n"
    [read] = found(
        **{
            "lib/cldmon-fetch.service": "[Service]\nExecStart=/bin/cldmon --config /old fetch\n",
            "etc/cldmon-fetch.service": main,
            "lib/cldmon-fetch.service.d/10.conf": "[Service]\nLoadCredential=alice:/k\n",
            "etc/cldmon-fetch.service.d/20.conf": "[Service]\nExecStart=\nExecStart=/b --config=/c",
        }
    )
    assert read.call.config == Path("/c")
    assert read.credential("alice")


def test_several_instances_of_system_and_user_are_found(
    found: Callable[..., list[FetchService]],
) -> None:
    names = [
        "etc/cldmon-fetch.service",
        "etc/cldmon-work-fetch.service",
        "home/.config/systemd/user/cldmon-fetch.service",
    ]
    others = ["etc/cldmon-serve.service", "etc/x.service"]
    read = found(**dict.fromkeys([*names, *others], ""))
    assert [str(each.path).rpartition("/")[2] for each in read] == [
        "cldmon-fetch.service",
        "cldmon-work-fetch.service",
        "cldmon-fetch.service",
    ]


def test_comments_other_sections_and_continued_lines(
    found: Callable[..., list[FetchService]],
) -> None:
    text = """\
[Unit]
ExecStart=/no --config /no
# ExecStart=/no --config /no
[Service]
; LoadCredential=alice:/no
ExecStart=/bin/cldmon \\
# in between
  --config '/a b' \\
  fetch
"""
    [read] = found(**{"etc/cldmon-fetch.service": text})
    assert read.call == Call(Path("/a b"), None)
    assert read.credential("alice") is None


def test_a_call_is_known_by_its_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.touch()
    link = tmp_path / "link.toml"
    link.symlink_to(config)
    assert Call(link, None).is_of(config)
    assert Call(None, None).is_of(config)
    assert not Call(tmp_path / "other.toml", None).is_of(config)
    assert Call(Path("/gone/../gone/a"), None).is_of(Path("/gone/a"))
