"""The counting of the harness counts right, and each part has its place on the page."""

from __future__ import annotations

import pytest

from tests.reliability.__main__ import PAGE, list_parts, replace_row
from tests.reliability.result import HEAD, LetInError, LostError, Result


def tally_of(*ends: Exception | None) -> Result:
    result = Result("a fault")
    for number, end in enumerate(ends):
        with result.case(f"case {number}"):
            if end:
                raise end
    return result


def test_each_trial_is_survived_or_a_problem() -> None:
    result = tally_of(None, LostError("a line"), LetInError("a stranger"), ValueError("odd"), None)
    assert result.row == "| a fault | 5 | 2 | 1 | 1 |\n"
    assert [problem.partition(" (")[0] for problem in result.problems] == [
        "a fault: case 1: LostError: a line",
        "a fault: case 2: LetInError: a stranger",
        "a fault: case 3: ValueError: odd",
    ]
    assert result.problems[0].endswith(": raise end)")


@pytest.mark.parametrize(
    "result", [tally_of(), tally_of(None, LostError("x"))], ids=["none", "lost"]
)
def test_a_check_fails_without_cases_or_with_a_problem(result: Result) -> None:
    with pytest.raises(AssertionError):
        result.check()
    tally_of(None).check()


def test_a_class_writes_its_row_and_leaves_the_rest_of_the_page() -> None:
    page = "# Page\n<!-- cases: a -->\n<!-- end -->\nwords\n<!-- cases: b -->\n<!-- end -->\n"
    for result in (Result("one"), Result("two"), tally_of(None), Result("two", 3, 2, 1)):
        page = replace_row(page, "a", result)
    rows = "| one | 0 | 0 | 0 | 0 |\n| two | 3 | 2 | 1 | 0 |\n| a fault | 1 | 1 | 0 | 0 |\n"
    assert page == (
        f"# Page\n<!-- cases: a -->\n\n{HEAD}{rows}\n<!-- end -->\nwords\n"
        "<!-- cases: b -->\n<!-- end -->\n"
    )


def test_each_part_has_its_place_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    assert [part for part in list_parts() if f"<!-- cases: {part} -->" not in page] == []
