"""What the browser says it is: itself, but for the word "Headless"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cldmon.claude.browser import BrowserSettings

_MARKS = " (:-./);=?_"
_MARK_VERSIONS = ("8", "99", "24")
_PLATFORMS = {"Windows": "Windows", "Mac OS X": "macOS"}


def user_agent_override(settings: BrowserSettings, version: str) -> dict[str, Any] | None:
    """Return what to tell the browser to say, in the user agent and in its client hints.

    None where it may say what it is. `version` is the browser's, e.g. `156.0.8078.73`. The form is
    that of the DevTools protocol's `Emulation.setUserAgentOverride`.
    """
    if settings.headless and settings.user_agent is None:
        return _override(_agent(version), version)
    return _override(settings.user_agent, version) if settings.user_agent else None


def build_brands(major: int) -> list[dict[str, str]]:
    """Return the brands of a headed Chromium: its name, and a made-up one to ignore.

    Source: `GetGreasedUserAgentBrandVersion` and `ShuffleBrandList` in Chromium's
    components/embedder_support/user_agent_utils.cc.
    """
    first, second = (_MARKS[number % len(_MARKS)] for number in (major, major + 1))
    version = _MARK_VERSIONS[major % len(_MARK_VERSIONS)]
    made_up = {"brand": f"Not{first}A{second}Brand", "version": version}
    own = {"brand": "Chromium", "version": str(major)}
    return [own, made_up] if major % 2 else [made_up, own]


def _agent(version: str) -> str:
    """Return Chromium's user agent: of the version it tells only the first number."""
    return (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
        f" Chrome/{_major(version)}.0.0.0 Safari/537.36"
    )


def _override(agent: str, version: str) -> dict[str, Any]:
    named = re.search(r"Chrome/(\d+)", agent)
    platforms = (platform for sign, platform in _PLATFORMS.items() if sign in agent)
    return {
        "userAgent": agent,
        "acceptLanguage": "en-US,en",  # a headless shell sends none, a headed browser always does
        "userAgentMetadata": {
            "brands": build_brands(int(named[1]) if named else _major(version)),
            "platform": next(platforms, "Linux"),
            "platformVersion": "",
            "architecture": "x86",
            "model": "",
            "mobile": False,
        },
    }


def _major(version: str) -> int:
    return int(version.partition(".")[0])
