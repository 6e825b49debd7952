"""Shell completion of account labels, time spans and Slack ids.

The shell waits for it at each TAB, so nothing heavy is imported here. Errors offer nothing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.config import locate
from cldmon.config.outline import read_outline
from cldmon.domain.text import is_printable
from cldmon.errors import CldmonError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click
    from click.shell_completion import CompletionItem

    from cldmon.config.outline import Outline

RANGES = {"1h": "an hour", "5h": "a session", "1d": "a day", "7d": "a week", "30d": "a month"}

_SPECIAL = re.compile(r"[^\w@%+:,./-]")


def complete_labels(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the labels of the configured accounts."""
    outline = _read_outline(ctx)
    return offer(dict.fromkeys(outline.labels if outline else ()), incomplete)


def complete_slack_ids(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the Slack ids that have a subscription."""
    outline = _read_outline(ctx)
    return offer(dict.fromkeys(_list_subscribers(outline.data_dir) if outline else ()), incomplete)


def ranges(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer time spans."""
    return offer(RANGES, incomplete)


def offer(words: Mapping[str, str | None], incomplete: str) -> list[CompletionItem]:
    """Offer the words that begin with `incomplete`, with their descriptions if they have any."""
    from click.shell_completion import CompletionItem

    shell, _, _ = os.environ.get("_CLDMON_COMPLETE", "").partition("_")
    # Our bash script inserts words as they are, and its `read` removes one level of backslashes.
    quoted = r"\\\\\g<0>" if shell == "bash" else r"\g<0>"
    option = _find_typed_option(shell)
    return [
        CompletionItem(option + _SPECIAL.sub(quoted, word), help=description)
        for word, description in words.items()
        # A newline would start another word, and an escape sequence would reach the terminal.
        if word.startswith(incomplete) and is_printable(word)
    ]


def _find_typed_option(shell: str) -> str:
    """Return the `--account=` of `--account=VALUE` in zsh and fish.

    They treat both as one word, and a completion replaces all of it.
    """
    word = os.environ.get("COMP_CWORD", "")
    if shell == "zsh" and word.isdecimal():
        word = "".join(os.environ.get("COMP_WORDS", "").split()[int(word) : int(word) + 1])
    name, equals, _ = word.partition("=")
    return name + equals if equals and name.startswith("--") and shell != "bash" else ""


def _read_outline(ctx: click.Context) -> Outline | None:
    """Return the outline of the configuration that the options typed so far select."""
    options = ctx.find_root().params
    config, data_dir = (
        Path(named) if (named := options.get(name)) else None
        for name in ("config_path", "data_dir")
    )
    try:
        return read_outline(
            locate.find_config(config, os.environ, Path.cwd()), data_dir, os.environ
        )
    except (CldmonError, OSError):
        return None


def _list_subscribers(data_dir: Path) -> list[str]:
    import json

    # Importing SubscriptionsFile takes too long.
    try:
        body = json.loads(files.read(data_dir / "subscriptions.json") or b"")
        return [user for user in body["users"] if isinstance(user, str)]
    except (CldmonError, ValueError, LookupError, TypeError, RecursionError):
        return []
