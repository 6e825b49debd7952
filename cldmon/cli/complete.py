"""What click offers where a shell asks for a value of ours in a line that is not plain.

The values, and plain lines, are `cldmon.shortcuts.tab`'s.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cldmon.shortcuts import tab

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import click
    from click.shell_completion import CompletionItem


def account_labels(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the labels of the configured accounts."""
    return _items(tab.labels(_place(ctx, incomplete)))


def slack_ids(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the Slack ids that have a subscription."""
    return _items(tab.slack_ids(_place(ctx, incomplete)))


def ranges(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer spans of time."""
    return _items(tab.ranges(_place(ctx, incomplete)))


def items(words: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    """Return those words that begin so, each with what it means."""
    return _items(tab.Offer(*each) for each in words.items() if each[0].startswith(incomplete))


def _place(ctx: click.Context, incomplete: str) -> tab.Place:
    options = ctx.find_root().params
    return tab.Place(incomplete, options.get("config_path"), options.get("data_dir"))


def _items(offers: Iterable[tab.Offer]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    typed = tab.for_bash if os.environ.get(tab.ASKED, "").startswith("bash") else str
    return [CompletionItem(typed(value), help=meaning or None) for value, meaning in offers]
