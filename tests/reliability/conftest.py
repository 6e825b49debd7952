"""One home on the brink for all cases of the suite: each begins it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.reliability.brink import on_the_brink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.brink import Brink


@pytest.fixture(scope="session")
def brink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brink]:
    """Two accounts that are about to be told of, the real command, and a real browser."""
    with on_the_brink(tmp_path_factory.mktemp("brink")) as brink:
        yield brink
