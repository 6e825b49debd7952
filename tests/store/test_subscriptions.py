"""subscriptions.json: compatible with the Node program's, and never thrown away."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cldmon.domain.subscriptions import Subscription, Subscriptions
from cldmon.errors import StoreError, SubscriptionsCorruptError
from cldmon.store.subscriptions import SubscriptionsFile
from tests.limits import limit_file_size
from tests.strategies import JSON

if TYPE_CHECKING:
    from pathlib import Path

NODE = b'{"users":{"U123":{"accounts":{"alice":{"limitHit":true,"reset":false}}}}}'


@pytest.fixture
def file(tmp_path: Path) -> SubscriptionsFile:
    return SubscriptionsFile(tmp_path)


def change(file: SubscriptionsFile, user: str, label: str, **values: Any) -> Subscription:
    return file.change(user, label, lambda old: replace(old, **values))


def body(file: SubscriptionsFile) -> Any:
    return json.loads(file.path.read_bytes())


def test_before_the_first_change_nobody_is_subscribed(file: SubscriptionsFile) -> None:
    assert file.load() == Subscriptions()
    assert file.load().of("U1", "alice") == Subscription(limit_hit=False, reset=False)
    assert not file.path.exists()


def test_the_file_of_the_node_program_is_read(file: SubscriptionsFile) -> None:
    file.path.write_bytes(NODE)
    assert file.load().of("U123", "alice") == Subscription(limit_hit=True, reset=False)
    assert file.load().of("U123", "bob") == Subscription()
    assert file.load().of("U999", "alice") == Subscription()


def test_a_file_of_another_shape_is_not_taken_for_one_of_nobody(file: SubscriptionsFile) -> None:
    """As the Node program's first version had it: alerts of accounts, without people."""
    file.path.write_bytes(b'{"accounts":{"alice":{"limitHit":true}}}')
    for act in (file.load, partial(change, file, "U1", "alice", reset=True)):
        with pytest.raises(SubscriptionsCorruptError):
            act()
    assert file.path.read_bytes() == b'{"accounts":{"alice":{"limitHit":true}}}'


def test_a_change_has_the_form_of_the_node_program(file: SubscriptionsFile) -> None:
    assert change(file, "U123", "alice", limit_hit=True) == Subscription(limit_hit=True)
    assert body(file) == json.loads(NODE)
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_change_leaves_everything_else_as_it_was(file: SubscriptionsFile) -> None:
    """The other alert, other accounts, other users, and keys that this program does not know."""
    before = {
        "version": 3,
        "users": {
            "U1": {
                "name": "Zoë 🚀",
                "accounts": {
                    "alice": {"limitHit": True, "reset": False, "sound": "ping"},
                    "bob": {"reset": True},
                },
            },
            "U2": {"accounts": {}},
        },
    }
    file.path.write_text(json.dumps(before))
    assert change(file, "U1", "alice", reset=True) == Subscription(limit_hit=True, reset=True)
    after = json.loads(json.dumps(before))
    after["users"]["U1"]["accounts"]["alice"]["reset"] = True
    assert body(file) == after
    assert "Zoë 🚀" in file.path.read_text(encoding="utf-8")


def test_an_alert_is_switched_off_as_it_is_switched_on(file: SubscriptionsFile) -> None:
    change(file, "U1", "alice", limit_hit=True, reset=True)
    assert change(file, "U1", "alice", limit_hit=False) == Subscription(reset=True)
    assert file.load().of("U1", "alice") == Subscription(limit_hit=False, reset=True)


def test_an_alert_is_on_only_where_it_says_true(file: SubscriptionsFile) -> None:
    for value in ("true", 1, None, "yes", [True]):
        entry = {"limitHit": value, "reset": True}
        file.path.write_text(json.dumps({"users": {"U1": {"accounts": {"alice": entry}}}}))
        assert file.load().of("U1", "alice") == Subscription(limit_hit=False, reset=True)


def test_values_of_the_wrong_type_are_named_and_everything_else_counts(
    file: SubscriptionsFile,
) -> None:
    alice = {"limitHit": "yes", "reset": True, "thresholds": "80", "windows": 7, "foreign": [1]}
    users = {
        "U1": {"accounts": {"alice": alice}, "quiet": "20:00", "pausedUntil": "soon"},
        "U2": {"quiet": {"from": "20:00"}},
        "U3": {"quiet": {"from": "20:00", "to": "08:00", "timezone": "Mars/Olympus"}},
    }
    file.path.write_text(json.dumps({"users": users, "foreign": {}}))
    found = file.load()
    assert found.of("U1", "alice") == Subscription(reset=True)
    assert (found.quiet, found.paused_until) == ({}, {})
    assert found.problems == (
        "U1, alice: limitHit is ignored: expected true or false",
        "U1, alice: thresholds are ignored: expected a list of percentages",
        "U1, alice: windows are ignored: expected a list of window names",
        'U1: quiet is ignored: expected an object with "from" and "to"',
        "U1: pausedUntil is ignored: expected a time such as 2026-03-12T02:54:43Z",
        'U2: quiet is ignored: expected "from" and "to" as times of day such as "20:00"',
        "U3: quiet is ignored: unknown timezone 'Mars/Olympus'; use a name such as Europe/Zurich",
    )


def test_of_many_wrong_values_some_are_named(file: SubscriptionsFile) -> None:
    users = {f"U{n}": {"pausedUntil": n} for n in range(1, 100)}
    file.path.write_text(json.dumps({"users": users}))
    *named, rest = file.load().problems
    assert (len(named), rest) == (10, "ignored as well: 89 more")


def test_a_user_who_is_not_understood_is_named(file: SubscriptionsFile) -> None:
    file.path.write_text('{"users":{"U1":{"accounts":{}},"U2":{"accounts":{"alice":true}}}}')
    with pytest.raises(SubscriptionsCorruptError, match="is not understood at U2, so it is left"):
        file.load()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"users":null}',
        b'{"users":[1]}',
        b'{"users":{"U1":3}}',
        b'{"users":{"U1":{"accounts":[]}}}',
        b'{"users":{"U1":{"accounts":{"alice":true}}}}',
        b'{"users":{"\\ud800":{"accounts":{}}}}',
        NODE[:-1],
        b"[" * 100_000,
    ],
)
def test_a_corrupt_file_is_reported_and_left_alone_byte_for_byte(
    file: SubscriptionsFile, text: bytes
) -> None:
    file.path.write_bytes(text)
    for use in (file.load, lambda: change(file, "U1", "alice", reset=True)):
        with pytest.raises(SubscriptionsCorruptError, match="fix it, or move it away"):
            use()
    assert file.path.read_bytes() == text


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON | st.fixed_dictionaries({"users": JSON}))
def test_any_json_is_read_or_reported(file: SubscriptionsFile, content: object) -> None:
    file.path.write_text(json.dumps(content))
    try:
        file.load()
    except SubscriptionsCorruptError:
        return
    assert isinstance(content, dict)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary().filter(lambda data: data.strip() != b"{}"))
def test_any_bytes_are_reported_and_left_alone(file: SubscriptionsFile, content: bytes) -> None:
    file.path.write_bytes(content)
    with pytest.raises(SubscriptionsCorruptError):
        file.load()
    assert file.path.read_bytes() == content


def test_changes_made_at_once_are_all_kept(file: SubscriptionsFile) -> None:
    """`subscribe` and `serve` write the same file, each under the lock."""

    def change_all(label: str) -> None:
        for user in ("U1", "U2", "U3"):
            change(SubscriptionsFile(file.path.parent), user, label, reset=True)

    threads = [threading.Thread(target=change_all, args=(f"a{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    users = file.load().users
    assert {user: len(labels) for user, labels in users.items()} == {"U1": 4, "U2": 4, "U3": 4}


def test_a_full_disk_leaves_the_file_as_it_was(file: SubscriptionsFile) -> None:
    file.path.write_bytes(NODE)
    with limit_file_size(10), pytest.raises(StoreError, match="cannot write"):
        change(file, "U1", "bob", reset=True)
    assert file.path.read_bytes() == NODE


def test_the_folder_is_made_for_its_owner_where_it_is_missing(tmp_path: Path) -> None:
    change(SubscriptionsFile(tmp_path / "data"), "U1", "alice", reset=True)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
