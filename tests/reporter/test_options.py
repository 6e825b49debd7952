"""The options are understood without click as with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.cli.report import command
from cldmon.reporter.main import main
from cldmon.reporter.options import Options, parse

if TYPE_CHECKING:
    from tests.env import Env

FLAGS = [
    f"--{name.replace('_', '-')}" for name, value in Options()._asdict().items() if value is False
]
VALUES = ["--to", "--account", "--token-file", "--chain"]
WORD = st.sampled_from(
    [
        *FLAGS,
        *VALUES,
        *(f"{name}=a=b" for name in VALUES),
        "--setup=x",
        "x",
        "-",
        "",
        "--",
        "--nope",
    ]
)


def with_click(words: list[str]) -> Options | None:
    """Return what click makes of a command line, for options of a person's machine."""
    with click.Context(command) as context:
        try:
            given, rest, _ = command.make_parser(context).parse_args(list(words))
        except click.UsageError:
            return None
    return None if rest else Options(**given)


@given(st.lists(WORD, max_size=5))
def test_click_understands_the_same(words: list[str]) -> None:
    found = parse(words)
    if "--" not in words:
        assert found == with_click(words)
    if found:
        assert parse(found.to_words()) == found


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["--to"], ["--token", "alice"], ["--tokens"], ["x"]]
)
def test_the_rest_is_for_click(words: list[str]) -> None:
    assert main(words) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to"], "Option '--to' requires an argument"),
        (["--nope"], "No such option"),
        (["--account", "alice"], "give --to"),
        (["--to", "https://example.org"], "give --account"),
        (["--status", "--reset"], "--status and --reset cannot be combined"),
    ],
)
def test_wrong_use_is_one_line(env: Env, words: list[str], said: str) -> None:
    ran = env.run("report", *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("cldmon: ")
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_global_options_work_as_well(env: Env) -> None:
    """That way leads through click."""
    ran = env.run("--debug", "report", "--status", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert '"accounts": []' in ran.stdout
