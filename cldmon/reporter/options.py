"""The options of `cldmon report` for the person whose usage is reported.

Claude Code waits for its status line, so these are parsed without click. What is not understood
here is parsed again by click, which explains the mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cldmon.config.locate import expand_user
from cldmon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STDOUT = "-"
"""As a target: a report is printed instead of sent."""


class Options(NamedTuple):
    """The options, named as on the command line; `send` is only for cldmon itself."""

    to: str = ""
    account: str = ""
    token_file: str = ""
    chain: str = ""
    from_cache: bool = False
    setup: bool = False
    install: bool = False
    uninstall: bool = False
    status: bool = False
    reset: bool = False
    json: bool = False
    send: bool = False

    def to_words(self) -> list[str]:
        """Return the words of a command line that stand for these options."""
        words = []
        for name, value in self._asdict().items():
            if value:
                words.append(f"--{name.replace('_', '-')}")
                words += [] if value is True else [value]
        return words


def is_url(to: str) -> bool:
    """Return whether reports go to a server, not to a file."""
    return "://" in to


def make_absolute(options: Options, env: Mapping[str, str]) -> Options:
    """Return the options with absolute paths: another process with another working folder sends."""

    def absolute(path: str) -> str:
        try:
            return str(expand_user(path, env).absolute()) if path else ""
        except OSError:
            raise UsageError(f"{path}: the working folder is gone: give a whole path") from None

    to = options.to
    return options._replace(
        to=to if is_url(to) or to == STDOUT else absolute(to),
        token_file=absolute(options.token_file),
    )


def parse(words: Sequence[str]) -> Options | None:
    """Return the options that a command line gives, or None if it has anything else."""
    defaults, given = Options._field_defaults, dict[str, Any]()
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        name = option.removeprefix("--").replace("-", "_")
        if not option.startswith("--") or name not in defaults:
            return None
        if defaults[name] is False:
            given[name] = True
        else:
            given[name] = value if equals else next(rest, None)
        if given[name] is None or (given[name] is True and equals):
            return None
    return Options(**given)
