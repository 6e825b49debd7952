"""Which browser asks, and how it is started."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.domain.secret import looks_secret
from cldmon.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A headless shell costs about a seventh of full Chromium's CPU at a hundred accounts.
_SYSTEM_SHELLS = (
    "/usr/lib/chromium/chromium-headless-shell",
    "/usr/bin/chromium-headless-shell",
)
_SYSTEM_BROWSERS = (
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/opt/google/chrome/chrome",
)
_OWN_SHELL = "chromium_headless_shell-*/*/*headless*shell"
_OWN_BROWSER = "chromium-*/*/chrome"


@dataclass(frozen=True, slots=True)
class BrowserSettings:
    """What the configuration says of the browser; None is decided here.

    `timeout` is in seconds, for one account.
    """

    executable: str | None = None
    headless: bool = True
    concurrency: int | None = None
    timeout: float = 20.0
    user_agent: str | None = None
    sandbox: bool | None = None

    @property
    def sandboxed(self) -> bool:
        """Whether Chromium's sandbox is on: always, but for root, for whom it cannot work."""
        return os.geteuid() != 0 if self.sandbox is None else self.sandbox


def find(settings: BrowserSettings, env: Mapping[str, str]) -> str:
    """Return the path of the browser to start: the configured one, else the cheapest there is.

    Raises `BrowserError` where there is none.
    """
    named = settings.executable or env.get("CLDMON_BROWSER")
    if named:
        return _named(named)
    found = next(_installed(settings, env), None)
    if found is None:
        raise BrowserError(
            "no browser found: `apt-get install chromium-headless-shell` (or chromium), or"
            " `playwright install --only-shell chromium`, or set browser.executable"
        )
    return found


def _named(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise BrowserError(f"the browser {name} (browser.executable) is not there or cannot be run")
    return path


def _installed(settings: BrowserSettings, env: Mapping[str, str]) -> Iterator[str]:
    own = _playwright_folder(env)
    if settings.headless:
        yield from _newest_first(own, _OWN_SHELL)
        yield from filter(_runs, _SYSTEM_SHELLS)
    yield from _newest_first(own, _OWN_BROWSER)
    yield from filter(_runs, _SYSTEM_BROWSERS)


def _playwright_folder(env: Mapping[str, str]) -> Path:
    named = env.get("PLAYWRIGHT_BROWSERS_PATH")
    return Path(named) if named else Path(env.get("HOME", "/root"), ".cache/ms-playwright")


def _newest_first(folder: Path, pattern: str) -> list[str]:
    try:
        found = [str(path) for path in folder.glob(pattern)]
    except OSError:
        return []
    return sorted(filter(_runs, found), key=_build, reverse=True)


def _build(path: str) -> int:
    digits = [part.rpartition("-")[2] for part in Path(path).parts if part.startswith("chromium")]
    return int(digits[0]) if digits and digits[0].isdigit() else 0


def _runs(path: str) -> bool:
    return os.access(path, os.X_OK) and not _is_snap_stub(path)


def _is_snap_stub(path: str) -> bool:
    # Ubuntu's chromium-browser is a shell script that only tells to install a snap.
    try:
        with Path(path).open("rb") as file:
            head = file.read(2048)
    except OSError:
        return False
    return head.startswith(b"#!") and b"snap" in head and not Path("/snap/bin/chromium").exists()


def tuned_concurrency(settings: BrowserSettings, accounts: int) -> int:
    """Return how many accounts are read side by side."""
    return settings.concurrency or (8 if accounts >= 50 else 4)


def user_agent(settings: BrowserSettings, version: str) -> str:
    """Return the user agent: the browser's own, but that it does not say that it is headless.

    `version` is the browser's, e.g. `156.0.8078.73`; Chromium tells only its first number.
    """
    major = version.partition(".")[0]
    return settings.user_agent or (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
        f" Chrome/{major}.0.0.0 Safari/537.36"
    )


def clean_environment(env: Mapping[str, str]) -> dict[str, str | float | bool]:
    """Return an environment for the browser, without the secrets that ours may hold."""
    return {name: value for name, value in env.items() if not looks_secret(value)}
