"""Passes of the real source in a real browser over a simulated claude.ai."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cldmon.claude.browser import BrowserSettings
from cldmon.claude.source import BrowserSource
from cldmon.demo.claude import SimAccount, SimOrganization
from cldmon.demo.usage_json import usage
from cldmon.domain.model import Failure
from cldmon.domain.ports import ReadRequest, make_lookup
from cldmon.domain.secret import Secret
from tests.env import key_of, organization_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cldmon.demo.server import Request
    from cldmon.domain.ports import ReadResult
    from tests.simulation.claude import FakeClaude
    from tests.simulation.faults import Fault

PATIENT = BrowserSettings(timeout=40, concurrency=8)


@dataclass
class Asking:
    """A source with a clock of its own; `read` is a pass in a new browser."""

    claude: FakeClaude
    folder: Path
    settings: BrowserSettings = PATIENT
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    ahead: timedelta = timedelta()
    url: str = ""
    """Under which the service is asked; its own without one."""

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def admit(self, label: str, *faults: Fault, times: int | None = None) -> ReadRequest:
        """Let an account exist, with what is wrong with it, and return the question about it."""
        key, organization = key_of(label), SimOrganization(organization_of(label))
        self.claude.add(SimAccount(key, (organization,), usage()))
        for fault in faults:
            self.claude.fail(key, fault, times)
        return ReadRequest(label, Secret(key))

    def read(self, *questions: ReadRequest) -> dict[str, ReadResult | Failure]:
        self.claude.clear()
        url = self.url or self.claude.url
        source = BrowserSource(
            self.settings, url=url, folder=self.folder, now=self.now, env=self.env
        )
        told: list[str] = []
        results = source.read({each.label: make_lookup(each) for each in questions}, told.append)
        assert sorted(told) == sorted(question.label for question in questions)
        return results

    def requests_of(self, label: str, key: str | None = None) -> list[Request]:
        """Return what one account asked in the last pass."""
        return [each for each in self.claude.requests if each.key == (key or key_of(label))]


def failure(result: Any) -> Failure:
    assert isinstance(result, Failure), result
    return result
