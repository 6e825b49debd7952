"""state.json: what is written is read again, and nothing else is."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.domain.events import Event, EventKind
from cldmon.domain.model import Account, Credits, Window
from cldmon.domain.windows import flatten
from cldmon.errors import StoreError
from cldmon.store.history import format_line
from cldmon.store.state import (
    AccountState,
    Message,
    State,
    StateCorruptError,
    StateFile,
    decode,
    encode,
)
from tests.collector.env import CollectorEnv
from tests.fakes import NOON
from tests.strategies import JSON, STATE

HERE = Path("/data/state.json")
DATA = Path(__file__).parent.parent / "data"
KEYS = [
    "version",
    "snapshot",
    "accounts",
    "outbox",
    "historyLine",
    "eventLines",
    "channelRetryAt",
    "passSeconds",
    "counters",
]


def message(user: str) -> Message:
    return Message(Event(EventKind.LIMIT_HIT, "alice", "fiveHour", NOON), user)


@settings(max_examples=25)
@given(STATE)
def test_any_state_comes_back_as_it_was(state: State) -> None:
    assert decode(encode(state), HERE) == state


def test_a_state_of_an_older_cldmon_is_read_without_loss() -> None:
    """Written before credits, pools and pending falls were kept."""
    text = (DATA / "state-before-credits.json").read_bytes()
    old, state = json.loads(text), decode(text, HERE)
    alice, bob, carol, dave = state.snapshot.accounts
    assert alice.reading
    assert bob.failure
    assert {name: w.utilization for name, w in alice.reading.windows.items()} == {
        "fiveHour": 100,
        "sevenDay": 63,
        "sevenDayOpus": 12,
        "models.Fable": 72,
    }
    assert [(pool.name, pool.utilization) for pool in alice.reading.pools] == [("cinderCove", 100)]
    assert alice.reading.credits == Credits(1275, 5000, "EUR", 2)
    assert (alice.reading.ignored, bob.failure.retry_at) == (2, NOON + timedelta(minutes=30))
    assert (carol.failure and carol.failure.kind, dave) == ("challenged", Account("dave", None))
    for label, memory in state.account_states.items():
        before = old["accounts"][label]
        assert memory.alerts.keys() == flatten(before["windows"]).keys()
        assert not any(alerts.pending for alerts in memory.alerts.values())
        assert (memory.key and memory.key.fingerprint) == (before["key"] or {}).get("fingerprint")
        assert (memory.organization and memory.organization.uuid) == (
            before["organization"] or {}
        ).get("uuid")
    assert len(state.outbox) == len(old["outbox"])
    assert state.history_line == old["historyLine"]
    assert (state.counters, state.pass_seconds) == (old["counters"], old["passSeconds"])
    assert decode(encode(state), HERE) == state


def test_the_one_saved_reset_that_an_older_cldmon_warned_of_is_known() -> None:
    body = json.loads(encode(State(account_states={"alice": AccountState()})))
    del body["accounts"]["alice"]["savedResetsWarned"]
    for end, warned in ((None, ()), ("2026-11-22T12:00:00.000Z", (NOON,))):
        body["accounts"]["alice"]["savedResetWarned"] = end
        state = decode(json.dumps(body).encode(), HERE)
        assert state.account_states["alice"].saved_resets_warned == warned


def test_a_pass_goes_on_from_a_state_of_an_older_cldmon(tmp_path: Path) -> None:
    """Nothing is forgotten, and nothing is announced that was so before."""
    home = CollectorEnv(tmp_path, labels=("alice", "bob"))
    home.subscribe("U01ALICE", "U9")
    (tmp_path / "state.json").write_bytes((DATA / "state-before-credits.json").read_bytes())
    full = Window(100, NOON + timedelta(hours=2))
    home.source.organizations["alice"] = "11111111-1111-4111-8111-000000000001"
    home.keys["alice"] = "sk-ant-sid01-other"
    home.run({"alice": {"fiveHour": full}}, later=timedelta(minutes=20))
    assert home.sent_alerts == ["U01ALICE: limit_hit alice fiveHour"]
    assert "sevenDaySonnet" in home.state.account_states["alice"].alerts


def test_a_state_is_one_line_of_json() -> None:
    """Readers need no more of it than `snapshot`; a person can look at it with any JSON tool."""
    text = encode(State(outbox=(message("U1"),), history_line=format_line(NOON, {})))
    assert text.endswith(b"}\n")
    assert text.count(b"\n") == 1
    assert list(json.loads(text)) == KEYS


@settings(max_examples=50)
@given(st.binary())
def test_any_bytes_are_a_state_or_refused(text: bytes) -> None:
    with pytest.raises(StateCorruptError):
        decode(text, HERE)


@settings(max_examples=40)
@given(JSON)
def test_any_json_is_a_state_or_refused(body: object) -> None:
    with pytest.raises(StoreError):
        decode(json.dumps(body).encode(), HERE)


@settings(max_examples=25)
@given(STATE, st.sampled_from(KEYS[1:]), JSON)
def test_a_state_with_any_json_in_place_of_a_part_is_refused_or_can_be_written_again(
    state: State, key: str, value: object
) -> None:
    body = json.loads(encode(state))
    body[key] = value
    try:
        decoded = decode(json.dumps(body).encode(), HERE)
    except StateCorruptError:
        return
    assert decode(encode(decoded), HERE) == decoded


@settings(max_examples=25)
@given(STATE, st.data())
def test_a_state_with_any_json_deep_inside_is_refused_or_can_be_written_again(
    state: State, data: st.DataObject
) -> None:
    """Wherever the damage is, it is found before a pass works with it."""
    body = json.loads(encode(state))
    place = body
    while True:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    try:
        decoded = decode(json.dumps(body).encode(), HERE)
    except StoreError:
        return
    assert decode(encode(decoded), HERE) == decoded


@settings(max_examples=25)
@given(STATE, st.data())
def test_a_state_that_was_cut_anywhere_is_refused(state: State, data: st.DataObject) -> None:
    text = encode(state).rstrip()
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(StateCorruptError, match=r"^/data/state\.json is not what cldmon writes"):
        decode(text[:cut], HERE)


@pytest.mark.parametrize("version", [0, 4, 99, "1.1", None])
def test_another_version_is_no_corruption(version: object) -> None:
    body = json.loads(encode(State()))
    body["version"] = version
    with pytest.raises(StoreError, match="another version") as caught:
        decode(json.dumps(body).encode(), HERE)
    assert not isinstance(caught.value, StateCorruptError)


def test_before_the_first_pass_the_state_is_empty(tmp_path: Path) -> None:
    assert StateFile(tmp_path).load() == State()
    assert list(tmp_path.iterdir()) == []


def test_a_state_survives_in_its_file_which_is_private(tmp_path: Path) -> None:
    state = State(outbox=(message("U1"),), counters={"a": 1})
    StateFile(tmp_path).save(State())
    StateFile(tmp_path).save(state)
    assert StateFile(tmp_path).load() == state
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


def test_a_state_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "state.json").mkdir()
    with pytest.raises(StoreError, match=f"^cannot read {tmp_path}/state.json: Is a directory$"):
        StateFile(tmp_path).load()


def test_a_corrupt_state_is_set_aside_under_the_time(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_bytes(b"{")
    aside = StateFile(tmp_path).set_aside(NOON)
    assert aside.name == "state.json.corrupt-20261122T120000Z"
    assert aside.read_bytes() == b"{"
    assert StateFile(tmp_path).load() == State()


def test_a_delivered_message_is_removed_once() -> None:
    one, other = message("U1"), message("U2")
    state = State(outbox=(one, other, one))
    assert state.without([one]).outbox == (other, one)
    assert state.without([other]).outbox == (one, one)
