"""Write the generated files: docs/cli.md, tables of other pages, completions, units, crontab.

`scripts/docs` runs it. A test compares its output with the checkout.

Usage: make.py [FOLDER]     (writes below FOLDER instead of the checkout)
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import ShellComplete, get_completion_class

from bench.__main__ import RESULTS, render_pages
from bench.pages import fill, format_table
from bench.results import load
from cldmon.cli.completion import SHELLS
from cldmon.cli.main import COMMANDS, cli
from cldmon.config.locate import SYSTEM_CONFIG, SYSTEM_DATA
from cldmon.schedule.cron import add_markers, format_block
from cldmon.schedule.job import Job
from cldmon.schedule.systemd import Places, generate_files

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 78
"""The width of help texts on a terminal of 80 columns."""

INTRODUCTION = """\
# Command reference

The output of `cldmon COMMAND --help`, written by `scripts/docs`.

Data goes to stdout, messages to stderr. Colours appear only on a terminal, and never with
`NO_COLOR`. Exit codes: 0 success, 1 failure, 2 wrong usage or configuration, 69 no verdict
(`guard`), 75 another pass is running.
"""


_BASH_CALL = """\
    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD """
_BASH_CALL_WITHOUT_EQUALS = """\
    # bash splits `--account=al` into three words.
    local word words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
        [[ $word == = ]] || words+=("$word")
    done
    words+=("${COMP_WORDS[COMP_CWORD]#=}")

    response=$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) """


CASES = re.compile(r"^## ([^\n]+)\n.*?<!-- cases: \w+ -->\n(.*?)<!-- end -->", re.M | re.S)
"""A section of docs/reliability-results.md: its heading and its table."""


def generate_docs() -> dict[Path, str]:
    """Return the text of each generated file, by its path in the checkout."""
    folder = Path("cldmon/cli/completions")
    scripts = {folder / f"cldmon.{shell}": completion_script(shell) for shell in SHELLS}
    tables = {path.relative_to(ROOT): text for path, text in render_pages(load(RESULTS)).items()}
    return {
        Path("docs/cli.md"): format_manual(),
        **scripts,
        **contrib_files(),
        **tables,
        **fill_page("docs/reliability.md", totals=format_totals()),
        **fill_page("CONTRIBUTING.md", rooms=format_rooms()),
    }


def fill_page(name: str, **blocks: str) -> dict[Path, str]:
    """Return a page of the checkout with its generated blocks replaced."""
    return {Path(name): fill((ROOT / name).read_text(encoding="utf-8"), blocks)}


def format_totals() -> str:
    """Return the table of docs/reliability.md: the sum of each table of the results."""
    results = "reliability-results.md"
    rows = []
    totals = [0, 0, 0, 0]
    for heading, cases in CASES.findall((ROOT / "docs" / results).read_text(encoding="utf-8")):
        anchor = re.sub(r"[^\w ]", "", heading.lower()).replace(" ", "-")
        sums = [0, 0, 0, 0]
        for row in re.findall(r"^\| .*\d.*", cases, re.MULTILINE):
            counts = [int(cell.replace(",", "")) for cell in row.split("|")[2:6]]
            sums = [sum(pair) for pair in zip(sums, counts, strict=True)]
        totals = [sum(pair) for pair in zip(totals, sums, strict=True)]
        rows.append([f"[{heading}]({results}#{anchor})", *(f"{count:,}" for count in sums)])
    rows.append(["**total**", *(f"**{count:,}**" for count in totals)])
    return format_table([["cases", "tried", "survived", "lost", "let in"], *rows])


def format_rooms() -> str:
    """Return the table of CONTRIBUTING.md: each room by layer, and the libraries only it imports.

    Layers and libraries are those of the import contracts, the job is the first line of the
    room's docstring.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    libraries: dict[str, list[str]] = {}
    for contract in contracts:
        if contract["type"] == "forbidden":
            homes = {each.split(" -> ")[0].split(".")[1] for each in contract["ignore_imports"]}
            for home in homes:
                libraries.setdefault(home, []).extend(contract["forbidden_modules"])
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    rows = [["layer", "room", "job", "home of"]]
    for number, layer in zip(range(len(layers) - 1, -1, -1), layers, strict=True):
        rows += [
            [str(number), f"`{room}`", read_job(room), ", ".join(libraries.get(room, []))]
            for room in re.findall(r"\w+", layer)
        ]
    return format_table(rows)


def read_job(room: str) -> str:
    """Return the first line of a room's docstring; a room without one is an error."""
    path = ROOT / "cldmon" / room
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not docstring:
        raise SystemExit(f"{path}: has no docstring that states the job of the room")
    return docstring.splitlines()[0].rstrip(".")


def contrib_files() -> dict[Path, str]:
    """Return the files that `cldmon schedule` writes for an installation in the default places."""
    systemd, cron = Path("contrib/systemd"), Path("contrib/cron/cldmon.crontab")
    folders = (systemd / "sysusers.d", systemd / "tmpfiles.d", Path("contrib/apparmor"))
    places = Places(systemd, *folders)
    job = Job(
        program=("/usr/local/bin/cldmon",),
        config=SYSTEM_CONFIG,
        data_dir=SYSTEM_DATA,
        interval=timedelta(minutes=10),
        browser=Path("/usr/lib/chromium/chromium-headless-shell"),
    )
    return {**generate_files(job, places), cron: add_markers(format_block(job))}


def format_manual() -> str:
    """Return docs/cli.md."""
    sections = (f"## `{name}`\n\n```text\n{text}\n```\n" for name, text in help_texts())
    return "\n".join([INTRODUCTION, *sections])


def help_texts() -> Iterator[tuple[str, str]]:
    """Yield each command with its help text, as on a terminal of 80 columns."""
    settings = {**cli.context_settings, "terminal_width": COLUMNS}
    top = click.Context(cli, info_name="cldmon", **settings)
    yield "cldmon", cli.get_help(top)
    for name, command in ((name, cli.get_command(top, name)) for name in COMMANDS):
        if command:
            below = click.Context(command, top, name, help_option_names=top.help_option_names)
            yield f"cldmon {name}", command.get_help(below)


def completion_script(shell: str) -> str:
    """Return a shell's completion script."""
    kind = get_completion_class(shell) or ShellComplete
    # ShellComplete.source directly: bash's own method runs bash to check its version.
    text = ShellComplete.source(kind(cli, {}, "cldmon", "_CLDMON_COMPLETE"))
    # Otherwise fish cuts a description or label off at its first comma.
    text = text.replace('(string split "," ', '(string split --max 1 "," ')
    text = text.replace(_BASH_CALL, _BASH_CALL_WITHOUT_EQUALS)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else ROOT
    for path, text in generate_docs().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
        print(path)
