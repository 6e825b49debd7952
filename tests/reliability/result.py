"""Count cases by their outcome: the rows of docs/reliability-results.md.

A part of the harness is a module `tests/reliability/cases_<part>.py` with one function

    def run_cases(folder: Path) -> Iterator[Result]

that yields a finished result for each class of faults; `folder` is an empty one of its own, to be
used as it likes. `scripts/reliability <part> …` runs the parts named (all by default), writes the
row of each class into the table between `<!-- cases: <part> -->` and `<!-- end -->` in
docs/reliability-results.md, and exits with 1 if something was lost, let in, or not survived. Text
about a part stands outside its two marks. Remove the row of a deleted class by hand.

Within a part each fault is one case, whose block proves what holds afterwards:

    result = Result("SIGKILL at each step of a pass")
    for step in steps:
        with result.case(f"killed before {step}"):
            …
            if missing:
                raise LostError(f"the reading of {missing}")  # or LetInError, or a plain assert
    yield result

A test of the suite takes a sample of the same cases and ends with `result.check()`.
"""

from __future__ import annotations

import contextlib
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = "| what was done | tried | survived | lost | let in |\n| --- | --: | --: | --: | --: |\n"


class LostError(AssertionError):
    """A reading, an event, a message or a file is gone, or came more often than it may."""


class LetInError(AssertionError):
    """Somebody got what is not theirs: an answer, a secret, a change, the time of others."""


@dataclass
class Result:
    """One class of faults: how often it was tried, and how that ended.

    A case is survived if its block ends without an exception. `problems` says of each other one
    what was wrong.
    """

    fault: str
    tried: int = 0
    survived: int = 0
    lost: int = 0
    let_in: int = 0
    problems: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def case(self, name: str) -> Iterator[None]:
        """Count a case; what goes wrong in it is kept, and the next case goes on."""
        self.tried += 1
        try:
            yield
        except Exception as error:  # whatever it is, it was not survived
            self.lost += isinstance(error, LostError)
            self.let_in += isinstance(error, LetInError)
            said = f"{type(error).__name__}: {error}".strip(": ")
            self.problems.append(f"{self.fault}: {name}: {said} ({_place(error)})")
        else:
            self.survived += 1

    @property
    def row(self) -> str:
        """Its line of the table."""
        counts = (self.tried, self.survived, self.lost, self.let_in)
        return f"| {self.fault} | {' | '.join(f'{count:,}' for count in counts)} |\n"

    def check(self) -> None:
        """Fail where a case was not survived, or none was made."""
        assert not self.problems, "\n".join(self.problems)
        assert self.tried > 0


def _place(error: Exception) -> str:
    """Return the line of code that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}: {last.line}"
