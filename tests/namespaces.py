"""Whether this machine allows user namespaces: examined once, before the first test.

Containers and some distributions forbid them. Then the tests that `require` them are skipped, which
CI counts as a failure, and the browser runs without its sandbox, which needs them.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SKIPPED = "user namespaces are forbidden here: the tests that need them are skipped"
UNSANDBOXED = "user namespaces are forbidden here: the tests run the browser without its sandbox"
ADVICE = (
    "to allow them: sudo sysctl user.max_user_namespaces=9999, on an old Debian"
    " kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0;"
    " a container has to be started so that they are"
)
_FORBIDDEN = "CLDMON_TESTS_WITHOUT_NAMESPACES"
"""Set for the workers, which inherit it, and for the tests' own pytest."""
_BUBBLE = "bwrap --unshare-user --unshare-ipc --ro-bind / / --proc /proc --dev /dev true"
"""All that the tests ask of bubblewrap."""
_OPENED = ("--headless", "--dump-dom", "about:blank")


def require() -> None:
    """Skip the running test if namespaces are forbidden."""
    if _FORBIDDEN in os.environ:
        pytest.skip(SKIPPED)


def examine(at_end: Callable[[Callable[[], None]], object]) -> list[str]:
    """Try namespaces and the browser's sandbox; return what is missing.

    `at_end` registers the clean-up.
    """
    missing = []
    if _FORBIDDEN in os.environ or _fails(_BUBBLE.split()):
        os.environ[_FORBIDDEN] = "1"
        missing.append(SKIPPED)
    browser = _find_browser()
    if browser and BrowserSettings().sandboxed and _fails([browser, *_OPENED]):
        script = _write_unsandboxed(browser)
        at_end(script.unlink)
        os.environ["CLDMON_BROWSER"] = str(script)
        missing.append(UNSANDBOXED)
    return [*missing, ADVICE] if missing else []


def _fails(command: Sequence[str]) -> bool:
    """Return whether an installed program fails."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode != 0
    except FileNotFoundError:  # each test reports this itself
        return False


def _find_browser() -> str | None:
    try:
        return find_browser(BrowserSettings(), os.environ)
    except BrowserError:
        return None


def _write_unsandboxed(browser: str) -> Path:
    with tempfile.NamedTemporaryFile("w", prefix="browser-", delete=False) as script:
        script.write(f'#!/bin/sh\nexec {shlex.quote(browser)} --no-sandbox "$@"\n')
    Path(script.name).chmod(0o700)
    return Path(script.name)
