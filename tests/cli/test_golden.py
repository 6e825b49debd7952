"""What every command prints in a pipe of 80 columns, as golden files: to be looked at.

Beside those here: `--help` in docs/cli.md, the scripts of `completion` in cldmon/cli/completions,
what `schedule` prints in contrib/, `demo` in tests/browser/test_demo.py.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli import desk as desks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.desk import Desk
    from tests.simulation.slack import FakeSlack

    Golden = Callable[[str, str], None]

NODE_CONFIG = {
    "sessionSecret": "cldmon-secret-change-me",
    "port": 3001,
    "theme": "dark",
    "accounts": [{"label": "alice", "sessionKey": desks.key("alice")}, {"label": "bob"}],
}


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, fake_slack: FakeSlack) -> Iterator[Desk]:
    """A desk in Berlin, in a folder whose name is equally long everywhere: paths are wrapped."""
    with tempfile.TemporaryDirectory(prefix="ann-", dir="/tmp") as folder:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("TZ", desks.ZONE)
        time.tzset()
        yield desks.furnish(fake_slack)
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "status --format line",
        "status --format csv",
        "status --json",
        "history",
        "history --range 12h --account alice --window 5h",
        "history --range 12h --account alice --format table",
        "history --range 1h --account alice --json",
        "history --range 1h --account alice --format csv",
        "history --since 2020-01-01 --until 2020-01-02",
        "health",
        "health --nagios",
        "doctor --offline",
        "doctor --offline --json",
        "subscribe U01ALICE alice --hit",
        "subscribe alice alice --json",
        "subscribe --list",
        "subscribe --list --json",
        "fetch",
        "init new.toml",
    ],
)
def test_a_command_prints_this(desk: Desk, words: str, golden: Golden) -> None:
    name = re.sub(r"\W+", "-", words)
    golden(f"commands/{name}.txt", desk.types(words))


def test_before_the_first_pass_health_prints_this(desk: Desk, golden: Golden) -> None:
    Path("data/state.json").unlink()
    golden("commands/health-before-the-first-pass.txt", desk.types("health"))


def test_a_key_that_is_pasted_is_answered_with_this(desk: Desk, golden: Golden) -> None:
    given = f"{desks.key('new')}\n"
    golden("commands/login.txt", desk.types("login alice --paste --no-check", given))


def test_taking_over_a_node_cldmon_prints_this(desk: Desk, golden: Golden) -> None:
    Path("node/data").mkdir(parents=True)
    Path("node/config.json").write_text(json.dumps(NODE_CONFIG))
    line = '{"timestamp":1773283635095,"accounts":[{"label":"alice","fiveHour":17}]}\n'
    Path("node/data/history-2026-03-12.jsonl").write_text(line)
    Path("node/data/notes.txt").write_text("")
    golden("commands/import.txt", desk.types("import node --to new.toml"))
    golden("commands/import.toml", Path("new.toml").read_text())
