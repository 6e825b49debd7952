"""A configuration file as it is on disk: read and parsed as TOML, not yet validated.

Light on purpose: `status` and shell completion come through here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cldmon import files
from cldmon.config import locate
from cldmon.domain.secret import mask_secrets
from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cldmon.config.lines import KeyPath

_MAX_BYTES = 1 << 20
_TOML_PROBLEMS = {
    "Invalid value": "invalid value; a string needs quotes",
    "Illegal character '\\n'": "unterminated string; add the closing quote",
    "Unterminated string": "unterminated string; add the closing quote",
    "Cannot overwrite a value": "this key is set twice; keep one of the two",
    "Cannot declare": "this table begins a second time; put its keys together below one of the two"
    " (each account has two brackets: [[accounts]])",
}
"""How tomllib's messages begin, and what to say instead."""

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Document(NamedTuple):
    """The text of one configuration file and the TOML values in it, both of them secret."""

    path: Path
    text: str
    data: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Document(path={self.path!r})"

    def locate(self, key: KeyPath) -> str:
        """Return `FILE:LINE`, or `FILE` for a key that is written nowhere."""
        line = self.line(key)
        return f"{self.path}:{line}" if line else str(self.path)

    def line(self, key: KeyPath) -> int | None:
        """Return the line (from 1) on which a key stands, or None."""
        from cldmon.config.lines import find_line

        return find_line(self.text, key)

    def format_problem(self, key: KeyPath, problem: str) -> str:
        """Return `FILE:LINE: key.path: problem`, with what looks like a secret masked."""
        name = f"{format_key(key)}: " if key else ""
        return mask_secrets(f"{self.locate(key)}: {name}{problem}")


def read(path: Path) -> Document:
    """Read a TOML file.

    Raises ConfigError, one line with file and line, for a file that cannot be read or is not TOML.
    """
    import tomllib

    try:
        with files.open_regular(path) as file:
            content = file.read(_MAX_BYTES + 1)
    except PermissionError as error:
        raise locate.build_access_error(path) from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {_describe_error(path, error)}") from error
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{path}: is larger than 1 MiB: not a configuration; name the right file")
    if content.startswith(_UTF16):
        raise ConfigError(f"{path}: is UTF-16 text; save it as UTF-8")
    # Below, errors have no cause: a decoder's or parser's carries what is in the file, secrets too.
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8 text; save the file as UTF-8") from None
    try:
        return Document(path, text, tomllib.loads(text))
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply to be a configuration") from None
    except ValueError as error:
        raise ConfigError(mask_secrets(f"{path}{_describe_toml_error(error, text)}")) from None


def format_key(key: KeyPath) -> str:
    """Return a key path as people write it, lists counted from 1: `accounts[2].label`."""
    out = ""
    for part in key:
        if isinstance(part, int):
            out += f"[{part + 1}]"
        else:
            out += f".{part if part and part.isprintable() else repr(part)}"
    return out.removeprefix(".")


def _describe_error(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file; `cldmon init` writes one"
    if isinstance(error, IsADirectoryError):
        return f"is a directory; name the file in it, e.g. {path / 'config.toml'}"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def _describe_toml_error(error: ValueError, text: str) -> str:
    """Turn tomllib's `What is wrong (at line 3, column 4)` into `:3: what is wrong`."""
    problem, _, place = str(error).partition(" (at ")
    words = place.rstrip(")").split()
    if not words:
        return ": is not valid TOML: a number in it is too long"
    line = words[1].rstrip(",") if words[0] == "line" else text.rstrip().count("\n") + 1
    plain = (words for start, words in _TOML_PROBLEMS.items() if problem.startswith(start))
    return f":{line}: is not valid TOML: {next(plain, problem)}"
