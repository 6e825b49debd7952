"""The counting of the harness counts right, and each part has its place on the page."""

from __future__ import annotations

import pytest

from tests.faults.__main__ import PAGE, parts, written
from tests.faults.tally import HEAD, LetInError, LostError, Tally


def tally_of(*ends: Exception | None) -> Tally:
    tally = Tally("a fault")
    for number, end in enumerate(ends):
        with tally.trial(f"trial {number}"):
            if end:
                raise end
    return tally


def test_each_trial_is_survived_or_a_problem() -> None:
    tally = tally_of(None, LostError("a line"), LetInError("a stranger"), ValueError("odd"), None)
    assert tally.row == "| a fault | 5 | 2 | 1 | 1 |\n"
    assert [problem.partition(" (")[0] for problem in tally.problems] == [
        "a fault: trial 1: LostError: a line",
        "a fault: trial 2: LetInError: a stranger",
        "a fault: trial 3: ValueError: odd",
    ]
    assert tally.problems[0].endswith(": raise end)")


@pytest.mark.parametrize(
    "tally", [tally_of(), tally_of(None, LostError("x"))], ids=["none", "lost"]
)
def test_a_check_fails_without_trials_or_with_a_problem(tally: Tally) -> None:
    with pytest.raises(AssertionError):
        tally.check()
    tally_of(None).check()


def test_a_class_writes_its_row_and_leaves_the_rest_of_the_page() -> None:
    page = "# Page\n<!-- trials: a -->\n<!-- end -->\nwords\n<!-- trials: b -->\n<!-- end -->\n"
    for tally in (Tally("one"), Tally("two"), tally_of(None), Tally("two", 3, 2, 1)):
        page = written(page, "a", tally)
    rows = "| one | 0 | 0 | 0 | 0 |\n| two | 3 | 2 | 1 | 0 |\n| a fault | 1 | 1 | 0 | 0 |\n"
    assert page == (
        f"# Page\n<!-- trials: a -->\n\n{HEAD}{rows}\n<!-- end -->\nwords\n"
        "<!-- trials: b -->\n<!-- end -->\n"
    )


def test_each_part_has_its_place_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    assert [part for part in parts() if f"<!-- trials: {part} -->" not in page] == []
