"""The last pass's results in every format of `status`.

Renderers are imported when needed, so that shell completion can list the formats quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.selection import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from cldmon.domain.freshness import AccountView, Forecasts
    from cldmon.domain.model import Snapshot
    from cldmon.domain.selection import Selection
    from cldmon.terminal.style import Terminal

FORMATS = ("table", "compact", "line", "json", "csv")
MACHINE_FORMATS = ("json", "csv")
_PRINTABLE = bytes(range(0x20, 0x7F))


def format_snapshot(
    form: str | None,
    snapshot: Snapshot,
    now: datetime,
    terminal: Terminal,
    forecasts: Callable[[], Forecasts],
    selection: Selection = ALL,
) -> str:
    """Return a snapshot at `now` (UTC) in one of `FORMATS`, without the final newline.

    None is the table or, if the terminal has too few rows for it, the compact form. `forecasts` is
    called only if the format shows forecasts. The summary is of all accounts of the snapshot.
    """
    if form == "json":
        from cldmon.domain.usage import usage_to_json

        return format_json(usage_to_json(snapshot, now, forecasts(), selection), terminal)
    from cldmon.domain.freshness import build_views
    from cldmon.domain.summary import summarize

    has_forecasts = form not in ("line", "compact")
    views = build_views(snapshot, now, forecasts() if has_forecasts else None)
    summary = summarize(views, now)
    accounts = selection.apply(views, summary)
    if form == "line":
        from cldmon.terminal.line import format_line

        return format_line(accounts, summary, now, terminal)
    if form == "csv":
        from cldmon.terminal.csv import format_csv

        return format_csv(accounts, terminal)
    parts = []
    if len(views) > 1:
        from cldmon.terminal.summary import format_summary

        parts.append(format_summary(summary, views, now, terminal))
    if accounts:
        parts.append(_format_accounts(form, accounts, now, terminal, used_rows=2 * len(parts)))
    elif views:
        parts.append(f"no account to show: none is known to be {selection.describe_groups()}")
    return "\n\n".join(parts)


def _format_accounts(
    form: str | None,
    accounts: Sequence[AccountView],
    now: datetime,
    terminal: Terminal,
    used_rows: int,
) -> str:
    from cldmon.terminal.status import Page, format_table

    page = Page(terminal, now)
    if form != "compact":
        table = format_table(accounts, page)
        # The last row is for the prompt.
        if form or not terminal.rows or used_rows + table.count("\n") + 2 <= terminal.rows:
            return table
    from cldmon.terminal.compact import format_compact
    from cldmon.terminal.style import DIM

    compact = format_compact(accounts, page)
    if form:
        return compact
    hint = terminal.shorten("shortened to fit; --format table shows all", terminal.columns)
    return f"{compact}\n{terminal.colourize(hint, DIM)}"


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
