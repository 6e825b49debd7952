"""The browser: which one it is, and whether it starts here."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.claude import apparmor
from cldmon.claude.browser import SANDBOX_FAILED
from cldmon.config.locate import FILE_NAME
from cldmon.config.schema import Config
from cldmon.doctor.check import fail, ok, warn
from cldmon.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.claude.source import BrowserSource
    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation

_INSTALL = "install one, or set browser.executable to one that runs"
POINTER = "; `cldmon doctor` tells more"
_MOST_WORDS = 3


def found(installation: Installation) -> Iterator[Check]:
    """Look which browser a pass would start."""
    try:
        yield ok("browser", _source(installation, Path()).executable)
    except BrowserError as error:
        yield fail("browser", str(error), _INSTALL)


def proxy(installation: Installation) -> Iterator[Check]:
    """Say which proxy the browser asks through, if it does."""
    try:
        used = _source(installation, Path()).proxy
    except BrowserError as error:
        yield fail("proxy", str(error), "correct it, or remove it")
        return
    if used:
        yield ok("proxy", str(used))


def starts(installation: Installation) -> Iterator[Check]:
    """Start it, as a pass does, and look which version answers."""
    with tempfile.TemporaryDirectory(prefix="cldmon-doctor-") as folder:
        yield started(_source(installation, Path(folder)))


def started(source: BrowserSource) -> Check:
    """Start a browser and end it."""
    try:
        version = source.version()
    except BrowserError as error:
        return fail("browser start", _why(error), _remedy(error, source))
    if source.sandboxed:
        return ok("browser start", f"version {version}, in its sandbox")
    detail = f"version {version}, without its sandbox"
    if os.geteuid() == 0 and apparmor.is_restricted() and not _has_profile(source.executable):
        more = "passes that do not run as root need an AppArmor profile for it"
        return warn("browser start", f"{detail}; {more}", _profile_remedy(source.executable))
    return ok("browser start", detail)


def _remedy(error: BrowserError, source: BrowserSource) -> str:
    if SANDBOX_FAILED in str(error) and apparmor.is_restricted():
        return _profile_remedy(source.executable)
    return "fix that; nothing can be read without a browser"


def _profile_remedy(browser: str) -> str:
    """Return how the browser gets the AppArmor profile that its sandbox needs."""
    program = apparmor.program_of(browser)
    if program is None:
        return "name the program itself, not a script, as browser.executable; then run this again"
    if there := apparmor.profile_of(program):
        return f"load the profile that is there: sudo apparmor_parser --replace {there}"
    by_hand = apparmor.command(program)
    return f"sudo cldmon schedule systemd --install, or without its services: {by_hand}"


def _has_profile(browser: str) -> bool:
    program = apparmor.program_of(browser)
    return program is not None and apparmor.profile_of(program) is not None


def _source(installation: Installation, folder: Path) -> BrowserSource:
    """Return the browser of the configuration; where that is no good, the one without settings."""
    if installation.config:
        return installation.app.source(installation.config, folder)
    # A path that is named is taken as it is, so that none has to be found.
    named = replace(installation.app, config_path_option=Path(FILE_NAME))
    return named.source(Config(), folder)


def _why(error: BrowserError) -> str:
    """Return our words for it, and the browser's own last ones."""
    said = re.findall(r"\[err\] (.*)", str(error.__cause__))
    words = [" ".join(line.split()) for line in said if line.strip()][-_MOST_WORDS:]
    return " | ".join([str(error).removesuffix(POINTER), *words])
