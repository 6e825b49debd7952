"""One home on the brink for all trials of the suite: each begins it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.brink import Brink

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def brink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brink]:
    """Two accounts that are about to be told of, the real command, and a real browser."""
    with Brink(tmp_path_factory.mktemp("brink")) as brink:
        yield brink
