"""What the browser says it is: what a headed one of its version would say."""

from __future__ import annotations

import pytest

from cldmon.claude.browser import BrowserSettings
from cldmon.claude.identity import build_brands, user_agent_override

VERSION = "156.0.8078.79"


@pytest.mark.parametrize(
    ("major", "sent"),
    [
        (120, [("Not_A Brand", "8"), ("Chromium", "120")]),
        (131, [("Chromium", "131"), ("Not_A Brand", "24")]),
        (156, [("Not:A-Brand", "8"), ("Chromium", "156")]),
    ],
)
def test_the_brands_are_those_of_a_headed_chromium(major: int, sent: list[tuple[str, str]]) -> None:
    """As browsers of these versions send them."""
    assert build_brands(major) == [{"brand": name, "version": version} for name, version in sent]


def test_a_headless_browser_says_what_a_headed_one_says() -> None:
    said = user_agent_override(BrowserSettings(), VERSION)
    assert said is not None
    assert "Chrome/156.0.0.0 " in said["userAgent"]
    assert "Headless" not in str(said)


def test_a_headed_browser_may_say_what_it_is() -> None:
    assert user_agent_override(BrowserSettings(headless=False), VERSION) is None


@pytest.mark.parametrize("headless", [True, False])
def test_a_configured_user_agent_is_sent_and_the_hints_agree_with_it(headless: bool) -> None:
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36"
    said = user_agent_override(BrowserSettings(user_agent=agent, headless=headless), VERSION)
    assert said is not None
    assert said["userAgent"] == agent
    assert said["userAgentMetadata"]["platform"] == "Windows"
    assert said["userAgentMetadata"]["brands"] == build_brands(131)


def test_a_user_agent_of_another_kind_keeps_the_browsers_version() -> None:
    said = user_agent_override(BrowserSettings(user_agent="curl/8"), VERSION)
    assert said is not None
    assert said["userAgentMetadata"]["brands"] == build_brands(156)
