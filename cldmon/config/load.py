"""From a file to a `Config`, or to an error that names file, line, key and remedy."""

from __future__ import annotations

import os
import shlex
import stat
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

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

_MOST_PROBLEMS = 20
"""Those that are told at once: nobody reads more, and a file of other things has thousands."""

_EXPECTED = {
    "string_type": "a string in quotes",
    "bool_type": "true or false",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "tuple_type": "a list: [ … ]",
    "model_type": "a table",
}
_FOUND = {
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

    Another whose key is missing fails alone, when it is looked up. `env` tells of systemd's
    credentials.

    Raises ConfigError, a line for each problem: `FILE:LINE: key.path: problem and remedy`.
    """
    found = document.read(path)
    config = _valid(found)
    _raise_if_any(found, rules.find_missing(config, env))
    return config


def read(path: Path) -> Config:
    """Return the configuration at `path`, well-formed, though accounts or keys may be missing.

    For commands that work without keys (`serve`) or help to fix them (`login`, `doctor`).
    Raises as `load`.
    """
    return _valid(document.read(path))


def find_problems(found: Document, env: Mapping[str, str]) -> list[Problem]:
    """Return what a pass could not do with a document: key paths, and what is wrong with each."""
    try:
        config = Config.model_validate(found.data)
    except ValidationError as error:
        return _shape_problems(error)
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
        return None  # whoever reads the file says so better
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return None
    return (
        f"{path}: readable by other users (mode {mode:04o});"
        f" run: chmod 600 {shlex.quote(str(path))}"
    )


def _valid(found: Document) -> Config:
    try:
        config = Config.model_validate(found.data)
    except ValidationError as error:
        # Without its cause: pydantic's error carries the values, secrets included.
        raise _refused(found, _shape_problems(error)) from None
    _raise_if_any(found, rules.find_conflicts(config, found))
    return config


def _shape_problems(error: ValidationError) -> list[Problem]:
    return [_problem(detail) for detail in error.errors(include_url=False)[:_MOST_PROBLEMS]]


def _raise_if_any(found: Document, problems: Iterable[Problem]) -> None:
    if listed := list(islice(problems, _MOST_PROBLEMS)):
        raise _refused(found, listed)


def _refused(found: Document, problems: list[Problem]) -> ConfigError:
    in_order = sorted(problems, key=lambda problem: found.line(problem[0]) or 0)
    return ConfigError("\n".join(found.complaint(key, text) for key, text in in_order))


def _problem(detail: ErrorDetails) -> Problem:
    kind, key = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        return key, _unknown(key)
    if kind == "missing":
        return key, "is missing; add it"
    if key == ("accounts",):
        return key, "expected [[accounts]] tables (with two brackets), one for each account"
    if kind in _EXPECTED:
        return key, f"expected {_EXPECTED[kind]}, got {_type_of(detail['input'])}"
    if kind == "value_error":
        return key, str(detail["ctx"]["error"])
    return key, "expected " + detail["msg"].removeprefix("Input should be ")


def _type_of(value: object) -> str:
    return _FOUND.get(type(value), "a date or time")


def _unknown(key: KeyPath) -> str:
    known = _keys_beside(key)
    if len(key) > 1 and key[-1] in Config.model_fields:
        return "unknown key here; move it up, above the first [table]"
    import difflib  # for those who make mistakes

    close = difflib.get_close_matches(str(key[-1]), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
    return f"unknown key; {hint}"


def _keys_beside(key: KeyPath) -> list[str]:
    model: type[BaseModel] = Config
    for part in key[:-1]:
        if isinstance(part, str):
            model = _model_in(model.model_fields[part].annotation)
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel]:
    """Return the table's model from `Model` or `tuple[Model, ...]`."""
    inner = getattr(annotation, "__args__", (annotation,))[0]
    model: type[BaseModel] = inner
    return model
