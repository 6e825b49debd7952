"""Hashes in place of Slack ids before a login: nobody can reverse them or use them elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.secret import Secret
from cldmon.web.person_hashes import PersonHashes
from tests.fakes import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

IDS = ("U01ALICE", "U02BOB")
SECRET = Secret("a-secret-that-nobody-guesses")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def hashes(clock: Clock) -> PersonHashes:
    return PersonHashes(SECRET, clock)


def test_a_hash_is_valid_for_an_hour(hashes: PersonHashes, clock: Clock) -> None:
    made = {id_: hashes.make(id_) for id_ in IDS}
    clock.tick(60 * MINUTE - timedelta(seconds=1))
    assert {id_: hashes.resolve(text, IDS) for id_, text in made.items()} == {i: i for i in IDS}
    clock.tick(timedelta(seconds=1))
    assert [hashes.resolve(text, IDS) for text in made.values()] == [None, None]


def test_it_survives_a_restart_but_no_other_secret(hashes: PersonHashes, clock: Clock) -> None:
    made = hashes.make(IDS[0])
    assert PersonHashes(SECRET, clock).resolve(made, IDS) == IDS[0]
    assert PersonHashes(Secret("another"), clock).resolve(made, IDS) is None


def test_a_hash_of_someone_who_left_is_invalid(hashes: PersonHashes) -> None:
    assert hashes.resolve(hashes.make(IDS[0]), IDS[1:]) is None


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text[:-1],
        lambda text: f"{text}0",
        lambda text: f"0{text}",
        lambda text: text.replace("-", ""),
        lambda text: f"{int(text.partition('-')[0], 16) - 1:x}-{text.partition('-')[2]}",
        lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
        lambda text: f"ffffffffffff-{text.partition('-')[2]}",
    ],
)
def test_a_changed_hash_is_invalid(hashes: PersonHashes, change: Callable[[str], str]) -> None:
    changed = change(hashes.make(IDS[0]))
    if changed != hashes.make(IDS[0]):
        assert hashes.resolve(changed, IDS) is None


@given(st.one_of(st.text(max_size=60), st.from_regex(r"[0-9a-f]{1,12}-[0-9a-f]{32}")))
def test_arbitrary_text_is_not_a_hash(text: str) -> None:
    assert PersonHashes(SECRET, Clock()).resolve(text, IDS) is None
