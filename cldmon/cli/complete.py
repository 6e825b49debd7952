"""What a shell offers after TAB: account labels, ranges, Slack ids. Click asks for them.

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
    from collections.abc import Iterable, Mapping

    import click
    from click.shell_completion import CompletionItem

    from cldmon.config.outline import Outline

RANGES = {"1h": "an hour", "5h": "a session", "1d": "a day", "7d": "a week", "30d": "a month"}

_SPECIAL = re.compile(r"[^\w@%+:,./-]")


def account_labels(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the labels of the configured accounts."""
    found = _outline(ctx)
    return _items(found.labels if found else (), incomplete)


def slack_ids(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the Slack ids that have a subscription."""
    found = _outline(ctx)
    return _items(_subscribers(found.data_dir) if found else (), incomplete)


def ranges(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer spans of time."""
    return described(RANGES, incomplete)


def described(words: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    """Offer those words that begin so, each with what it means."""
    from click.shell_completion import CompletionItem

    typed = _typed_option()
    return [
        CompletionItem(typed + word, help=meaning)
        for word, meaning in words.items()
        if word.startswith(incomplete)
    ]


def _typed_option() -> str:
    """Return `--account=` where zsh or fish take it for one word with the value behind it.

    They replace the whole word by what is offered.
    """
    shell, _, _ = os.environ.get("_CLDMON_COMPLETE", "").partition("_")
    word = os.environ.get("COMP_CWORD", "")
    if shell == "zsh" and word.isdecimal():
        word = "".join(os.environ.get("COMP_WORDS", "").split()[int(word) : int(word) + 1])
    name, equals, _ = word.partition("=")
    return name + equals if equals and name.startswith("--") and shell != "bash" else ""


def _items(values: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    quote = _quote_for_bash if os.environ.get("_CLDMON_COMPLETE", "").startswith("bash") else str
    # A line end would be another offer, an escape would steer the terminal that shows them.
    fitting = (v for v in values if v.startswith(incomplete) and is_printable(v))
    typed = _typed_option()
    return [CompletionItem(typed + quote(value)) for value in fitting]


def _quote_for_bash(value: str) -> str:
    """Return a value with its backslashes, and those that our script reads away.

    Other shells put in what they need by themselves.
    """
    return _SPECIAL.sub(r"\\\\\g<0>", value)


def _outline(ctx: click.Context) -> Outline | None:
    """Return the outline of the configuration that the command line names so far."""
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


def _subscribers(data_dir: Path) -> list[str]:
    import json

    # Not through SubscriptionsFile, which brings locks and more along.
    try:
        body = json.loads(files.read(data_dir / "subscriptions.json") or b"")
        return [user for user in body["users"] if isinstance(user, str)]
    except (CldmonError, ValueError, LookupError, TypeError, RecursionError):
        return []
