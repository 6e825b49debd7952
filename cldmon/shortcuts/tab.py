"""What a shell offers after TAB where a value of ours is due: labels, ranges, Slack ids.

The shell waits for it at each TAB, so nothing heavy may be imported here, and whatever goes wrong
offers nothing. Lines with quotes, and words of the command line itself, are left to click.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cldmon import files
from cldmon.config import locate
from cldmon.config.label import printable
from cldmon.errors import CldmonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cldmon.config.locate import Outline

ASKED = "_CLDMON_COMPLETE"
"""The variable by which our completion scripts ask, `SHELL_complete`."""
RANGES = {"1h": "an hour", "5h": "a session", "1d": "a day", "7d": "a week", "30d": "a month"}

_BEFORE = ("--config", "--data-dir")
_QUOTING = re.compile(r"['\"\\]")
_SPECIAL = re.compile(r"[^\w@%+:,./-]")


class Offer(NamedTuple):
    """One word that a shell may offer, and what it means."""

    value: str
    meaning: str = ""


class Cursor(NamedTuple):
    """What stands before the cursor: whole words, and the beginning of one."""

    words: Sequence[str]
    incomplete: str
    kept: str = ""
    """What an offer has to begin with besides: `--account=`, which zsh and fish take for one word
    with the label behind it."""


class Place(NamedTuple):
    """What an offer depends on: whose configuration, and what it must begin with."""

    incomplete: str
    config: str | None = None
    data_dir: str | None = None


def tab_answered(env: Mapping[str, str]) -> bool:
    """Print what is to be offered if a shell asks for a value of ours; tell whether it did."""
    shell = env.get(ASKED, "").removesuffix("_complete")
    cursor = cursor_of(shell, env) if shell in _FORMS and sys.stdout else None
    offers = cursor and offered(cursor)
    if cursor is None or offers is None:
        return False
    lines = (_FORMS[shell](Offer(cursor.kept + offer.value, offer.meaning)) for offer in offers)
    sys.stdout.buffer.write("\n".join([*lines, ""]).encode())
    return True


def cursor_of(shell: str, env: Mapping[str, str]) -> Cursor | None:
    """Return where the cursor stands by what a shell's script says; None where that is not plain.

    bash takes `--account=al` for three words, zsh and fish for one.
    """
    line, at = env.get("COMP_WORDS", ""), env.get("COMP_CWORD", "")
    words = line.split()[1:]
    if _QUOTING.search(line + at):
        return None
    if shell == "fish":
        incomplete = at
        words = words[:-1] if at and words[-1:] == [at] else words
    elif at.isdecimal():
        incomplete = "".join(words[int(at) - 1 : int(at)])
        words = words[: int(at) - 1]
    else:
        return None
    if shell == "bash":
        if words[-1:] == ["="]:
            words.pop()
        return Cursor(words, "" if incomplete == "=" else incomplete)
    name, equals, value = incomplete.rpartition("=")
    if name.startswith("--"):
        return Cursor([*words, name], value, name + equals)
    return Cursor(words, incomplete)


def offered(cursor: Cursor) -> list[Offer] | None:
    """Return what fits at the cursor; None where no value of ours is due there."""
    options: dict[str, str] = {}
    words = list(cursor.words)
    while words[:1] and words[0] in _BEFORE:
        options[words[0]] = "".join(words[1:2])
        del words[:2]
    kind = _due(words) if words and "--" not in words else None
    if kind is None or cursor.incomplete.startswith("-"):
        return None
    return kind(Place(cursor.incomplete, *map(options.get, _BEFORE)))


def _due(words: Sequence[str]) -> Callable[[Place], list[Offer]] | None:
    match words:
        case ["fetch" | "status" | "history", *_, "--account"] | ["login"]:
            return labels
        case ["history", *_, "--range"]:
            return ranges
        case ["subscribe"]:
            return slack_ids
        case ["subscribe", person] if not person.startswith("-"):
            return labels
    return None


def labels(place: Place) -> list[Offer]:
    """Offer the labels of the configured accounts."""
    outline = _outline(place)
    return _fitting(outline.labels if outline else (), place)


def slack_ids(place: Place) -> list[Offer]:
    """Offer the Slack ids that have a subscription."""
    outline = _outline(place)
    return _fitting(_subscribers(outline) if outline else (), place)


def ranges(place: Place) -> list[Offer]:
    """Offer spans of time."""
    return [Offer(*each) for each in RANGES.items() if each[0].startswith(place.incomplete)]


def for_bash(value: str) -> str:
    """Return a value with its backslashes, and those that our script reads away.

    Other shells put in what they need by themselves.
    """
    return _SPECIAL.sub(r"\\\\\g<0>", value)


def _fitting(values: Iterable[str], place: Place) -> list[Offer]:
    # A line end would be another offer, an escape would steer the terminal that shows them.
    return [Offer(v) for v in values if v.startswith(place.incomplete) and printable(v)]


def _outline(place: Place) -> Outline | None:
    """Return the outline of the configuration that the command line names so far."""
    config, data_dir = (Path(named) if named else None for named in (place.config, place.data_dir))
    try:
        found = locate.find_config(config, os.environ, Path.cwd())
        return locate.outline(found, data_dir, os.environ)
    except (CldmonError, OSError):
        return None


def _subscribers(outline: Outline) -> list[str]:
    import json

    # Not through SubscriptionsFile, which brings locks and more along.
    try:
        body = json.loads(files.read(outline.data_dir / "subscriptions.json") or b"")
        return [user for user in body["users"] if isinstance(user, str)]
    except (CldmonError, ValueError, LookupError, TypeError, RecursionError):
        return []


def _zsh(offer: Offer) -> str:
    # What has a meaning goes to `_describe`, which splits it off at a colon.
    value = offer.value.replace(":", r"\:") if offer.meaning else offer.value
    return f"plain\n{value}\n{offer.meaning or '_'}"


_FORMS: Mapping[str, Callable[[Offer], str]] = {
    "bash": lambda offer: f"plain,{for_bash(offer.value)}",
    "zsh": _zsh,
    "fish": lambda offer: f"plain,{offer.value}" + (offer.meaning and f"\t{offer.meaning}"),
}
"""How each of our completion scripts takes an offer."""
