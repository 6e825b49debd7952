"""Slack's people as values, and how one is found among them. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import IntEnum
from functools import lru_cache, partial
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

from cldmon.errors import SlackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SLACKBOT = "USLACKBOT"
LONGEST_QUERY = 80
_SHORTEST_TYPO = 3
_SIMILAR = 0.75
"""difflib's ratio from which a word counts as a misspelt query: one slip in four letters."""

_JOINER = "\N{ZERO WIDTH JOINER}"
"""Holds composed emoji together, although Python calls it unprintable."""

_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not take apart into a letter and an accent."""


@dataclass(frozen=True, slots=True)
class Person:
    """A human member of the workspace: Slack id, user name, full name, and chosen name."""

    id: str
    name: str
    real_name: str = ""
    display_name: str = ""

    def __str__(self) -> str:
        shown = self.real_name or self.display_name
        return f"{shown} (@{self.name}, {self.id})" if shown else f"@{self.name} ({self.id})"


class _Tier(IntEnum):
    """How well a query fits a person, best first."""

    ID = 0
    EXACT = 1
    PREFIX = 2
    WORD_PREFIX = 3
    ID_PREFIX = 4
    INSIDE = 5
    SUBSEQUENCE = 6
    TYPO = 7


@dataclass(frozen=True, slots=True)
class _Keys:
    """A person's names, folded: `names` whole, `words` apart."""

    id: str
    names: tuple[str, ...]
    words: tuple[str, ...]


def person(user: Mapping[str, Any]) -> Person | None:
    """Return the person that a user object of Slack's describes; None for bots and leavers."""
    if user.get("deleted") or user.get("is_bot") or user.get("id") == SLACKBOT:
        return None
    profile = user.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    return known_person(
        user.get("id"),
        user.get("name"),
        user.get("real_name") or profile.get("real_name"),
        profile.get("display_name"),
    )


def known_person(
    id_: object, name: object, real_name: object = "", display_name: object = ""
) -> Person | None:
    """Return a person, or None where the id or the user name is missing or none."""
    if not (isinstance(id_, str) and id_.isascii() and id_.isalnum()):
        return None
    if not (isinstance(name, str) and name):
        return None
    return Person(id_, _clean(name), _clean(real_name), _clean(display_name))


def _clean(name: object) -> str:
    """Return a name without control characters: it will be shown on terminals."""
    return (
        "".join(c for c in name if c.isprintable() or c == _JOINER) if isinstance(name, str) else ""
    )


def search(people: Sequence[Person], query: str, limit: int = 8) -> list[Person]:
    """Return the people who fit `query` best, best first, `limit` at most.

    Case and accents don't count. An empty query fits everybody, in the order of their names.
    """
    wanted = _wanted(query[:LONGEST_QUERY])
    found = nsmallest(limit, _ranked(people, wanted))
    if len(found) < limit and len(wanted) >= _SHORTEST_TYPO:
        ids = {each.id for *_, each in found}
        rest = (each for each in people if each.id not in ids)
        found += nsmallest(limit - len(found), _misspelt(rest, wanted))
    return [each for *_, each in found]


def resolve(people: Sequence[Person], text: str) -> Person:
    """Return the one person whom an id, `@name` or unambiguous name means.

    Raises SlackError, naming the candidates, where that is nobody or several people.
    """
    wanted = _wanted(text)
    for tier in (_Tier.ID, _Tier.EXACT, _Tier.WORD_PREFIX):
        fitting = [each for each in people if wanted and _fits(each, wanted, tier)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise SlackError(
                f"{text!r} fits several people in Slack: {_list(fitting)}; give the id"
            )
    near = search(people, text, 3) if wanted else []
    hint = f"did you mean {_list(near)}?" if near else "give a Slack id such as U0123ABCD"
    raise SlackError(f"nobody in Slack is called {text!r}: {hint}")


_Ranked = tuple[int, float, str, str, Person]
"""Tier, how well within it, folded name and id for a stable order, person."""


def _fits(person: Person, wanted: str, worst: _Tier) -> bool:
    return (rank := _rank(_keys(person), wanted)) is not None and rank[0] <= worst


def _list(people: Sequence[Person]) -> str:
    shown = ", ".join(str(each) for each in people[:8])
    return f"{shown}, …" if len(people) > 8 else shown


def _ranked(people: Iterable[Person], wanted: str) -> Iterable[_Ranked]:
    for each in people:
        keys = _keys(each)
        if rank := _rank(keys, wanted):
            yield (*rank, keys.names[0], each.id, each)


def _rank(keys: _Keys, wanted: str) -> tuple[_Tier, float] | None:
    """Return the tier and, within it, a figure that is lower for a better fit."""
    if not wanted:
        return _Tier.PREFIX, 0
    if wanted == keys.id:
        return _Tier.ID, 0
    if wanted in keys.names:
        return _Tier.EXACT, 0
    if any(name.startswith(wanted) for name in keys.names):
        return _Tier.PREFIX, 0
    if all(any(word.startswith(part) for word in keys.words) for part in wanted.split()):
        return _Tier.WORD_PREFIX, 0
    if len(wanted) >= _SHORTEST_TYPO and keys.id.startswith(wanted):
        return _Tier.ID_PREFIX, 0
    if positions := [name.index(wanted) for name in keys.names if wanted in name]:
        return _Tier.INSIDE, min(positions)
    spans = [span for name in keys.names if (span := _span(name, wanted)) is not None]
    return (_Tier.SUBSEQUENCE, min(spans)) if spans else None


def _span(name: str, wanted: str) -> int | None:
    """Return over how many characters of `name` those of `wanted` lie in order, if they do."""
    first = end = -1
    for char in wanted:
        end = name.find(char, end + 1)
        if end < 0:
            return None
        first = end if first < 0 else first
    return end - first + 1


def _misspelt(people: Iterable[Person], wanted: str) -> Iterable[_Ranked]:
    # SequenceMatcher prepares its second text: that is the query, the same for everybody.
    matcher = SequenceMatcher(b=wanted, autojunk=False)
    likeness = lru_cache(maxsize=None)(partial(_likeness, matcher))  # first names recur
    for each in people:
        keys = _keys(each)
        best = max(map(likeness, keys.names if " " in wanted else keys.words), default=0)
        if best >= _SIMILAR:
            yield (_Tier.TYPO, -best, keys.names[0], each.id, each)


def _likeness(matcher: SequenceMatcher[str], key: str) -> float:
    """Return difflib's ratio, or 0 where a cheap upper bound already falls short."""
    matcher.set_seq1(key)
    bounds = (matcher.real_quick_ratio, matcher.quick_ratio)
    return matcher.ratio() if all(bound() >= _SIMILAR for bound in bounds) else 0


@lru_cache(maxsize=100_000)
def _keys(person: Person) -> _Keys:
    names = tuple(
        folded
        for name in (person.display_name, person.real_name, person.name)
        if (folded := _folded(name))
    )
    words = {word for name in names for word in _words(name)}
    return _Keys(_folded(person.id), names or (_folded(person.id),), tuple(sorted(words)))


def _words(name: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in name).split()


def _wanted(query: str) -> str:
    return _folded(query).removeprefix("@").strip()


def _folded(text: str) -> str:
    """Return a text without case, accents and needless blanks."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_STROKES)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())
