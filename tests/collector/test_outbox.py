"""Messages that are owed: who gets them, when, how often, and when they are given up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.events import Event, EventKind
from cldmon.domain.subscriptions import Subscription, Subscriptions
from cldmon.notifications import outbox
from cldmon.notifications.channel import BrokenChannel
from cldmon.notifications.rules import Audience
from cldmon.store.state import DIRECT_MESSAGES, Message, State
from tests.fakes import NOON, Clock, FakeSlack, set_alerts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.collector.house import House

WANTED = Subscriptions({"U1": {"alice": Subscription(limit_hit=True)}})
HIT = "U1: limit_hit alice fiveHour"
LIMITED = DeliveryResult(
    DeliveryStatus.LATER, "rate limited", halt=True, retry_after=timedelta(minutes=25)
)
LATER = DeliveryResult(DeliveryStatus.LATER, "not now")
UNSURE = DeliveryResult(DeliveryStatus.UNSURE, "no answer")
GONE = DeliveryResult(DeliveryStatus.GONE, "this user is deactivated")


def slack(house: House) -> FakeSlack:
    assert house.slack is not None
    return house.slack


def hit(house: House, *results: DeliveryResult) -> None:
    """Let alice hit her limit, and Slack answer so."""
    house.run({"alice": 99})
    slack(house).results.extend(results)
    house.run({"alice": 100})


def event(number: int = 0, *, age: timedelta = timedelta(0)) -> Event:
    return Event(EventKind.LIMIT_HIT, "alice", f"w{number}", NOON - age)


def test_slacks_rate_limit_is_respected_across_passes(house: House) -> None:
    """Nothing is sent until then, whatever else happens; then everything is."""
    hit(house, LIMITED)
    assert house.told == [HIT]
    assert house.state.channel_retry_at.get(DIRECT_MESSAGES) == house.clock.at + timedelta(
        minutes=25
    )
    house.run({"alice": 0})
    house.run({"alice": 0})
    assert house.told == [HIT]
    assert house.run({"alice": 0}).waiting == 0
    assert house.told == [HIT, HIT, "U1: usage_reset alice fiveHour"]
    assert house.state.channel_retry_at.get(DIRECT_MESSAGES) is None


def test_slack_is_not_left_alone_for_ever_when_the_clock_was_wrong(house: House) -> None:
    """The limit was noted with a clock that ran years ahead, and was set right since."""
    house.clock.at = NOON.replace(year=2099)
    hit(house, LIMITED)
    house.clock.at = NOON
    house.run({"alice": 100})
    assert house.told == [HIT, HIT]


def test_a_message_that_may_have_arrived_is_tried_after_longer_and_longer_pauses(
    house: House,
) -> None:
    """At once, in the next pass, then 20 and 40 minutes later; then it is given up."""
    hit(house, UNSURE, UNSURE, UNSURE, UNSURE)
    said = {0: list(house.warnings)}
    for minutes in range(10, 130, 10):
        house.run({"alice": 100})
        said[minutes] = list(house.warnings)
    again = ["Slack message to U1: no answer; will retry"]
    over = ["Slack message to U1: no answer; dropped after 4 attempts, it may have arrived"]
    told = {minutes: warnings for minutes, warnings in said.items() if warnings}
    assert told == {0: again, 10: again, 30: again, 70: over}
    assert house.told == [HIT] * 4
    assert house.state.outbox == ()
    assert house.state.counters == {"messagesDropped": 1}


def test_a_message_that_arrives_at_the_second_attempt_is_not_tried_a_third_time(
    house: House,
) -> None:
    hit(house, UNSURE)
    house.run({"alice": 100})
    house.run({"alice": 100})
    assert house.told == [HIT, HIT]
    assert house.state.counters == {"alertsSent.limit_hit.slack-dm": 1}


def test_a_failure_that_is_sure_does_not_use_up_the_attempts(house: House) -> None:
    """Only attempts that may have arrived are counted: Slack may be down for days."""
    hit(house, LATER, LATER, UNSURE, LATER, LATER)
    for _ in range(5):
        house.run({"alice": 100})
    assert house.told == [HIT] * 6
    assert house.state.counters == {"alertsSent.limit_hit.slack-dm": 1}


def test_a_user_that_is_gone_is_dropped_with_a_line(house: House) -> None:
    hit(house, GONE)
    assert house.warnings == ["Slack message to U1: this user is deactivated; dropped"]
    house.run({"alice": 100})
    assert house.told == [HIT]
    assert house.state.counters == {"messagesDropped": 1}


def test_one_users_failure_does_not_hold_back_the_others(house: House) -> None:
    house.subscribe("U2", "U3")
    hit(house, GONE, LATER)
    assert [user for user, _ in slack(house).sent] == ["U1", "U2", "U3"]
    assert [message.user for message in house.state.outbox] == ["U2"]


def test_a_failure_that_all_would_meet_stops_the_rest_for_this_pass(house: House) -> None:
    """A refused token or a service that is down is asked once a pass, not once a message."""
    house.subscribe("U2", "U3")
    hit(
        house,
        DeliveryResult(DeliveryStatus.DELIVERED),
        DeliveryResult(DeliveryStatus.LATER, "token refused", halt=True),
    )
    assert [user for user, _ in slack(house).sent] == ["U1", "U2"]
    assert [message.user for message in house.state.outbox] == ["U2", "U3"]
    assert len(house.warnings) == 1
    house.run({"alice": 100})
    assert [user for user, _ in slack(house).sent] == ["U1", "U2", "U2", "U3"]


def test_each_delivery_is_on_disk_before_the_next_is_tried(house: House) -> None:
    """So that no crash sends the rest again."""
    waiting: list[list[str | None]] = []

    class Looking(FakeSlack):
        def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
            waiting.append([message.user for message in house.state.outbox])
            return super().send(user, events)

    house.subscribe("U2", "U3")
    house.slack = Looking()
    hit(house)
    assert waiting == [["U1", "U2", "U3"], ["U2", "U3"], ["U3"]]


def test_without_notify_the_messages_wait_for_the_next_pass(house: House) -> None:
    house.run({"alice": 99})
    assert house.run({"alice": 100}, notify=False).waiting == 1
    assert house.told == []
    assert house.run({"alice": 100}).waiting == 0
    assert house.told == [HIT]


def test_with_slack_off_no_message_is_queued(house: House) -> None:
    """Else the switching on would bring a week of old news."""
    house.slack = None
    house.run({"alice": 99})
    outcome = house.run({"alice": 100})
    assert [t.kind for t in outcome.events] == [EventKind.LIMIT_HIT]
    assert outcome.waiting == 0
    house.slack = FakeSlack()
    house.run({"alice": 100})
    assert house.told == []


def test_what_was_owed_before_slack_was_switched_off_is_kept(house: House) -> None:
    hit(house, LATER)
    house.slack = None
    assert house.run({"alice": 100}).waiting == 1
    house.slack = FakeSlack()
    house.run({"alice": 100})
    assert house.told == [HIT]


def test_without_a_token_messages_wait_and_the_reason_is_said_once_a_pass(house: House) -> None:
    house.subscribe("U2")
    house.run({"alice": 99})
    broken = BrokenChannel("slack.token is not there")
    slack(house).results.append(broken.send("U1", [event()]))
    assert house.run({"alice": 100}).waiting == 2
    assert house.warnings == ["Slack message to U1: slack.token is not there; will retry"]


def test_a_change_of_subscriptions_counts_from_the_pass_that_sees_the_transition(
    house: House,
) -> None:
    """Who subscribes after a limit was hit does not hear of it; whom it is owed to does."""
    hit(house, LATER)
    house.subscribe("U2")
    house.run({"alice": 100})
    assert [user for user, _ in slack(house).sent] == ["U1", "U1"]


@pytest.mark.parametrize("text", [b"{", b"[]", b"", b"\xff\xfe\x00", b'{"users": 5}', b"null"])
def test_while_subscriptions_are_corrupt_the_messages_wait(house: House, text: bytes) -> None:
    """The file is left alone byte for byte and said; once it is mended, people are told."""
    path = house.data_dir / "subscriptions.json"
    whole = path.read_bytes()
    house.run({"alice": 99})
    path.write_bytes(text)
    assert house.run({"alice": 100}).waiting == 1
    assert house.run({"alice": 0}).waiting == 2
    assert path.read_bytes() == text
    assert house.told == []
    [warning] = house.warnings
    assert warning == (
        f"{path} is not understood, so it is left as it is and nobody gets alerts:"
        " fix it, or move it away to start afresh"
    )
    path.write_bytes(whole)
    assert house.run({"alice": 0}).waiting == 0
    assert house.told == [HIT, "U1: usage_reset alice fiveHour"]


def test_subscriptions_that_cannot_be_read_cost_no_reading(house: House) -> None:
    """The pass goes on, says so, and the messages wait."""
    path = house.data_dir / "subscriptions.json"
    house.run({"alice": 99})
    whole = path.read_bytes()
    path.unlink()
    path.mkdir()
    assert house.run({"alice": 100}).waiting == 1
    assert house.percents() == [99, 100]
    assert house.warnings == [f"cannot read {path}: Is a directory"]
    path.rmdir()
    path.write_bytes(whole)
    house.run({"alice": 100})
    assert house.told == [HIT]


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


def test_a_message_is_owed_to_each_user_that_wants_such_an_alert() -> None:
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


def test_messages_that_are_dropped_for_their_age_are_said(house: House) -> None:
    hit(house, LATER)
    house.clock.at += timedelta(days=8)
    house.run({"alice": 100})
    assert house.warnings == ["1 message(s) dropped: too old, or too many were waiting"]
    assert house.told == [HIT]


def test_a_clock_that_was_set_back_drops_no_message() -> None:
    ahead = Message(event(age=-timedelta(days=400)), DIRECT_MESSAGES, "U1")
    state = outbox.enqueue(State(outbox=(ahead,)), (), Audience(WANTED), NOON)
    assert state.outbox == (ahead,)


def test_nobody_gets_an_alert_after_unsubscribing(house: House) -> None:
    """Not even one that was owed before: "You will get no more alerts" holds."""
    hit(house, LATER)
    assert house.run({"alice": 100}, notify=False).waiting == 1
    set_alerts(house.data_dir, "U1", "alice", limit_hit=False, reset=True)
    assert house.run({"alice": 100}).waiting == 0
    assert house.told == [HIT]  # the one that was tried in vain
    assert house.state.counters.get("messagesDropped", 0) == 0


def test_what_is_still_wanted_comes_after_some_of_it_was_unsubscribed(house: House) -> None:
    house.labels = ("alice", "bob")
    house.subscribe("U1", "U2", label="bob")
    house.run({"alice": 99, "bob": 99})
    house.run({"alice": 100, "bob": 100}, notify=False)
    set_alerts(house.data_dir, "U1", "alice", limit_hit=False, reset=False)
    house.run({"alice": 100, "bob": 100})
    assert house.told == ["U1: limit_hit bob fiveHour", "U2: limit_hit bob fiveHour"]


class Leaving(FakeSlack):
    """A Slack at which people unsubscribe while others are told."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        set_alerts(self.house.data_dir, "U2", "alice", limit_hit=False, reset=False)
        return super().send(user, events)


def test_whether_an_alert_is_wanted_is_looked_up_just_before_it_is_sent(house: House) -> None:
    house.subscribe("U2", "U3")
    house.run({"alice": 99})
    house.slack = Leaving(house)
    assert house.run({"alice": 100}).waiting == 0
    assert house.told == [HIT, "U3: limit_hit alice fiveHour"]


def test_nobody_gets_an_alert_of_an_account_that_has_left_the_configuration(house: House) -> None:
    house.labels = ("alice", "bob")
    hit(house, LATER)
    house.labels = ("bob",)
    assert house.run().waiting == 0
    house.labels = ("alice", "bob")
    house.run({"alice": 100})
    assert house.told == [HIT]  # the one that was tried in vain


def test_while_nobody_can_know_what_is_wanted_all_messages_wait(house: House) -> None:
    hit(house, LATER)
    path = house.data_dir / "subscriptions.json"
    whole = path.read_bytes()
    path.write_text("{")
    assert house.run({"alice": 100}).waiting == 1
    assert len(house.warnings) == 1
    path.write_bytes(whole)
    assert house.run({"alice": 100}).waiting == 0
    assert house.told == [HIT, HIT]


class Slow(FakeSlack):
    """A Slack that takes its time for each message."""

    def __init__(self, clock: Clock, pace: timedelta) -> None:
        super().__init__()
        self.clock, self.pace = clock, pace

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        self.clock.advance(self.pace)
        return super().send(user, events)


@pytest.mark.parametrize(("seconds", "sent"), [(5, 12), (59, 2), (61, 1), (-5, 1)])
def test_a_slow_slack_holds_up_no_pass_for_long(house: House, seconds: int, sent: int) -> None:
    """After a minute, or once the clock is set back, the rest waits, in its order and said."""
    house.subscribe(*(f"U{number}" for number in range(10, 30)))
    house.run({"alice": 99})
    house.slack = Slow(house.clock, timedelta(seconds=seconds))
    waiting = house.run({"alice": 100}).waiting
    assert (len(house.told), waiting) == (sent, 21 - sent)
    assert house.warnings == [f"Slack is slow: {waiting} message(s) wait for the next pass"]
    house.slack.pace = timedelta(0)
    assert house.run({"alice": 100}).waiting == 0
    assert len(set(house.told)) == len(house.told) == 21


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
