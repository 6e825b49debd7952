"""The Node program's folder: what is in it, by name and by form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.errors import ImportFailedError

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "config.json"
DATA = "data"
SINGLE_HISTORY = "history.jsonl"
"""The one history file of its first versions; day files came later."""
CACHES = ("slack-users-cache.json",)
"""What it looks up again where that is missing."""


def read_config(path: Path) -> dict[str, Any]:
    """Return the JSON object in a config.json; raises ImportFailedError, one line."""
    try:
        with files.open_regular(path) as file:
            body = json.loads(file.read(files.LARGEST_FILE).decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        # Without its cause, which carries the whole file, secrets included.
        raise ImportFailedError(f"{path}:{error.lineno}: is not valid JSON: not taken") from None
    except (ValueError, RecursionError):
        raise ImportFailedError(f"{path}: is not JSON in UTF-8: not taken") from None
    except OSError as error:
        raise ImportFailedError(f"{path}: cannot be read: {error.strerror}") from error
    if not isinstance(body, dict):
        raise ImportFailedError(f"{path}: is not a JSON object: not taken")
    return body
