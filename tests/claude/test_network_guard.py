"""What a browser is told to find: the service, the proxy to it, and nothing else."""

from __future__ import annotations

import pytest

from cldmon.claude.network_guard import host_resolver_rules
from cldmon.domain.proxy import find_env_proxies

NOTHING_ELSE = "MAP * ~NOTFOUND"


def rules(url: str, **env: str) -> list[str]:
    name, _, value = host_resolver_rules(url, find_env_proxies(env)).partition("=")
    assert name == "--host-resolver-rules"
    *found, last = value.split(", ")
    assert last == NOTHING_ELSE
    found.remove("MAP challenges.cloudflare.com:443 challenges.cloudflare.com:443")
    return found


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://claude.ai", "claude.ai:443"),
        ("http://127.0.0.1:4711/below", "127.0.0.1:4711"),
        ("http://Claude.Test/", "claude.test:80"),
        ("https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_the_service_is_found_at_its_own_port(url: str, place: str) -> None:
    assert rules(url) == [f"MAP {place} {place}"]


@pytest.mark.parametrize(
    ("env", "place"),
    [
        ({"https_proxy": "http://proxy.example:3128"}, "proxy.example:3128"),
        ({"HTTPS_PROXY": "http://proxy.example"}, "proxy.example:80"),
        ({"all_proxy": "socks5://proxy.example"}, "proxy.example:1080"),
        ({"http_proxy": "proxy.example:8080"}, "proxy.example:8080"),
        ({"https_proxy": "https://me:secret@proxy.example/"}, "proxy.example:443"),
        ({"https_proxy": "http://[fd00::1]:3128"}, "[fd00::1]:3128"),
    ],
)
def test_so_is_a_proxy_of_the_environment(env: dict[str, str], place: str) -> None:
    assert rules("https://claude.ai", **env)[1:] == [f"MAP {place} {place}"]


@pytest.mark.parametrize(
    "value", ["", "*", "http://*:443", "http://a,MAP * x", "http://a b", "http://a:99999", "::1"]
)
def test_a_proxy_that_no_rule_could_name_opens_nothing(value: str) -> None:
    assert rules("https://claude.ai", https_proxy=value) == rules("https://claude.ai")
