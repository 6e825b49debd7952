"""From a configuration to channels that deliver, and to who gets which alerts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from time import perf_counter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from cldmon.app.alerts import build_audience, build_channels
from cldmon.demo.server import Response, Route, json_response
from cldmon.domain.delivery import DeliveryStatus
from cldmon.domain.events import Event, EventKind
from cldmon.domain.subscriptions import QuietHours, Subscriptions
from cldmon.notifications.outbox import Delivery
from cldmon.notifications.rules import DEFAULT_EVENTS
from cldmon.store.state import DIRECT_MESSAGES, Message, State
from tests.env import Env, wait_until
from tests.simulation import faults
from tests.simulation.faults import Fault
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
HIT = Event(EventKind.LIMIT_HIT, "alice", "fiveHour", NOON, NOON + timedelta(hours=1), 100)
TOKEN = '[notifications.slack]\nbot_token = "{}"\n'
CHANNELS = """
[[notifications.channels]]
name = "team"
slack = "C01TEAM"
events = ["run_out"]
accounts = ["alice"]
thresholds = [90]
[[notifications.channels]]
command = ["./program"]
[[notifications.channels]]
url_env = "HOOK"
"""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    with Env(tmp_path, labels=["alice", "bob"]) as env:
        env.data.mkdir()
        yield env


def test_each_channel_delivers_by_its_own_way(env: Env) -> None:
    """The token is needed for posts, though direct messages are off."""
    env.write_config(
        'public_url = "https://usage.example/"', CHANNELS + TOKEN.format(env.slack.token)
    )
    program = env.data / "program"
    program.write_text("#!/bin/sh\ncat > got.json\n")
    program.chmod(0o755)
    hook = Route("hook", "/hook/?", lambda _request: json_response({}))
    with FaultyServer((hook,)) as server:
        env.environ["HOOK"] = server.url.replace("http://", "json://") + "/hook/"
        channels = build_channels(env.app, env.app.config)
        assert [*channels] == ["team", "command", "apprise"]
        for channel in channels.values():
            assert channel.send(None, [HIT]).status is DeliveryStatus.DELIVERED
        [called] = server.requests
    assert "alice's 5-hour limit" in json.loads(called.body)["message"]
    [post] = env.slack.sent
    assert (post.channel, post.text[:5]) == ("C01TEAM", "alice")
    assert "https://usage.example/" in str(post.blocks)
    assert json.loads((env.data / "got.json").read_text())["event"] == "limit_hit"


def test_a_channel_that_hangs_delays_no_other(env: Env) -> None:
    """Each hangs until all have begun: one after the other, they would be given up."""

    def begin(name: str) -> Response:
        (env.data / f"{name}.begun").touch()
        wait_until(lambda: len(list(env.data.glob("*.begun"))) == 4, within=9)
        return json_response({})

    program = "touch $1.begun; until [ $(ls | grep -c begun) = 4 ]; do sleep 0.05; done"
    tables = "".join(
        f"[[notifications.channels]]\ncommand = {json.dumps(['sh', '-c', program, 'sh', name])}\n"
        for name in ("one", "two")
    )
    env.slack.fail(Fault("held", lambda genuine: [begin("slack"), genuine()][1]))
    with FaultyServer((Route("hook", "/hook/?", lambda _: begin("apprise")),)) as server:
        url = server.url.replace("http://", "json://") + "/hook/"
        tables += f'[[notifications.channels]]\nurl = "{url}"\n'
        tables += '[[notifications.channels]]\nslack = "C01TEAM"\n'
        env.write_config("", tables + TOKEN.format(env.slack.token))
        channels = build_channels(env.app, env.app.config)
        outbox = tuple(Message(HIT, name) for name in channels)
        delivery = Delivery(
            State(outbox=outbox),
            channels,
            is_wanted=lambda _: True,
            now=env.clock,
            save=lambda _: None,
        )
        assert delivery.run().outbox == ()


def test_no_program_sees_the_variables_that_hold_secrets(env: Env) -> None:
    """Not even those whose content looks like nothing in particular."""
    env.environ |= {"TEAMS_URL": "msteams://MARKER", "HARMLESS": "yes"}
    url = '[[notifications.channels]]\nurl_env = "TEAMS_URL"\n'
    command = '[[notifications.channels]]\ncommand = ["./program"]\n'
    env.write_config("", url + command)
    program = env.data / "program"
    program.write_text("#!/bin/sh\nenv > got.txt\n")
    program.chmod(0o755)
    build_channels(env.app, env.app.config)["command"].send(None, [HIT])
    got = (env.data / "got.txt").read_text()
    assert ("MARKER" in got, "HARMLESS=yes" in got) == (False, True)


def test_direct_messages_are_a_channel_where_slack_is_on(env: Env) -> None:
    env.write_config(slack=True)
    channels = build_channels(env.app, env.app.config)
    assert [*channels] == [DIRECT_MESSAGES]
    assert channels[DIRECT_MESSAGES].send("U02BOB", [HIT]).status is DeliveryStatus.DELIVERED


def test_a_channel_whose_token_is_missing_waits_alone(env: Env) -> None:
    env.write_config("", CHANNELS)
    result = build_channels(env.app, env.app.config)["team"].send(None, [HIT])
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert result.reason.startswith("Slack: ")


def test_a_channel_whose_url_cannot_be_used_waits_alone(env: Env) -> None:
    env.write_config("", CHANNELS)
    missing = build_channels(env.app, env.app.config)["apprise"].send(None, [HIT])
    env.environ["HOOK"] = "nosuchservice://MARKER"
    unknown = build_channels(env.app, env.app.config)["apprise"].send(None, [HIT])
    assert [each.status for each in (missing, unknown)] == [DeliveryStatus.LATER] * 2
    assert "names the variable HOOK, which is not set" in missing.reason
    assert "Apprise cannot use nosuchservice://" in unknown.reason
    assert "MARKER" not in unknown.reason


def test_the_audience_is_that_of_the_configuration(env: Env) -> None:
    env.write_config("", CHANNELS)
    env.config.write_text(
        env.config.read_text().replace('label = "bob"', 'label = "bob"\nowner = "U02BOB"')
    )
    audience = build_audience(env.app)
    team, command, apprise = audience.channels
    assert (team.name, team.events, team.accounts) == ("team", (EventKind.RUN_OUT,), ("alice",))
    assert (team.thresholds, command.thresholds) == ((90,), ())
    assert (command.name, command.events, command.accounts) == ("command", DEFAULT_EVENTS, None)
    assert apprise.name == "apprise"
    assert audience.owners == {"bob": "U02BOB"}


def test_quiet_hours_are_in_the_zone_of_the_slack_profile(env: Env) -> None:
    env.write_config()
    zones = {"U1": "Asia/Tokyo", "U2": "Mars/Olympus"}
    people = [
        {"id": user, "name": "x", "real_name": "", "display_name": "", "timezone": zone}
        for user, zone in zones.items()
    ]
    body = {"fetchedAt": "2026-11-29T11:00:00Z", "scope": "other", "users": people}
    (env.data / "slack-users.json").write_text(json.dumps(body))
    audience = build_audience(env.app)
    assert audience.timezone("U1") == ZoneInfo("Asia/Tokyo")
    assert [audience.timezone(user) for user in ("U2", "U3")] == [None, None]
    night = QuietHours(time(20), time(22))
    audience = replace(audience, subscriptions=Subscriptions(quiet={"U1": night}))
    assert audience.is_quiet("U1", NOON)  # 21:00 in Tokyo
    assert not audience.is_quiet("U1", NOON + timedelta(hours=2))


def test_time_zones_are_asked_of_slack_once_a_day(env: Env) -> None:
    """The file is a cache: without it nobody is woken by the server's zone."""
    env.write_config(slack=True)
    for _ in range(2):
        assert build_audience(env.app).timezone("U01ALICE") == ZoneInfo("Europe/Berlin")
    assert [request.path for request in env.slack.requests] == ["/api/users.list"]


def test_while_slack_fails_or_hangs_time_zones_are_those_last_known(env: Env) -> None:
    env.write_config(slack=True)
    assert build_audience(env.app).timezone("U01ALICE")
    file = env.data / "slack-users.json"
    file.write_text(re.sub('(?<=fetchedAt": ")[0-9]{4}', "2020", file.read_text()))
    for fault in (faults.status(500), faults.hang(5)):
        env.slack.fail(fault)
        began = perf_counter()
        zone = build_audience(env.app, slack_seconds=0.3).timezone("U01ALICE")
        assert zone == ZoneInfo("Europe/Berlin")
        assert perf_counter() - began < 5
