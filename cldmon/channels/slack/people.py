"""Slack's people as values, and how one is found among them. Pure."""

from __future__ import annotations

import unicodedata
from difflib import get_close_matches
from functools import lru_cache
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

from cldmon.domain.people import Person
from cldmon.domain.text import replace_unprintable
from cldmon.errors import SlackError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SLACKBOT = "USLACKBOT"
LONGEST_QUERY = 80
_SHORTEST_TYPO = 3
_SIMILAR = 0.75
"""difflib's ratio from which a name counts as a misspelt query: one slip in four letters."""

_ID, _EXACT, _PREFIX, _INSIDE = range(4)
"""How well a query fits, best first."""

_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not take apart into a letter and an accent."""


def parse_person(user: Mapping[str, Any]) -> Person | None:
    """Return the person that a user object of Slack's describes; None for bots and leavers."""
    if user.get("deleted") or user.get("is_bot") or user.get("id") == SLACKBOT:
        return None
    profile = user.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    return make_person(
        user.get("id"),
        user.get("name"),
        user.get("real_name") or profile.get("real_name"),
        profile.get("display_name"),
        user.get("tz"),
    )


def make_person(
    id_: object,
    name: object,
    real_name: object = "",
    display_name: object = "",
    timezone: object = "",
) -> Person | None:
    """Return a person, or None where the id or the user name is missing or none."""
    if not (isinstance(id_, str) and id_.isascii() and id_.isalnum()):
        return None
    if not (isinstance(name, str) and name):
        return None
    return Person(id_, *map(_clean, (name, real_name, display_name, timezone)))


def _clean(name: object) -> str:
    """Return a name without control characters: it will be shown on terminals."""
    return replace_unprintable(name, "") if isinstance(name, str) else ""


def search(
    people: Sequence[Person], query: str, limit: int = 8, *, by_id: bool = True
) -> list[Person]:
    """Return the people who fit `query` best, best first, `limit` at most.

    First comes the id or a whole name, then the beginning of names, then a part of one, then what
    is spelt like it. Case and accents don't count. An empty query fits everybody. Without `by_id`
    no id fits: nobody finds one out by trying.
    """
    wanted = _parse_query(query[:LONGEST_QUERY])
    ranked = (
        (rank, *_sort_key(person), person)
        for person in people
        if (rank := _rank(person, wanted, by_id=by_id)) is not None
    )
    found = [each for *_, each in nsmallest(limit, ranked)]
    if len(found) < limit and len(wanted) >= _SHORTEST_TYPO:
        others = [each for each in people if each not in found]
        found += _find_similar(others, wanted)[: limit - len(found)]
    return found


def resolve(people: Sequence[Person], text: str) -> Person:
    """Return the one person whom an id, `@name` or unambiguous name means.

    Raises SlackError, naming the candidates, where that is nobody or several people.
    """
    wanted = _parse_query(text)
    for rank in (_ID, _EXACT, _PREFIX) if wanted else ():
        fitting = [each for each in people if _rank(each, wanted, by_id=True) == rank]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise SlackError(
                f"{text!r} fits several people in Slack: {_list(fitting)}; give the id"
            )
    near = search(people, text, 3) if wanted else []
    hint = f"did you mean {_list(near)}?" if near else "give a Slack id such as U0123ABCD"
    raise SlackError(f"no Slack user matches {text!r}: {hint}")


def _rank(person: Person, wanted: str, *, by_id: bool) -> int | None:
    """Return how well a folded query fits a person, 0 being best, or None."""
    id_ = person.id.casefold() if by_id else ""
    if wanted and wanted == id_:
        return _ID
    names = _fold_names(person)
    if wanted in names:
        return _EXACT
    words = [word for name in names for word in _split_words(name)]
    if any(name.startswith(wanted) for name in names):
        return _PREFIX
    if all(any(word.startswith(part) for word in words) for part in wanted.split()):
        return _PREFIX
    is_inside = any(wanted in name for name in (*names, id_))
    return _INSIDE if is_inside else None


def _sort_key(person: Person) -> tuple[str, str]:
    return _fold_names(person)[0], person.id


def _find_similar(people: Sequence[Person], wanted: str) -> list[Person]:
    """Return the people one of whose names, or words of them, is spelt like the query."""
    by_word: dict[str, list[Person]] = {}
    for person in sorted(people, key=_sort_key):
        for name in _fold_names(person):
            for word in {name, *_split_words(name)}:
                by_word.setdefault(word, []).append(person)
    close = get_close_matches(wanted, by_word, len(by_word) or 1, _SIMILAR)
    return list(dict.fromkeys(person for word in close for person in by_word[word]))


def _list(people: Sequence[Person]) -> str:
    shown = ", ".join(str(each) for each in people[:8])
    return f"{shown}, …" if len(people) > 8 else shown


@lru_cache(maxsize=100_000)
def _fold_names(person: Person) -> tuple[str, ...]:
    """Return a person's names, folded; the id where there is none."""
    names = (_fold(name) for name in (person.display_name, person.real_name, person.name))
    return tuple(dict.fromkeys(filter(None, names))) or (_fold(person.id),)


def _split_words(name: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in name).split()


def _parse_query(query: str) -> str:
    return _fold(query).removeprefix("@").strip()


def _fold(text: str) -> str:
    """Return a text without case, accents and needless blanks."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_STROKES)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())
