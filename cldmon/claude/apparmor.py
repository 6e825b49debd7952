"""Ubuntu's restriction of user namespaces, and the AppArmor profile that a browser needs under it.

Since 23.10, programs without a profile may not use the namespaces that Chromium's sandbox needs.
Source: apparmor.d(5); Chromium's docs/security/apparmor-userns-restrictions.md.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path

RESTRICTION = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
FOLDER = Path("/etc/apparmor.d")
PROFILE = "cldmon-browser"

_STARTED_BY = {
    "/usr/bin/chromium": "/usr/lib/chromium/chromium",
    "/usr/bin/chromium-browser": "/usr/lib/chromium-browser/chromium-browser",
    "/usr/bin/chromium-headless-shell": "/usr/lib/chromium/chromium-headless-shell",
    "/opt/google/chrome/google-chrome": "/opt/google/chrome/chrome",
}
"""The programs that the distributions' scripts start: a profile can't apply to a script."""

_ITS_PROFILE = {
    "/usr/lib/chromium/chromium": "chromium",
    "/usr/lib/chromium-browser/chromium-browser": "chromium",
    "/opt/google/chrome/chrome": "chrome",
}
"""AppArmor's own profiles, which match these programs by patterns."""

_ATTACHMENT = re.compile(r'^\s*(?:profile\s+\S+\s+)?("[^"\n]*"|/\S*)[^"\n]*\{', re.MULTILINE)
"""The program that a profile applies to, as written in the profile."""

_PROFILE_TEXT = """\
# Ubuntu allows user namespaces, which Chromium's sandbox needs, only to programs whose profile says
# so. This one allows them to the browser that cldmon starts, and restricts nothing.
abi <abi/4.0>,
include <tunables/global>

profile {name} {program} flags=(unconfined) {{
  userns,
}}
"""


def is_restricted(setting: Path = RESTRICTION) -> bool:
    """Return whether a program without a profile may not use user namespaces here."""
    try:
        return setting.read_text().strip() == "1"
    except OSError:
        return False


def resolve_program(browser: str) -> Path | None:
    """Return the program that a browser's path leads to, or None if it is a script."""
    path = Path(browser).resolve()
    path = Path(_STARTED_BY.get(str(path), path))
    try:
        with path.open("rb") as file:
            return None if file.read(2) == b"#!" else path
    except OSError:
        return None


def find_profile(program: Path, folder: Path = FOLDER) -> Path | None:
    """Return the file with a program's profile, or None if there is none."""
    shipped = folder / _ITS_PROFILE.get(str(program), "/nowhere")
    if shipped.is_file():
        return shipped
    names = {f"{program}", _quote(program)}
    for path in sorted(folder.glob("*")):
        with contextlib.suppress(OSError):
            text = path.read_text(encoding="utf-8", errors="replace")
            if names & set(_ATTACHMENT.findall(text)):
                return path
    return None


def render_profile(program: Path, name: str = PROFILE) -> str:
    """Return a profile that applies only to this program."""
    return _PROFILE_TEXT.format(name=name, program=_quote(program))


def install_command(program: Path) -> str:
    """Return a shell command that installs the profile."""
    lines = [
        line for line in render_profile(program).splitlines() if line and not line.startswith("#")
    ]
    printed = shlex.join(["printf", r"%s\n", *lines])
    return f"{printed} | sudo tee {FOLDER / PROFILE} | sudo apparmor_parser --replace"


def _quote(program: Path) -> str:
    """Return a path in a profile's syntax, with pattern characters escaped."""
    return '"' + re.sub(r'([\\"*?\[\]{}^@])', r"\\\1", str(program)) + '"'
