"""Dataclasses as JSON that only cldmon writes, and type checks for reading it.

A damaged or edited file is detected here, not later in the middle of a pass. Every check raises
TypeError or ValueError for any other value.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from cldmon.domain.instants import format_iso, from_iso
from cldmon.domain.percent import to_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from _typeshed import DataclassInstance

T = TypeVar("T")
D = TypeVar("D", bound="DataclassInstance")


def check_text(value: object) -> str:
    """Return a string that can be encoded: one without lone surrogates."""
    if not isinstance(value, str):
        raise TypeError("not a string")
    value.encode()
    return value


def check_int(value: object) -> int:
    """Return an integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not an integer")
    return value


def check_percent(value: object) -> int:
    """Return a utilization as displayed, 0 to 100."""
    percent = check_int(value)
    if not 0 <= percent <= 100:
        raise ValueError("not a percentage")
    return percent


def check_decimals(value: object) -> int:
    """Return how many digits of an amount are decimals: no currency has more than four."""
    decimals = check_int(value)
    if not 0 <= decimals <= 4:
        raise ValueError("not a number of decimals")
    return decimals


def check_number(value: object) -> float:
    """Return a finite number."""
    number = to_finite(value)
    if number is None:
        raise TypeError("not a number")
    return number


def check_bool(value: object) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def parse_instant(value: object) -> datetime:
    """Return the UTC instant of an ISO 8601 text."""
    instant = from_iso(value)
    if instant is None:
        raise ValueError("not an instant")
    return instant


def optional(check: Callable[[Any], T], value: object) -> T | None:
    """Return what `check` returns for a value, or None for null."""
    return None if value is None else check(value)


_CHECKS: dict[str, Callable[[object], Any]] = {
    "str": check_text,
    "int": check_int,
    "bool": check_bool,
    "datetime": parse_instant,
    "Percent": check_percent,
    "Decimals": check_decimals,
}
"""By the types of fields."""


@cache
def _list_stored_fields(kind: type[DataclassInstance]) -> list[tuple[str, Field[Any]]]:
    """Return the fields of a dataclass by their keys in JSON: the names in camel case.

    Fields that do not count when two are compared are not stored.
    """
    words = [(field.name.split("_"), field) for field in fields(kind) if field.compare]
    return [(head + "".join(map(str.capitalize, tail)), field) for (head, *tail), field in words]


def to_json(value: Any) -> Any:
    """Return a value as JSON: instants as text, dataclasses as objects."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return format_iso(value)
    if isinstance(value, tuple):
        return [to_json(each) for each in value]
    if isinstance(value, dict):
        return {key: to_json(each) for key, each in value.items()}
    stored = _list_stored_fields(value.__class__)
    return {key: to_json(getattr(value, field.name)) for key, field in stored}


def from_json(kind: type[D], entry: Mapping[str, Any], /, **checks: Callable[[Any], object]) -> D:
    """Return the dataclass of which `to_json` made this object.

    Each field is checked by its type, or by its function in `checks`. A key that an older version
    did not write stands for the default.
    """
    values = {}
    for key, field in _list_stored_fields(kind):
        if key in entry or field.default is MISSING:
            type_, _, is_optional = str(field.type).partition(" | ")
            check = checks.get(field.name) or _CHECKS[type_]
            values[field.name] = optional(check, entry[key]) if is_optional else check(entry[key])
    return kind(**values)
