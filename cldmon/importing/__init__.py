"""Imports the configuration and data of the Node version.

Nothing of the source is changed, nothing that stands at the target is overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cldmon.config import locate, write
from cldmon.config.outline import read_outline
from cldmon.errors import ImportFailedError
from cldmon.importing import node
from cldmon.importing.data import staged
from cldmon.importing.settings import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cldmon.importing.settings import Translation

    Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Goal:
    """Where things go: the configuration, and the data_dir that it is to name, if one is given."""

    config: Path
    data_dir: Path | None = None


def take_over(source: Path, goal: Goal, env: Mapping[str, str], *, tell: Tell, warn: Tell) -> None:
    """Take over the Node cldmon in the folder `source`, or the one whose config.json it is.

    `tell` hears of what was taken, `warn` of what was not and why. It may be done twice. Where it
    fails nothing is left half done.

    Raises ImportFailedError if there is nothing to take, BusyError while a pass runs in the
    data_dir, ConfigError or StoreError where the target cannot be read or written.
    """
    home = source if source.is_dir() else source.parent
    config = source if source.is_file() else home / node.CONFIG
    settings = _translated(config, goal, warn)
    exists = goal.config.exists()
    if settings and exists:
        _compare(settings, goal.config, tell=tell, warn=warn)
    with staged(home / node.DATA, _data_dir(goal, env), warn) as data:
        if settings and not exists:
            write.create(goal.config, settings.text)
        try:
            data.put_in_place()
        except BaseException:
            if settings and not exists:
                goal.config.unlink()
            raise
    if settings and not exists:
        tell(f"{goal.config}: {_count(len(settings.labels), 'account')}")
    data.sum_up(tell)
    if not (settings or data):
        raise ImportFailedError(
            f"nothing to take in {home}: name the folder that holds the Node program's"
            f" {node.CONFIG} and {node.DATA}/"
        )


def _translated(config: Path, goal: Goal, warn: Tell) -> Translation | None:
    """Return the configuration, if there is one to write."""
    try:
        body = node.read_config(config)
    except ImportFailedError as error:
        warn(str(error))
        return None
    translation = translate(body, goal.data_dir)
    for remark in translation.remarks:
        warn(f"{config}: {remark}")
    return translation


def _compare(translation: Translation, existing: Path, *, tell: Tell, warn: Tell) -> None:
    """Say how what is to be taken differs from a configuration that stands there already."""
    from cldmon.config import document

    found = document.read(existing)
    if found.text == translation.text:
        tell(f"{existing}: is there already")
        return
    accounts = found.data.get("accounts")
    known = [a.get("label") for a in accounts] if isinstance(accounts, list) else []
    lacking = [label for label in translation.labels if label not in known]
    lacks = f"; it lacks the account(s) {', '.join(lacking)}: `cldmon login --add` adds one"
    warn(f"{existing}: exists already and is left as it is{lacks if lacking else ''}")


def _data_dir(goal: Goal, env: Mapping[str, str]) -> Path:
    if goal.data_dir is None and goal.config.exists():
        return read_outline(goal.config, None, env).data_dir
    return locate.find_data_dir(None, goal.config, goal.data_dir, env)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
