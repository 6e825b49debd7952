"""What the last pass saw, in every form that `status` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.view import view

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cldmon.domain.model import Snapshot
    from cldmon.domain.view import Forecasts
    from cldmon.terminal.style import Look

FORMS = ("table", "json", "csv", "line")


def face(
    form: str, snapshot: Snapshot, now: datetime, look: Look, forecasts: Callable[[], Forecasts]
) -> str:
    """Return a snapshot at `now` (UTC) in one of `FORMS`, without the last line end.

    `forecasts` is called where the form shows any. Parts are imported where they are used: a
    status bar asks for its line every few seconds.
    """
    if form == "line":
        from cldmon.terminal.line import line

        return line(view(snapshot, now), look, now)
    if form == "csv":
        from cldmon.terminal.sheet import sheet

        return sheet(view(snapshot, now), look, forecasts())
    if form == "json":
        from cldmon.domain.view import to_json

        return _json(to_json(snapshot, now, forecasts()), look)
    from cldmon.terminal.status import Page, table

    return table(view(snapshot, now), Page(look, now, forecasts=forecasts()))


def _json(body: object, look: Look) -> str:
    """Return indented JSON that cannot steer a terminal."""
    import json

    text = json.dumps(body, ensure_ascii=not look.unicode, indent=2)
    if all(c.isprintable() or c == "\n" for c in text):
        return text
    return json.dumps(body, indent=2)
