"""What Claude Code tells its status line is understood, and nothing in it is an error."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.reporter.status_line import StatusLine, Window, format_line, parse
from tests.fakes import NOON
from tests.reporter.documents import DOCUMENTED, make_document
from tests.strategies import JSON

RESETS = int(NOON.timestamp()) + 3600
BEFORE = datetime(2025, 2, 1, tzinfo=UTC)


def limits(**windows: object) -> bytes:
    return json.dumps({"rate_limits": windows}).encode()


def entry(used: object, resets_at: object = RESETS) -> dict[str, object]:
    return {"used_percentage": used, "resets_at": resets_at}


def test_the_documented_example_is_understood() -> None:
    found = parse(json.dumps(DOCUMENTED).encode(), BEFORE)
    assert found == StatusLine(
        "abc123",
        2300,
        (
            Window("fiveHour", 24, datetime.fromtimestamp(1738425600, UTC)),
            Window("sevenDay", 41, datetime.fromtimestamp(1738857600, UTC)),
        ),
    )
    assert format_line(found.windows) == "5h 24% · 7d 41%"


CASES: dict[str, tuple[bytes, str]] = {
    "no rate_limits": (b'{"session_id": "a"}', ""),
    "null": (b'{"rate_limits": null}', ""),
    "a list": (b'{"rate_limits": [1, 2]}', ""),
    "empty": (b"", ""),
    "truncated": (make_document()[:-5], ""),
    "not UTF-8": (b'{"session_id": "\xff\xfe"}', ""),
    "not an object": (b'"hello"', ""),
    "deep": (b"[" * 100_000, ""),
    "digits": (b'{"rate_limits": {"five_hour": {"used_percentage": ' + b"9" * 5000 + b"}}}", ""),
    "one window": (make_document(five=None), "7d 63%"),
    "a null window": (limits(five_hour=None, seven_day=entry(12)), "7d 12%"),
    "other keys": (limits(one_hour=entry(12), seven_day=entry(3)), "7d 3%"),
    "over 100": (limits(five_hour=entry(106.4)), "5h 100%"),
    "just below 100": (limits(five_hour=entry(99.49)), "5h 99%"),
    "rounded half up": (limits(five_hour=entry(40.5)), "5h 41%"),
    "NaN": (b'{"rate_limits": {"five_hour": {"used_percentage": NaN}}}', ""),
    "Infinity": (b'{"rate_limits": {"five_hour": {"used_percentage": Infinity}}}', ""),
    "negative": (limits(five_hour=entry(-1)), ""),
    "true": (limits(five_hour=entry(True)), ""),
    "text": (limits(five_hour=entry("41")), ""),
    "reset in the past": (limits(five_hour=entry(41, RESETS - 7200), seven_day=entry(3)), "7d 3%"),
    "no reset": (limits(five_hour=entry(0, None)), "5h 0%"),
    "reset is text": (limits(five_hour=entry(7, "2026-11-22T14:00:00Z")), "5h 7%"),
    "reset is NaN": (
        b'{"rate_limits": {"five_hour": {"used_percentage": 1, "resets_at": NaN}}}',
        "5h 1%",
    ),
    "reset is huge": (limits(five_hour=entry(7, 10**30)), "5h 7%"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_understood_is_left_out(case: str) -> None:
    document, text = CASES[case]
    assert format_line(parse(document, NOON).windows) == text


def test_a_long_session_id_is_cut_and_a_foreign_one_ignored() -> None:
    assert len(parse(b'{"session_id": "%s"}' % (b"x" * 9999), NOON).session) == 100
    assert parse(b'{"session_id": 7}', NOON).session == ""


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.dictionaries(
            st.sampled_from(
                ["rate_limits", "five_hour", "seven_day", "used_percentage", "resets_at", "cost"]
            ),
            inner,
        ),
    )
    | JSON
)
def test_any_json_gives_windows_that_may_be_shown(content: Any) -> None:
    found = parse(json.dumps(content).encode(), NOON)
    for window in found.windows:
        assert window.name in {"fiveHour", "sevenDay"}
        assert 0 <= window.utilization <= 100
        assert window.resets_at is None or window.resets_at > NOON
    assert format_line(found.windows).isprintable()


@given(st.binary(max_size=200))
def test_any_bytes_are_no_error(document: bytes) -> None:
    assert parse(document, NOON).windows == ()


@given(st.floats(0, 1000), st.integers(1, 7 * 86400))
def test_numbers_are_kept(used: float, seconds: int) -> None:
    document = limits(five_hour=entry(used, int(NOON.timestamp()) + seconds))
    [window] = parse(document, NOON).windows
    assert abs(window.utilization - min(used, 100)) <= 0.5
    assert window.resets_at == NOON + timedelta(seconds=seconds)
