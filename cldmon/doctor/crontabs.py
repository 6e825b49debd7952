"""The crontabs that this user may read: their own, and the system's."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.config.installed import crontab_calls
from cldmon.config.secrets import run_program
from cldmon.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cldmon.config.installed import Call

_SYSTEM = (Path("/etc/crontab"), Path("/etc/cron.d"))


def find_calls(env: Mapping[str, str]) -> Iterator[tuple[str, Call]]:
    """Yield each call that makes passes, with the name of its crontab."""
    own = crontab_calls(output_of(["crontab", "-l"], env))
    yield from (("the crontab of this user", call) for call in own)
    for file in _system_crontabs():
        yield from ((str(file), call) for call in crontab_calls(_text(file)))


def output_of(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Return what a program prints; nothing where it is not to be had or does not succeed."""
    try:
        return run_program(argv, env, Path("/")).decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        return ""


def _system_crontabs() -> Iterator[Path]:
    for place in _SYSTEM:
        try:
            yield from sorted(place.iterdir()) if place.is_dir() else [place]
        except OSError:
            continue


def _text(file: Path) -> str:
    try:
        return (files.read(file) or b"").decode(errors="replace")
    except StoreError:
        return ""
