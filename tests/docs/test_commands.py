"""The commands, options, files and settings on the pages are valid."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from typing import TYPE_CHECKING

import click
import pytest

from cldmon.cli.main import cli
from cldmon.config.schema import Config
from tests.docs.pages import DOCS, ROOT, Block, page_blocks, split_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = sorted(path.name for path in DOCS.glob("*.md"))
README = split_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
SCRIPT_LANGUAGES = ("sh", "console", "bash")
CLDMON = re.compile(r"(?:sudo (?:-u \w+ )?)?cldmon( .*)?")
PLACEHOLDERS = {"DIR": ".", "/srv/node-cldmon": ".", "LABEL": "alice", "COMMAND": "fetch"}


def every_block() -> Iterator[Block]:
    yield from README
    for name in PAGES:
        yield from page_blocks(name)


def commands() -> list[str]:
    """Return the arguments of every call of cldmon on any page."""
    lines = [
        command.strip()
        for block in every_block()
        if block.language in SCRIPT_LANGUAGES
        for line in block.text.splitlines()
        for command in line.partition("  #")[0].split("&&")
    ]
    found = [match[1] or "" for line in lines if (match := CLDMON.fullmatch(line))]
    quoted = re.findall(r"`cldmon( [^`]*)`", "".join(p.read_text() for p in DOCS.glob("*.md")))
    return sorted({*found, *quoted})


@pytest.mark.parametrize("line", commands())
def test_a_command_on_a_page_is_valid(line: str) -> None:
    """Parsed as the program would, but not run."""
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(re.split(r" \| | \d?>", line)[0])]
    # Created as the program does it: click caches the help option on the command.
    top = click.Context(cli, info_name="cldmon", **cli.context_settings)
    with top:
        options, name, rest = split(words)
        cli.make_parser(top).parse_args(options)
        if name is not None:
            command = cli.get_command(top, name)
            assert command, name
            if rest and not {"…", "--help"} & set(rest):
                command.make_context(name, rest, parent=top)


def split(words: list[str]) -> tuple[list[str], str | None, list[str]]:
    """Return the global options, the name of the command, and its arguments."""
    number = 0
    while number < len(words) and words[number].startswith("-"):
        number += 2 if words[number] in ("--config", "--data-dir") else 1
    return words[:number], words[number] if number < len(words) else None, words[number + 1 :]


def test_every_command_of_cldmon_is_on_a_page() -> None:
    text = "".join(commands())
    assert [name for name in cli.list_commands(click.Context(cli)) if name not in text] == []


@pytest.mark.parametrize(
    "block", [b for b in every_block() if b.language == "toml"], ids=lambda b: b.text[:30]
)
def test_a_piece_of_configuration_on_a_page_is_valid(block: Block) -> None:
    Config.model_validate(tomllib.loads(block.text))


@pytest.mark.parametrize(
    "block", [b for b in every_block() if b.language == "sh"], ids=lambda b: b.text[:30]
)
def test_a_script_on_a_page_is_valid_shell(block: Block) -> None:
    text = re.sub(r"\b(SLACK_ID|NAME|ACCOUNT)\b", "x", block.text)
    ran = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [name for name in PAGES if name not in index and name != "README.md"] == []


def units(text: str) -> Iterator[tuple[str, str]]:
    for block in split_blocks(text):
        if block.language == "ini":
            head, _, rest = block.text.partition("\n")
            yield head.removeprefix("# "), rest


def test_systemd_accepts_the_units_and_drop_ins_of_the_page(tmp_path: Path) -> None:
    program = tmp_path / "cldmon"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path in (ROOT / "contrib" / "systemd").glob("cldmon-*"):
        text = path.read_text().replace("/usr/local/bin/cldmon", str(program))
        (tmp_path / path.name).write_text(text)
    for number, (name, text) in enumerate(units((DOCS / "systemd.md").read_text())):
        place = tmp_path / name
        if name.startswith("cldmon-"):
            place = tmp_path / f"{name}.d" / f"{number}.conf"
            place.parent.mkdir(exist_ok=True)
        place.write_text(text)
    verified = [tmp_path / "cldmon-fetch.service", tmp_path / "notify-failure@.service"]
    ran = subprocess.run(
        ["systemd-analyze", "verify", *verified], capture_output=True, text=True, check=False
    )
    assert ran.stdout + ran.stderr == ""
