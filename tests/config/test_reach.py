"""What a person who starts the server is told of who may come in."""

from __future__ import annotations

import pytest

from cldmon.config.reach import SHORT_SECRET, remarks
from cldmon.config.schema import Config


@pytest.mark.parametrize("name", ["api_token", "session_secret"])
def test_a_secret_that_can_be_guessed_is_remarked_on(name: str) -> None:
    short, long = "x" * (SHORT_SECRET - 1), "x" * SHORT_SECRET
    [remark] = remarks(Config.model_validate({name: short}))
    assert remark.startswith(f"{name} can be guessed")
    assert short not in remark
    assert [*remarks(Config.model_validate({name: long}))] == []
