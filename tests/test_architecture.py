"""The layers of the package: imports only go down, and each library has one home."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from importlinter.api import read_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cldmon"
CONTRACTS = {
    "acyclic",
    "layers",
    "home-of-apprise",
    "home-of-click",
    "home-of-itsdangerous",
    "home-of-playwright",
    "home-of-plotext",
    "home-of-prometheus-client",
    "home-of-pydantic",
    "home-of-slack-sdk",
    "home-of-tabulate",
}
SERVER_HOMES = {"web", "demo"}


def list_imports(source: str) -> Iterator[str]:
    """Yield the dotted name of everything that a module imports, at any depth."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_import_contract_is_kept() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run(
        [lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_contract_is_missing() -> None:
    """Deleting a contract is as much a break as violating it."""
    contracts = read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    assert {contract["id"] for contract in contracts} == CONTRACTS


def test_every_module_has_a_layer() -> None:
    """Exhaustive: a new module must be added to a layer before anything passes."""
    contracts = read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    [layers] = [contract for contract in contracts if contract["type"] == "layers"]
    assert layers["containers"] == ["cldmon"]
    assert str(layers["exhaustive"]) == "True"


def test_only_the_web_and_demo_rooms_listen() -> None:
    """import-linter sees only `http`, which the Slack client rightly uses for its exceptions."""
    users = {
        room_of(module)
        for module in PACKAGE.rglob("*.py")
        if any(
            f"{name}.".startswith(("http.server.", "socketserver."))
            for name in list_imports(module.read_text(encoding="utf-8"))
        )
    }
    assert users <= SERVER_HOMES
