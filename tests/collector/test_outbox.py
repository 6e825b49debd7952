"""Messages that are owed: who gets them, when, how often, and when they are given up."""

from __future__ import annotations

from datetime import timedelta
from time import sleep
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.events import Event, EventKind
from cldmon.domain.subscriptions import Subscription, Subscriptions, parse_quiet
from cldmon.errors import StoreError
from cldmon.notifications import outbox
from cldmon.notifications.rules import Audience
from cldmon.store.state import DIRECT_MESSAGES, Message, State
from cldmon.store.subscriptions import SubscriptionsFile
from tests.fakes import NOON, Clock, FakeSlack, set_alerts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.collector.env import CollectorEnv

WANTED = Subscriptions({"U1": {"alice": Subscription(limit_hit=True)}})
HIT = "U1: limit_hit alice fiveHour"
LIMITED = DeliveryResult(
    DeliveryStatus.LATER, "rate limited", halt=True, retry_after=timedelta(minutes=25)
)
LATER = DeliveryResult(DeliveryStatus.LATER, "not now")
UNSURE = DeliveryResult(DeliveryStatus.UNSURE, "no answer")
GONE = DeliveryResult(DeliveryStatus.GONE, "this user is deactivated")


def slack(env: CollectorEnv) -> FakeSlack:
    assert env.slack is not None
    return env.slack


def hit(env: CollectorEnv, *results: DeliveryResult) -> None:
    """Let alice hit her limit, and Slack answer so."""
    env.run({"alice": 99})
    slack(env).results.extend(results)
    env.run({"alice": 100})


def event(number: int = 0, *, age: timedelta = timedelta(0)) -> Event:
    return Event(EventKind.LIMIT_HIT, "alice", f"w{number}", NOON - age)


def test_slacks_rate_limit_is_respected_across_passes(env: CollectorEnv) -> None:
    """Nothing is sent until then, whatever else happens; then everything is."""
    hit(env, LIMITED)
    assert env.sent_alerts == [HIT]
    assert env.state.channel_retry_at.get(DIRECT_MESSAGES) == env.clock.at + timedelta(minutes=25)
    env.run({"alice": 0})
    env.run({"alice": 0})
    assert env.sent_alerts == [HIT]
    assert env.run({"alice": 0}).waiting == 0
    assert env.sent_alerts == [HIT, HIT, "U1: usage_reset alice fiveHour"]
    assert env.state.channel_retry_at.get(DIRECT_MESSAGES) is None


def test_slack_is_not_left_alone_for_ever_when_the_clock_was_wrong(env: CollectorEnv) -> None:
    """The limit was noted with a clock that ran years ahead, and was set right since."""
    env.clock.at = NOON.replace(year=2099)
    hit(env, LIMITED)
    env.clock.at = NOON
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT, HIT]


def test_a_message_that_may_have_arrived_is_tried_after_longer_and_longer_pauses(
    env: CollectorEnv,
) -> None:
    """At once, in the next pass, then 20 and 40 minutes later; then it is given up."""
    hit(env, UNSURE, UNSURE, UNSURE, UNSURE)
    said = {0: list(env.warnings)}
    for minutes in range(10, 130, 10):
        env.run({"alice": 100})
        said[minutes] = list(env.warnings)
    again = ["Slack message to U1: no answer; will retry"]
    over = ["Slack message to U1: no answer; dropped after 4 attempts, it may have arrived"]
    told = {minutes: warnings for minutes, warnings in said.items() if warnings}
    assert told == {0: again, 10: again, 30: again, 70: over}
    assert env.sent_alerts == [HIT] * 4
    assert env.state.outbox == ()
    assert env.state.counters == {"messagesDropped": 1}


def test_a_message_that_arrives_at_the_second_attempt_is_not_tried_a_third_time(
    env: CollectorEnv,
) -> None:
    hit(env, UNSURE)
    env.run({"alice": 100})
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT, HIT]
    assert env.state.counters == {"alertsSent.limit_hit.slack-dm": 1}


def test_a_failure_that_is_sure_does_not_use_up_the_attempts(env: CollectorEnv) -> None:
    """Only attempts that may have arrived are counted: Slack may be down for days."""
    hit(env, LATER, LATER, UNSURE, LATER, LATER)
    for _ in range(5):
        env.run({"alice": 100})
    assert env.sent_alerts == [HIT] * 6
    assert env.state.counters == {"alertsSent.limit_hit.slack-dm": 1}


def test_a_user_that_is_gone_is_dropped_with_a_line(env: CollectorEnv) -> None:
    hit(env, GONE)
    assert env.warnings == ["Slack message to U1: this user is deactivated; dropped"]
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT]
    assert env.state.counters == {"messagesDropped": 1}


def test_one_users_failure_does_not_hold_back_the_others(env: CollectorEnv) -> None:
    env.subscribe("U2", "U3")
    hit(env, GONE, LATER)
    assert [user for user, _ in slack(env).sent] == ["U1", "U2", "U3"]
    assert [message.user for message in env.state.outbox] == ["U2"]


def test_a_failure_that_all_would_meet_stops_the_rest_for_this_pass(env: CollectorEnv) -> None:
    """A refused token or a service that is down is asked once a pass, not once a message."""
    env.subscribe("U2", "U3")
    hit(
        env,
        DeliveryResult(DeliveryStatus.DELIVERED),
        DeliveryResult(DeliveryStatus.LATER, "token refused", halt=True),
    )
    assert [user for user, _ in slack(env).sent] == ["U1", "U2"]
    assert [message.user for message in env.state.outbox] == ["U2", "U3"]
    assert len(env.warnings) == 1
    env.run({"alice": 100})
    assert [user for user, _ in slack(env).sent] == ["U1", "U2", "U2", "U3"]


def test_each_delivery_is_on_disk_before_the_next_is_tried(env: CollectorEnv) -> None:
    """So that no crash sends the rest again."""
    waiting: list[list[str | None]] = []

    class Looking(FakeSlack):
        def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
            waiting.append([message.user for message in env.state.outbox])
            return super().send(user, events)

    env.subscribe("U2", "U3")
    env.slack = Looking()
    hit(env)
    assert waiting == [["U1", "U2", "U3"], ["U2", "U3"], ["U3"]]


def test_without_notify_the_messages_wait_for_the_next_pass(env: CollectorEnv) -> None:
    env.run({"alice": 99})
    assert env.run({"alice": 100}, notify=False).waiting == 1
    assert env.sent_alerts == []
    assert env.run({"alice": 100}).waiting == 0
    assert env.sent_alerts == [HIT]


def test_with_slack_off_no_message_is_queued(env: CollectorEnv) -> None:
    """Else the switching on would bring a week of old news."""
    env.slack = None
    env.run({"alice": 99})
    outcome = env.run({"alice": 100})
    assert [t.kind for t in outcome.events] == [EventKind.LIMIT_HIT]
    assert outcome.waiting == 0
    env.slack = FakeSlack()
    env.run({"alice": 100})
    assert env.sent_alerts == []


def test_what_was_due_before_slack_was_switched_off_is_kept(env: CollectorEnv) -> None:
    hit(env, LATER)
    env.slack = None
    assert env.run({"alice": 100}).waiting == 1
    env.slack = FakeSlack()
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT]


def test_without_a_token_messages_wait_and_the_reason_is_said_once_a_pass(
    env: CollectorEnv,
) -> None:
    env.subscribe("U2")
    env.run({"alice": 99})
    slack(env).results.append(
        DeliveryResult(DeliveryStatus.LATER, "slack.token is not there", halt=True)
    )
    assert env.run({"alice": 100}).waiting == 2
    assert env.warnings == ["Slack message to U1: slack.token is not there; will retry"]


def test_a_change_of_subscriptions_counts_from_the_pass_that_sees_the_transition(
    env: CollectorEnv,
) -> None:
    """Who subscribes after a limit was hit does not hear of it; whom it is owed to does."""
    hit(env, LATER)
    env.subscribe("U2")
    env.run({"alice": 100})
    assert [user for user, _ in slack(env).sent] == ["U1", "U1"]


@pytest.mark.parametrize("text", [b"{", b"[]", b"", b"\xff\xfe\x00", b'{"users": 5}', b"null"])
def test_while_subscriptions_are_corrupt_the_messages_wait(env: CollectorEnv, text: bytes) -> None:
    """The file is left alone byte for byte and said; once it is mended, people are told."""
    path = env.data_dir / "subscriptions.json"
    whole = path.read_bytes()
    env.run({"alice": 99})
    path.write_bytes(text)
    assert env.run({"alice": 100}).waiting == 1
    assert env.run({"alice": 0}).waiting == 2
    assert path.read_bytes() == text
    assert env.sent_alerts == []
    [warning] = env.warnings
    assert warning == (
        f"{path} is not understood, so it is left as it is and nobody gets alerts:"
        " fix it, or move it away to start afresh"
    )
    path.write_bytes(whole)
    assert env.run({"alice": 0}).waiting == 0
    assert env.sent_alerts == [HIT, "U1: usage_reset alice fiveHour"]


def test_subscriptions_that_cannot_be_read_cost_no_reading(env: CollectorEnv) -> None:
    """The pass goes on, says so, and the messages wait."""
    path = env.data_dir / "subscriptions.json"
    env.run({"alice": 99})
    whole = path.read_bytes()
    path.unlink()
    path.mkdir()
    assert env.run({"alice": 100}).waiting == 1
    assert env.percents() == [99, 100]
    assert env.warnings == [f"cannot read {path}: Is a directory"]
    path.rmdir()
    path.write_bytes(whole)
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT]


def test_a_message_that_waits_for_its_readers_is_handed_to_nobody() -> None:
    state = State(outbox=(Message(event(), None),))
    slack = FakeSlack()
    kept = outbox.Delivery(
        state,
        {DIRECT_MESSAGES: slack},
        is_wanted=lambda _message: True,
        now=lambda: NOON,
        save=lambda _: None,
    ).run()
    assert (kept, slack.sent) == (state, [])


def test_a_message_is_queued_for_each_user_that_wants_such_an_alert() -> None:
    """In the order of the file; who wants resets alone does not hear of hits."""
    subscriptions = Subscriptions(
        {
            "U2": {"alice": Subscription(limit_hit=True)},
            "U1": {"alice": Subscription(limit_hit=True, reset=True)},
            "U3": {"alice": Subscription(reset=True)},
            "U4": {"bob": Subscription(limit_hit=True)},
        }
    )
    state = outbox.enqueue(State(), [event()], Audience(subscriptions), NOON)
    assert [message.user for message in state.outbox] == ["U2", "U1"]


def test_the_outbox_holds_a_thousand_messages_and_drops_the_oldest() -> None:
    subscriptions = Subscriptions({"U1": {"alice": Subscription(limit_hit=True)}})
    state = outbox.enqueue(State(), map(event, range(1_500)), Audience(subscriptions), NOON)
    windows = [message.event.window for message in state.outbox]
    assert windows == [f"w{number}" for number in range(500, 1_500)]
    assert state.counters == {"messagesDropped": 500}


def test_messages_that_wait_for_their_readers_are_bounded_too() -> None:
    state = outbox.enqueue(State(), map(event, range(1_001)), Audience(None), NOON)
    assert len(state.outbox) == outbox.LONGEST
    subscriptions = Subscriptions(
        {f"U{n}": {"alice": Subscription(limit_hit=True)} for n in range(3)}
    )
    state = outbox.enqueue(state, (), Audience(subscriptions), NOON)
    assert len(state.outbox) == outbox.LONGEST
    assert state.counters == {"messagesDropped": 2_001}


def test_a_message_is_tried_for_a_week() -> None:
    """Then it is news no more."""
    week = timedelta(days=7)
    old, older = event(age=week), event(age=week + timedelta(seconds=1))
    state = State(
        outbox=(Message(old, DIRECT_MESSAGES, "U1"), Message(older, DIRECT_MESSAGES, "U1"))
    )
    state = outbox.enqueue(state, (), Audience(WANTED), NOON)
    assert state.outbox == (Message(old, DIRECT_MESSAGES, "U1"),)
    assert state.counters == {"messagesDropped": 1}


def test_messages_that_are_dropped_for_their_age_are_said(env: CollectorEnv) -> None:
    hit(env, LATER)
    env.clock.at += timedelta(days=8)
    env.run({"alice": 100})
    assert env.warnings == ["1 message(s) dropped: too old, or too many were waiting"]
    assert env.sent_alerts == [HIT]


def test_a_clock_that_was_set_back_drops_no_message() -> None:
    ahead = Message(event(age=-timedelta(days=400)), DIRECT_MESSAGES, "U1")
    state = outbox.enqueue(State(outbox=(ahead,)), (), Audience(WANTED), NOON)
    assert state.outbox == (ahead,)


def test_nobody_gets_an_alert_after_unsubscribing(env: CollectorEnv) -> None:
    """Not even one that was owed before: "You will get no more alerts" holds."""
    hit(env, LATER)
    assert env.run({"alice": 100}, notify=False).waiting == 1
    set_alerts(env.data_dir, "U1", "alice", limit_hit=False, reset=True)
    assert env.run({"alice": 100}).waiting == 0
    assert env.sent_alerts == [HIT]  # the one that was tried in vain
    assert env.state.counters.get("messagesDropped", 0) == 0


def test_what_is_still_wanted_comes_after_some_of_it_was_unsubscribed(env: CollectorEnv) -> None:
    env.labels = ("alice", "bob")
    env.subscribe("U1", "U2", label="bob")
    env.run({"alice": 99, "bob": 99})
    env.run({"alice": 100, "bob": 100}, notify=False)
    set_alerts(env.data_dir, "U1", "alice", limit_hit=False, reset=False)
    env.run({"alice": 100, "bob": 100})
    assert env.sent_alerts == ["U1: limit_hit bob fiveHour", "U2: limit_hit bob fiveHour"]


class Leaving(FakeSlack):
    """A Slack at which people unsubscribe while others are told."""

    def __init__(self, env: CollectorEnv) -> None:
        super().__init__()
        self.env = env

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        set_alerts(self.env.data_dir, "U2", "alice", limit_hit=False, reset=False)
        return super().send(user, events)


def test_whether_an_alert_is_wanted_is_looked_up_just_before_it_is_sent(env: CollectorEnv) -> None:
    env.subscribe("U2", "U3")
    env.run({"alice": 99})
    env.slack = Leaving(env)
    assert env.run({"alice": 100}).waiting == 0
    assert env.sent_alerts == [HIT, "U3: limit_hit alice fiveHour"]


def test_nobody_gets_an_alert_of_an_account_that_has_left_the_configuration(
    env: CollectorEnv,
) -> None:
    env.labels = ("alice", "bob")
    hit(env, LATER)
    env.labels = ("bob",)
    assert env.run().waiting == 0
    env.labels = ("alice", "bob")
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT]  # the one that was tried in vain


def test_while_nobody_can_know_what_is_wanted_all_messages_wait(env: CollectorEnv) -> None:
    hit(env, LATER)
    path = env.data_dir / "subscriptions.json"
    whole = path.read_bytes()
    path.write_text("{")
    assert env.run({"alice": 100}).waiting == 1
    assert len(env.warnings) == 1
    path.write_bytes(whole)
    assert env.run({"alice": 100}).waiting == 0
    assert env.sent_alerts == [HIT, HIT]


class Slow(FakeSlack):
    """A Slack that takes its time for each message."""

    def __init__(self, clock: Clock, pace: timedelta) -> None:
        super().__init__()
        self.clock, self.pace = clock, pace

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        self.clock.tick(self.pace)
        return super().send(user, events)


@pytest.mark.parametrize(("seconds", "sent"), [(5, 12), (59, 2), (61, 1), (-5, 1)])
def test_a_slow_slack_holds_up_no_pass_for_long(env: CollectorEnv, seconds: int, sent: int) -> None:
    """After a minute, or once the clock is set back, the rest waits, in its order and said."""
    env.subscribe(*(f"U{number}" for number in range(10, 30)))
    env.run({"alice": 99})
    env.slack = Slow(env.clock, timedelta(seconds=seconds))
    waiting = env.run({"alice": 100}).waiting
    assert (len(env.sent_alerts), waiting) == (sent, 21 - sent)
    assert env.warnings == [f"Slack is slow: {waiting} message(s) wait for the next pass"]
    env.slack.pace = timedelta(0)
    assert env.run({"alice": 100}).waiting == 0
    assert len(set(env.sent_alerts)) == len(env.sent_alerts) == 21


def test_nobody_is_disturbed_whose_quiet_hours_begin_while_others_are_reported(
    env: CollectorEnv,
) -> None:
    env.subscribe("U2", "U3")
    file = SubscriptionsFile(env.data_dir)
    file.set_quiet("U2", parse_quiet("12:20", "12:40", "UTC"))
    env.slack = Slow(env.clock, timedelta(seconds=20))
    env.run({"alice": 99}, later=timedelta(minutes=9, seconds=50))
    assert env.run({"alice": 100}).waiting == 1  # from 12:19:50 on
    assert env.sent_alerts == [HIT, "U3: limit_hit alice fiveHour"]
    for _ in range(2):
        env.run({"alice": 100})
    assert env.sent_alerts[2:] == ["U2: limit_hit alice fiveHour"]


def test_nothing_is_saved_where_nothing_changed() -> None:
    """A service that is down costs no write a message."""
    saved: list[State] = []
    state = State(
        outbox=(Message(event(), DIRECT_MESSAGES, "U1"), Message(event(1), DIRECT_MESSAGES, "U1"))
    )
    slack = FakeSlack()
    slack.results.extend([LATER, LATER])
    left = outbox.Delivery(
        state,
        {DIRECT_MESSAGES: slack},
        is_wanted=lambda _message: True,
        now=lambda: NOON,
        save=saved.append,
    ).run()
    assert left == state
    assert saved == []


class Sleepy(FakeSlack):
    """A channel that is still at work when another has ended."""

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        sleep(0.1)
        return super().send(user, events)


def test_where_the_state_cannot_be_saved_no_channel_goes_on_behind_the_pass() -> None:
    """It would save its state over that of the next pass."""

    def save(_state: State) -> None:
        raise StoreError("the disk is full")

    sleepy = Sleepy()
    delivery = outbox.Delivery(
        State(outbox=(Message(event(), "first"), Message(event(), "sleepy"))),
        {"first": FakeSlack(), "sleepy": sleepy},
        is_wanted=lambda _message: True,
        now=lambda: NOON,
        save=save,
    )
    with pytest.raises(StoreError):
        delivery.run()
    assert len(sleepy.sent) == 1
