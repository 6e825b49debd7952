"""Every command of every page is run, in the order of the page."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import DOCS, ROOT, page_blocks
from tests.docs.sandbox import HISTORY, Sandbox, find_commands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.simulation.claude import FakeClaude
    from tests.simulation.slack import FakeSlack

ETC = "/etc/cldmon/config.toml"
NAMED = {"guard", "schedule", "import", "login", "report", "subscribe", "COMMAND --help"}
"""Commands mentioned without the arguments they need."""
REFUSED = {
    "digest --send": "no channel wants it",
    "health --serve": "does not answer",
    "init": "exists",
    "login alice --paste": "what was pasted is empty",
    "report --revoke ID": "no token 'ID'",
}
"""The errors of commands that need a server, a display or a terminal, or run a second time."""


@pytest.fixture
def sandbox(tmp_path: Path, fake_claude: FakeClaude, fake_slack: FakeSlack) -> Sandbox:
    return Sandbox(tmp_path, fake_claude, fake_slack)


def with_data_dir(sandbox: Sandbox) -> None:
    sandbox.set_config('data_dir = "/var/lib/cldmon"')


def with_first_instance(sandbox: Sandbox) -> None:
    """Install it; the editor then writes the configuration of the second."""
    sandbox.configure(ETC)
    sandbox.run_steps("cd /; sudo cldmon schedule systemd --install")
    [toml] = [each.text for each in page_blocks("several-instances.md") if each.language == "toml"]
    sandbox.set_config(toml)


def with_textfile(sandbox: Sandbox) -> None:
    textfile = "/var/lib/prometheus/node-exporter/cldmon.prom"
    sandbox.set_config(tables=f'[metrics]\ntextfile = "{textfile}"\n')
    sandbox.configure(ETC)


PREPARE: dict[str, Callable[[Sandbox], object]] = {
    "alerts.md": Sandbox.configure,
    "container.md": lambda sandbox: sandbox,
    "cron.md": Sandbox.configure,
    "prometheus.md": with_textfile,
    "slack.md": Sandbox.configure,
    "systemd.md": with_data_dir,
}


def scripts(name: str) -> list[str]:
    return [block.text for block in page_blocks(name) if block.language == "sh"]


@pytest.mark.parametrize("name", PREPARE)
def test_each_step_of_a_page_works(sandbox: Sandbox, name: str) -> None:
    PREPARE[name](sandbox)
    sandbox.run_steps("".join(scripts(name)))


def test_every_page_with_steps_is_tested() -> None:
    own = {"moving-from-node.md", "querying.md", "recipes.md", "several-instances.md"}
    assert {path.name for path in DOCS.glob("*.md") if scripts(path.name)} == {*PREPARE, *own}


def test_migrating_from_node_works(sandbox: Sandbox) -> None:
    """The steps after the import use the simulated services."""
    sandbox.install_cldmon().create_node_installation()
    imported, rest = scripts("moving-from-node.md")[0].split("cldmon doctor")
    sandbox.run_steps(imported, "editor config.toml", f"cldmon doctor{rest}")
    kept = sandbox.home / ".local/state/cldmon/history-2026-03-12.jsonl"
    assert kept.read_text() == HISTORY + "\n"


def test_migrating_from_node_system_wide_works(sandbox: Sandbox) -> None:
    sandbox.install_cldmon().create_node_installation()
    imported, rest = scripts("moving-from-node.md")[1].split("sudo cldmon schedule")
    passes = "sudo systemctl start cldmon-fetch.service"
    assert passes in rest
    sandbox.run_steps(imported, f"editor {ETC}")
    sandbox.run_steps(f"sudo cldmon schedule{rest.replace(passes, 'cldmon fetch')}")
    kept = sandbox.host_path("var/lib/cldmon") / "history-2026-03-12.jsonl"
    assert kept.read_text() == HISTORY + "\n"


def test_system_wide_passes_use_the_configuration_in_etc(sandbox: Sandbox) -> None:
    """A configuration in the working directory plays no part."""
    with_data_dir(sandbox)
    (sandbox.checkout / "config.toml").write_text("")
    sandbox.run_steps("".join(scripts("systemd.md")[:2]))
    unit = (sandbox.host_path("etc/systemd/system") / "cldmon-fetch.service").read_text()
    places = f"--config {ETC} --data-dir /var/lib/cldmon"
    assert f"ExecStart=/usr/local/bin/cldmon {places} fetch" in unit
    sandbox.run_steps(scripts("cron.md")[1].replace(f"cldmon init {ETC}", "true"))
    assert f"/usr/local/bin/cldmon {places} fetch" in sandbox.programs.crontab.read_text()


def test_without_a_data_dir_every_user_finds_the_data_of_the_service(sandbox: Sandbox) -> None:
    """The data folder of the user plays no part in the system's service."""
    sandbox.configure(ETC)
    sandbox.run_steps("cd /", "sudo cldmon schedule systemd --install")
    unit = (sandbox.host_path("etc/systemd/system") / "cldmon-fetch.service").read_text()
    [start] = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)
    sandbox.run_steps(start)
    ran = sandbox.run("cd /; cldmon status --json")
    assert (ran.stderr, len(json.loads(ran.stdout)["accounts"])) == ("", 2)


def test_a_second_instance_runs_beside_the_first(sandbox: Sandbox) -> None:
    with_first_instance(sandbox)
    steps = "".join(scripts("several-instances.md"))
    sandbox.run_steps(f"{steps}\ncd /\ncldmon schedule systemd --status")
    units = sandbox.host_path("etc/systemd/system")
    assert "/etc/cldmon/config.toml" in (units / "cldmon-fetch.service").read_text()
    assert "/etc/cldmon/team.toml" in (units / "cldmon-team-fetch.service").read_text()


def commands() -> list[str]:
    """The commands that only the docs mention; tests/test_package.py runs those of the README."""
    pages = "".join(page.read_text("utf-8") for page in DOCS.glob("*.md") if page.name != "cli.md")
    readme = (ROOT / "README.md").read_text("utf-8")
    return sorted(find_commands(pages) - find_commands(readme) - NAMED)


def test_each_command_mentioned_on_a_page_works(sandbox: Sandbox) -> None:
    sandbox.configure().create_node_installation()
    sandbox.run_steps("cldmon fetch")
    for command in commands():
        ran = sandbox.run(f"cldmon {command}")
        if command in REFUSED:
            assert REFUSED[command] in ran.stdout + ran.stderr
        else:
            assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
