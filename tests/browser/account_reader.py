"""Passes of the real source in a real browser over a simulated claude.ai."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cldmon.claude.browser import BrowserSettings
from cldmon.claude.source import BrowserSource
from cldmon.demo.claude import SimAccount, SimOrganization
from cldmon.domain.model import Failure
from cldmon.domain.ports import ReadRequest, make_lookup
from cldmon.domain.secret import Secret
from tests.env import key_of, organization_of
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cldmon.demo.server import Request
    from cldmon.domain.ports import ReadResult
    from tests.simulation.claude import FakeClaude
    from tests.simulation.faults import Fault

PATIENT = BrowserSettings(timeout=40, challenge_timeout=1, concurrency=8)
"""For challenges that are never passed: a busy machine has time for all else."""


@dataclass
class AccountReader:
    """A source with a clock of its own. Each `read` starts a browser."""

    claude: FakeClaude
    folder: Path
    settings: BrowserSettings = PATIENT
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    ahead: timedelta = timedelta()
    url: str = ""
    """The address of the service; empty for its own."""

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def add_account(self, label: str, *faults: Fault, times: int | None = None) -> ReadRequest:
        """Add an account and its faults to claude.ai; return the request to read it."""
        key, organization = key_of(label), SimOrganization(organization_of(label))
        self.claude.add(SimAccount(key, (organization,), usage()))
        for fault in faults:
            self.claude.fail(key, fault, times)
        return ReadRequest(label, Secret(key))

    def read(self, *requests: ReadRequest) -> dict[str, ReadResult | Failure]:
        self.claude.clear()
        url = self.url or self.claude.url
        source = BrowserSource(
            self.settings, url=url, folder=self.folder, now=self.now, env=self.env
        )
        done: list[str] = []
        results = source.read({each.label: make_lookup(each) for each in requests}, done.append)
        assert sorted(done) == sorted(request.label for request in requests)
        return results

    def requests_of(self, label: str, key: str | None = None) -> list[Request]:
        """Return the requests of an account in the last pass."""
        return [each for each in self.claude.requests if each.key == (key or key_of(label))]


def failure(result: Any) -> Failure:
    assert isinstance(result, Failure), result
    return result
