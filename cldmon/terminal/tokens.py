"""Tokens for reports as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

from cldmon.terminal.times import format_timestamps

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, tzinfo

    from cldmon.reports.tokens import Token
    from cldmon.terminal.style import Terminal

_HEADERS = ("Id", "Account", "Name", "Created", "Last used")
_MAX_NAME = 14
"""Columns for a label and for a name, so that a row fits into 80."""


def format_tokens(tokens: Iterable[Token], terminal: Terminal, zone: tzinfo | None) -> str:
    """Return a table with a row for each token; times are in `zone`, None is the system's."""

    def format_time(at: datetime | None) -> str:
        return format_timestamps([at], zone)[0] if at else "never"

    rows = [
        (
            terminal.clean(token.id),
            terminal.fit(token.account, _MAX_NAME),
            terminal.shorten(terminal.clean(token.name) or terminal.missing, _MAX_NAME),
            format_time(token.created_at),
            format_time(token.last_used_at),
        )
        for token in tokens
    ]
    return tabulate(rows, _HEADERS, tablefmt="plain", disable_numparse=True)
