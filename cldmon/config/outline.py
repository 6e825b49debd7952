"""The little of a configuration that readers need, taken from the TOML as it is.

Light on purpose: `status`, `history`, `health` and shell completion start through here, so nothing
here may import pydantic; nor dataclasses, which the line of a status bar does without.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from cldmon.config import document, locate
from cldmon.domain.labels import find_label_problem
from cldmon.domain.text import is_printable
from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Outline(NamedTuple):
    """What readers need of a configuration. The rest of it may be invalid."""

    data_dir: Path
    interval: timedelta
    labels: tuple[str, ...]
    slack_enabled: bool


def read_outline(path: Path, data_dir_option: Path | None, env: Mapping[str, str]) -> Outline:
    """Return what readers need of the configuration at `path`.

    Raises ConfigError for a file that cannot be read, and as `load.read` where one of these values
    is of no use.
    """
    data = document.read(path).data
    with suppress(AttributeError, LookupError, TypeError, ValueError):
        slack = data.get("notifications", {}).get("slack", {})
        labels = tuple(account["label"] for account in data.get("accounts", ()))
        minutes = data.get("fetch_interval_minutes", locate.DEFAULT_INTERVAL_MINUTES)
        named = data.get("data_dir")
        is_usable = (
            locate.MIN_INTERVAL_MINUTES <= minutes <= locate.MAX_INTERVAL_MINUTES
            and not any(map(find_label_problem, labels))
            and is_printable(named or "")
        )
        if is_usable:
            return Outline(
                locate.find_data_dir(named, path, data_dir_option, env),
                timedelta(minutes=minutes),
                labels,
                slack.get("enabled", False) is True,
            )
    from cldmon.config.load import read

    read(path)  # raises the error that says what is wrong
    raise ConfigError(f"{path}: was changed while it was read; try again")
