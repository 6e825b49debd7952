"""What a person who starts the server is told of who may come in."""

from __future__ import annotations

from pathlib import Path

import pytest

from cldmon.config.exposure import SHORT_SECRET, check_login, find_open_logins, find_risks
from cldmon.config.schema import Config
from cldmon.errors import ConfigError


@pytest.mark.parametrize("name", ["api_token", "session_secret"])
def test_a_secret_that_can_be_guessed_is_reported(name: str) -> None:
    short, long = "x" * (SHORT_SECRET - 1), "x" * SHORT_SECRET
    [remark] = find_risks(Config.model_validate({name: short}))
    assert remark.startswith(f"{name} can be guessed")
    assert short not in remark
    assert [*find_risks(Config.model_validate({name: long}))] == []


@pytest.mark.parametrize(
    ("given_", "names"),
    [
        ({"allowed_hosts": ["localhost", "a.example"]}, ["a.example"]),
        ({"public_url": "https://a.example/"}, ["a.example"]),
        ({"host": "10.0.0.1", "allowed_hosts": ["localhost"]}, ["10.0.0.1"]),
        ({"host": "10.0.0.1"}, ["10.0.0.1"]),
        ({"host": "0.0.0.0", "allowed_hosts": ["a.example"]}, ["0.0.0.0", "a.example"]),
        ({"public_url": "http://localhost/", "allowed_hosts": ["127.0.0.1", "[::1]"]}, []),
    ],
)
def test_open_logins_are_reported_where_others_can_come(
    given_: dict[str, object], names: list[str]
) -> None:
    found = [*find_open_logins(Config.model_validate({**given_, "login": "open"}))]
    assert len(found) == len(names)
    for line, name in zip(found, names, strict=True):
        assert name in line
        assert line.endswith("may log in as anybody")
    assert [*find_open_logins(Config.model_validate({**given_, "login": "code"}))] == []


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        ({"public_url": "https://a.example/"}, "a.example can be reached by others"),
        ({"host": "0.0.0.0"}, "0.0.0.0 can be reached by others"),
        ({"login": "code"}, "config.toml: login codes are sent by Slack"),
    ],
)
def test_where_nobody_could_log_in_the_ways_out_are_named(
    given_: dict[str, object], why: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        check_login(Config.model_validate(given_), Path("config.toml"))
    for words in (why, "api_token", 'login = "open"', "behind a proxy"):
        assert words in str(refused.value)
