"""Which browser is used, its settings, and how to install one."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.domain.proxy import find_proxy
from cldmon.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cldmon.domain.proxy import Proxy
    from cldmon.domain.secret import Secret

# With a hundred accounts, a headless shell needs about a seventh of full Chromium's CPU time.
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
CHROME = "Google's Chrome package (https://www.google.com/chrome/)"
SANDBOX_FAILED = "its sandbox cannot start here"
"""The reason given if the machine does not allow the sandbox."""
_PER_CORE = 4
_MAX_CONCURRENCY = 16


@dataclass(frozen=True, slots=True)
class BrowserSettings:
    """The `[browser]` table of the configuration; None means cldmon decides.

    Times are in seconds: `timeout` for one account, of which a challenge may take
    `challenge_timeout`; `start_timeout` for the start of the browser.
    """

    executable: str | None = None
    headless: bool = True
    concurrency: int | None = None
    timeout: float = 20.0
    challenge_timeout: float = 15.0
    start_timeout: float = 30.0
    user_agent: str | None = None
    sandbox: bool | None = None
    proxy: Secret | None = None

    def find_proxy(self, url: str, env: Mapping[str, str]) -> Proxy | None:
        """Return the proxy for the service at `url`; raise BrowserError if it is invalid."""
        try:
            return find_proxy(url, self.proxy, env)
        except ValueError as error:
            raise BrowserError(f"the proxy cannot be used: {error}") from None

    @property
    def sandboxed(self) -> bool:
        """Whether to use Chromium's sandbox; by default unless root, where it does not work."""
        return os.geteuid() != 0 if self.sandbox is None else self.sandbox


def find_browser(settings: BrowserSettings, env: Mapping[str, str]) -> str:
    """Return the path of the browser to try first; raise `BrowserError` if there is none."""
    return find_browsers(settings, env)[0]


def find_browsers(settings: BrowserSettings, env: Mapping[str, str]) -> list[str]:
    """Return the paths of the browsers to try, best first; if one is configured, only that one.

    Raise `BrowserError` if there is none.
    """
    if settings.executable:
        return [_find_named(settings.executable, "browser.executable", env)]
    if named := env.get("CLDMON_BROWSER"):
        return [_find_named(named, "CLDMON_BROWSER", env)]
    folder, found = _find_playwright_folder(env), []
    if settings.headless:
        found += [*_list_newest_first(folder, _OWN_SHELL), *filter(_is_runnable, _SYSTEM_SHELLS)]
    found += [*_list_newest_first(folder, _OWN_BROWSER), *filter(_is_runnable, _SYSTEM_BROWSERS)]
    if found:
        return found
    raise BrowserError(f"no browser found: {advise_install()}, or set browser.executable")


def _find_named(name: str, setting: str, env: Mapping[str, str]) -> str:
    path = shutil.which(name, path=env.get("PATH"))
    if path is None:
        raise BrowserError(f"the browser {name} ({setting}) does not exist or is not executable")
    return path


def _find_playwright_folder(env: Mapping[str, str]) -> Path:
    """Return where Playwright keeps its browsers; see `registryDirectory` in its driver."""
    named = env.get("PLAYWRIGHT_BROWSERS_PATH")
    if named == "0":
        spec = importlib.util.find_spec("playwright")
        package = Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent")
        return package / "driver/package/.local-browsers"
    if named:
        return Path(named)
    cache = env.get("XDG_CACHE_HOME") or Path(env.get("HOME") or os.path.expanduser("~"), ".cache")  # noqa: PTH111 - Path.home() may raise
    return Path(cache, "ms-playwright")


def _list_newest_first(folder: Path, pattern: str) -> list[str]:
    def build_number(path: Path) -> int:
        digits = path.relative_to(folder).parts[0].rpartition("-")[2]
        return int(digits) if digits.isdecimal() else 0

    found = sorted(folder.glob(pattern), key=build_number, reverse=True)
    return [str(path) for path in found if _is_runnable(path)]


def _is_runnable(path: str | Path) -> bool:
    if not os.access(path, os.X_OK):
        return False
    # Ubuntu's chromium-browser is a shell script that tells you to install a snap.
    try:
        with files.open_regular(Path(path)) as file:
            head = file.read(2048)
    except OSError:
        return True
    is_stub = head.startswith(b"#!") and b"snap" in head
    return not is_stub or Path("/snap/bin/chromium").exists()


def tune_concurrency(settings: BrowserSettings, accounts: int, cores: int | None = None) -> int:
    """Return how many accounts to read at once: as configured, or enough to keep all cores busy.

    Reading an account is mostly waiting for the service. The maximum limits the load on it.
    """
    at_once = min(_PER_CORE * (cores or len(os.sched_getaffinity(0))), _MAX_CONCURRENCY)
    return settings.concurrency or max(1, min(at_once, accounts))


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
