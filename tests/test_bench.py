"""The benchmarks: their results, their tables, and the parts that need no idle machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bench import append, fleet, reports, sample_data
from bench.__main__ import PARTS, RESULTS, render_pages
from bench.measurement import environment, fit_line, measure_cost, median_ratio, run_rounds
from bench.pages import fill, format_table, format_tables
from bench.results import Effort, PartResult, Results, Row, load, save
from bench.sampler import part_of
from cldmon.domain.instants import to_ms
from cldmon.store import reader

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
GOOD = Row("a | pipe", "`cat`", "1 ms", "0.50 ×", "≤ 1 ×", holds=True)
BAD = Row("a pass", "–", "9 s", "–", "≤ 1 s", holds=False)


def results(*rows: Row) -> Results:
    return Results({"cores": "2"}).with_part("append", PartResult([*rows]), "2026-03-12 12:00")


def test_reports_faster_than_allowed_are_all_on_disk() -> None:
    """Half a second of the trial, with few machines."""
    trial = reports.run_trial([f"account-{n}" for n in range(5)], rate=20, seconds=0.5)
    assert trial.is_safe
    assert trial.reports["rate"] > 0


def test_the_pages_show_the_stored_results() -> None:
    """`scripts/bench` and `scripts/docs` write them."""
    for page, text in render_pages(load(RESULTS)).items():
        assert page.read_text(encoding="utf-8") == text


def test_each_part_of_the_published_table_is_one_that_can_be_measured() -> None:
    assert load(RESULTS).parts.keys() <= PARTS.keys()


def test_results_survive_their_file(tmp_path: Path) -> None:
    found = results(GOOD, BAD).with_part("x", PartResult([], {"a": 1.5}, {"l": [["h"]]}), "now")
    save(tmp_path / "results.json", found)
    assert load(tmp_path / "results.json") == found
    assert load(tmp_path / "none.json") == Results()


def test_a_part_that_is_measured_alone_replaces_its_rows_only() -> None:
    before = results(BAD).with_part("usage", PartResult([BAD]), "then")
    after = before.with_part("append", PartResult([GOOD]), "now")
    assert (after.parts["append"].rows, after.parts["usage"].rows) == ([GOOD], [BAD])


def test_the_tables_name_what_does_not_hold() -> None:
    blocks = format_tables(results(GOOD, BAD), ["append"])
    assert blocks["verdict"] == "1 of 2 bounds hold; not: a pass.\n"
    assert blocks["bounds"].splitlines()[2:] == [
        r"| a \| pipe | `cat` | 1 ms | 0.50 × | ≤ 1 × | yes |",
        "| a pass | – | 9 s | – | ≤ 1 s | **no** |",
    ]
    assert format_tables(results(GOOD), ["append"])["verdict"] == "All 1 bounds hold.\n"


def test_the_summary_has_the_rows_that_matter_most() -> None:
    row = Row("`cldmon status`", "`python -c pass`", "50 ms", "5 ×", "≤ 7 ×", holds=True)
    summary = format_tables(results(GOOD, row), ["append"])["summary"]
    assert summary.splitlines()[2:] == ["| `cldmon status` | 50 ms | `python -c pass` | 5 × |"]


def test_a_generated_block_is_replaced_and_the_rest_of_the_page_stays() -> None:
    page = "# Page\n<!-- generated: a -->\nold\n<!-- end -->\nwords\n"
    filled = "# Page\n<!-- generated: a -->\n\nnew\n\n<!-- end -->\nwords\n"
    blocks = {"a": "new\n"}
    assert fill(page, blocks) == filled
    assert fill(filled, blocks) == filled


def test_nothing_makes_an_empty_table() -> None:
    assert format_table([]) == ""


def test_the_history_to_measure_on_is_one(tmp_path: Path) -> None:
    size = sample_data.write_history(
        tmp_path, sample_data.make_labels(3), timedelta(minutes=10), 2, NOW
    )
    points = reader.read_series(tmp_path, "account 001", 0, to_ms(NOW))
    assert len(points) == 2 * 144
    assert size == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert {*points[-1][1]} == {"fiveHour", "sevenDay", "models.Fable"}


def test_what_a_process_and_its_children_take_is_counted() -> None:
    """Also what a child takes that was started by a child."""
    loop = "for i in $(seq 20000); do :; done; sleep 0.3"
    found = measure_cost(["sh", "-c", f"sh -c '{loop}'"], environment())
    assert found.wall > 0.3 > found.cpu > 0
    assert found.memory > 0


def test_a_process_that_fails_is_not_measured() -> None:
    with pytest.raises(SystemExit, match="ended with 3"):
        measure_cost(["sh", "-c", "exit 3"])


def test_a_ratio_is_the_median_of_paired_rounds() -> None:
    assert median_ratio([(1.0, 2.0), (2.0, 2.0), (1.0, 9.0)]) == 2.0
    calls = iter(range(100))
    assert run_rounds(2, lambda: next(calls), lambda: 0) == [(1, 0), (2, 0)]


def test_a_fitted_line_has_the_deviation_of_its_measurements() -> None:
    line = fit_line({20: 3.0, 50: 6.0, 100: 11.0})
    assert (round(line.base, 6), round(line.slope, 6), round(line.deviation, 6)) == (1.0, 0.1, 0.0)
    assert fit_line({1: 1.0, 2: 1.0, 3: 4.0}).deviation > 0.5


def test_a_part_is_measured() -> None:
    rows = append.measure(Effort(quick=True)).rows
    assert [row.must for row in rows] == ["≤ 1.5 ×"] * 3


def test_a_fleet_asks_every_account_in_each_interval() -> None:
    found = fleet.estimate({}).lists
    limits = {name: int(most.replace(",", "")) for name, most, _ in found["limits"][1:]}
    assert limits["the service"] == fleet.MAX_REQUEST_RATE * fleet.INTERVAL == min(limits.values())
    for row in found["fleets"][1:]:
        machines, configurations, accounts = map(int, row[0].split(" × "))
        assert machines * configurations * accounts >= fleet.ACCOUNTS


def test_a_stack_outside_of_cldmon_is_none_of_its_parts() -> None:
    assert part_of(None, []) == "import cldmon"
