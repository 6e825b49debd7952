"""Commands that run often, and completion at each TAB, import no heavy library."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.cli.accounts import account

if TYPE_CHECKING:
    from tests.env import Env

HEAVY = {"asyncio", "http.server", "playwright", "pydantic", "slack_sdk"}
DRAWING = {"plotext", "tabulate"}
SLOW = {"cldmon.remote", "email.message", "logging", "shutil", "urllib.request"}
PROGRAM = """
import contextlib, sys
sys.argv[0] = "cldmon"
from cldmon.__main__ import main
with contextlib.suppress(SystemExit):
    main()
print(*sys.modules, file=sys.stderr)
"""


@pytest.fixture
def env(env: Env) -> Env:
    env.write_config(labels=["alice", "bob"])
    env.save_snapshot(account("alice", 41), account("bob", 7))
    env.append_history(datetime.now(UTC), {"alice": {"fiveHour": 41}})
    (env.data / "subscriptions.json").write_text('{"users": {"U1ANN": {"accounts": {}}}}')
    return env


def find_imports(env: Env, *arguments: str, **environ: str) -> set[str]:
    """Return the modules that a command line has imported."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**env.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout
    return set(ran.stderr.split())


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        ("--help", HEAVY | DRAWING | {"dataclasses", "json", "pathlib", "shutil", "tomllib"}),
        ("status", HEAVY | DRAWING | SLOW),
        ("status --format line", HEAVY | DRAWING | SLOW),
        ("guard alice", HEAVY | DRAWING | {"cldmon.remote", "urllib.request"}),
        ("history", HEAVY | {"cldmon.remote", "prometheus_client", "statistics", "tabulate"}),
        ("history --format json", HEAVY | DRAWING | {"prometheus_client", "statistics"}),
        ("health", HEAVY | DRAWING | {"prometheus_client"}),
    ],
)
def test_a_command_imports_only_what_it_needs(env: Env, words: str, unwanted: set[str]) -> None:
    assert find_imports(env, *words.split()) & unwanted == set()


@pytest.mark.parametrize("words", ["cldmon ", "cldmon fetch --account ", "cldmon subscribe "])
def test_completion_imports_only_what_it_needs(env: Env, words: str) -> None:
    line = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    found = find_imports(env, **line, _CLDMON_COMPLETE="bash_complete")
    assert found & (HEAVY | DRAWING | {"http", "logging"}) == set()
