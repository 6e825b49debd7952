"""Counts what was done to cldmon and what came of it: the rows of docs/reliability.md.

A part of the harness is a module `tests/faults/trials_<part>.py` with one function

    def trials(folder: Path) -> Iterator[Tally]

that yields a finished tally for each class of faults; `folder` is an empty one of its own, to be
used as it likes. `scripts/faults <part> …` runs parts (none named: all of them), writes the row of
each class into the table between `<!-- trials: <part> -->` and `<!-- end -->` in
docs/reliability.md, and exits with 1 where something was lost, let in, or not survived. Words about
a part stand outside its two marks; a row whose class is no more is removed by hand.

Within a part each fault is one trial, whose block proves what holds afterwards:

    tally = Tally("SIGKILL at each step of a pass")
    for step in steps:
        with tally.trial(f"killed before {step}"):
            …
            if missing:
                raise LostError(f"the reading of {missing}")  # or LetInError, or a plain assert
    yield tally

A test of the suite takes a sample of the same trials and ends with `tally.check()`.
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
    """A reading, a transition, a message or a file is gone, or came more often than it may."""


class LetInError(AssertionError):
    """Somebody got what is not theirs: an answer, a secret, a change, the time of others."""


@dataclass
class Tally:
    """One class of faults: how often it was tried, and how that ended.

    A trial is survived if its block ends without an exception. `problems` says of each other one
    what was wrong.
    """

    fault: str
    tried: int = 0
    survived: int = 0
    lost: int = 0
    let_in: int = 0
    problems: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def trial(self, name: str) -> Iterator[None]:
        """Count a trial; what goes wrong in it is kept, and the next trial goes on."""
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
        """Fail where a trial was not survived, or none was made."""
        assert not self.problems, "\n".join(self.problems)
        assert self.tried > 0


def _place(error: Exception) -> str:
    """Return the line of code that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}: {last.line}"
