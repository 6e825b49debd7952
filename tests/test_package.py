"""The released package: it is complete, reproducible from its source archive, and it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]

from cldmon import __version__
from tests.docs.pages import split_blocks
from tests.docs.sandbox import Sandbox, find_commands
from tests.env import SERVING, free_port, wait_until
from tests.reporter.documents import make_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.claude import FakeClaude
    from tests.simulation.slack import FakeSlack

ROOT = Path(__file__).resolve().parent.parent
HATCHLING = Path(sys.executable).with_name("hatchling")
UV = Path(sys.executable).with_name("uv")
SHARED = f"cldmon-{__version__}.data/data/share"
WANTED = {
    "cldmon/config/example.toml",
    "cldmon/web/openapi.json",
    "cldmon/web/static/index.html",
    f"{SHARED}/bash-completion/completions/cldmon",
    f"{SHARED}/zsh/site-functions/_cldmon",
    f"{SHARED}/fish/vendor_completions.d/cldmon.fish",
    f"{SHARED}/doc/cldmon/config.example.toml",
    f"{SHARED}/doc/cldmon/README.md",
    *(f"{SHARED}/doc/cldmon/docs/{page.name}" for page in (ROOT / "docs").glob("*.md")),
    f"{SHARED}/doc/cldmon/contrib/apparmor/cldmon-browser",
    f"{SHARED}/doc/cldmon/contrib/container/compose.yaml",
    f"{SHARED}/doc/cldmon/contrib/systemd/cldmon-fetch.service",
    f"{SHARED}/doc/cldmon/contrib/cron/cldmon.crontab",
    f"{SHARED}/doc/cldmon/contrib/prometheus/alerts.yml",
    f"{SHARED}/doc/cldmon/contrib/grafana/cldmon.json",
    f"cldmon-{__version__}.dist-info/licenses/LICENSE",
}


def build(kind: str, source: Path, folder: Path) -> Path:
    ran = subprocess.run(
        [HATCHLING, "build", "--target", kind, "--directory", folder],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    [built] = folder.iterdir()
    return built


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_contains_all_data_files_and_nothing_unexpected(
    wheel: Path,
) -> None:
    held = names(wheel)
    assert WANTED - held == set()
    roots = {name.split("/")[0] for name in held}
    assert {root.removeprefix(f"cldmon-{__version__}") for root in roots} == {
        "cldmon",
        ".data",
        ".dist-info",
    }
    assert [name for name in held if name.endswith((".pyc", ".orig", ".key", "make.py"))] == []


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path / "sdist")
    unpacked = tmp_path / "source"
    unpacked.mkdir()
    subprocess.run(["tar", "--extract", "--file", archive], cwd=unpacked, check=True)
    [source] = unpacked.iterdir()
    assert names(build("wheel", source, tmp_path / "again")) == names(wheel)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with only the wheel; its dependencies come from ours."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    ran = subprocess.run(
        [UV, "pip", "install", "--offline", "--no-deps", "--python", folder, wheel],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    [packages] = (folder / "lib").glob("python*/site-packages")
    # A folder added by a .pth file has its own .pth files ignored, so this checkout stays out.
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def run(installed: Path, home: Path, *arguments: str) -> str:
    env: Mapping[str, str] = {"HOME": str(home), "PATH": os.environ["PATH"]}
    ran = subprocess.run(
        [installed / "bin" / "cldmon", *arguments],
        cwd=home,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_wheel_is_installed_and_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = "import cldmon; print(cldmon.__file__)"
    ran = subprocess.run(
        [installed / "bin" / "python", "-c", where],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.startswith(str(installed))


def test_it_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """Including what it reads from its own package: example, units, completions, page."""
    assert run(installed, tmp_path, "--version") == f"cldmon, version {__version__}\n"
    run(installed, tmp_path, "init")
    assert "session_key" in (tmp_path / "config.toml").read_text()
    units = run(installed, tmp_path, "schedule", "systemd", "--user")
    assert f"ExecStart={installed}/bin/cldmon --config {tmp_path}/config.toml" in units
    assert f"{installed}/bin/cldmon" in run(installed, tmp_path, "schedule", "cron", "--user")
    for shell in ("bash", "zsh", "fish"):
        assert "cldmon" in run(installed, tmp_path, "completion", shell)
    assert json.loads(run(installed, tmp_path, "status", "--json"))["loading"]


def test_a_status_line_needs_only_the_wheel(installed: Path, tmp_path: Path) -> None:
    """It is sent by a process of its own, which has to find the package as well."""
    (packages,) = (installed / "lib").glob("python*/site-packages")
    (packages / "lent.pth").rename(packages / "lent.off")
    try:
        target = ("--to", str(tmp_path / "alice.json"), "--account", "alice")
        ran = subprocess.run(
            [installed / "bin" / "cldmon", "report", *target],
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            input=make_document(now=datetime.now(UTC)),
            capture_output=True,
            check=True,
        )
        assert ran.stdout.decode() == "5h 41% · 7d 63%\n"
        wait_until((tmp_path / "alice.json").exists)
    finally:
        (packages / "lent.off").rename(packages / "lent.pth")


def test_every_step_of_the_readme_works_with_the_wheel(
    installed: Path, tmp_path: Path, fake_claude: FakeClaude, fake_slack: FakeSlack
) -> None:
    sandbox = Sandbox(tmp_path, fake_claude, fake_slack, str(installed / "bin" / "cldmon"))
    sandbox.install_cldmon().set_config(f"port = {free_port()}")
    sandbox.create_node_installation()
    readme = (ROOT / "README.md").read_text("utf-8")
    steps = [block.text for block in split_blocks(readme) if block.language == "sh"]
    sandbox.run_steps(*(step for step in steps if not step.startswith("scripts/")), SERVING)
    needs_more = {"serve", "demo", "login alice"}  # till Ctrl-C, more time, and a display
    for command in sorted(find_commands(readme) - needs_more):
        sandbox.run_steps(f"cldmon {command}")
    assert "no display" in sandbox.run("cldmon login alice").stderr


def test_a_release_is_only_shown_without_publish() -> None:
    ran = subprocess.run(
        [ROOT / "scripts" / "release"], capture_output=True, text=True, check=False
    )
    lines = ran.stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("built: ")] == [
        f"cldmon-{__version__}-py3-none-any.whl",
        f"cldmon-{__version__}.tar.gz",
    ]
    assert [line for line in lines if line.startswith("run: ")] == []
    assert f"would run: git push origin v{__version__}" in lines


def test_release_refuses_unknown_options() -> None:
    ran = subprocess.run(
        [ROOT / "scripts" / "release", "--really"], capture_output=True, check=False
    )
    assert ran.returncode == 2


def test_github_runs_ci_on_every_supported_python() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    job: Any = yaml.safe_load(text)["jobs"]["test"]
    project = (ROOT / "pyproject.toml").read_text()
    supported = [v for v in job["strategy"]["matrix"]["python"] if f'Python :: {v}"' in project]
    assert supported == job["strategy"]["matrix"]["python"]
    assert project.count("Programming Language :: Python :: 3.") == len(supported)
    assert job["steps"][-1] == {"run": ".ci/run"}
