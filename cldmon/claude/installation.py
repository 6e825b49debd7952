"""How a browser is installed on this machine, as a command that its owner can copy."""

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
    """Return what installs a browser; with `window` one that can show a window.

    `release` is the os-release file, by default that of this machine. On Ubuntu the packages of
    Chromium are a snap, which can't read the files that cldmon gives it, and there is no headless
    shell.
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
