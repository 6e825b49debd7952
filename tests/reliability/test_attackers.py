"""A sample of the attacks: all of them are refused, none is let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.reliability.cases_attackers import KINDS, attacks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("kind", "size"), [(kind, some) for kind, (some, _) in KINDS.items()])
def test_attacks_are_refused(tmp_path: Path, kind: str, size: int) -> None:
    for result in attacks(kind, tmp_path, size):
        result.check()
