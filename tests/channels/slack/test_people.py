"""How a person is found: what a user types into the login box, or after `subscribe`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.channels.slack.people import make_person, parse_person, resolve, search
from cldmon.domain.people import Person
from cldmon.errors import SlackError
from tests.simulation.slack import PEOPLE

if TYPE_CHECKING:
    import random

ALICE = Person("U01ALICE", "alice", "Alice Example", "alice")
BOB = Person("U02BOB", "bob", "Bob Builder", "Bobby")
CHLOE = Person("U03CHLOE", "chloe", "Chloé Nuñez 🦊", "🦊 chloé")
DAN = Person("U04DAN", "dan", "Dan O'Neil", "")
LUKASZ = Person("U05LUK", "luk", "Łukasz Sørensen", "")
ALINA = Person("U06ALINA", "alina", "Alina Aalto", "")
EVERYBODY = [DAN, CHLOE, BOB, ALINA, LUKASZ, ALICE]

names = st.text(max_size=12) | st.sampled_from(["alice", "Alice", "bob", "ALI", "é", "🦊"])
crowds = st.lists(
    st.builds(Person, st.text("U0123", min_size=1, max_size=4), names, names, names),
    max_size=12,
    unique_by=lambda each: each.id,
)


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("U02BOB", BOB),
        ("u02bob", BOB),
        ("alice", ALICE),
        ("@alice", ALICE),
        ("@ Alice", ALICE),
        ("  ALICE   example ", ALICE),
        ("bobb", BOB),
        ("builder", BOB),
        ("build bo", BOB),
        ("U04", DAN),
        ("chloe nunez", CHLOE),
        ("CHLOÉ", CHLOE),
        ("nun", CHLOE),
        ("🦊", CHLOE),
        ("neil", DAN),
        ("o'n", DAN),
        ("lukasz sorensen", LUKASZ),
        ("uilde", BOB),
        ("aliec", ALICE),
        ("bobbuilder", BOB),
        ("chole", CHLOE),
        ("bob buildre", BOB),
    ],
)
def test_the_best_match_comes_first(query: str, best: Person) -> None:
    assert search(EVERYBODY, query)[0] == best


@pytest.mark.parametrize("query", ["zzz", "xq", "ali\x00", "U99NOBODY"])
def test_what_fits_nobody_finds_nobody(query: str) -> None:
    assert search(EVERYBODY, query) == []


def test_better_kinds_of_match_come_before_worse_ones() -> None:
    """The id, the whole name, the beginning of a word, inside, misspelt."""
    ranked = [
        Person("annie", "zoe"),
        Person("U1", "annie"),
        Person("U2", "annies"),
        Person("U3", "x", "Mary Annie"),
        Person("U5", "joannie"),
        Person("ANNIE4", "y"),
        Person("U7", "anine"),
    ]
    assert search(ranked[::-1], "annie") == ranked


def test_no_more_than_asked_for_are_found() -> None:
    crowd = [Person(f"U{n:03}", f"user{n:03}") for n in range(100)]
    assert search(crowd, "user") == crowd[:8]
    assert search(crowd, "user", limit=3) == crowd[:3]


def test_an_empty_query_lists_people_by_name() -> None:
    assert search(EVERYBODY, " ")[:3] == [ALICE, ALINA, BOB]


def test_a_query_of_any_length_is_answered() -> None:
    assert search(EVERYBODY, "alice" * 100_000) == []


def test_only_the_beginning_of_a_very_long_query_counts() -> None:
    longest = Person("U1", "a" * 80)
    assert search([longest], "a" * 80 + "b" * 1000) == [longest]


@given(crowds, names, st.randoms())
def test_the_order_of_the_people_does_not_matter(
    crowd: list[Person], query: str, chance: random.Random
) -> None:
    found = search(crowd, query)
    assert search(chance.sample(crowd, len(crowd)), query) == found
    assert len(set(found)) == len(found) <= 8


@given(crowds.filter(bool))
def test_whoever_is_asked_for_by_id_comes_first(crowd: list[Person]) -> None:
    assert search(crowd, crowd[-1].id)[0] == crowd[-1]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("U02BOB", BOB),
        ("u02bob", BOB),
        ("@bob", BOB),
        ("Bobby", BOB),
        ("chloe nunez 🦊", CHLOE),
        ("chloe", CHLOE),
        ("builder", BOB),
        ("alic", ALICE),
        ("sorensen", LUKASZ),
        ("lukasz", LUKASZ),
    ],
)
def test_an_id_a_name_or_its_only_completion_means_a_person(text: str, meant: Person) -> None:
    assert resolve(EVERYBODY, text) == meant


def test_a_whole_name_wins_over_a_longer_one() -> None:
    longer = Person("U9", "bob2", "Bob Zimmer")
    assert resolve([longer, BOB], "bob") == BOB


def test_several_candidates_are_listed() -> None:
    with pytest.raises(SlackError) as refused:
        resolve(EVERYBODY, "ali")
    assert str(refused.value) == (
        "'ali' fits several people in Slack: Alina Aalto (@alina, U06ALINA), "
        "Alice Example (@alice, U01ALICE); give the id"
    )


def test_a_long_list_of_candidates_is_cut() -> None:
    crowd = [Person(f"U{n}", f"user{n}") for n in range(20)]
    with pytest.raises(SlackError, match=r"@user7 \(U7\), …; give the id"):
        resolve(crowd, "user")


def test_a_typo_is_answered_by_a_question_not_by_a_guess() -> None:
    with pytest.raises(SlackError) as refused:
        resolve(EVERYBODY, "bobbi")
    assert str(refused.value) == (
        "no Slack user matches 'bobbi': did you mean Bob Builder (@bob, U02BOB)?"
    )


@pytest.mark.parametrize("text", ["zzzz", "", "@", "U99NOBODY"])
def test_nobody_learns_how_to_ask(text: str) -> None:
    with pytest.raises(SlackError, match="give a Slack id such as U0123ABCD"):
        resolve(EVERYBODY, text)


def test_bots_and_deleted_users_are_left_out() -> None:
    found = [each for user in PEOPLE if (each := parse_person(user.as_json()))]
    assert [each.id for each in found] == ["U01ALICE", "U02BOB", "U03CHLOE", "U04DAN", "U05GUEST"]
    assert found[0] == replace(ALICE, timezone="Europe/Berlin")


def test_the_full_name_may_stand_in_the_profile_alone() -> None:
    user = {"id": "U1", "name": "eva", "profile": {"real_name": "Eva", "display_name": "evi"}}
    assert parse_person(user) == Person("U1", "eva", "Eva", "evi")


@pytest.mark.parametrize(
    "user",
    [{}, {"id": "U1"}, {"name": "x"}, {"id": 7, "name": "x"}, {"id": "U1", "name": ""}],
)
def test_a_user_without_id_or_name_is_passed_over(user: dict[str, object]) -> None:
    assert parse_person(user) is None


def test_names_of_a_foreign_type_are_left_out() -> None:
    assert parse_person({"id": "U1", "name": "eva", "real_name": 5, "profile": []}) == Person(
        "U1", "eva"
    )


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert make_person("U1", "eva", "\x1b[31mEva", "👩‍🚀\n") == Person(
        "U1", "eva", "[31mEva", "👩‍🚀"
    )
