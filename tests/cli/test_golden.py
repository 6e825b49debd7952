"""What every command prints in a pipe of 80 columns, as golden files: to be looked at.

Beside those here: `--help` in docs/cli.md, the scripts of `completion` in cldmon/cli/completions,
what `schedule` prints in contrib/, `demo` in tests/browser/test_demo.py.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.secret import Secret
from cldmon.store.history import format_line, get_day_path
from cldmon.store.state import AccountState, KeyFingerprint, State, StateFile
from tests.env import Env, key_of
from tests.fakes import set_alerts, windows
from tests.terminal.readings import ALICE, BOB, CAROL, HOUR, MINUTE, NOW, SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes import Windows
    from tests.simulation.slack import FakeSlack

    Golden = Callable[[str, str], None]

ZONE = "Europe/Berlin"
PEOPLE = (ALICE, BOB, CAROL)
DAY = 24 * HOUR
ENVIRONMENT = {
    "TZ": ZONE,
    "LANG": "C.UTF-8",
    **dict.fromkeys(("LC_ALL", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")),
}
"""The variables that decide how output looks, as on a plain machine."""

VARIABLE_TEXT = (
    (re.compile(r"version: cldmon (\S| (?!\S+: ))*\n"), "version: …\n"),
    (re.compile(r'"cldmon \d[^"]*"'), '"…"'),
    (re.compile(r"[\d,]+ MB free at [^\s\"]+"), "… MB free"),
)
"""What differs between machines."""


NODE_CONFIG = {
    "sessionSecret": "cldmon-secret-change-me",
    "port": 3001,
    "theme": "dark",
    "accounts": [{"label": "alice", "sessionKey": key_of("alice")}, {"label": "bob"}],
}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, fake_slack: FakeSlack) -> Iterator[Env]:
    """Three accounts and half a day of passes, in Berlin, and a clock that stands.

    The working folder has a name that is equally long everywhere, as paths are wrapped.
    """
    with tempfile.TemporaryDirectory(prefix="ann-", dir="/tmp") as folder:
        monkeypatch.chdir(folder)
        for name, text in ENVIRONMENT.items():
            monkeypatch.setenv(name, text) if text else monkeypatch.delenv(name, raising=False)
        time.tzset()
        env = Env(Path(folder), slack=fake_slack)
        env.environ = {"HOME": folder, "PATH": "/nonexistent"}
        env.clock.at = NOW
        tables = '[browser]\nexecutable = "/nonexistent/browser"\n'
        env.write_config(tables=tables, labels=[each.label for each in PEOPLE], slack=True)
        env.data.mkdir(mode=0o700)
        snapshot = replace(SNAPSHOT, accounts=PEOPLE)
        StateFile(env.data).save(State(snapshot, account_states=dict(account_states())))
        for at, text in history_lines():
            with get_day_path(env.data, at.date()).open("a", encoding="utf-8") as file:
                file.write(f"{text}\n")
        set_alerts(env.data, "U01ALICE", "bob", limit_hit=True)
        set_alerts(env.data, "U02BOB", "alice", limit_hit=True, reset=True)
        yield env
        monkeypatch.undo()
        time.tzset()


def account_states() -> Iterator[tuple[str, AccountState]]:
    """Yield the state of each account: keys of 0, 11 and 22 days."""
    for number, account in enumerate(PEOPLE):
        mark = KeyFingerprint(Secret(key_of(account.label)).fingerprint(), NOW - number * 11 * DAY)
        yield account.label, AccountState(key=mark)


def history_lines() -> Iterator[tuple[datetime, str]]:
    """Yield the time and the history line of a pass every ten minutes, with a gap."""
    for n in [*range(72, 31, -1), *range(24, 0, -1)]:
        at = (NOW - n * 10 * MINUTE).astimezone(UTC)
        session = 100 if 20 <= n <= 23 else (148 - 2 * n) % 98
        read: dict[str, Windows] = {
            "alice": {"fiveHour": session, "sevenDay": 63 - n // 4, "models.Fable": 62 - n // 6},
            CAROL.label: {"fiveHour": 90 - n, "sevenDay": 12},
        }
        if n > 20:
            read["bob"] = {"fiveHour": n // 2, "sevenDay": 93}
        yield at, format_line(at, {label: windows(values) for label, values in read.items()})


def run(env: Env, words: str, stdin: str | None = None) -> str:
    """Return a command line and its output, without what differs between machines."""
    done = env.invoke(*words.split(), stdin=stdin)
    seen = done.output.replace(str(env.folder), "/home/ann")
    for pattern, replacement in VARIABLE_TEXT:
        seen = pattern.sub(replacement, seen)
    end = f"[exit code {int(done.exit_code)}]\n" if done.exit_code else ""
    return f"$ cldmon {words}\n{seen}{end}"


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
        "history --range 12h --events",
        "history --range 12h --events --account alice --json",
        "history --range 1h --account alice --json",
        "history --range 1h --account alice --format csv",
        "history --since 2020-01-01 --until 2020-01-02",
        "digest",
        "digest --format markdown --since 4h",
        "digest --json --since 1h",
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
def test_a_command_prints_this(env: Env, words: str, golden: Golden) -> None:
    name = re.sub(r"\W+", "-", words)
    golden(f"commands/{name}.txt", run(env, words))


def test_before_the_first_pass_health_prints_this(env: Env, golden: Golden) -> None:
    Path("data/state.json").unlink()
    golden("commands/health-before-the-first-pass.txt", run(env, "health"))


def test_a_key_that_is_pasted_is_answered_with_this(env: Env, golden: Golden) -> None:
    given = f"{key_of('new')}\n"
    golden("commands/login.txt", run(env, "login alice --paste --no-check", given))


def test_taking_over_a_node_cldmon_prints_this(env: Env, golden: Golden) -> None:
    Path("node/data").mkdir(parents=True)
    Path("node/config.json").write_text(json.dumps(NODE_CONFIG))
    line = '{"timestamp":1773283635095,"accounts":[{"label":"alice","fiveHour":17}]}\n'
    Path("node/data/history-2026-03-12.jsonl").write_text(line)
    Path("node/data/notes.txt").write_text("")
    golden("commands/import.txt", run(env, "import node --to new.toml"))
    golden("commands/import.toml", Path("new.toml").read_text())
