"""From a file to a `Config`, or to an error that names file, line, key and remedy."""

from __future__ import annotations

import os
import shlex
import stat
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cldmon.config import document, rules
from cldmon.config.schema import Config
from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from cldmon.config.document import Document
    from cldmon.config.lines import KeyPath
    from cldmon.config.rules import Problem

_MAX_PROBLEMS = 20
"""Reported at once: nobody reads more, and a file that is not a configuration has thousands."""

_TABLES: Mapping[KeyPath, str] = {
    ("accounts",): "[[accounts]] tables (with two brackets), one for each account",
    rules.CHANNELS: "[[notifications.channels]] tables (with two brackets), one for each channel",
}
_EXPECTED = {
    "string_type": "a string in quotes",
    "bool_type": "true or false",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "tuple_type": "a list: [ … ]",
    "model_type": "a table",
}
_TYPE_NAMES = {
    bool: "true or false",
    str: "a string",
    int: "an integer",
    float: "a float",
    list: "a list",
    tuple: "a list",
    dict: "a table",
}


def load(path: Path, env: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration at `path`, fit for a pass: an account at least has a key source.

    An account without a key fails alone, when the key is read. `env` names systemd's credentials.

    Raises ConfigError, a line for each problem: `FILE:LINE: key.path: problem and remedy`.
    """
    found = document.read(path)
    config = _validate(found)
    _raise_if_any(found, rules.find_missing(config, env))
    return config


def read(path: Path) -> Config:
    """Return the configuration at `path`, well-formed, though accounts or keys may be missing.

    For commands that work without keys (`serve`) or help to fix them (`login`, `doctor`).
    Raises as `load`.
    """
    return _validate(document.read(path))


def find_problems(found: Document, env: Mapping[str, str]) -> list[Problem]:
    """Return what keeps a pass from using a document: keys, and what is wrong with each."""
    try:
        config = Config.model_validate(found.data)
    except ValidationError as error:
        return _list_problems(error)
    return [
        *rules.find_conflicts(config, found),
        *rules.find_missing_keys(config, env),
        *rules.find_missing_token(config, env),
    ]


def find_permissions_problem(path: Path) -> str | None:
    """Return a warning if others than its owner may read or write a file of secrets, or None."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None  # reading the file reports it better
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return None
    return (
        f"{path}: readable by other users (mode {mode:04o});"
        f" run: chmod 600 {shlex.quote(str(path))}"
    )


def _validate(found: Document) -> Config:
    try:
        config = Config.model_validate(found.data)
    except ValidationError as error:
        # Without its cause: pydantic's error carries the values, secrets included.
        raise _build_error(found, _list_problems(error)) from None
    _raise_if_any(found, rules.find_conflicts(config, found))
    return config


def _raise_if_any(found: Document, problems: Iterable[Problem]) -> None:
    if listed := list(islice(problems, _MAX_PROBLEMS)):
        raise _build_error(found, listed)


def _build_error(found: Document, problems: list[Problem]) -> ConfigError:
    in_order = sorted(problems, key=lambda problem: found.line(problem[0]) or 0)
    return ConfigError("\n".join(found.format_problem(key, text) for key, text in in_order))


def _list_problems(error: ValidationError) -> list[Problem]:
    details = error.errors(include_url=False)[:_MAX_PROBLEMS]
    return [(detail["loc"], _describe(detail)) for detail in details]


def _describe(detail: ErrorDetails) -> str:
    kind, key = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        return _describe_unknown(key)
    if kind == "missing":
        return "is missing; add it"
    if kind == "tuple_type" and key in _TABLES:
        return f"expected {_TABLES[key]}"
    if kind in _EXPECTED:
        got = _TYPE_NAMES.get(type(detail["input"]), "a date or time")
        return f"expected {_EXPECTED[kind]}, got {got}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    return "expected " + detail["msg"].removeprefix("Input should be ")


def _describe_unknown(key: KeyPath) -> str:
    if len(key) > 1 and key[-1] in Config.model_fields:
        return "unknown key here; move it up, above the first [table]"
    model: Any = Config
    for part in key[:-1]:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            model = getattr(annotation, "__args__", (annotation,))[0]  # of tuple[Model, ...]
    import difflib  # for those who make mistakes

    close = difflib.get_close_matches(str(key[-1]), model.model_fields, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(model.model_fields)}"
    return f"unknown key; {hint}"
