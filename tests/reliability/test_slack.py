"""A Slack that is faulty in every way: each message arrives once, in order, or the person has left.

The real client against a simulated Slack on a socket, and against servers that are not Slack. What
costs seconds a case is left to `scripts/reliability services`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon import metrics
from tests.env import Env
from tests.reliability import slack
from tests.reliability.tls import AUTHORITY, BROKEN, UNTRUSTED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulation.claude import FakeClaude


@pytest.mark.parametrize("case", [*slack.cases()], ids=lambda case: case.name)
def test_a_message_arrives_once_after_any_first_answer_of_slack(
    tmp_path: Path, case: slack.Case
) -> None:
    slack.run_case(tmp_path, case)


@pytest.mark.parametrize("way", [*UNTRUSTED, *BROKEN])
def test_the_token_is_never_sent_where_the_certificate_is_not_trusted(
    tmp_path: Path, way: str
) -> None:
    slack.run_tls_case(tmp_path, way)


@pytest.mark.parametrize("way", ["expired", "other-host"])
def test_an_authority_that_is_trusted_does_not_excuse_a_wrong_certificate(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    slack.run_tls_case(tmp_path, way)


def test_a_flood_that_nobody_takes_is_bounded_and_said(
    tmp_path: Path, fake_claude: FakeClaude
) -> None:
    """By health, by its form for monitors, by doctor and by the metrics: how many, since when, and
    how many were dropped; and `fetch` said it when it dropped them.
    """
    env = Env(tmp_path, fake_claude).set_up({"alice": None})
    begun = datetime.now(UTC) - timedelta(minutes=10 * 61, seconds=30)
    collector_env = slack.flood(env.data, 20, 61, begun)
    waiting = collector_env.state.waiting
    assert waiting.since
    assert (waiting.count, waiting.dropped) == (1_000, 200)
    [said, *_] = collector_env.warnings
    assert said == "20 message(s) dropped: too old, or too many were waiting"
    assert [m.event.at for m in collector_env.state.outbox] == sorted(
        m.event.at for m in collector_env.state.outbox
    )

    health = env.run("health").stdout
    since = f"{waiting.since:%Y-%m-%dT%H:%M}"
    assert f"; 1000 Slack message(s) wait since {since}" in health
    assert health.endswith(", 200 dropped so far\n")
    monitor = env.run("health", "--nagios")
    assert monitor.returncode == 1
    assert re.search(r" waiting=1000;;;0 waited=\d{5}s;3600;;0 dropped=200c\n", monitor.stdout)
    doctor = env.run("doctor", "--offline").stdout
    assert "1000 message(s) waiting, the oldest for 8 h; 200 dropped so far" in doctor
    shown = metrics.render(collector_env.state, collector_env.clock.at).decode()
    assert "cldmon_outbox_messages 1000.0" in shown
    assert "cldmon_messages_dropped_total 200.0" in shown
    stamp = re.search(r"^cldmon_outbox_oldest_timestamp_seconds (.*)$", shown, re.MULTILINE)
    assert stamp
    assert abs(float(stamp[1]) - waiting.since.timestamp()) < 1
