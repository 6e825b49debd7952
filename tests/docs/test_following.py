"""The pages, followed: every command of them is run, in the order in which it stands there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.machine import HISTORY, Machine, mentioned
from tests.docs.pages import DOCS, ROOT, blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.simulation.claude import FakeClaude
    from tests.simulation.slack import FakeSlack

ETC = "/etc/cldmon/config.toml"
NAMED = {"schedule", "import", "login", "subscribe", "COMMAND --help"}
"""Commands that are spoken of, without what they need."""
REFUSED = {
    "health --serve": "does not answer",
    "init": "exists",
    "login alice --paste": "what was pasted is empty",
}
"""What some of them come to where there is no server, no display, no terminal, or a second time."""


@pytest.fixture
def machine(tmp_path: Path, fake_claude: FakeClaude, fake_slack: FakeSlack) -> Machine:
    return Machine(tmp_path, fake_claude, fake_slack)


def with_data_dir(machine: Machine) -> None:
    machine.fill('data_dir = "/var/lib/cldmon"')


def with_textfile(machine: Machine) -> None:
    textfile = "/var/lib/prometheus/node-exporter/cldmon.prom"
    machine.fill(tables=f'[metrics]\ntextfile = "{textfile}"\n')
    machine.settle(ETC)


PREPARED: dict[str, Callable[[Machine], object]] = {
    "container.md": lambda machine: machine,
    "cron.md": Machine.settle,
    "prometheus.md": with_textfile,
    "slack.md": Machine.settle,
    "systemd.md": with_data_dir,
}


def scripts(name: str) -> list[str]:
    return [block.text for block in blocks(name) if block.language == "sh"]


@pytest.mark.parametrize("name", PREPARED)
def test_each_step_of_a_page_can_be_taken(machine: Machine, name: str) -> None:
    PREPARED[name](machine)
    machine.follow("".join(scripts(name)))


def test_every_page_with_steps_is_followed() -> None:
    own = {"moving-from-node.md", "querying.md"}
    assert {path.name for path in DOCS.glob("*.md") if scripts(path.name)} == {*PREPARED, *own}


def test_the_node_program_is_left_step_by_step(machine: Machine) -> None:
    """The services that the steps after the import ask are simulated ones."""
    machine.put_in_path().leave_node_program()
    imported, rest = scripts("moving-from-node.md")[0].split("cldmon doctor")
    machine.follow(imported, "editor config.toml", f"cldmon doctor{rest}")
    kept = machine.home / ".local/state/cldmon/history-2026-03-12.jsonl"
    assert kept.read_text() == HISTORY + "\n"


def test_a_server_takes_the_node_program_over_for_the_whole_system(machine: Machine) -> None:
    machine.put_in_path().leave_node_program()
    imported, rest = scripts("moving-from-node.md")[1].split("sudo cldmon schedule")
    passes = "sudo systemctl start cldmon-fetch.service"
    assert passes in rest
    machine.follow(imported, f"editor {ETC}")
    machine.follow(f"sudo cldmon schedule{rest.replace(passes, 'cldmon fetch')}")
    kept = machine.ours("var/lib/cldmon") / "history-2026-03-12.jsonl"
    assert kept.read_text() == HISTORY + "\n"


def test_for_the_whole_system_the_configuration_in_etc_counts(machine: Machine) -> None:
    """Whatever lies in the folder in which somebody begins."""
    with_data_dir(machine)
    (machine.checkout / "config.toml").write_text("")
    machine.follow("".join(scripts("systemd.md")[:2]))
    unit = (machine.ours("etc/systemd/system") / "cldmon-fetch.service").read_text()
    places = f"--config {ETC} --data-dir /var/lib/cldmon"
    assert f"ExecStart=/usr/local/bin/cldmon {places} fetch" in unit
    machine.follow(scripts("cron.md")[1].replace(f"cldmon init {ETC}", "true"))
    assert f"/usr/local/bin/cldmon {places} fetch" in machine.programs.crontab.read_text()


def test_without_a_data_dir_everybody_finds_the_data_of_the_service(machine: Machine) -> None:
    """Whoever it is: the user's own folder for data is no place of the system's service."""
    machine.settle(ETC)
    machine.follow("cd /", "sudo cldmon schedule systemd --install")
    unit = (machine.ours("etc/systemd/system") / "cldmon-fetch.service").read_text()
    [start] = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)
    machine.follow(start)
    ran = machine.run("cd /; cldmon status --json")
    assert (ran.stderr, len(json.loads(ran.stdout)["accounts"])) == ("", 2)


def test_a_second_instance_runs_beside_the_first(machine: Machine) -> None:
    machine.settle(ETC)
    machine.follow("cd /", "sudo cldmon schedule systemd --install")
    [steps] = [block.text for block in blocks("systemd.md") if block.language == "bash"]
    machine.fill('data_dir = "/var/lib/cldmon-team"\nport = 3001')
    assert machine.run(f"{steps}\ncldmon schedule systemd --status").returncode == 0
    units = machine.ours("etc/systemd/system")
    assert "/etc/cldmon/config.toml" in (units / "cldmon-fetch.service").read_text()
    assert "/etc/cldmon/team.toml" in (units / "cldmon-team-fetch.service").read_text()


def commands() -> list[str]:
    """Those that the README does not speak of: tests/test_package.py runs them."""
    pages = "".join(page.read_text("utf-8") for page in DOCS.glob("*.md") if page.name != "cli.md")
    readme = (ROOT / "README.md").read_text("utf-8")
    return sorted(mentioned(pages) - mentioned(readme) - NAMED)


def test_each_command_that_a_page_speaks_of_can_be_run(machine: Machine) -> None:
    machine.settle().leave_node_program()
    machine.follow("cldmon fetch")
    for command in commands():
        ran = machine.run(f"cldmon {command}")
        if command in REFUSED:
            assert REFUSED[command] in ran.stdout + ran.stderr
        else:
            assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
