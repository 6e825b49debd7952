"""The first configuration file: its text, and how it comes to disk."""

from __future__ import annotations

import os
from importlib import resources
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.domain.secret import Secret

_UNSET = '# session_secret = ""'
_DOCUMENTED_RULE = '# reset_rule = "zero"'
_BETTER_RULE = """\
# "zero" is the default, and misses resets: with ten minutes between passes, use has often begun
# again before the next one, so that a fall from 100 to 3 is as common as one from 100 to 0.
reset_rule = "window"
"""


def read_example() -> str:
    """Return the commented example, which loads but for its placeholder key."""
    return resources.files("cldmon.config").joinpath("example.toml").read_text("utf-8")


def make_initial(session_secret: Secret) -> str:
    """Return the example with a session secret of its own, and the better reset rule."""
    text = read_example().replace(f"{_DOCUMENTED_RULE}\n", _BETTER_RULE, 1)
    return text.replace(_UNSET, f'session_secret = "{session_secret.reveal()}"', 1)


def create(path: Path, text: str) -> None:
    """Write a new file, 0600 from its first byte on, and the folders that lead to it.

    Raises ConfigError where something is there already (it is left as it is), StoreError where
    it cannot be written.
    """
    files.create_private_dir(path.parent)
    with files.wrap_os_errors("write", path):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, files.PRIVATE_FILE)
        except FileExistsError as error:
            problem = "exists already and is left as it is; edit it, or name another file"
            if path.is_dir():
                problem = f"is a directory; name a file in it, e.g. {path / 'config.toml'}"
            raise ConfigError(f"{path}: {problem}") from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                path.unlink()
                raise
