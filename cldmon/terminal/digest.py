"""The digest as a table for people, and as Markdown."""

from __future__ import annotations

import re
from statistics import mean
from typing import TYPE_CHECKING

from cldmon.domain.windows import short_title
from cldmon.terminal.style import align_columns
from cldmon.terminal.times import format_countdown, format_span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta, tzinfo

    from cldmon.digest import AccountDigest, Digest, Week
    from cldmon.terminal.style import Terminal

HEADERS = ("Account", "Window", "Peak", "End", "Hits", "At limit", "Early", "Errors", "Unused")
_LONGEST_LABEL = 14
_LONGEST_TITLE = 9
_MAX_WEEKS = 3
_TEXTS = 2
"""The first columns are texts; the others are numbers, aligned to the right."""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~])")


def format_table(digest: Digest, terminal: Terminal, zone: tzinfo | None) -> str:
    """Return a row for each account and each of its windows; `zone` None is the system's."""
    rows = [list(HEADERS), *_build_rows(digest, terminal)]
    for row in rows[1:]:
        for number, most in enumerate((_LONGEST_LABEL, _LONGEST_TITLE)):
            row[number] = terminal.fit(row[number], most)
    widths = [max(len(row[number]) for row in rows) for number in range(len(HEADERS))]
    for row in rows:
        row[_TEXTS:] = map(str.rjust, row[_TEXTS:], widths[_TEXTS:])
    return "\n".join([_format_heading(digest, zone), "", *align_columns(rows)])


def format_markdown(digest: Digest, terminal: Terminal, zone: tzinfo | None) -> str:
    """Return the same rows as a Markdown table below a heading."""
    rows = [list(HEADERS), ["---"] * _TEXTS + ["---:"] * (len(HEADERS) - _TEXTS)]
    for row in _build_rows(digest, terminal):
        texts = (_MARKUP.sub(r"\\\1", terminal.clean(text)) for text in row[:_TEXTS])
        rows.append([*texts, *row[_TEXTS:]])
    table = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([f"# {_format_heading(digest, zone)}", "", *table])


def _format_heading(digest: Digest, zone: tzinfo | None) -> str:
    return f"Usage {format_span(digest.span, zone)}"


def _build_rows(digest: Digest, terminal: Terminal) -> Iterator[list[str]]:
    """Yield the cells of each account, followed by those of its windows."""
    for account in digest.accounts:
        yield [account.label, "", "", "", *_build_totals(account, terminal), ""]
        for window in account.windows:
            yield [
                "",
                short_title(window.name),
                _format_number(window.peak, terminal, "%"),
                _format_number(window.final, terminal, "%"),
                str(window.hits),
                _format_length(window.at_limit),
                _format_number(window.early_resets, terminal),
                "",
                _format_weeks(window.weeks, terminal),
            ]


def _build_totals(account: AccountDigest, terminal: Terminal) -> Sequence[str]:
    rest = [
        _format_number(account.early_resets, terminal),
        _format_number(account.errors, terminal),
    ]
    if not account.windows:
        return [terminal.missing, terminal.missing, *rest]
    return [str(account.hits), _format_length(account.at_limit), *rest]


def _format_weeks(weeks: Sequence[Week], terminal: Terminal) -> str:
    """Return the unused share of each week, or the average of many."""
    if len(weeks) <= _MAX_WEEKS:
        return ", ".join(_format_number(week.unused, terminal, "%") for week in weeks)
    known = [week.unused for week in weeks if week.unused is not None]
    return f"average {round(mean(known))}%" if known else terminal.missing


def _format_number(number: int | None, terminal: Terminal, unit: str = "") -> str:
    return terminal.missing if number is None else f"{number}{unit}"


def _format_length(length: timedelta) -> str:
    return format_countdown(length) if length else "0"
