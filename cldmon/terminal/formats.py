"""The last pass's results in every format of `status`.

Renderers are imported when needed, so that shell completion can list the formats quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from cldmon.domain.freshness import Forecasts
    from cldmon.domain.model import Snapshot
    from cldmon.terminal.style import Terminal

FORMATS = ("table", "json", "csv", "line")
MACHINE_FORMATS = ("json", "csv")
_PRINTABLE = bytes(range(0x20, 0x7F))


def format_snapshot(
    form: str,
    snapshot: Snapshot,
    now: datetime,
    terminal: Terminal,
    forecasts: Callable[[], Forecasts],
) -> str:
    """Return a snapshot at `now` (UTC) in one of `FORMATS`, without the final newline.

    `forecasts` is called only if the format shows forecasts.
    """
    from cldmon.domain.freshness import build_views
    from cldmon.domain.summary import summarize
    from cldmon.domain.usage import usage_to_json

    if form == "line":
        from cldmon.terminal.line import format_line

        views = build_views(snapshot, now)
        return format_line(views, summarize(views, now), now, terminal)
    if form == "json":
        return format_json(usage_to_json(snapshot, now, forecasts()), terminal)
    accounts = build_views(snapshot, now, forecasts())
    if form == "csv":
        from cldmon.terminal.csv import format_csv

        return format_csv(accounts, terminal)
    from cldmon.terminal.status import Page, format_table

    table = format_table(accounts, Page(terminal, now))
    if len(accounts) < 2:
        return table
    from cldmon.terminal.summary import format_summary

    summary = format_summary(summarize(accounts, now), accounts, now, terminal)
    return f"{summary}\n\n{table}"


def format_json(body: object, terminal: Terminal) -> str:
    """Return indented JSON that cannot steer a terminal."""
    import json

    from cldmon.domain.text import is_printable

    text = json.dumps(body, ensure_ascii=not terminal.unicode, indent=2)
    if is_printable(text.replace("\n", "")):
        return text
    return json.dumps(body, indent=2)


def sanitize_json(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield unparsed JSON from a file, chunk by chunk, so that it cannot steer a terminal.

    Printable text stays as it is, to the byte; invalid UTF-8 becomes U+FFFD.
    """
    from codecs import getincrementaldecoder

    decoder = getincrementaldecoder("utf-8")("replace")
    for chunk in chunks:
        text = decoder.decode(chunk)
        # Searching for anything but printable ASCII is a hundred times as fast as replacing it.
        plain = len(text) == len(chunk) and not chunk.translate(None, _PRINTABLE)
        yield chunk if plain else _escape_unprintable(text).encode()
    yield _escape_unprintable(decoder.decode(b"", final=True)).encode()


def _escape_unprintable(text: str) -> str:
    """Return JSON with unprintable characters as `\\u1234`: they only occur in strings."""
    import json
    import re

    from cldmon.domain.text import is_printable

    def escape(odd: re.Match[str]) -> str:
        return "".join(c if is_printable(c) else json.dumps(c)[1:-1] for c in odd[0])

    return text if is_printable(text) else re.sub("[^ -~]+", escape, text)
