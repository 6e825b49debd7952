"""The import as a whole: config.json becomes config.toml, data files are copied as they are.

Nothing in the source is changed, and nothing that exists at the target is overwritten.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.config import document, locate, write
from cldmon.config.outline import read_outline
from cldmon.errors import ImportFailedError
from cldmon.importing.data import stage
from cldmon.importing.settings import translate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cldmon.importing.settings import Translation

_log = logging.getLogger(__name__)


def migrate(source: Path, config: Path, data_dir: Path | None, env: Mapping[str, str]) -> list[str]:
    """Import the Node version from the folder or config.json at `source`.

    A new configuration is written to `config`, and `data_dir`, if given, into it. Return a line on
    each thing that was imported; log a warning for what was not. It is safe to repeat. If it fails,
    nothing is left half done.

    Raise ImportFailedError if there is nothing to import, BusyError while a pass runs in the data
    folder, ConfigError or StoreError if a file can't be read or written.
    """
    home = source if source.is_dir() else source.parent
    path = source if source.is_file() else home / "config.json"
    settings = None
    try:
        settings = translate(_read_config(path), data_dir)
    except ImportFailedError as error:
        _log.warning("%s", error)
    for remark in settings.remarks if settings else ():
        _log.warning("%s: %s", path, remark)
    report: list[str] = []
    exists = config.exists()
    if settings and exists:
        if document.read(config).text == settings.text:
            report.append(f"{config}: already there")
        else:
            _warn_of_difference(settings, config)
    if data_dir is None and exists:
        data_dir = read_outline(config, None, env).data_dir
    else:
        data_dir = locate.find_data_dir(None, config, data_dir, env)
    with stage(home / "data", data_dir) as data:
        if settings and not exists:
            write.create(config, settings.text)
        try:
            data.put_in_place()
        except BaseException:
            if settings and not exists:
                config.unlink()
            raise
    if settings and not exists:
        count = len(settings.labels)
        report.append(f"{config}: {count} account{'' if count == 1 else 's'}")
    if not (settings or data):
        raise ImportFailedError(
            f"nothing to import in {home}: name the folder that contains the Node version's"
            " config.json and data/"
        )
    return [*report, *data.sum_up()]


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


def _warn_of_difference(translation: Translation, existing: Path) -> None:
    accounts = document.read(existing).data.get("accounts")
    known = [a.get("label") for a in accounts] if isinstance(accounts, list) else []
    missing = [label for label in translation.labels if label not in known]
    lacks = f"; it lacks the account(s) {', '.join(missing)}: `cldmon login --add` adds one"
    _log.warning("%s: already exists and was not changed%s", existing, lacks if missing else "")
