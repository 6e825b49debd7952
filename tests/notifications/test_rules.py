"""Who gets which event, when they are not to be disturbed, and what they get afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cldmon.domain.events import Event, EventKind, Outage, WindowAlerts
from cldmon.domain.model import Account, Reading, Snapshot, Window
from cldmon.domain.subscriptions import QuietHours, Subscription, Subscriptions, parse_quiet
from cldmon.notifications.rules import Audience, ChannelRule, release
from cldmon.store.state import DIRECT_MESSAGES, AccountState, KeyFingerprint, Message, State
from tests.fakes import NOON

HIT, RESET, THRESHOLD = EventKind.LIMIT_HIT, EventKind.USAGE_RESET, EventKind.THRESHOLD
RUN_OUT, CHANGED, ENDING = (
    EventKind.RUN_OUT,
    EventKind.LIMIT_CHANGED,
    EventKind.SAVED_RESET_ENDING,
)
KEY, FAILED, RECOVERED = (
    EventKind.KEY_EXPIRING,
    EventKind.ACCOUNT_FAILED,
    EventKind.ACCOUNT_RECOVERED,
)
OF_WINDOWS = (HIT, RESET, RUN_OUT, CHANGED)
OF_ACCOUNTS = (KEY, FAILED, RECOVERED, ENDING)
HOUR = timedelta(hours=1)


def event(kind: EventKind, *thresholds: int, label: str = "alice", **values: Any) -> Event:
    window = None if kind in OF_ACCOUNTS else "fiveHour"
    return Event(kind, label, values.pop("window", window), NOON, thresholds=thresholds, **values)


def list_wanted(
    kinds: tuple[EventKind, ...], audience: Audience, user: str = "U1"
) -> list[EventKind]:
    return [kind for kind in kinds if audience.for_person(event(kind), user)]


def audience_of(subscription: Subscription, **values: Any) -> Audience:
    return Audience(Subscriptions({"U1": {"alice": subscription}}), **values)


@pytest.mark.parametrize(
    ("subscription", "kinds"),
    [
        (Subscription(), []),
        (Subscription(limit_hit=True), [HIT]),
        (Subscription(reset=True), [RESET]),
        (Subscription(run_out=True), [RUN_OUT]),
        (Subscription(changes=True), [CHANGED, ENDING]),
        (
            Subscription(
                limit_hit=True, reset=True, run_out=True, changes=True, windows=("sevenDay",)
            ),
            [ENDING],
        ),
    ],
)
def test_a_person_gets_what_they_want_of_the_windows_they_want(
    subscription: Subscription, kinds: list[EventKind]
) -> None:
    """Trouble of keys and accounts is for their owner, but a saved reset is a change, too."""
    audience = audience_of(subscription)
    assert list_wanted((*OF_WINDOWS, *OF_ACCOUNTS), audience) == kinds
    assert list_wanted((*OF_WINDOWS, *OF_ACCOUNTS), audience, "U2") == []
    for kind in (*OF_WINDOWS, *OF_ACCOUNTS):
        assert audience.for_person(event(kind, label="bob"), "U1") is None


def test_the_owner_of_an_account_gets_its_trouble_and_nothing_else_unasked() -> None:
    audience = Audience(owners={"alice": "U1"})
    assert list_wanted((*OF_WINDOWS, *OF_ACCOUNTS), audience) == [*OF_ACCOUNTS]
    assert list_wanted((*OF_WINDOWS, *OF_ACCOUNTS), audience, "U2") == []
    assert audience.for_person(event(FAILED, label="bob"), "U1") is None
    assert [m.user for m in audience.address(event(FAILED))] == ["U1"]
    both = replace(audience, subscriptions=audience_of(Subscription(changes=True)).subscriptions)
    assert [m.user for m in both.address(event(ENDING))] == ["U1"]


@pytest.mark.parametrize(
    ("own", "crossed", "told"),
    [
        ((), (80, 95), None),
        ((80,), (80, 95), 80),
        ((80, 95), (80, 95), 95),
        ((50, 80), (80, 95), 80),
        ((99,), (80, 95), None),
    ],
)
def test_each_recipient_hears_of_the_highest_threshold_that_is_theirs(
    own: tuple[int, ...], crossed: tuple[int, ...], told: int | None
) -> None:
    audience = audience_of(
        Subscription(thresholds=own), channels=(ChannelRule("ntfy", thresholds=own),)
    )
    messages = list(audience.address(event(THRESHOLD, *crossed)))
    names = ["ntfy", DIRECT_MESSAGES] if told else []
    assert [message.channel for message in messages] == names
    assert [message.event.threshold for message in messages] == [told] * len(names)
    assert [len(message.event.thresholds) for message in messages] == [1] * len(names)


def test_thresholds_watched_are_those_that_anybody_has_for_the_account() -> None:
    audience = audience_of(
        Subscription(thresholds=(80,)),
        channels=(
            ChannelRule("one", thresholds=(90,)),
            ChannelRule("two", accounts=("bob",), thresholds=(70,)),
        ),
    )
    assert audience.thresholds("alice") == {80, 90}
    assert audience.thresholds("bob") == {70, 90}


@pytest.mark.parametrize(
    ("rule", "kinds"),
    [
        (ChannelRule("c"), [HIT, RESET, FAILED, RECOVERED]),
        (ChannelRule("c", events=(KEY, CHANGED)), [CHANGED, KEY]),
        (ChannelRule("c", events=()), []),
        (ChannelRule("c", accounts=("bob",)), []),
        (ChannelRule("c", accounts=("alice",)), [HIT, RESET, FAILED, RECOVERED]),
    ],
)
def test_a_channel_gets_the_events_and_accounts_that_it_lists(
    rule: ChannelRule, kinds: list[EventKind]
) -> None:
    audience = Audience(people=False, channels=(rule,))
    sent = [m for kind in (*OF_WINDOWS, *OF_ACCOUNTS) for m in audience.address(event(kind))]
    assert [(m.channel, m.user, m.event.kind) for m in sent] == [("c", None, k) for k in kinds]


def test_without_slack_people_get_nothing() -> None:
    audience = audience_of(Subscription(limit_hit=True), people=False)
    assert list(audience.address(event(HIT))) == []


def test_while_subscriptions_cannot_be_read_an_event_waits_without_recipient() -> None:
    audience = Audience(None, channels=(ChannelRule("c"),), owners={"alice": "U1"})
    assert [(m.channel, m.user) for m in audience.address(event(HIT))] == [
        ("c", None),
        (None, None),
    ]
    assert {*audience.thresholds("alice")} == {*range(1, 100)}
    assert not audience.is_quiet("U1", NOON)


NIGHT = parse_quiet("20:00", "08:00")
LUNCH = parse_quiet("12:00", "13:00")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("quiet", "clock", "is_quiet"),
    [
        (LUNCH, "11:59", False),
        (LUNCH, "12:00", True),
        (LUNCH, "12:59", True),
        (LUNCH, "13:00", False),
        (NIGHT, "19:59", False),
        (NIGHT, "20:00", True),
        (NIGHT, "23:59", True),
        (NIGHT, "00:00", True),
        (NIGHT, "07:59", True),
        (NIGHT, "08:00", False),
        (parse_quiet("00:00", "06:00"), "23:59", False),
        (parse_quiet("00:00", "06:00"), "00:00", True),
        (parse_quiet("22:00", "00:00"), "23:59", True),
        (parse_quiet("22:00", "00:00"), "00:00", False),
    ],
)
def test_quiet_hours_include_their_first_minute_and_may_pass_midnight(
    quiet: QuietHours, clock: str, is_quiet: bool
) -> None:
    local = datetime.combine(NOON.date(), time.fromisoformat(clock), BERLIN)
    assert quiet.contain(local.astimezone(UTC), BERLIN) is is_quiet


@pytest.mark.parametrize(
    ("quiet", "instant", "is_quiet"),
    [
        # Spring: 02:00 to 03:00 of this night does not exist in Berlin.
        (("01:30", "02:30"), "2026-03-29T00:29:00", False),
        (("01:30", "02:30"), "2026-03-29T00:30:00", True),
        (("01:30", "02:30"), "2026-03-29T01:00:00", False),
        (("02:15", "02:45"), "2026-03-29T01:00:00", False),
        (("20:00", "08:00"), "2026-03-29T05:59:00", True),
        (("20:00", "08:00"), "2026-03-29T06:00:00", False),
        # Autumn: the same hour comes twice, and is quiet twice.
        (("02:15", "02:45"), "2026-10-25T00:15:00", True),
        (("02:15", "02:45"), "2026-10-25T00:45:00", False),
        (("02:15", "02:45"), "2026-10-25T01:15:00", True),
        (("20:00", "08:00"), "2026-10-25T06:59:00", True),
        (("20:00", "08:00"), "2026-10-25T07:00:00", False),
    ],
)
def test_quiet_hours_follow_the_wall_clock_through_summer_time(
    quiet: tuple[str, str], instant: str, is_quiet: bool
) -> None:
    now = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert parse_quiet(*quiet).contain(now, BERLIN) is is_quiet


def test_the_zone_is_the_persons_own_then_slacks_then_the_servers() -> None:
    def quiet_at(hour: int, quiet: QuietHours, zone: ZoneInfo | None) -> bool:
        subscriptions = Subscriptions(quiet={"U1": quiet})
        audience = Audience(subscriptions, timezone=lambda _user: zone)
        return audience.is_quiet("U1", NOON.replace(hour=hour))

    tokyo = parse_quiet("20:00", "21:00", "Asia/Tokyo")
    assert [h for h in range(24) if quiet_at(h, tokyo, BERLIN)] == [11]
    here = parse_quiet("20:00", "21:00")
    assert [h for h in range(24) if quiet_at(h, here, BERLIN)] == [19]
    local = NOON.astimezone().replace(hour=20).astimezone(UTC).hour
    assert [h for h in range(24) if quiet_at(h, here, None)] == [local]


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "", "../../etc/passwd", "/etc/localtime", 5, "a\0b"]
)
def test_an_unknown_zone_is_refused(zone: object) -> None:
    with pytest.raises(ValueError, match="unknown timezone"):
        parse_quiet("20:00", "08:00", zone)


def test_a_pause_is_quiet_until_it_ends_for_that_person_alone() -> None:
    audience = Audience(Subscriptions(paused_until={"U1": NOON + HOUR}))
    assert audience.is_quiet("U1", NOON + HOUR - timedelta(seconds=1))
    assert not audience.is_quiet("U1", NOON + HOUR)
    assert not audience.is_quiet("U2", NOON)


def state(percent: int | None = None, **values: Any) -> State:
    alerts = {} if percent is None else {"fiveHour": WindowAlerts(Window(percent, NOON + HOUR))}
    return State(account_states={"alice": AccountState(alerts, **values)})


def list_released(now: State, *events: Event, later: timedelta = timedelta()) -> list[Event]:
    held = [Message(each, DIRECT_MESSAGES, "U1", held=True) for each in events]
    return [message.event for message in release(held, now, NOON + later)]


OUTAGE = Outage(NOON, 4, reported=True)
KNOWN_KEY = KeyFingerprint("f", NOON, 21)


@pytest.mark.parametrize(
    ("held", "true", "false"),
    [
        (event(HIT), state(100), state(99)),
        (event(RESET), state(99), state(100)),
        (event(RESET), state(0), state(100)),
        (event(THRESHOLD, 80), state(80), state(79)),
        (event(THRESHOLD, 80), state(100), state(0)),
        (event(RUN_OUT, resets_at=NOON + HOUR), state(90), state(100)),
        (event(KEY, days=21), state(key=KNOWN_KEY), state(key=replace(KNOWN_KEY, warned_days=0))),
        (event(KEY, days=21), state(key=KNOWN_KEY), state(key=replace(KNOWN_KEY, warned_days=26))),
        (event(FAILED), state(outage=OUTAGE), state()),
        (event(RECOVERED), state(), state(outage=OUTAGE)),
        (event(RECOVERED), state(outage=Outage(NOON, 1)), state(outage=OUTAGE)),
    ],
)
def test_after_quiet_hours_only_what_is_still_true_is_sent(
    held: Event, true: State, false: State
) -> None:
    assert list_released(true, held) == [held]
    assert list_released(false, held) == []
    assert list_released(State(), held) == []


def test_what_a_window_was_before_its_reset_is_not_known_to_be_true_after_it() -> None:
    """The account could not be read since; the service may also report a window past its reset."""
    ends = NOON + HOUR
    held = [event(HIT, resets_at=ends), event(THRESHOLD, 80, resets_at=ends)]
    for read_at, said in ((NOON, []), (ends, held)):
        reading = Reading(read_at, {"fiveHour": Window(100, ends)})
        now = replace(state(100), snapshot=Snapshot(ends, (Account("alice", reading),)))
        assert list_released(now, *held, later=HOUR) == said
        assert list_released(now, *held) == held


def test_what_ended_during_quiet_hours_is_not_news() -> None:
    for kind in (RUN_OUT, CHANGED, ENDING):
        ending = event(kind, resets_at=NOON + HOUR)
        assert list_released(state(50), ending) == [ending]
        assert list_released(state(50), ending, later=HOUR) == []


@pytest.mark.parametrize(
    ("kinds", "percent", "sent"),
    [
        ((HIT, RESET), 0, []),
        ((HIT, RESET, HIT), 100, [HIT]),
        ((RESET, HIT), 100, [HIT]),
        ((RESET, HIT, RESET), 0, [RESET]),
        ((HIT, RESET, HIT, RESET), 0, []),
        ((HIT,), 50, []),
        ((HIT, HIT), 100, [HIT]),
        ((RESET, RESET), 4, [RESET]),
    ],
)
def test_a_hit_and_its_reset_inside_one_quiet_time_cancel_out(
    kinds: tuple[EventKind, ...], percent: int, sent: list[EventKind]
) -> None:
    """And what has happened twice is sent once: the first is not what is true now."""
    found = list_released(state(percent), *map(event, kinds))
    assert [each.kind for each in found] == sent


def test_events_of_different_windows_do_not_cancel_out() -> None:
    now = State(
        account_states={
            "alice": AccountState(
                {
                    "fiveHour": WindowAlerts(Window(100, None)),
                    "sevenDay": WindowAlerts(Window(0, None)),
                }
            )
        }
    )
    held = [event(HIT), event(RESET, window="sevenDay")]
    assert list_released(now, *held) == held


def test_an_account_that_failed_and_recovered_is_not_news() -> None:
    assert list_released(state(), event(FAILED), event(RECOVERED)) == []
    again = [event(FAILED), event(RECOVERED), event(FAILED)]
    assert [e.kind for e in list_released(state(outage=OUTAGE), *again)] == [FAILED]


def test_the_same_threshold_of_two_instances_is_sent_once() -> None:
    first = event(THRESHOLD, 80)
    second = replace(first, at=NOON + HOUR)
    higher = replace(second, thresholds=(95,))
    assert list_released(state(96), first, second, higher) == [second, higher]


def test_each_saved_reset_that_ends_is_sent() -> None:
    ends = [event(ENDING, resets_at=NOON + hours * HOUR) for hours in (1, 2)]
    assert list_released(state(), *ends) == ends


def test_each_change_of_a_limit_is_sent() -> None:
    first = event(CHANGED, resets_at=NOON + HOUR)
    second = replace(first, at=NOON + timedelta(minutes=10))
    assert list_released(state(20), first, second) == [first, second]
