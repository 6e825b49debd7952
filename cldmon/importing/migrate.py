"""The import as a whole: config.json becomes config.toml, data files are copied as they are.

Nothing in the source is changed, and nothing that exists at the target is overwritten.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.config import document, locate, write
from cldmon.config.outline import read_outline
from cldmon.errors import ImportFailedError
from cldmon.importing.data import stage
from cldmon.importing.settings import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cldmon.importing.settings import Translation

    Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Target:
    """Where to import to: the configuration, and the data_dir to write into it, if given."""

    config: Path
    data_dir: Path | None = None


def migrate(
    source: Path, target: Target, env: Mapping[str, str], *, tell: Tell, warn: Tell
) -> bool:
    """Import the Node version from its folder `source`, or from the folder of that config.json.

    `tell` is called with what was imported, `warn` with what was not and why. It is safe to repeat.
    If it fails, nothing is left half done. Returns whether it wrote a configuration.

    Raises ImportFailedError if there is nothing to import, BusyError while a pass runs in the
    data_dir, ConfigError or StoreError if the target can't be read or written.
    """
    home = source if source.is_dir() else source.parent
    path = source if source.is_file() else home / "config.json"
    settings = None
    try:
        settings = translate(_read_config(path), target.data_dir)
    except ImportFailedError as error:
        warn(str(error))
    for remark in settings.remarks if settings else ():
        warn(f"{path}: {remark}")
    exists = target.config.exists()
    if settings and exists:
        _compare(settings, target.config, tell=tell, warn=warn)
    if target.data_dir is None and exists:
        data_dir = read_outline(target.config, None, env).data_dir
    else:
        data_dir = locate.find_data_dir(None, target.config, target.data_dir, env)
    with stage(home / "data", data_dir, warn) as data:
        if settings and not exists:
            write.create(target.config, settings.text)
        try:
            data.put_in_place()
        except BaseException:
            if settings and not exists:
                target.config.unlink()
            raise
    if settings and not exists:
        count = len(settings.labels)
        tell(f"{target.config}: {count} account{'' if count == 1 else 's'}")
    data.sum_up(tell)
    if not (settings or data):
        raise ImportFailedError(
            f"nothing to import in {home}: name the folder that contains the Node version's"
            " config.json and data/"
        )
    return settings is not None and not exists


def _read_config(path: Path) -> dict[str, Any]:
    try:
        with files.open_regular(path) as file:
            body = json.loads(file.read(files.LARGEST_FILE).decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        # Without its cause, which carries the whole file, secrets included.
        raise ImportFailedError(f"{path}:{error.lineno}: not valid JSON: not imported") from None
    except (ValueError, RecursionError):
        raise ImportFailedError(f"{path}: not JSON in UTF-8: not imported") from None
    except OSError as error:
        raise ImportFailedError(f"{path}: cannot be read: {error.strerror}") from error
    if not isinstance(body, dict):
        raise ImportFailedError(f"{path}: not a JSON object: not imported")
    return body


def _compare(translation: Translation, existing: Path, *, tell: Tell, warn: Tell) -> None:
    """Report how an existing configuration differs from the one that would be written."""
    found = document.read(existing)
    if found.text == translation.text:
        tell(f"{existing}: already there")
        return
    accounts = found.data.get("accounts")
    known = [a.get("label") for a in accounts] if isinstance(accounts, list) else []
    missing = [label for label in translation.labels if label not in known]
    lacks = f"; it lacks the account(s) {', '.join(missing)}: `cldmon login --add` adds one"
    warn(f"{existing}: already exists and was not changed{lacks if missing else ''}")
