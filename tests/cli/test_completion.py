"""What the shells offer after TAB, asked as their scripts ask, and in a real bash."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

from cldmon.cli import complete
from cldmon.cli.completion import SHELLS, script
from cldmon.cli.main import COMMANDS, cli
from tests.env import CLDMON, Env

ROOT = Path(__file__).resolve().parent.parent.parent
LABELS = ["alice", "alan", "bob"]


@pytest.fixture
def env(env: Env) -> Env:
    """A configuration of `LABELS`, and two people with subscriptions."""
    env.write_config(labels=LABELS)
    env.data.mkdir()
    subscriptions = '{"users": {"U1ANN": {"accounts": {}}, "W2BEN": {"accounts": {}}}}'
    (env.data / "subscriptions.json").write_text(subscriptions)
    env.environ["PATH"] = f"{Path(CLDMON).parent}:{os.environ['PATH']}"
    return env


def complete_line(env: Env, words: str, shell: str = "bash") -> list[str]:
    """Return the lines that a shell's script gets for a command line."""
    word = words.rpartition(" ")[2] if shell == "fish" else str(words.count(" "))
    variables = {"_CLDMON_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": word}
    return [line for line in env.output(environ=variables).splitlines() if line]


def complete_words(env: Env, words: str) -> list[str]:
    return [line.partition(",")[2] for line in complete_line(env, words)]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("cldmon st", ["status"]),
        ("cldmon --da", ["--data-dir"]),
        ("cldmon fetch --stri", ["--strict"]),
        ("cldmon fetch --account al", ["alice", "alan"]),
        ("cldmon status --account ", LABELS),
        ("cldmon history --account b", ["bob"]),
        ("cldmon history --range 1", ["1h", "1d"]),
        ("cldmon login a", ["alice", "alan"]),
        ("cldmon subscribe U", ["U1ANN"]),
        ("cldmon subscribe U1ANN bo", ["bob"]),
        ("cldmon completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_what_fits_is_offered(env: Env, words: str, offered: list[str]) -> None:
    assert complete_words(env, words) == offered


def our_values() -> dict[tuple[str, str], object]:
    """Return what completes each option and argument that has values of ours."""
    callbacks = {complete.complete_labels, complete.complete_slack_ids, complete.ranges}
    with click.Context(cli) as context:
        commands = {name: cli.get_command(context, name) for name in COMMANDS}
    return {
        (name, param.opts[0]): param._custom_shell_complete
        for name, command in commands.items()
        for param in (command.params if command else ())
        if param._custom_shell_complete in callbacks
    }


PLACES = {
    ("fetch", "--account"): "cldmon fetch --account ",
    ("status", "--account"): "cldmon status --format line --account ",
    ("history", "--account"): "cldmon --data-dir data history --account alice --account ",
    ("history", "--range"): "cldmon history --account bob --range ",
    ("digest", "--since"): "cldmon digest --since ",
    ("login", "label"): "cldmon login ",
    ("subscribe", "person"): "cldmon subscribe ",
    ("subscribe", "label"): "cldmon subscribe U1ANN ",
    ("subscribe", "--account"): "cldmon subscribe --list --account ",
    ("guard", "label"): "cldmon guard ",
    ("report", "--account"): "cldmon report --account ",
    ("report", "--token"): "cldmon report --token ",
}


def test_each_place_of_a_value_of_ours_is_known_here() -> None:
    assert our_values().keys() == PLACES.keys()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line", PLACES.values())
def test_every_place_of_a_value_of_ours_offers_some(env: Env, line: str, shell: str) -> None:
    assert complete_line(env, line, shell)


def test_an_option_with_an_equals_sign_is_completed(env: Env) -> None:
    """bash takes that for three words and replaces the last; zsh and fish replace the whole."""
    assert in_bash(env, "cldmon fetch --account = al") == ["alice", "alan"]
    assert in_bash(env, "cldmon fetch --account =") == LABELS
    assert complete_line(env, "cldmon fetch --account=al", "zsh")[1::3] == [
        "--account=alice",
        "--account=alan",
    ]
    assert complete_line(env, "cldmon fetch --account=b", "fish") == ["plain,--account=bob"]


def test_what_would_steer_a_terminal_is_not_offered(env: Env) -> None:
    """Nor what would be a second offer, or run in the shell that is given it."""
    for name in ("U\x1b]0;x\x07", "U\nplain,U2", "U\x9b2J", "U\u202e"):
        users: dict[str, object] = {name: {}, "U1ANN": {}}
        (env.folder / "data" / "subscriptions.json").write_text(json.dumps({"users": users}))
        assert complete_words(env, "cldmon subscribe U") == ["U1ANN"]


def test_the_configuration_on_the_command_line_counts(env: Env) -> None:
    other = env.folder / "other.toml"
    other.write_text('[[accounts]]\nlabel = "zoe"\n')
    assert complete_words(env, f"cldmon --config {other} fetch --account ") == ["zoe"]


@pytest.mark.parametrize("text", ["", "[[accounts", "accounts = 3", "\udcff"])
def test_a_configuration_that_is_none_offers_nothing_and_says_nothing(env: Env, text: str) -> None:
    env.config.write_bytes(os.fsencode(text))
    (env.folder / "data" / "subscriptions.json").write_text("{")
    assert complete_words(env, "cldmon fetch --account ") == []
    assert complete_words(env, "cldmon subscribe ") == []


def test_without_a_configuration_nothing_is_offered_or_printed(env: Env) -> None:
    env.config.unlink()
    assert complete_words(env, "cldmon fetch --account ") == []


def test_zsh_and_fish_show_descriptions(env: Env) -> None:
    assert complete_line(env, "cldmon hist", "zsh") == [
        "plain",
        "history",
        "Show how much was used, over time.",
    ]
    assert complete_line(env, "cldmon hist", "fish") == [
        "plain,history\tShow how much was used, over time."
    ]


def test_fish_splits_a_line_only_at_its_first_comma() -> None:
    """Labels and descriptions have commas of their own."""
    assert '(string split --max 1 "," $completion)' in script("fish")


def in_bash(env: Env, words: str) -> list[str]:
    """Return what a real bash, with our script, would put into the command line."""
    program = (
        f"source /dev/stdin; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1));"
        " _cldmon_completion cldmon; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    ran = subprocess.run(
        ["bash", "--norc", "-c", program],
        input=script("bash"),
        env=env.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()


def test_a_real_bash_completes(env: Env) -> None:
    assert in_bash(env, "cldmon fetch --account al") == ["alice", "alan"]


def test_in_bash_a_label_of_several_words_stays_one_argument(env: Env) -> None:
    env.config.write_text('[[accounts]]\nlabel = "Bob & Søn (2)"\n')
    assert in_bash(env, "cldmon fetch --account B") == ["Bob\\ \\&\\ Søn\\ \\(2\\)"]
    assert complete_line(env, "cldmon fetch --account B", "fish") == ["plain,Bob & Søn (2)"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_prints_the_shipped_script(env: Env, shell: str) -> None:
    assert env.output("completion", shell) == script(shell)


def test_a_package_installs_each_script_where_its_shell_looks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    scripts = {source: place for source, place in shared.items() if "/completions/" in source}
    assert scripts == {
        "cldmon/cli/completions/cldmon.bash": "share/bash-completion/completions/cldmon",
        "cldmon/cli/completions/cldmon.zsh": "share/zsh/site-functions/_cldmon",
        "cldmon/cli/completions/cldmon.fish": "share/fish/vendor_completions.d/cldmon.fish",
    }
    assert all((ROOT / source).exists() for source in shared)
