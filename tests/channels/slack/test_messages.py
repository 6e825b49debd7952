"""What is said on Slack, to the letter, and that no text from outside can be more than text."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.channels.slack.messages import (
    MAX_EVENTS,
    Message,
    build_alert,
    build_confirmation,
    build_login_code,
)
from cldmon.domain.events import OCCURRENCES, Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEN = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
RESETS = datetime(2026, 11, 22, 15, 9, 59, 318402, tzinfo=UTC)
SEEN_MARKUP = "<!date^1795348860^{date_short_pretty} at {time}|2026-11-22 12:01 UTC>"
RESETS_MARKUP = "<!date^1795360200^{date_short_pretty} at {time}|2026-11-22 15:10 UTC>"
DATE_MARKUP = re.compile(r"<!date\^-?\d+\^\{date_short_pretty\} at \{time\}\|[-0-9: ]+UTC>")
LINK_MARKUP = re.compile(r"<https://[^<>|]*\|Open the dashboard>")

LIMITS = {"header": 150, "section": 3000, "context": 3000}

texts = st.one_of(
    st.text(),
    st.text(alphabet="<>!@#&|^*_~`:\\\u202e\u200d\n\t🦊éa ", max_size=200),
    st.sampled_from(["<!channel>", "<@U01ALICE>", "<http://x|y>", "&amp;", "*b*", "```", "\ud800"]),
)
instants = st.datetimes(timezones=st.just(UTC))
kinds = st.sampled_from([*OCCURRENCES, EventKind.TEST])
any_event = st.builds(
    Event,
    kinds,
    texts,
    st.none() | texts,
    instants,
    st.none() | instants,
    st.none() | st.integers(0, 100),
    reason=st.none() | texts,
    limited_by=st.none() | texts,
    limited_until=st.none() | instants,
)
alerts = st.builds(
    build_alert,
    st.lists(any_event, min_size=1, max_size=12),
    instants,
    st.none() | st.just("https://cldmon.example/a?b&c"),
)
digests = st.builds(
    lambda lines, at: build_alert(
        [Event(EventKind.DIGEST, "", None, at, text="\n".join(lines))], at
    ),
    st.lists(texts, min_size=1, max_size=50),
    instants,
)
confirmations = st.builds(build_confirmation, texts.map(lambda text: f"Saved: {text}"))
codes = st.builds(build_login_code, texts, st.integers(0, 10_000))
any_message = st.one_of(alerts, digests, confirmations, codes)


def event(kind: EventKind, resets_at: datetime | None, label: str = "alice") -> Event:
    return Event(kind, label, "fiveHour", SEEN, resets_at)


def text_objects(message: Message) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each text object with the type of the block that it stands in."""
    for block in message.blocks:
        for text in block.get("elements", [block.get("text")]):
            yield block["type"], text


def texts_of(message: Message) -> list[str]:
    return [text["text"] for _, text in text_objects(message)]


@pytest.mark.parametrize("kind", [EventKind.LIMIT_HIT, EventKind.USAGE_RESET])
@pytest.mark.parametrize("later", [timedelta(), timedelta(days=2)])
def test_a_reset_time_that_has_passed_is_never_said_to_come(
    kind: EventKind, later: timedelta
) -> None:
    """The service reports a window past its reset, or the message had to wait for Slack."""
    message = build_alert([event(kind, RESETS)], RESETS + later)
    assert "Its reset was due 2026-11-22 15:10 UTC." in message.text
    assert not any("Resets" in text for text in (message.text, *texts_of(message)))


def test_a_hit_limit_says_account_window_reset_and_when_it_was_seen() -> None:
    message = build_alert([event(EventKind.LIMIT_HIT, RESETS)], SEEN)
    assert message == Message(
        text="alice's 5-hour limit has been reached (100%). Resets 2026-11-22 15:10 UTC. "
        "Seen 2026-11-22 12:01 UTC.",
        blocks=(
            {
                "type": "header",
                "text": {"type": "plain_text", "text": "🔴 alice: limit reached", "emoji": False},
            },
            {
                "type": "section",
                "text": {
                    "type": "plain_text",
                    "text": "The 5-hour limit has been reached (100%).",
                    "emoji": False,
                },
            },
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": f"Resets {RESETS_MARKUP}.", "verbatim": True},
            },
            {
                "type": "context",
                "elements": [{"type": "mrkdwn", "text": f"Seen {SEEN_MARKUP}", "verbatim": True}],
            },
        ),
    )


def test_a_free_window_says_so_and_when_it_resets_next() -> None:
    message = build_alert([event(EventKind.USAGE_RESET, RESETS)], SEEN)
    assert message.text == (
        "alice's 5-hour limit has reset. It resets next 2026-11-22 15:10 UTC. "
        "Seen 2026-11-22 12:01 UTC."
    )
    assert texts_of(message) == [
        "🟢 alice: limit reset",
        "The 5-hour limit has reset.",
        f"It resets next {RESETS_MARKUP}.",
        f"Seen {SEEN_MARKUP}",
    ]


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        (EventKind.LIMIT_HIT, "has been reached (100%). Resets 2026-11-22 15:10 UTC. But {}."),
        (EventKind.USAGE_RESET, "has reset, but {}. The 5-hour limit resets next 2026-11-22"),
    ],
)
def test_another_limit_that_holds_longer_is_named_while_it_holds(
    kind: EventKind, statement: str
) -> None:
    until = RESETS + timedelta(days=2)
    alert = replace(event(kind, RESETS), limited_by="sevenDay", limited_until=until)
    other = "the weekly limit holds until 2026-11-24 15:10 UTC"
    assert statement.format(other) in build_alert([alert], SEEN).text
    forever = replace(alert, limited_until=None)
    assert statement.format("the weekly limit holds") in build_alert([forever], SEEN).text
    assert "weekly" not in build_alert([alert], until).text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (EventKind.LIMIT_HIT, "The reset time is not known."),
        (EventKind.USAGE_RESET, "No new window has started yet."),
    ],
)
def test_a_missing_reset_time_is_put_into_words(kind: EventKind, said: str) -> None:
    """The service gives none while no window runs."""
    message = build_alert([event(kind, None)], SEEN)
    assert said in message.text
    assert said in texts_of(message)


def test_reset_times_that_jitter_around_a_minute_read_the_same() -> None:
    before = build_alert([event(EventKind.LIMIT_HIT, RESETS)], SEEN)
    after = build_alert([event(EventKind.LIMIT_HIT, RESETS.replace(minute=10, second=1))], SEEN)
    assert before == after


def test_the_last_instant_there_is_can_be_shown() -> None:
    message = build_alert([event(EventKind.LIMIT_HIT, datetime.max.replace(tzinfo=UTC))], SEEN)
    assert "Resets 9999-12-31 23:59 UTC." in message.text


def test_a_digest_is_a_title_and_a_line_for_each_account() -> None:
    text = "Usage from 23 Mar to 30 Mar\nR&D: 5h at most 100%\nbob: no readings"
    digest = Event(EventKind.DIGEST, "", None, SEEN, text=text)
    message = build_alert([digest], SEEN, "https://cldmon.example/")
    assert message.text == text.replace("&", "&amp;")
    assert texts_of(message) == [
        "📊 Usage from 23 Mar to 30 Mar",
        "R&amp;D: 5h at most 100%\nbob: no readings\n",
        "<https://cldmon.example/|Open the dashboard>",
    ]


def test_a_long_digest_is_cut_into_sections() -> None:
    lines = [f"{'&' * 80}{n}: 5h at most 100%" for n in range(101)]
    digest = Event(EventKind.DIGEST, "", None, SEEN, text="\n".join(["Usage", *lines]))
    shown = "".join(texts_of(build_alert([digest], SEEN))[1:])
    assert html.unescape(shown).splitlines() == lines


def test_a_window_is_named_by_its_title() -> None:
    weekly = Event(EventKind.LIMIT_HIT, "alice", "models.Fable", SEEN, None)
    assert "The weekly Fable limit has been reached (100%)." in texts_of(
        build_alert([weekly], SEEN)
    )


def test_a_confirmation_says_what_will_come() -> None:
    message = build_confirmation("You will get no more alerts about R&D.")
    assert message.text == "You will get no more alerts about R&amp;D."
    assert message.blocks == (
        {
            "type": "section",
            "text": {"type": "plain_text", "text": message.text, "emoji": False},
        },
    )


def test_a_login_code_says_how_long_it_is_valid_and_what_if_it_was_not_asked_for() -> None:
    message = build_login_code("493021", 10)
    rest = (
        "It is valid for 10 minutes. "
        "If you did not ask for it, ignore it: nobody can log in as you without the code."
    )
    assert message.text == f"Your cldmon login code: 493021. {rest}"
    assert texts_of(message) == ["Your cldmon login code: 493021", rest]


def test_one_minute_is_not_minutes() -> None:
    assert "valid for 1 minute." in build_login_code("1", 1).text


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("R&D <ops>", "R&D <ops>"),
        ('🦊 "q" `tick` *b* _i_', '🦊 "q" `tick` *b* _i_'),
        ("<!channel> <@U01ALICE>", "<!channel> <@U01ALICE>"),
        ("two\nlines\tand  blanks", "two lines and blanks"),
        ("right\u202eto left\x1b[31m", "rightto left[31m"),
        ("\u202e", "?"),
    ],
)
def test_a_label_is_shown_to_the_letter_on_one_line(label: str, shown: str) -> None:
    """Slack decodes the three entities that it knows, and nothing else."""
    message = build_alert([event(EventKind.LIMIT_HIT, RESETS, label)], SEEN)
    assert html.unescape(texts_of(message)[0]) == f"🔴 {shown}: limit reached"
    assert html.unescape(message.text).startswith(
        f"{shown}'s 5-hour limit has been reached (100%)."
    )


def test_a_long_label_is_cut_without_breaking_an_entity() -> None:
    headline = texts_of(build_alert([event(EventKind.LIMIT_HIT, None, "&" * 200)], SEEN))[0]
    assert headline == f"🔴 {'&amp;' * 15}…: limit reached"


def test_a_long_list_of_accounts_is_cut_to_what_slack_takes() -> None:
    events = [
        Event(EventKind.ACCOUNT_FAILED, f"{n}{'&' * 60}", None, SEEN, reason="r") for n in range(30)
    ]
    others = [event(EventKind.LIMIT_HIT, RESETS)] * 8
    for message in (build_alert(events, SEEN), build_alert([*events, *others], SEEN)):
        assert max(map(len, texts_of(message))) <= LIMITS["section"]


@pytest.mark.parametrize("count", [8, 9, MAX_EVENTS])
def test_many_events_are_a_line_each_in_one_message(count: int) -> None:
    events = [event(EventKind.LIMIT_HIT, RESETS, f"a*{number}") for number in range(count)]
    message = build_alert(events, SEEN, "https://cldmon.example/")
    assert len(message.text.splitlines()) == count
    assert len(message.blocks) <= 50
    lines = [text for text in texts_of(message) if "limit has been reached (100%)" in text]
    assert len(lines) == count
    if count > 8:
        assert lines[0] == (
            f"🔴 a0's 5-hour limit has been reached (100%). Resets {RESETS_MARKUP}."
            f" Seen {SEEN_MARKUP}."
        )


@given(any_message)
def test_text_from_outside_stands_only_where_slack_reads_no_markup(message: Message) -> None:
    """mrkdwn holds our own words and whole dates: once the dates are gone, no markup is left."""
    for _, text in text_objects(message):
        if text["type"] == "mrkdwn":
            rest = DATE_MARKUP.sub("", text["text"])
            assert not re.search(r"[<>*_~`]|&(?!amp;|lt;|gt;)", LINK_MARKUP.sub("", rest))


@given(any_message)
def test_nothing_can_mention_anybody_or_make_a_link(message: Message) -> None:
    """An unescaped `<` starts mentions (`<@`, `<!`) and links (`<http`), and nothing else does."""
    plain = [text["text"] for _, text in text_objects(message) if text["type"] == "plain_text"]
    for text in [message.text, *plain]:
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text)


@given(any_message)
def test_blocks_stay_within_the_limits_of_slack(message: Message) -> None:
    assert 1 <= len(message.blocks) <= 50
    for kind, text in text_objects(message):
        assert 1 <= len(text["text"].encode("utf-16-le")) // 2 <= LIMITS[kind]


@given(st.one_of(alerts, confirmations, codes))
def test_every_message_is_a_line_for_each_event_and_valid_json(message: Message) -> None:
    kinds = Counter(block["type"] for block in message.blocks)
    # Of many events, each is a section alone.
    assert len(message.text.splitlines()) == (kinds["header"] or kinds["section"])
    json.dumps(message.blocks).encode()
    message.text.encode()


@given(alerts)
def test_the_fallback_is_complete_without_any_date_markup(message: Message) -> None:
    assert "date^" not in message.text
    assert re.search(r"Seen [-0-9: ]+ UTC\.$", message.text)
