"""How a browser is installed on this machine, as a command that its owner can copy."""

from __future__ import annotations

import platform
import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CHROME = "Google's Chrome package (https://www.google.com/chrome/)"


def advise_install(*, window: bool = False) -> str:
    """Return what installs a browser here; with `window` one that can show a window."""
    try:
        release: Mapping[str, str] = platform.freedesktop_os_release()
    except OSError:
        release = {}
    return advise_install_on(release, window=window)


def advise_install_on(release: Mapping[str, str], *, window: bool = False) -> str:
    """Return the same for the distribution that an os-release file describes.

    On Ubuntu the packages of Chromium are a snap's, which cannot read what cldmon gives it, and
    there is no headless shell.
    """
    families = {release.get("ID"), *release.get("ID_LIKE", "").split()}
    what = "chromium" if window else "--only-shell chromium"
    playwright = f"{shlex.quote(sys.executable)} -m playwright install"
    if "ubuntu" in families:
        return f"`{playwright} --with-deps {what}`, or {CHROME}"
    if "debian" in families:
        package = "chromium" if window else "chromium-headless-shell"
        return f"`apt-get install {package}`, or `{playwright} --with-deps {what}`"
    return f"a package of Chromium, {CHROME}, or `{playwright} {what}`"
