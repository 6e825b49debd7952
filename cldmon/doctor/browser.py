"""The browser: which one is used, and whether it starts here."""

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

_LAST_LINES = 3


def check_executable(installation: Installation) -> Iterator[Check]:
    """Report which browser a pass would start."""
    if not installation.needs_browser:
        yield ok("browser", "not needed: all accounts are reported by machines")
        return
    try:
        yield ok("browser", _get_source(installation).executable)
    except BrowserError as error:
        remedy = "install one, or set browser.executable to one that works"
        yield fail("browser", str(error), remedy)


def check_proxy(installation: Installation) -> Iterator[Check]:
    """Report which proxy the browser uses, if any."""
    if not installation.needs_browser:
        return
    try:
        if proxy := _get_source(installation).proxy:
            yield ok("proxy", str(proxy))
    except BrowserError as error:
        yield fail("proxy", str(error), "correct it, or remove it")


def check_start(installation: Installation) -> Iterator[Check]:
    """Start the browser as a pass does, and report its version."""
    if not installation.needs_browser:
        return
    with tempfile.TemporaryDirectory(prefix="cldmon-doctor-") as folder:
        source = _get_source(installation, Path(folder))
        try:
            version = source.version()
        except BrowserError as error:
            remedy = "fix this first: no account can be read without a browser"
            if SANDBOX_FAILED in str(error) and apparmor.is_restricted():
                remedy = _describe_profile_remedy(source.executable)
            output = re.findall(r"\[err\] (.*)", str(error.__cause__))
            lines = [" ".join(line.split()) for line in output if line.strip()][-_LAST_LINES:]
            yield fail("browser start", " | ".join([strip_hint(str(error)), *lines]), remedy)
            return
    if source.settings.sandboxed:
        yield ok("browser start", f"version {version}, in its sandbox")
        return
    detail = f"version {version}, without its sandbox"
    program = apparmor.resolve_program(source.executable)
    has_profile = program is not None and apparmor.find_profile(program) is not None
    if os.geteuid() == 0 and apparmor.is_restricted() and not has_profile:
        detail += "; passes that do not run as root need an AppArmor profile for it"
        yield warn("browser start", detail, _describe_profile_remedy(source.executable))
    else:
        yield ok("browser start", detail)


def strip_hint(message: str) -> str:
    """Return a browser's error without its advice to run this very command."""
    return re.sub(r"; [^;]*`cldmon doctor`[^;]*$", "", message)


def _describe_profile_remedy(browser: str) -> str:
    """Return how to give the browser the AppArmor profile that its sandbox needs."""
    program = apparmor.resolve_program(browser)
    if program is None:
        return "set browser.executable to the program itself, not a script; then run this again"
    if profile := apparmor.find_profile(program):
        return f"load the existing profile: sudo apparmor_parser --replace {profile}"
    command = apparmor.install_command(program)
    return f"sudo cldmon schedule systemd --install, or without its services: {command}"


def _get_source(installation: Installation, folder: Path = Path()) -> BrowserSource:
    """Return the configured browser; without a valid configuration, the default one."""
    if installation.config:
        return installation.app.build_source(installation.config, folder)
    # With a path given, the app does not search for a configuration.
    app = replace(installation.app, config_path_option=Path(FILE_NAME))
    return app.build_source(Config(), folder)
