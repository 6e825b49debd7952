"""What the browser says it is: itself, but for the word "Headless"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cldmon.claude.browser import BrowserSettings

_MARKS = " (:-./);=?_"
_MARK_VERSIONS = ("8", "99", "24")


def user_agent(settings: BrowserSettings, version: str) -> str | None:
    """Return the user agent to send, None for the browser's own.

    `version` is the browser's, e.g. `156.0.8078.73`; Chromium tells only its first number.
    """
    if settings.user_agent or not settings.headless:
        return settings.user_agent
    return (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
        f" Chrome/{_major(version)}.0.0.0 Safari/537.36"
    )


def headers(settings: BrowserSettings, version: str) -> dict[str, str]:
    """Return the headers that go with the user agent: Chromium tells the same a second time."""
    agent = user_agent(settings, version)
    if agent is None:
        return {}
    named = re.search(r"Chrome/(\d+)", agent)
    return {"sec-ch-ua": brands(int(named[1]) if named else _major(version))}


def brands(major: int) -> str:
    """Return the `sec-ch-ua` of a headed Chromium: its name, and a made-up one to ignore.

    Source: `GetGreasedUserAgentBrandVersion` and `ShuffleBrandList` in Chromium's
    components/embedder_support/user_agent_utils.cc.
    """
    first, second = (_MARKS[number % len(_MARKS)] for number in (major, major + 1))
    made_up = f'"Not{first}A{second}Brand";v="{_MARK_VERSIONS[major % len(_MARK_VERSIONS)]}"'
    own = f'"Chromium";v="{major}"'
    return ", ".join((own, made_up) if major % 2 else (made_up, own))


def _major(version: str) -> int:
    return int(version.partition(".")[0])
