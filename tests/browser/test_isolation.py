"""An unexpected error fails only the account in whose session it occurs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from cldmon.domain.model import FailureKind
from cldmon.domain.ports import ReadResult
from tests.browser.account_reader import AccountReader, failure
from tests.env import organization_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.simulation.claude import FakeClaude


class CookieStoreError(Exception):
    """Raised while the account's cookies are looked up."""


class OrganizationError(Exception):
    """Raised while the list of organizations is parsed."""


class UsageError(Exception):
    """Raised while the usage is parsed."""


class BrokenLabel(str):
    __slots__ = ()

    def encode(self, *_: object) -> NoReturn:
        raise CookieStoreError


class BrokenUuid(str):
    __slots__ = ()

    def strip(self, *_: object) -> NoReturn:
        raise OrganizationError


@dataclass
class BrokenOrganization:
    uuid: str

    @property
    def plan(self) -> NoReturn:
        raise UsageError


def test_an_unexpected_error_fails_only_its_account(
    fake_claude: FakeClaude, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = AccountReader(fake_claude, tmp_path)
    broken: Any = BrokenOrganization(organization_of("usage"))
    questions = [
        replace(reader.add_account("cookies"), label=BrokenLabel("cookies")),
        replace(reader.add_account("organizations"), organization=BrokenUuid("x")),
        replace(reader.add_account("usage"), remembered=broken),
        reader.add_account("good"),
    ]
    with caplog.at_level(logging.DEBUG, "cldmon"):
        results = reader.read(*questions)
    assert isinstance(results.pop("good"), ReadResult)
    assert {failure(result).kind for result in results.values()} == {FailureKind.UNEXPECTED}
    raised = {"cookies": CookieStoreError, "organizations": OrganizationError, "usage": UsageError}
    for label, error in raised.items():
        assert f"({error.__name__})" in failure(results[label]).message
    logged = {record.exc_info[0] for record in caplog.records if record.exc_info}
    assert logged == set(raised.values())
