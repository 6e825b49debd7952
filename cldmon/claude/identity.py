"""The browser's user agent: its own, without the word "Headless"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cldmon.claude.browser import BrowserSettings

_MARKS = " (:-./);=?_"
_MARK_VERSIONS = ("8", "99", "24")
_PLATFORMS = {"Windows": "Windows", "Mac OS X": "macOS"}


def user_agent_override(settings: BrowserSettings, version: str) -> dict[str, Any] | None:
    """Return the user agent and client hints for the browser to send, or None for its own.

    `version` is the browser's, e.g. `156.0.8078.73`. The result is the argument of the DevTools
    protocol's `Emulation.setUserAgentOverride`.
    """
    agent, major = settings.user_agent, version.partition(".")[0]
    if settings.headless and agent is None:
        # Like Chromium's own, which contains only the major version.
        agent = (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
            f" Chrome/{major}.0.0.0 Safari/537.36"
        )
    if not agent:
        return None
    named = re.search(r"Chrome/(\d+)", agent)
    platforms = (platform for sign, platform in _PLATFORMS.items() if sign in agent)
    return {
        "userAgent": agent,
        "acceptLanguage": "en-US,en",  # a headless shell sends none, a headed browser always does
        "userAgentMetadata": {
            "brands": build_brands(int(named[1] if named else major)),
            "platform": next(platforms, "Linux"),
            "platformVersion": "",
            "architecture": "x86",
            "model": "",
            "mobile": False,
        },
    }


def build_brands(major: int) -> list[dict[str, str]]:
    """Return the brands of a Chromium with a window: its name, and a made-up one.

    Source: `GetGreasedUserAgentBrandVersion` and `ShuffleBrandList` in Chromium's
    components/embedder_support/user_agent_utils.cc.
    """
    first, second = (_MARKS[number % len(_MARKS)] for number in (major, major + 1))
    version = _MARK_VERSIONS[major % len(_MARK_VERSIONS)]
    made_up = {"brand": f"Not{first}A{second}Brand", "version": version}
    own = {"brand": "Chromium", "version": str(major)}
    return [own, made_up] if major % 2 else [made_up, own]
