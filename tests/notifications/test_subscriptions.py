"""What a change of alert settings is confirmed with."""

from __future__ import annotations

from datetime import time

import pytest

from cldmon.domain.subscriptions import QuietHours, Subscription
from cldmon.notifications.subscriptions import describe_quiet, describe_subscription


@pytest.mark.parametrize(
    ("subscription", "sentence"),
    [
        (
            Subscription(limit_hit=True, reset=True),
            "You'll get a message when a limit of alice is reached or resets.",
        ),
        (
            Subscription(limit_hit=True),
            "You'll get a message when a limit of alice is reached.",
        ),
        (Subscription(reset=True), "You'll get a message when a limit of alice resets."),
        (
            Subscription(thresholds=(80, 95), windows=("sevenDay",)),
            "You'll get a message when the weekly limit of alice is 80% or 95% used.",
        ),
        (
            Subscription(limit_hit=True, run_out=True, changes=True),
            (
                "You'll get a message when a limit of alice is reached, is on pace to run out "
                "before its reset, or is changed."
            ),
        ),
        (Subscription(windows=("sevenDay",)), "You will get no more alerts about alice."),
    ],
)
def test_a_confirmation_names_the_alerts_that_will_come(
    subscription: Subscription, sentence: str
) -> None:
    assert describe_subscription("alice", subscription) == sentence


def test_quiet_hours_are_confirmed_with_their_zone_if_they_have_one() -> None:
    quiet = QuietHours(time(20), time(8), "Europe/Berlin")
    assert describe_quiet(quiet) == "You get no alerts from 20:00 to 08:00 (Europe/Berlin)."
    assert describe_quiet(QuietHours(time(20), time(8))) == (
        "You get no alerts from 20:00 to 08:00 (the time zone of your Slack profile)."
    )
    assert describe_quiet(None) == "You have no quiet hours: alerts come at any time."
