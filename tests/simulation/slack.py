"""The simulated Slack with faults, and a workspace that is hard on its readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cldmon.demo.server import json_response
from cldmon.demo.slack import SimSlack, SimUser, refusal
from tests.simulation.faults import Fault, instead
from tests.simulation.faults import rate_limited as http_rate_limited
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

PEOPLE = (
    SimUser("U01ALICE", "alice", "Alice Example", "alice"),
    SimUser("U02BOB", "bob", "Bob <b>Builder</b> & Sons", 'Bob "the builder"'),
    SimUser("U03CHLOE", "chloe", "Chloé Nuñez 🦊", "🦊 chloé"),
    SimUser("U04DAN", "dan", "Dan O'Neil", ""),
    SimUser("U05GUEST", "gus", "Gus Guest", "gus", guest=True),
    SimUser("U06GONE", "gone", "Gone Person", "gone", deleted=True),
    SimUser("U07BOT", "deploybot", "Deploy Bot", "deploybot", bot=True),
    SimUser("USLACKBOT", "slackbot", "Slackbot", "Slackbot"),
)
"""Names with markup, quotes and emoji; a guest, a deleted user, a bot, and Slack's own bot."""

CHANNELS: Mapping[str, tuple[str, ...]] = {"C01TEAM": ("U01ALICE", "U02BOB", "U06GONE", "U07BOT")}


class FakeSlack(FaultyServer, SimSlack):
    """The simulated workspace; faults strike by method name (`.on("chat.postMessage")`)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"users": PEOPLE, "channels": CHANNELS, **options})

    def clear(self) -> None:
        """Forget the requests and messages so far."""
        FaultyServer.clear(self)
        SimSlack.clear(self)

    def fail(self, fault: Fault, times: int | None = None) -> None:
        """Strike the next `times` calls, or all until `heal`; in order of planning."""
        self.faults.add(None, fault, times)

    def heal(self) -> None:
        """End all faults."""
        self.faults.forget(None)


def error(code: str, **more: object) -> Fault:
    """200 with `ok: false` and any error code; the call is not carried out."""
    return instead(json_response(refusal(code, **more)), code)


def rate_limited(retry_after: float | str | datetime | None = None) -> Fault:
    """429; `retry_after` in seconds, as an instant (sent as an HTTP date), raw, or absent."""
    return http_rate_limited(retry_after, refusal("ratelimited"))
