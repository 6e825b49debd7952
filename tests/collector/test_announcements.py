"""What people hear of, over several passes with a restart between any two."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.collector.next_state import MOST_WINDOWS
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.model import Window
from cldmon.notifications.detection import ResetRule
from tests.fakes import DOWN, NOON

if TYPE_CHECKING:
    from tests.collector.env import CollectorEnv
    from tests.fakes import Said, Windows

HIT = "U1: limit_hit alice fiveHour"
RESET = "U1: usage_reset alice fiveHour"
SOON = NOON + timedelta(hours=3)


@pytest.mark.parametrize("first", [0, 55, 100, 101])
def test_first_sight_is_silent(env: CollectorEnv, first: int) -> None:
    """Whatever an account starts with is no news, not even a limit that is hit already."""
    env.run({"alice": min(first, 100)})
    assert env.sent_alerts == []
    assert env.percents() == [min(first, 100)]


def test_a_limit_is_announced_by_the_pass_that_sees_it_and_by_no_later_one(
    env: CollectorEnv,
) -> None:
    for percent in (99, 100, 100, 100):
        env.run({"alice": percent})
    assert env.sent_alerts == [HIT]


def test_a_reset_is_announced_once_although_no_reset_time_is_given(env: CollectorEnv) -> None:
    """100 -> 0 with a null `resets_at`: at rest no window runs."""
    says: list[Said] = [100, {"fiveHour": Window(0, None)}, 0, 0]
    for said in says:
        env.run({"alice": said})
    assert env.sent_alerts == [RESET]


@pytest.mark.parametrize("rule", ResetRule)
def test_a_reset_time_that_jitters_repeats_nothing(env: CollectorEnv, rule: ResetRule) -> None:
    """The service's own instants differ by a second from call to call."""
    env.settings = replace(env.settings, rule=rule)
    env.run({"alice": 99})
    for seconds in (0, 1, -1, 0, 59, -59, 2):
        window = Window(100, SOON + timedelta(seconds=seconds))
        env.run({"alice": {"fiveHour": window}})
    assert env.sent_alerts == [HIT]


def test_errors_between_two_good_readings_change_nothing(env: CollectorEnv) -> None:
    """Neither is a limit announced anew after an error, nor is a reset missed."""
    for said in (99, 100, DOWN, 100, DOWN, DOWN, 0, DOWN, 0):
        env.run({"alice": said})
    assert env.sent_alerts == [HIT, RESET]


def test_nothing_is_known_after_a_first_failure_so_first_sight_comes_later(
    env: CollectorEnv,
) -> None:
    for said in (DOWN, 100, 100):
        env.run({"alice": said})
    assert env.sent_alerts == []


def test_a_window_that_is_missing_is_not_zero(env: CollectorEnv) -> None:
    """100 -> absent -> 100 is no reset and no second hit; absent -> 0 is the reset."""
    full: Said = {"fiveHour": 100, "sevenDay": 5}
    absent: Said = {"sevenDay": 5}
    for said in (full, absent, full, absent, 0):
        env.run({"alice": said})
    assert env.sent_alerts == [RESET]


def test_a_new_window_of_a_known_account_is_first_sight(env: CollectorEnv) -> None:
    env.run({"alice": {"fiveHour": 10}})
    env.run({"alice": {"fiveHour": 10, "models.Fable": 100}})
    env.run({"alice": {"fiveHour": 10, "models.Fable": 0}})
    assert env.sent_alerts == ["U1: usage_reset alice models.Fable"]


def test_windows_with_ever_new_names_fill_no_file(env: CollectorEnv) -> None:
    """Code names come and go; those longest unseen are forgotten, the ones that stay are not."""
    for number in range(25):
        odd: Windows = {f"odd{number}Quill{i}": 1 for i in range(10)}
        env.run({"alice": {"fiveHour": 99, **odd}})
    remembered = env.state.account_states["alice"].alerts
    assert len(remembered) == MOST_WINDOWS
    assert "odd0Quill0" not in remembered
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT]


def test_windows_of_one_account_are_announced_each_for_itself(env: CollectorEnv) -> None:
    env.run({"alice": {"fiveHour": 90, "sevenDay": 100, "sevenDayOpus": 99}})
    env.run({"alice": {"fiveHour": 100, "sevenDay": 0, "sevenDayOpus": 100}})
    assert env.sent_alerts == [
        HIT,
        "U1: usage_reset alice sevenDay",
        "U1: limit_hit alice sevenDayOpus",
    ]


def test_a_message_says_when_the_window_resets_and_when_it_was_seen(env: CollectorEnv) -> None:
    env.run({"alice": 50})
    env.run({"alice": {"fiveHour": Window(100, SOON)}})
    assert env.slack is not None
    [(_, hit)] = env.slack.sent
    assert (hit.at, hit.resets_at) == (env.clock.at, SOON)


def test_a_fall_that_is_not_to_zero_is_no_reset_by_the_documented_rule(env: CollectorEnv) -> None:
    for percent in (100, 40, 0):
        env.run({"alice": percent})
    assert env.sent_alerts == []


def test_by_the_window_rule_any_fall_into_a_new_window_is_a_reset(env: CollectorEnv) -> None:
    env.settings = replace(env.settings, rule=ResetRule.WINDOW)
    env.run({"alice": {"fiveHour": Window(100, SOON)}})
    env.run({"alice": {"fiveHour": Window(3, SOON + timedelta(hours=5))}})
    env.run({"alice": {"fiveHour": Window(9, SOON + timedelta(hours=5))}})
    assert env.sent_alerts == [RESET]


def test_a_limit_that_is_raised_in_mid_window_is_no_reset(env: CollectorEnv) -> None:
    """A large fall with the same reset time, give or take its jitter."""
    env.settings = replace(env.settings, rule=ResetRule.WINDOW)
    env.run({"alice": {"fiveHour": Window(100, SOON)}})
    env.run({"alice": {"fiveHour": Window(50, SOON + timedelta(seconds=1))}})
    assert env.sent_alerts == []


def test_a_weekly_window_that_moves_while_it_is_full_repeats_nothing(env: CollectorEnv) -> None:
    """Its end may be moved at any time: only the fall below 100 counts."""
    env.settings = replace(env.settings, rule=ResetRule.WINDOW)
    for day, percent in enumerate((99, 100, 100, 100)):
        end = NOON + timedelta(days=3 + day)
        env.run({"alice": {"sevenDay": Window(percent, end)}})
    assert env.sent_alerts == ["U1: limit_hit alice sevenDay"]
    env.run({"alice": {"sevenDay": Window(2, NOON + timedelta(days=9))}})
    assert env.sent_alerts[1:] == []  # so long before the reset, the next pass has to confirm it
    env.run({"alice": {"sevenDay": Window(3, NOON + timedelta(days=9))}})
    assert env.sent_alerts[1:] == ["U1: usage_reset alice sevenDay"]


def test_one_wrong_sample_tells_nobody_anything(env: CollectorEnv) -> None:
    """Also where the passes between are killed, failed or silent."""
    end = NOON + timedelta(days=3)
    for percent in (99, 100, 0, 100, 100, 3, 97, 100):
        env.run({"alice": {"sevenDay": Window(percent, end)}})
        env.run({"alice": DOWN})
    assert env.sent_alerts == ["U1: limit_hit alice sevenDay"]


def test_each_account_is_announced_to_its_own_subscribers(env: CollectorEnv) -> None:
    env.labels = ("alice", "bob")
    env.subscribe("U2", label="bob")
    env.run({"alice": 99, "bob": 100})
    env.run({"alice": 100, "bob": 0})
    assert env.sent_alerts == [HIT, "U2: usage_reset bob fiveHour"]


def test_nobody_hears_of_an_account_that_nobody_subscribed_to(env: CollectorEnv) -> None:
    env.labels = ("alice", "bob")
    env.run({"bob": 99})
    outcome = env.run({"bob": 100})
    assert [t.label for t in outcome.events] == ["bob"]
    assert (env.sent_alerts, outcome.waiting) == ([], 0)


def test_slack_down_for_one_pass_delays_a_message_and_loses_none(env: CollectorEnv) -> None:
    assert env.slack is not None
    env.run({"alice": 99})
    env.slack.results.append(DeliveryResult(DeliveryStatus.LATER, "Slack is down", halt=True))
    assert env.run({"alice": 100}).waiting == 1
    assert env.warnings == ["Slack message to U1: Slack is down; will retry"]
    assert env.run({"alice": 100}).waiting == 0
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT, HIT]  # tried, then delivered
    assert env.state.counters == {"alertsSent.limit_hit.slack-dm": 1}


def test_hit_and_reset_during_an_outage_arrive_in_order(env: CollectorEnv) -> None:
    assert env.slack is not None
    down = DeliveryResult(DeliveryStatus.LATER, "Slack is down", halt=True)
    env.run({"alice": 99})
    env.slack.results.extend([down, down])
    env.run({"alice": 100})
    env.run({"alice": 0})
    env.slack.sent.clear()
    env.run({"alice": 0})
    assert env.sent_alerts == [HIT, RESET]
