"""Every recipe of docs/querying.md, run on a history with gaps, a torn line and a gzipped day."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from cldmon.store.history import list_day_files
from cldmon.store.reader import read_array
from tests.docs.pages import Block, page_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = "querying.md"
BLOCKS = page_blocks(PAGE)
BEGIN = datetime(2026, 11, 21, tzinfo=UTC)
EVERY = timedelta(hours=6)
LATEST = 4_102_444_800_000
"""The year 2100, in ms since the epoch."""
TORN = '{"timestamp":17953488'


def recipes() -> Iterator[tuple[Block, Block | None]]:
    """Yield each recipe with the output shown on the page, except those that need a server."""
    for block, after in zip(BLOCKS, [*BLOCKS[1:], None], strict=True):
        if block.language in ("sh", "sql") and "--server" not in block.text:
            yield block, after if after and after.language == "text" else None


def passes() -> Iterator[tuple[datetime, str]]:
    """Yield eight passes over two days: bob is missing once, alice has a limit for a model."""
    for number in range(8):
        at = BEGIN + number * EVERY
        accounts = [
            {
                "label": "alice",
                "fiveHour": (5, 40, 100, 20)[number % 4],
                "sevenDay": 7 * number,
                "models": {"Fable": 9 * number},
            },
            {"label": "bob", "fiveHour": 3 * number, "sevenDay": 12},
        ]
        line = {"timestamp": int(at.timestamp() * 1000), "accounts": accounts[: 2 - (number == 2)]}
        yield at, json.dumps(line, separators=(",", ":"))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data_dir with a gzipped day, and a day with a torn line in its middle."""
    folder = tmp_path_factory.mktemp("data")
    days: dict[str, list[str]] = {}
    for at, line in passes():
        days.setdefault(f"{at:%Y-%m-%d}", []).append(line)
    old, new = days.values()
    new.insert(1, TORN)
    first, second = (folder / f"history-{day}.jsonl" for day in days)
    Path(f"{first}.gz").write_bytes(gzip.compress("".join(f"{x}\n" for x in old).encode()))
    second.write_text("".join(f"{x}\n" for x in new))
    return folder


@pytest.fixture(scope="module")
def database(data_dir: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{data_dir}'")
        yield connection


def run_shell(text: str, folder: Path) -> str:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={**os.environ, "PATH": tools},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def run_sql(text: str, database: duckdb.DuckDBPyConnection) -> str:
    """Return the rows as DuckDB's `-csv` prints them."""
    found = database.execute(text)
    names = [column[0] for column in found.description or ()]
    rows = [["" if x is None else str(x) for x in row] for row in found.fetchall()]
    return "".join(f"{','.join(row)}\n" for row in [names, *rows])


@pytest.mark.parametrize(
    ("recipe", "shown"), list(recipes()), ids=lambda block: f"line {block.line}" if block else "-"
)
def test_a_recipe_prints_what_the_page_shows(
    recipe: Block,
    shown: Block | None,
    data_dir: Path,
    database: duckdb.DuckDBPyConnection,
    tmp_path: Path,
) -> None:
    if recipe.text.startswith("COPY"):
        database.execute(recipe.text.replace("'readings", f"'{tmp_path}/readings"))
        assert (tmp_path / "readings.parquet").stat().st_size
    elif recipe.language == "sql":
        given = run_sql(recipe.text, database)
        assert shown is None or given == shown.text
    else:
        given = run_shell(recipe.text, data_dir)
        assert shown is None or given == shown.text


def test_days_gzipped_by_the_recipe_are_still_part_of_the_history(tmp_path: Path) -> None:
    [recipe] = [block for block in BLOCKS if block.text.startswith("find ")]
    for days_ago in (0, 3):
        day = datetime.now(UTC) - timedelta(days=days_ago)
        path = tmp_path / f"history-{day:%Y-%m-%d}.jsonl"
        path.write_text("{}\n")
        os.utime(path, (day.timestamp(), day.timestamp()))
    before = [day for day, _ in list_day_files(tmp_path)]
    run_shell(recipe.text, tmp_path)
    assert [path.suffix for _, path in list_day_files(tmp_path)] == [".gz", ".jsonl"]
    assert [day for day, _ in list_day_files(tmp_path)] == before


def test_days_rotated_by_logrotate_are_still_part_of_the_history(tmp_path: Path) -> None:
    """With Debian's logrotate and the page's configuration, a day after it first saw the files."""
    [shown] = [block.text for block in BLOCKS if block.language == "conf"]
    config, state, data = (tmp_path / name for name in ("logrotate", "state", "data"))
    config.write_text(shown.replace("/var/lib/cldmon", str(data)).replace("su cldmon cldmon", ""))
    config.chmod(0o644)
    data.mkdir()
    now = datetime.now(UTC)
    days = [now - timedelta(days=ago) for ago in (3, 2, 0)]
    paths = [data / f"history-{day:%Y-%m-%d}.jsonl" for day in days]
    seen = f"{now - timedelta(days=1):%Y-%m-%d-%H:%M:%S}"
    state.write_text(
        "logrotate state -- version 2\n" + "".join(f'"{path}" {seen}\n' for path in paths)
    )
    for day, path in zip(days, paths, strict=True):
        path.write_text(f'{{"timestamp":{int(day.timestamp() * 1000)},"accounts":[]}}\n')
        os.utime(path, (day.timestamp(), day.timestamp()))
    before = b"".join(read_array(data, 0, LATEST))
    run_shell(f"PATH=$PATH:/usr/sbin logrotate --state '{state}' '{config}'", tmp_path)
    names = [path.name.partition(".")[2] for _, path in list_day_files(data)]
    assert names == ["jsonl.1.gz", "jsonl.1.gz", "jsonl"]
    assert before.count(b"timestamp") == len(days)
    assert b"".join(read_array(data, 0, LATEST)) == before
