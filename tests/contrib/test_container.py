"""The container's files: what a linter says of them, and what they need of the checkout."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
CONTAINER = ROOT / "contrib" / "container"
CONTAINERFILE = CONTAINER / "Containerfile"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((CONTAINER / "compose.yaml").read_text())


def test_the_container_file_follows_the_rules_of_hadolint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    ran = subprocess.run([hadolint, CONTAINERFILE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_it_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (.+)$", CONTAINERFILE.read_text(), re.MULTILINE)
    assert users == ["994"]


def test_what_the_build_needs_of_the_checkout_is_let_in() -> None:
    """Above all no configuration, no `.venv` and no data."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert [name for name in let_in if not (ROOT / name).exists()] == []
    assert {"cldmon", "pyproject.toml", "requirements.lock", "hatch_build.py"} <= set(let_in)
    assert lines.index("contrib/container/config") > lines.index("!contrib")


def test_the_services_of_the_compose_file_share_image_and_data(compose: Any) -> None:
    fetch, serve = compose["services"]["fetch"], compose["services"]["serve"]
    assert fetch["image"] == serve["image"] == "cldmon"
    assert fetch["volumes"] == serve["volumes"]
    assert (CONTAINER / fetch["build"]["context"]).resolve() == ROOT
    assert (ROOT / fetch["build"]["dockerfile"]).is_file()


def test_the_dashboard_is_published_on_loopback_alone(compose: Any) -> None:
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["serve"]["ports"])
    assert "ports" not in compose["services"]["fetch"]
