"""Which proxy is used, and what may be shown of it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.proxy import SETTING, find_proxy, parse_proxy, strip_credentials
from cldmon.domain.secret import Secret

URL = "https://claude.ai"
PROXY = "http://proxy.example:3128"
OPEN = "http://me:MARKER@proxy.example:3128"


@pytest.mark.parametrize(
    ("text", "server", "user", "password"),
    [
        (PROXY, PROXY, None, None),
        ("proxy.example:3128", PROXY, None, None),
        (f"{PROXY}/", PROXY, None, None),
        (OPEN, PROXY, "me", "MARKER"),
        ("me:MARKER@proxy.example:3128", PROXY, "me", "MARKER"),
        ("http://me@proxy.example:3128", PROXY, "me", ""),
        ("http://me%40corp:a%3Ab@proxy.example:3128", PROXY, "me@corp", "a:b"),
        ("http://me:a/b@c:d@proxy.example:3128", PROXY, "me", "a/b@c:d"),
        ("HTTPS://me:x@[fd00::1]:443", "https://[fd00::1]:443", "me", "x"),
        ("socks5://proxy.example", "socks5://proxy.example", None, None),
        ("socks://proxy.example", "socks5://proxy.example", None, None),
    ],
)
def test_a_proxy_is_understood_as_people_write_it(
    text: str, server: str, user: str | None, password: str | None
) -> None:
    proxy = parse_proxy(text)
    assert proxy.server == server
    assert (proxy.user.reveal() if proxy.user else None) == user
    assert (proxy.password.reveal() if proxy.password else None) == password


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "ftp://me:MARKER@proxy.example",
        "http://me:MARKER@proxy.example:99999",
        "http://me:MARKER@proxy.example/below",
        "socks5://me:MARKER@proxy.example",
        "http://me:MARKER@[proxy",
    ],
)
def test_what_is_none_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        parse_proxy(text)
    assert "MARKER" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text())
def test_any_text_is_a_proxy_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse_proxy(text).server


@pytest.mark.parametrize(
    ("env", "found"),
    [
        ({}, None),
        ({"https_proxy": PROXY}, f"{PROXY} (from https_proxy)"),
        ({"HTTPS_PROXY": PROXY}, f"{PROXY} (from HTTPS_PROXY)"),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, f"{PROXY} (from HTTPS_PROXY)"),
        ({"http_proxy": PROXY}, None),
        ({"all_proxy": PROXY, "https_proxy": "http://other"}, f"{PROXY} (from all_proxy)"),
        ({"https_proxy": OPEN}, f"{PROXY} (from https_proxy, with user and password)"),
        ({"https_proxy": OPEN, "no_proxy": "example.org"}, f"{PROXY} (from https_proxy, with us"),
        ({"https_proxy": OPEN, "no_proxy": "a.b, claude.ai"}, None),
        ({"https_proxy": OPEN, "NO_PROXY": ".ai"}, None),
        ({"https_proxy": OPEN, "no_proxy": "*"}, None),
        ({"https_proxy": "direct://"}, None),
    ],
)
def test_the_proxy_of_the_environment_is_found_as_chromium_finds_it(
    env: dict[str, str], found: str | None
) -> None:
    proxy = find_proxy(URL, None, env)
    assert proxy is None if found is None else str(proxy).startswith(found)


def test_a_configured_proxy_comes_first() -> None:
    env = {"https_proxy": "http://other", "no_proxy": "*"}
    proxy = find_proxy(URL, Secret(OPEN), env)
    assert str(proxy) == f"{PROXY} (from {SETTING}, with user and password)"
    assert "MARKER" not in repr(proxy)
    assert "me" not in repr(proxy).replace("example", "")


@pytest.mark.parametrize("url", ["http://127.0.0.1:4711", "http://localhost", "https://[::1]:1"])
def test_this_machine_is_reached_without_a_proxy(url: str) -> None:
    assert find_proxy(url, None, {"all_proxy": OPEN}) is None


def test_a_password_of_no_use_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="https_proxy in the environment: Chromium") as caught:
        find_proxy(URL, None, {"https_proxy": "socks5://me:MARKER@proxy.example"})
    assert "MARKER" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("https_proxy", OPEN, PROXY),
        ("HTTPS_PROXY", "me:a/b@c@proxy.example:3128", PROXY),
        ("all_proxy", PROXY, PROXY),
        ("no_proxy", "a@b", "a@b"),
        ("MAIL", "me@example.org", "me@example.org"),
    ],
)
def test_the_browsers_environment_has_no_password(name: str, value: str, left: str) -> None:
    assert strip_credentials(name, value) == left
