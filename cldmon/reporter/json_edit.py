"""Changes members of a JSON object in its text, and leaves every other character as it is.

Every function raises ValueError for anything but an object.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


class Member(NamedTuple):
    """Where a member is: from its key to the end of its value; and where its value begins."""

    begin: int
    value: int
    end: int


def set_member(text: str, key: str, value: object) -> str:
    """Return the text of an object in which a member has another value, or is new, at the end."""
    members = find_members(text)
    indent = _find_indent(text, members)
    shown = json.dumps(value, indent=indent or None, ensure_ascii=False)
    shown = shown.replace("\n", f"\n{indent}")
    if found := members.get(key):
        return text[: found.value] + shown + text[found.end :]
    gap = f"\n{indent}" if indent else ""
    member = f"{gap}{json.dumps(key)}: {shown}"
    if members:
        last = max(each.end for each in members.values())
        return f"{text[:last]},{member if gap else ' ' + member}{text[last:]}"
    start, end = text.index("{"), text.rindex("}")
    return f"{text[: start + 1]}{member}{gap[:1]}{text[end:]}"


def remove_member(text: str, key: str) -> str:
    """Return the text of an object without a member."""
    members = sorted(find_members(text).items(), key=lambda item: item[1])
    keys = [name for name, _ in members]
    if key not in keys:
        return text
    number, spans = keys.index(key), [span for _, span in members]
    if number:  # with the comma before it
        return text[: spans[number - 1].end] + text[spans[number].end :]
    if len(spans) > 1:
        return text[: spans[0].begin] + text[spans[1].begin :]
    return text[: text.index("{") + 1] + text[text.rindex("}") :]


def find_members(text: str) -> dict[str, Member]:
    """Return the members of an object by key; of equal keys, the last one counts."""
    if not isinstance(json.loads(text), dict):
        raise ValueError("not an object")  # noqa: TRY004 - the text is wrong, not a type
    members: dict[str, Member] = {}
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        begin = _skip(text, at + 1) if text[at] == "," else at
        key, end = _DECODER.raw_decode(text, begin)
        value = _skip(text, _skip(text, end) + 1)
        _, end = _DECODER.raw_decode(text, value)
        members[key] = Member(begin, value, end)
        at = _skip(text, end)
    return members


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _find_indent(text: str, members: dict[str, Member]) -> str:
    """Return what each member is indented with; empty for an object on one line."""
    if not members:
        return "  "
    first = min(each.begin for each in members.values())
    line = text.rfind("\n", 0, first) + 1
    return text[line:first] if line and not text[line:first].strip() else ""
