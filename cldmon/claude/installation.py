"""How to install a browser on this machine, as a command to copy."""

from __future__ import annotations

import contextlib
import platform
import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CHROME = "Google's Chrome package (https://www.google.com/chrome/)"


def advise_install(*, window: bool = False, release: Mapping[str, str] | None = None) -> str:
    """Return how to install a browser; with `window`, one that can show a window.

    `release` is the content of os-release, by default this machine's. Ubuntu's Chromium package is
    a snap, which can't read cldmon's files, and Ubuntu has no headless shell.
    """
    if release is None:
        with contextlib.suppress(OSError):
            release = platform.freedesktop_os_release()
    release = release or {}
    families = {release.get("ID"), *release.get("ID_LIKE", "").split()}
    what = "chromium" if window else "--only-shell chromium"
    playwright = f"{shlex.quote(sys.executable)} -m playwright install"
    if "ubuntu" in families:
        return f"`{playwright} --with-deps {what}`, or {CHROME}"
    if "debian" in families:
        package = "chromium" if window else "chromium-headless-shell"
        return f"`apt-get install {package}`, or `{playwright} --with-deps {what}`"
    return f"a package of Chromium, {CHROME}, or `{playwright} {what}`"
