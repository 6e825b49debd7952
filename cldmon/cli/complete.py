"""What the shell offers after TAB: account labels, ranges, Slack ids.

The shell waits for it at each TAB, so nothing heavy may be imported here, and whatever goes wrong
offers nothing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.config import locate
from cldmon.config.label import printable
from cldmon.errors import CldmonError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import click
    from click.shell_completion import CompletionItem

    from cldmon.config.locate import Outline

_SPECIAL = re.compile(r"[^\w@%+:,./-]")
RANGES = {"1h": "an hour", "5h": "a session", "1d": "a day", "7d": "a week", "30d": "a month"}


def account_labels(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the labels of the configured accounts."""
    outline = _outline(ctx)
    return _fitting(outline.labels if outline else (), incomplete)


def slack_ids(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the Slack ids that have a subscription."""
    outline = _outline(ctx)
    return _fitting(_subscribers(outline) if outline else (), incomplete)


def ranges(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer spans of time."""
    return items(RANGES, incomplete)


def items(words: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    """Return those words that begin so, each with what it means."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(w, help=m) for w, m in words.items() if w.startswith(incomplete)]


def _fitting(values: Iterable[str], incomplete: str) -> list[str]:
    # A line end would be another offer, an escape would steer the terminal that shows them.
    found = [value for value in values if value.startswith(incomplete) and printable(value)]
    # bash takes them as typed, and click's script reads away one backslash; other shells quote.
    bash = os.environ.get("_CLDMON_COMPLETE", "").startswith("bash")
    return [_SPECIAL.sub(r"\\\\\g<0>", value) for value in found] if bash else found


def _outline(ctx: click.Context) -> Outline | None:
    """Return the outline of the configuration that the command line names so far."""
    options = ctx.find_root().params
    config, data_dir = (_path(options.get(name)) for name in ("config_path", "data_dir"))
    try:
        found = locate.find_config(config, os.environ, Path.cwd())
        return locate.outline(found, data_dir, os.environ)
    except (CldmonError, OSError):
        return None


def _path(option: object) -> Path | None:
    return Path(str(option)) if option else None


def _subscribers(outline: Outline) -> list[str]:
    import json

    # Not through SubscriptionsFile, which brings locks and more along.
    try:
        body = json.loads(files.read(outline.data_dir / "subscriptions.json") or b"")
        return [user for user in body["users"] if isinstance(user, str)]
    except (CldmonError, ValueError, LookupError, TypeError, RecursionError):
        return []
