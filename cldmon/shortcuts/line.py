"""`status --format line`, which a status bar asks for every few seconds."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cldmon.config.locate import Outline

    Asked = Mapping[str, Sequence[str]]
    """The values of each option."""

_BEFORE = ("--config", "--data-dir")
_AFTER = ("--account", "--format")


def line_asked(words: Sequence[str]) -> Asked | None:
    """Return the options of `status --format line`; None for anything else."""
    found: dict[str, list[str]] = {}
    allowed = _BEFORE
    rest = iter(words)
    for word in rest:
        name, _, value = word.partition("=")
        if word == "status" and allowed is _BEFORE:
            allowed = _AFTER
        elif name in allowed and (value := value or next(rest, "")):
            found.setdefault(name, []).append(value)
        else:
            return None
    return found if found.get("--format", [""])[-1] == "line" else None


def line_printed(words: Sequence[str]) -> bool:
    """Print the line if that is asked for and can be done; tell whether it was."""
    asked = line_asked(words)
    if asked is None or sys.stdout is None:
        return False
    from cldmon.errors import CldmonError

    try:
        line = _line(asked)
        if line:
            print(line, flush=True)
    except (CldmonError, OSError):
        return False
    return bool(line)


def _line(asked: Asked) -> str | None:
    """Return the line; None where there is something to say instead."""
    from pathlib import Path

    from cldmon import files
    from cldmon.config import locate
    from cldmon.store import latest

    config, data_dir = (Path(asked[name][-1]) if name in asked else None for name in _BEFORE)
    found = locate.find_config(config, os.environ, Path.cwd())
    outline = locate.outline(found, data_dir, os.environ)
    labels = [x for x in outline.labels if x in asked.get("--account", outline.labels)]
    state = latest.state_path(outline.data_dir)
    text = files.read(state)
    if text is None or not labels or not {*asked.get("--account", ())} <= {*labels}:
        return None
    return latest.decoded(text, state, lambda body: _drawn(body["snapshot"], outline, labels))


def _drawn(snapshot: Mapping[str, Any], outline: Outline, labels: Sequence[str]) -> str | None:
    from dataclasses import replace
    from datetime import UTC, datetime

    from cldmon.domain.freshness import configured, view
    from cldmon.domain.snapshot import from_json
    from cldmon.terminal.line import line
    from cldmon.terminal.style import look

    now = datetime.now(UTC)
    stored = replace(from_json(snapshot), interval=outline.interval)
    if stored.fetched_at is None:
        return None
    return line(view(configured(stored, labels), now), now, look(sys.stdout, os.environ))
