"""From a person's prompt to Slack and the dashboard: only real processes, and no session key."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.reporter.documents import make_document
from tests.reporter.receiver import Machine
from tests.simulation.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.browser.pages.conftest import OpenVisit, StartServer
    from tests.browser.server import ServerFixture

TOKEN = "team-token-for-programs"
PEOPLE = {"alice": "U01ALICE", "team/b": "U02BOB"}


class Team:
    """A server that watches two accounts by report, and the machines of the two people.

    `reach` connects a machine to the server, by HTTP or by hand.
    """

    def __init__(
        self, server: ServerFixture, slack: FakeSlack, reach: Callable[[str], Machine]
    ) -> None:
        self.server = server
        self.slack = slack
        tables = "".join(
            f'[[accounts]]\nlabel = "{label}"\nsource = "report"\n' for label in PEOPLE
        )
        server.write_config(
            f"port = {server.server_port}\n{server.top}", tables, labels=[], slack=True
        )
        for label, person in PEOPLE.items():
            server.output("subscribe", person, label, "--hit")
        slack.clear()
        self.machines = {label: reach(label) for label in PEOPLE}

    def use(self, label: str, five: float) -> None:
        """Show a status line that is reported, and run a pass."""
        machine = self.machines[label]
        if machine.progress:
            machine.forget_attempts()
        shown = machine.show(make_document(five, now=datetime.now(UTC)))
        assert shown == f"5h {five:.0f}% · 7d 63%\n"
        assert machine.leftovers() == []
        assert machine.progress["error"] is None
        # No browser is started: there is none.
        self.server.output("fetch", environ={"CLDMON_BROWSER": "/nonexistent"})

    def usage(self) -> dict[str, Any]:
        """Return the accounts in the API's answer, by label."""
        connection = HTTPConnection(*self.server.address)
        with closing(connection):
            connection.request("GET", "/api/usage", headers={"Authorization": f"Bearer {TOKEN}"})
            return {each["label"]: each for each in json.load(connection.getresponse())["accounts"]}


@pytest.fixture(params=["by HTTP", "by hand"])
def team(request: pytest.FixtureRequest, tmp_path: Path, new_server: StartServer) -> Iterator[Team]:
    top = f'api_token = "{TOKEN}"'
    with FakeSlack() as slack:
        server = new_server(slack, top, labels=[])

        def by_http(label: str) -> Machine:
            machine = Machine(tmp_path / label.replace("/", "-"), server.url, label)
            machine.environ["CLDMON_REPORT_TOKEN"] = server.run(
                "report", "--token", label
            ).stdout.strip()
            return machine

        def by_hand(label: str) -> Machine:
            file = server.data / "reports" / f"{label.replace('/', '%2F')}.json"
            file.parent.mkdir(exist_ok=True)
            return Machine(tmp_path / label.replace("/", "-"), str(file), label)

        yield Team(server, slack, by_http if request.param == "by HTTP" else by_hand)


def test_a_limit_that_is_reached_at_a_prompt_is_announced_and_shown(
    team: Team, visit: OpenVisit
) -> None:
    team.use("alice", 41)
    team.use("team/b", 96)
    assert team.slack.sent == []
    team.use("alice", 100)
    [message] = team.slack.sent
    assert message.channel == PEOPLE["alice"]
    assert "alice" in message.text
    accounts = team.usage()
    assert [accounts[label]["fiveHour"]["utilization"] for label in PEOPLE] == [100, 96]
    assert {each["source"] for each in accounts.values()} == {"report"}
    page = visit(team.server).log_in("Alice")
    expect(page.card("alice")).to_contain_text("100%")
    expect(page.card("team/b")).to_contain_text("96%")
