"""Every recipe of docs/recipes.md, run on what the installed command prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
import yaml  # type: ignore[import-untyped]

from cldmon.domain.model import Account, Failure, FailureKind, Reading, Window
from tests.docs.pages import page_blocks

if TYPE_CHECKING:
    from tests.docs.pages import Block
    from tests.env import Env

HOUR = timedelta(hours=1)
EXPIRED = Failure(FailureKind.KEY_EXPIRED, "session key expired")
BLOCKS = page_blocks("recipes.md")
NAMES = ("waybar", "i3blocks", "tmux", "prompt", "guard", "account")
RECIPES = dict(zip(NAMES, [b for b in BLOCKS if b.language in ("sh", "bash")], strict=True))
COLOURS = ("normal", "high", "critical", "full", "unknown")


def account(
    label: str,
    *,
    failure: Failure | None = None,
    ago: timedelta = timedelta(minutes=1),
    left: timedelta = HOUR,
    **percents: int,
) -> Account:
    now = datetime.now(UTC)
    windows = {name: Window(percent, now + left) for name, percent in percents.items()}
    return Account(label, Reading(now - ago, windows), failure)


def save(env: Env, *accounts: Account) -> None:
    """Save a pass over these accounts."""
    env.write_config(labels=[each.label for each in accounts])
    env.save_snapshot(*accounts)


@pytest.fixture
def shown(env: Env) -> Env:
    """The state of the outputs on the page."""
    save(
        env,
        account("alice", fiveHour=93, sevenDay=63),
        account("bob", fiveHour=12, sevenDay=100),
        account("carol", failure=EXPIRED, fiveHour=5),
    )
    return env


def run(env: Env, name: str, more: str = "", code: int = 0, said: str = "") -> str:
    """Run a recipe, which must end with a code and a message; return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{env.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-uo", "pipefail", "-c", RECIPES[name].text + more],
        env={**env.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (code, said)
    return ran.stdout


def block_after(block: Block) -> Block:
    return BLOCKS[BLOCKS.index(block) + 1]


@pytest.mark.parametrize("name", ["waybar", "i3blocks", "tmux", "account"])
def test_a_recipe_prints_what_the_page_shows(shown: Env, name: str) -> None:
    assert run(shown, name) == block_after(RECIPES[name]).text


def test_the_prompt_shows_what_the_page_shows(shown: Env) -> None:
    shows = block_after(RECIPES["prompt"]).text.strip()
    assert run(shown, "prompt", "cldmon_prompt") == f"{shows} "


def test_bars_show_no_old_number_as_current(env: Env) -> None:
    """Neither stale readings, nor windows that have reset since, nor accounts in error."""
    save(
        env,
        account("alice", ago=2 * HOUR, fiveHour=93),
        account("bob", left=timedelta(seconds=-30), fiveHour=94),
        account("carol", failure=EXPIRED, fiveHour=95),
    )
    waybar = json.loads(run(env, "waybar"))
    assert (waybar["text"], waybar["class"]) == ("–", "unknown")
    assert waybar["tooltip"] == "carol: session key expired"
    i3blocks = json.loads(run(env, "i3blocks"))
    assert (i3blocks["full_text"], i3blocks["color"]) == ("–", "#888888")
    assert run(env, "prompt", "cldmon_prompt") == "? "
    assert run(env, "account", code=4) == ""


def test_before_the_first_pass_bars_are_empty(env: Env) -> None:
    env.write_config(labels=["alice"])
    said = {"waybar": '{"text":"–","class":"unknown","percentage":0,"tooltip":""}\n', "tmux": "\n"}
    for name, expected in said.items():
        assert run(env, name, said="cldmon: no readings yet; run `cldmon fetch`\n") == expected


@pytest.mark.parametrize(("percent", "level"), [(74, 0), (75, 1), (90, 2), (100, 3)])
def test_levels_have_colours_and_classes(env: Env, percent: int, level: int) -> None:
    save(env, account("alice", fiveHour=percent))
    assert json.loads(run(env, "waybar"))["class"] == COLOURS[level]
    colours = re.findall(r"#[0-9a-f]{6}", RECIPES["i3blocks"].text)
    assert json.loads(run(env, "i3blocks"))["color"] == colours[level]
    assert (run(env, "prompt", "cldmon_prompt") == "") == (level == 0)


def test_odd_labels_do_no_harm(env: Env) -> None:
    """In Pango markup and in tmux's formats."""
    save(env, account("<b>&#[fg=red]", fiveHour=100))
    assert json.loads(run(env, "waybar"))["text"] == "&lt;b&gt;&amp;#[fg=red] 5h 100%"
    assert run(env, "tmux") == "#[fg=red]<b>&##[fg=red] full#[default]\n"


def test_tmux_shows_it(shown: Env, tmp_path: Path) -> None:
    """In a real tmux: its format is valid, and the colours are not text."""
    format_ = run(shown, "tmux").strip()
    socket = ["tmux", "-S", str(tmp_path / "tmux"), "-f", "/dev/null"]
    try:
        subprocess.run([*socket, "new-session", "-d", "sleep", "60"], env=shown.environ, check=True)
        ran = subprocess.run(
            [*socket, "display-message", "-p", format_],
            env=shown.environ,
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        subprocess.run([*socket, "kill-server"], env=shown.environ, check=False)
    assert re.sub(r"#\[[^]]*\]", "", ran.stdout) == "bob full carol !\n"


def test_the_configurations_of_the_bars_name_the_recipes() -> None:
    waybar, i3blocks, tmux = (
        next(b.text for b in BLOCKS if start in b.text)
        for start in ('"custom/cldmon"', "[cldmon]", "status-right")
    )
    assert json.loads(waybar)["custom/cldmon"]["return-type"] == "json"
    assert "format=json" in i3blocks
    assert "#(~/.config/tmux/cldmon)" in tmux


def render(template: str, usage: dict[str, Any]) -> str:
    """Render a template as Home Assistant does."""
    return jinja2.Environment(autoescape=False).from_string(template).render(value_json=usage)  # noqa: S701


def test_home_assistant_shows_current_numbers_only(env: Env) -> None:
    yaml.SafeLoader.add_constructor("!secret", lambda loader, node: f"secret {node.value}")
    [block] = [b for b in BLOCKS if b.text.startswith("rest:")]
    [rest] = yaml.safe_load(block.text)["rest"]
    session, limited = rest["sensor"]
    cases = {
        "True": account("alice", fiveHour=100),
        "stale": account("alice", ago=2 * HOUR, fiveHour=93),
        "due": account("alice", left=timedelta(seconds=-30), fiveHour=93),
        "error": account("alice", failure=EXPIRED, fiveHour=93),
        "no session": account("alice", sevenDay=93),
    }
    for name, case in cases.items():
        save(env, case)
        usage = json.loads(env.output("status", "--json"))
        available = render(session["availability"], usage).strip()
        assert (available == "True") == (name == "True"), name
        if available == "True":
            assert render(session["value_template"], usage).strip() == "100"
        assert render(limited["value_template"], usage) == ("alice" if name == "True" else "none")


def test_the_step_of_a_ci_job_passes_and_fails(env: Env) -> None:
    [block] = [b for b in BLOCKS if b.text.startswith("steps:")]
    [step] = yaml.safe_load(block.text)["steps"]
    words = step["run"].replace("--wait 2h", "").partition(" --server ")[0].split()[1:]
    for percent, code in ((80, 0), (81, 1)):
        save(env, account("alice", fiveHour=percent, sevenDay=100))
        assert env.run(*words).returncode == code


@pytest.mark.parametrize(
    ("case", "code", "said"),
    [
        (account("alice", fiveHour=1), 0, "enough is left"),
        (account("alice", fiveHour=81), 1, "19% left"),
        (account("alice", failure=EXPIRED, fiveHour=1), 0, "unknown: going on"),
    ],
)
def test_a_job_goes_on_without_a_verdict(env: Env, case: Account, code: int, said: str) -> None:
    save(env, case)
    assert said in run(env, "guard", code=code)
