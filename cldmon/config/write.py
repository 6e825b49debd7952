"""The first configuration file: its text, and how it comes to disk."""

from __future__ import annotations

import os
from importlib.resources import files
from typing import TYPE_CHECKING

from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.domain.secret import Secret

_UNSET = '# session_secret = ""'


def example() -> str:
    """Return the commented example, which loads but for its placeholder key."""
    return files("cldmon.config").joinpath("example.toml").read_text("utf-8")


def initial(session_secret: Secret) -> str:
    """Return the example with a session secret of its own."""
    return example().replace(_UNSET, f'session_secret = "{session_secret.reveal()}"', 1)


def create(path: Path, text: str) -> None:
    """Write a new file, 0600 from its first byte on, and the folders that lead to it.

    Raises ConfigError where something is there already (it is left as it is) or on failure.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(_not_created(path, error)) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


def _not_created(path: Path, error: OSError) -> str:
    if path.is_dir():
        return f"{path}: is a directory; name a file in it, e.g. {path / 'config.toml'}"
    if os.path.lexists(path):
        return f"{path}: exists already and is left as it is; edit it, or name another file"
    return f"{path}: cannot be written: {error.strerror}; name another file"
