"""What the last pass saw, in every form that `status` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain import snapshot as snapshots
from cldmon.domain.view import to_json, view

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cldmon.domain.honest import Forecasts
    from cldmon.domain.model import Snapshot
    from cldmon.terminal.style import Look

FORMS = ("table", "json", "csv", "line")


def face(
    form: str, snapshot: Snapshot, now: datetime, look: Look, forecasts: Callable[[], Forecasts]
) -> str:
    """Return a snapshot at `now` (UTC) in one of `FORMS`, without the last line end.

    `forecasts` is called where the form shows any.
    """
    if form == "line":
        from cldmon.terminal.line import line

        labels = [account.label for account in snapshot.accounts]
        return line(snapshots.to_json(snapshot), labels, now, look)
    if form == "csv":
        from cldmon.terminal.sheet import sheet

        return sheet(view(snapshot, now), look, forecasts())
    if form == "json":
        return as_json(to_json(snapshot, now, forecasts()), look)
    from cldmon.terminal.status import Page, table

    return table(view(snapshot, now), Page(look, now, forecasts()))


def as_json(body: object, look: Look) -> str:
    """Return indented JSON that cannot steer a terminal."""
    import json

    text = json.dumps(body, ensure_ascii=not look.unicode, indent=2)
    if all(c.isprintable() or c == "\n" for c in text):
        return text
    return json.dumps(body, indent=2)
