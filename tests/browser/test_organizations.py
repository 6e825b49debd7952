"""Which organization is asked where a login has several, and the service refuses some."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cldmon.demo.claude import SimAccount, SimOrganization
from cldmon.domain.model import FailureKind
from cldmon.domain.ports import ReadRequest, ReadResult
from cldmon.domain.secret import Secret
from tests.browser.account_reader import AccountReader, failure
from tests.env import key_of
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulation.claude import FakeClaude

PERSONAL = SimOrganization("aaaaaaaa-0000-4000-8000-00000000000A", plan_display_name="Ultra")
TEAM = SimOrganization("bbbbbbbb-0000-4000-8000-00000000000b", capabilities=("chat", "raven"))
CONSOLE = SimOrganization("cccccccc-0000-4000-8000-00000000000c", capabilities=("api",))


def add_account(claude: FakeClaude, label: str, *refused: SimOrganization) -> ReadRequest:
    """Let an account with three organizations exist, some of which refuse their usage."""
    key = key_of(label)
    claude.add(SimAccount(key, (CONSOLE, PERSONAL, TEAM), usage()))
    for organization in refused:
        claude.refuse(key, organization.uuid)
    return ReadRequest(label, Secret(key))


def test_organizations_are_tried_in_turn(fake_claude: FakeClaude, tmp_path: Path) -> None:
    reader = AccountReader(fake_claude, tmp_path)
    upper = PERSONAL.uuid.upper()
    results = reader.read(
        add_account(fake_claude, "first"),
        add_account(fake_claude, "second", PERSONAL),
        add_account(fake_claude, "none", PERSONAL, TEAM),
        replace(add_account(fake_claude, "configured"), organization=f"{{{upper}}}"),
        replace(add_account(fake_claude, "refused", PERSONAL), organization=PERSONAL.uuid.lower()),
    )
    found = {
        label: (answer.organization.uuid, answer.organization.plan)
        for label, answer in results.items()
        if isinstance(answer, ReadResult)
    }
    assert found == {
        "first": (PERSONAL.uuid, "Ultra"),
        "second": (TEAM.uuid, "Team"),
        "configured": (PERSONAL.uuid, "Ultra"),
    }
    none, refused = failure(results["none"]), failure(results["refused"])
    assert {none.kind, refused.kind} == {FailureKind.WRONG_ORGANIZATION}
    assert f"({PERSONAL.uuid}, {TEAM.uuid})" in none.message
    assert "configured" not in none.message
    assert "`organization`" not in none.message
    assert PERSONAL.uuid.lower() in refused.message
    assert f"one that the key opens ({TEAM.uuid})" in refused.message
