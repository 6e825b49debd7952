"""A configuration file as it stands on disk: read, parsed as TOML, not yet judged.

Light on purpose: `status` and shell completion come through here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cldmon import files
from cldmon.domain.secret import mask_secrets
from cldmon.domain.text import is_printable
from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cldmon.config.lines import KeyPath

_MAX_BYTES = 1 << 20
_IN_OTHER_WORDS = {
    "Invalid value": "the value is not understood; a text needs quotes around it",
    "Illegal character '\\n'": "unterminated string; add the closing quote",
    "Unterminated string": "unterminated string; add the closing quote",
    "Cannot overwrite a value": "this key is set twice; keep one of the two",
    "Cannot declare": "this table begins a second time; put its keys together below one of the two"
    " (each account has two brackets: [[accounts]])",
}
"""How tomllib's messages begin, and what is said in their place."""

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Document(NamedTuple):
    """The text of one configuration file and the TOML values in it, both of them secret."""

    path: Path
    text: str
    data: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Document(path={self.path!r})"

    def where(self, key: KeyPath) -> str:
        """Return `FILE:LINE`, or `FILE` for a key that is written nowhere."""
        line = self.line(key)
        return f"{self.path}:{line}" if line else str(self.path)

    def line(self, key: KeyPath) -> int | None:
        """Return the line (from 1) on which a key stands, or None."""
        from cldmon.config.lines import line_of

        return line_of(self.text, key)

    def complaint(self, key: KeyPath, problem: str) -> str:
        """Return `FILE:LINE: key.path: problem`, with whatever looks like a secret struck out."""
        name = f"{format_key(key)}: " if key else ""
        return mask_secrets(f"{self.where(key)}: {name}{problem}")


def read(path: Path) -> Document:
    """Read a TOML file.

    Raises ConfigError, one line with file and line, where it cannot be read or is not TOML.
    """
    text = _decoded(path, _bytes(path))
    return Document(path, text, _parsed(path, text))


def format_key(key: KeyPath) -> str:
    """Return a key path as a person writes it, lists counted from 1: `accounts[2].label`."""
    out = ""
    for part in key:
        out += f"[{part + 1}]" if isinstance(part, int) else f".{_printable(part)}"
    return out.removeprefix(".")


def _printable(part: str) -> str:
    return part if part and is_printable(part) else repr(part)


def _bytes(path: Path) -> bytes:
    try:
        with files.open_regular(path) as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(_unreadable(path, error)) from error
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{path}: is larger than 1 MiB: no configuration; name the right file")
    return content


def _unreadable(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path}: there is no such file; `cldmon init` writes one"
    if isinstance(error, IsADirectoryError):
        return f"{path}: is a directory; name the file in it, e.g. {path / 'config.toml'}"
    if isinstance(error, PermissionError):
        return f"{path}: permission denied; run as its owner, or change the owner"
    return f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"


def _decoded(path: Path, content: bytes) -> str:
    if content.startswith(_UTF16):
        raise ConfigError(f"{path}: is UTF-16 text; save it as UTF-8")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        # Without its cause: a decoding error carries the whole file, secrets included.
        raise ConfigError(f"{path}:{line}: is not UTF-8 text; save the file as UTF-8") from None


def _parsed(path: Path, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply to be a configuration") from None
    except ValueError as error:
        # Without its cause: a parser's message may quote what stands in the file.
        raise ConfigError(mask_secrets(f"{path}{_place(str(error), text)}")) from None


def _place(message: str, text: str) -> str:
    """Turn tomllib's `What is wrong (at line 3, column 4)` into `:3: what is wrong`."""
    problem, _, place = message.partition(" (at ")
    words = place.rstrip(")").split()
    if not words:
        return ": is not valid TOML: a number in it is too long"
    last = text.rstrip().count("\n") + 1
    line = words[1].rstrip(",") if words[0] == "line" else last
    told = (words for start, words in _IN_OTHER_WORDS.items() if problem.startswith(start))
    return f":{line}: is not valid TOML: {next(told, problem)}"
