"""From a file to a `Config`, or to one line that says where and what."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from cldmon.config import rules
from cldmon.config.load import find_permissions_problem, load, read
from cldmon.config.network import is_loopback
from cldmon.config.outline import read_outline
from cldmon.config.rules import has_key
from cldmon.config.schema import AccountConfig, Config
from cldmon.domain.events import EventKind
from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOPBACK = ("localhost", "127.0.0.1", "::1")
KEY = "sk-ant-sid01-abc_DEF-123"
ALICE = f'[[accounts]]\nlabel = "alice"\nsession_key = "{KEY}"\n'
BOT = '[notifications.slack]\nbot_token = "{}"'
CHANNEL = "[[notifications.channels]]\nslack = 'C1'\n"
FULL = f"""
session_secret = "a-secret"
host = "0.0.0.0"
port = 8080
public_url = "https://Usage.example.org/cldmon"
allowed_hosts = ["usage.example.org", "[::1]", "Münze.example"]
trusted_proxies = ["172.18.0.0/16", "::ffff:10.0.0.7", "fd00::1/128"]
login = "open"
api_token = "token"
fetch_interval_minutes = 5
history_keep_days = 30
data_dir = "data"
claude_url = "http://127.0.0.1:9/"
slack_url = "http://localhost:9/api"
[browser]
executable = "/usr/bin/chromium"
headless = false
concurrency = 8
timeout_seconds = 7.5
user_agent = "me"
sandbox = false
proxy = "http://me:pw@proxy.example:3128"
[notifications]
reset_rule = "window"
[notifications.slack]
enabled = true
bot_token = "xoxb-1"
member_channel_id = "C1"
team_id = "T1"
[[notifications.channels]]
name = "team"
slack = "C012"
events = ["limit_hit", "threshold"]
accounts = ["alice"]
thresholds = [95, 80]
digest = true
[[notifications.channels]]
url = "ntfys://user:pw@ntfy.example/topic"
[[notifications.channels]]
url_file = "url"
[[notifications.channels]]
command = "notify --now"
[health]
ping_url = "https://hc-ping.com/abc"
[metrics]
textfile = "/var/lib/x.prom"
{ALICE}
organization = "12345678-1234-1234-1234-1234567890AB"
owner = "U0ALICE"
[[accounts]]
label = "b o b 🐙"
session_key_command = "pass show 'claude/bob smith'"
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def to_file(content: str | bytes) -> Path:
        path = tmp_path / "config.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


def error_of(path: Path, env: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, env or {})
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_defaults_are_those_of_the_contract(write: Callable[[str], Path]) -> None:
    config = load(write(ALICE), {})
    assert (config.host, config.port, config.session_secret) == ("127.0.0.1", 3000, None)
    assert (config.login_mode, config.api_token) == ("open", None)
    assert config.answered_hosts == ("localhost", "127.0.0.1", "::1")
    assert (config.public_url, config.trusted_proxies) == (None, ("127.0.0.0/8", "::1"))
    assert (config.interval, config.history_keep_days) == (timedelta(minutes=10), 0)
    assert (config.claude_url, config.slack_url) == ("https://claude.ai", "https://slack.com/api/")
    assert (config.browser.headless, config.browser.timeout_seconds) == (True, 20)
    assert (config.browser.concurrency, config.browser.sandbox) == (None, None)
    assert (config.notifications.slack.enabled, config.notifications.reset_rule) == (False, "zero")
    assert (config.health.ping_url, config.metrics.textfile, config.data_dir) == (None, None, None)


def test_every_key_of_the_contract_is_taken(write: Callable[[str], Path]) -> None:
    config = load(write(FULL), {})
    assert config.model_dump(
        exclude={"accounts", "notifications", "session_secret", "api_token"}
    ) == {
        "host": "0.0.0.0",
        "port": 8080,
        "public_url": "https://usage.example.org/cldmon/",
        "allowed_hosts": ("usage.example.org", "::1", "xn--mnze-0ra.example"),
        "trusted_proxies": ("172.18.0.0/16", "10.0.0.7", "fd00::1"),
        "login": "open",
        "fetch_interval_minutes": 5,
        "history_keep_days": 30,
        "data_dir": "data",
        "claude_url": "http://127.0.0.1:9",
        "slack_url": "http://localhost:9/api/",
        "browser": {
            "executable": "/usr/bin/chromium",
            "headless": False,
            "concurrency": 8,
            "timeout_seconds": 7.5,
            "user_agent": "me",
            "sandbox": False,
            "proxy": SecretStr("http://me:pw@proxy.example:3128"),
        },
        "health": {"ping_url": "https://hc-ping.com/abc"},
        "metrics": {"textfile": "/var/lib/x.prom"},
    }
    alice, bob = config.accounts
    assert alice.organization == "12345678-1234-1234-1234-1234567890ab"
    assert bob.session_key_command == ("pass", "show", "claude/bob smith")
    assert (alice.owner, bob.owner) == ("U0ALICE", None)
    slack = config.notifications.slack
    assert (slack.member_channel_id, slack.team_id) == ("C1", "T1")
    channels = config.notifications.named_channels
    assert {name: each.kind for name, each in channels.items()} == {
        "team": "slack",
        "apprise": "apprise",
        "apprise-2": "apprise",
        "command": "command",
    }
    team = channels["team"]
    assert team.events == (EventKind.LIMIT_HIT, EventKind.THRESHOLD)
    assert (team.slack, team.accounts, team.thresholds) == ("C012", ("alice",), (80, 95))
    assert (team.digest, channels["command"].command) == (True, ("notify", "--now"))


def test_channels_without_a_name_get_one_that_is_free() -> None:
    channels: list[dict[str, object]] = [{"slack": f"C{n}"} for n in range(4)]
    channels[1]["name"] = "slack-2"
    config = Config.model_validate({"notifications": {"channels": channels}})
    named = config.notifications.named_channels
    assert [*named] == ["slack", "slack-2", "slack-3", "slack-4"]
    assert [each.slack for each in named.values()] == ["C0", "C1", "C2", "C3"]


def test_a_config_is_frozen(write: Callable[[str], Path]) -> None:
    config = load(write(ALICE), {})
    with pytest.raises(ValidationError):
        config.port = 1


def test_login_asks_for_a_code_where_others_can_come() -> None:
    assert Config(host="0.0.0.0").login_mode == "code"
    assert Config(host="::1").login_mode == "open"
    assert Config(host="0.0.0.0", login="open").login_mode == "open"


@pytest.mark.parametrize(
    ("host", "public_url", "mode"),
    [
        ("127.0.0.1", "http://localhost:8080/", "open"),
        ("127.0.0.1", "https://[::1]/cldmon/", "open"),
        ("127.0.0.1", "https://usage.example.org/", "code"),
        ("0.0.0.0", "http://localhost:8080/", "code"),
    ],
)
def test_login_asks_for_a_code_where_a_proxy_lets_others_come(
    host: str, public_url: str, mode: str
) -> None:
    assert Config.model_validate({"host": host, "public_url": public_url}).login_mode == mode


@pytest.mark.parametrize(
    ("given_", "answered"),
    [
        ({"host": "usage.example.org"}, (*LOOPBACK, "usage.example.org")),
        ({"host": "[::1]"}, LOOPBACK),
        ({"public_url": "https://a.example:8443/x"}, (*LOOPBACK, "a.example")),
        ({"public_url": "https://[2001:db8::1]/"}, (*LOOPBACK, "2001:db8::1")),
        (
            {"public_url": "https://a.example/", "allowed_hosts": ["b.example"]},
            ("b.example", "a.example"),
        ),
    ],
)
def test_the_hosts_that_are_answered(given_: dict[str, object], answered: tuple[str, ...]) -> None:
    assert Config.model_validate(given_).answered_hosts == answered


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *((host, True) for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "LOCALHOST")),
        *((host, False) for host in ("0.0.0.0", "localhost.example.org", "127.0.0.1.org", "")),
    ],
)
def test_loopback_is_this_machine_only(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hots = 1", ":1: hots: unknown key; did you mean host?"),
        ("[browser]\nzzz = 1", ":2: browser.zzz: unknown key; known here: executable, headless,"),
        ("[zzz]", ":1: zzz: unknown key; known here: session_secret, host,"),
        ("[browser]\nport = 1", ":2: browser.port: unknown key here; move it up, above the first"),
        ("[accounts]\nlabel = 'a'", ":1: accounts: expected [[accounts]] tables (with two"),
        ("accounts = ['a']", ":1: accounts[1]: expected a table, got a string"),
        ("port = '3000'", ":1: port: expected an integer, got a string"),
        ("port = 3000.0", ":1: port: expected an integer, got a float"),
        ("port = true", ":1: port: expected an integer, got true or false"),
        ("port = 0", ":1: port: expected an integer from 1 to 65535, got 0"),
        ("port = 65536", ":1: port: expected an integer from 1 to 65535, got 65536"),
        ("history_keep_days = -1", ":1: history_keep_days: expected an integer from 0"),
        ("host = 2020-01-01", ":1: host: expected a string in quotes, got a date or time"),
        ("host = ''", ":1: host: is empty"),
        ("host = 'http://x/'", ":1: host: expected a host name or an address"),
        ("allowed_hosts = 'a'", ":1: allowed_hosts: expected a list: [ … ], got a string"),
        ("allowed_hosts = ['a', 5]", ":1: allowed_hosts[2]: expected a string in quotes, got an i"),
        ("allowed_hosts = ['a:80']", ":1: allowed_hosts[1]: has a port, which does not count here"),
        ("allowed_hosts = ['[::1]:80']", ":1: allowed_hosts[1]: has a port, which does not count"),
        ("allowed_hosts = ['*.a.org']", ":1: allowed_hosts[1]: expected whole names, without *"),
        ("allowed_hosts = ['straße.de']", ":1: allowed_hosts[1]: holds a letter that is encoded"),
        ("allowed_hosts = ['a..b']", ":1: allowed_hosts[1]: expected a host name or an address"),
        ("allowed_hosts = ['fe80::1%lo']", ":1: allowed_hosts[1]: expected an address without a"),
        ("trusted_proxies = '::1'", ":1: trusted_proxies: expected a list: [ … ], got a string"),
        ("trusted_proxies = ['0.0.0.0/0']", ":1: trusted_proxies[1]: is every address there is"),
        ("trusted_proxies = ['::1', '::/0']", ":1: trusted_proxies[2]: is every address there is"),
        ("trusted_proxies = ['::ffff:0:0/96']", ":1: trusted_proxies[1]: is every address there"),
        ("trusted_proxies = ['10.0.0.1/8']", ":1: trusted_proxies[1]: is an address within 10.0."),
        ("trusted_proxies = ['proxy']", ":1: trusted_proxies[1]: expected an address such as 172."),
        ("public_url = 'a.example'", ":1: public_url: expected an address such as https://"),
        ("public_url = 'https://u:p@a.example'", ":1: public_url: expected an address without us"),
        ("public_url = 'https://a.example/?x'", ":1: public_url: expected an address without use"),
        ("public_url = 'https://a.example/../x'", ":1: public_url: expected a path of plain name"),
        ("public_url = 'https://a.example/x;y'", ":1: public_url: expected a path of plain names"),
        ("public_url = 'https://a.example/%2f'", ":1: public_url: expected a path of plain names"),
        ("public_url = 'https://a..b/'", ":1: public_url: expected a host name or an address"),
        ("login = 'maybe'", ":1: login: expected 'open' or 'code'"),
        ("fetch_interval_minutes = 0", ":1: fetch_interval_minutes: expected a number of minutes"),
        ("fetch_interval_minutes = inf", ":1: fetch_interval_minutes: expected a number of min"),
        ("api_token = 'a b'", ":1: api_token: expected one word of printable ASCII"),
        ("session_secret = ''", ":1: session_secret: expected one word of printable ASCII"),
        ("data_dir = 'a\x7f'", ":1: is not valid TOML"),
        ('data_dir = "a\\u0000"', ":1: data_dir: holds a control character"),
        ("[browser]\ntimeout_seconds = 0", ":2: browser.timeout_seconds: expected seconds, above"),
        ("[browser]\ntimeout_seconds = nan", ":2: browser.timeout_seconds: expected seconds"),
        ("[browser]\nconcurrency = 65", ":2: browser.concurrency: expected an integer from 1"),
        ("[browser]\nheadless = 'no'", ":2: browser.headless: expected true or false, got a s"),
        ('[browser]\nuser_agent = "a\\r\\nX: y"', ":2: browser.user_agent: holds a control char"),
        ("claude_url = 'http://claude.ai'", ":1: claude_url: plain http is allowed to loopback"),
        ("claude_url = 'http://127.0.0.1.org'", ":1: claude_url: plain http is allowed to loop"),
        ("claude_url = 'https://u:p@claude.ai'", ":1: claude_url: expected an address without u"),
        ("claude_url = 'claude.ai'", ":1: claude_url: expected an address such as https://"),
        ("claude_url = 'https://[x'", ":1: claude_url: expected an address such as https://"),
        ("claude_url = 'https://x:99999'", ":1: claude_url: expected an address such as https:/"),
        ("slack_url = 'ftp://127.0.0.1'", ":1: slack_url: expected an address such as https://"),
        ("[health]\nping_url = 'x'", ":2: health.ping_url: expected an address such as"),
        ("[notifications]\nreset_rule = 'x'", ":2: notifications.reset_rule: expected 'zero' or"),
        ("[notifications.slack]\nenabled = 1", ":2: notifications.slack.enabled: expected true"),
        (
            "[notifications.slack]\nteam_id = 'E1'",
            ":2: notifications.slack.team_id: expected an id",
        ),
        (BOT.format("xoxp-1"), ":2: notifications.slack.bot_token: is a user token (xoxp-), not a"),
        (BOT.format("xapp-1"), ":2: notifications.slack.bot_token: is an app-level token (xapp-)"),
        (BOT.format("xoxe.xoxb-1"), ":2: notifications.slack.bot_token: is a token of an app with"),
        (BOT.format("https://hooks.slack.com/x"), ":2: notifications.slack.bot_token: is a URL, "),
        ("notifications.channels = 'a'", ":1: notifications.channels: expected [[notifications.c"),
        ("[notifications.channels]\nslack='C1'", ":1: notifications.channels: expected [[notifica"),
        (f"{CHANNEL}zzz = 1", ":3: notifications.channels[1].zzz: unknown key; known here: name,"),
        (f"{CHANNEL}name = 'slack-dm'", ":3: notifications.channels[1].name: is the name of the"),
        (f"{CHANNEL}name = 'a b'", ":3: notifications.channels[1].name: expected a name of up to"),
        (f"{CHANNEL}name = 'a'\n{CHANNEL}name = 'a'", ":6: notifications.channels[2].name: "),
        (f"{CHANNEL}command = 'x'", ":3: notifications.channels[1].command: slack is set, too;"),
        (f"{CHANNEL}url_env = 'X'", ":3: notifications.channels[1].url_env: slack is set, too;"),
        ("[[notifications.channels]]\n", ":1: notifications.channels[1]: has no destination; add"),
        (
            "[[notifications.channels]]\nslack = '#general'",
            ":2: notifications.channels[1].slack: expected an id such as C0123456789: it",
        ),
        (
            "[[notifications.channels]]\nurl = 'example.org'",
            ":2: notifications.channels[1].url: is not an Apprise URL: expected one such as",
        ),
        (
            "[[notifications.channels]]\nurl_env = 'ntfy://x'",
            ":2: notifications.channels[1].url_env: holds the URL itself; name the place",
        ),
        (f"{CHANNEL}events = ['limit']", ":3: notifications.channels[1].events[1]: unknown event;"),
        (f"{CHANNEL}events = ['threshold']", ":3: notifications.channels[1].events: threshold ne"),
        (f"{CHANNEL}accounts = ['alice']", ":3: notifications.channels[1].accounts[1]: no account"),
        (f"{CHANNEL}thresholds = 80", ":3: notifications.channels[1].thresholds: expected a list"),
        (f"{CHANNEL}thresholds = [0]", ":3: notifications.channels[1].thresholds: 0 is not a per"),
        (f"{CHANNEL}thresholds = [100]", ":3: notifications.channels[1].thresholds: 100 is not a"),
        (f"{CHANNEL}thresholds = [80.5]", ":3: notifications.channels[1].thresholds: 80.5 is not"),
        (
            f"{CHANNEL}thresholds = {[*range(1, 21)]}",
            ":3: notifications.channels[1].thresholds: 20 thresholds: 10 is the maximum",
        ),
        ("[[accounts]]\n", ":1: accounts[1].label: is missing; add it"),
        (f"{ALICE}owner = 'alice'", ":4: accounts[1].owner: expected an id such as U0123456789:"),
        ("[[accounts]]\nlabel = ' '", ":2: accounts[1].label: is empty; give the account a name"),
        (f"[[accounts]]\nlabel = '{'x' * 81}'", ":2: accounts[1].label: is 81 characters long"),
        ('[[accounts]]\nlabel = "\\u202eabc"', ":2: accounts[1].label: holds a control character"),
        (f"[[accounts]]\nlabel = '{KEY}'", ":2: accounts[1].label: holds a secret, and a label"),
        (f"{ALICE}organization = 'x'", ":4: accounts[1].organization: expected a uuid"),
        (f"{ALICE}session_key_env = 'X'", ":4: accounts[1].session_key_env: session_key is set,"),
        ("[[accounts]]\nlabel='a'\nsession_key_command = []", ":3: accounts[1].session_key_comm"),
        ("[[accounts]]\nlabel='a'\nsession_key_command = \"'\"", ":3: accounts[1].session_key_co"),
        ("[[accounts]]\nlabel='a'\nsession_key_file = ''", ":3: accounts[1].session_key_file: is"),
        ("[[accounts]]\nlabel='a'\nsource='reports'", ":3: accounts[1].source: expected 'report'"),
        (f"{ALICE}{ALICE}", ':5: accounts[2].label: "alice" is already the label of line 2'),
        (
            "[notifications.slack]\nbot_token = 'x'\nbot_token_env = 'Y'",
            ":3: notifications.slack.bot_token_env: bot_token is set, too; keep one of the two",
        ),
    ],
)
def test_a_mistake_is_reported_with_file_line_key_and_fix(
    write: Callable[[str], Path], text: str, said: str
) -> None:
    path = write(text)
    assert error_of(path).startswith(f"{path}{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 1", ": accounts: no account is configured; add an [[accounts]] table"),
        ("port = 1\naccounts = []", ":2: accounts: no account is configured"),
        ("[[accounts]]\nlabel = 'a'", ':1: accounts[1]: account "a" has no session key; add ses'),
        ("[[accounts]]\nlabel='a'\nsession_key=''", ":3: accounts[1].session_key: is not a sess"),
        ("[[accounts]]\nlabel='a'\nsession_key='x'", ":3: accounts[1].session_key: is not a ses"),
        (
            f"[[accounts]]\nlabel='a'\nsession_key='sessionKey={KEY}; a=b'",
            ":3: accounts[1].session_key: holds more than a session key: keep only what",
        ),
        ("[[accounts]]\nlabel='a'\n[[accounts]]\nlabel='b'", ':1: accounts[1]: account "a" has'),
    ],
)
def test_what_a_pass_lacks_is_refused_for_a_pass_only(
    write: Callable[[str], Path], text: str, said: str
) -> None:
    """`login`, `doctor` and `serve` have to work before the keys are there."""
    path = write(text)
    assert error_of(path).startswith(f"{path}{said}")
    assert isinstance(read(path), Config)


@pytest.mark.parametrize("other", ["", "session_key = ''", "session_key = 'x'"])
def test_an_account_without_a_key_refuses_no_configuration_in_which_another_has_one(
    write: Callable[[str], Path], other: str
) -> None:
    path = write(f"{ALICE}[[accounts]]\nlabel = 'bob'\n{other}\n")
    assert [account.label for account in load(path, {}).accounts] == ["alice", "bob"]


@pytest.mark.parametrize(
    ("slack", "said"),
    [
        ("", "Slack is on without a token; add bot_token"),
        ("bot_token = ''", "Slack is on without a token"),
        ("bot_token = 'a b'", "is not a Slack token"),
        ("bot_token = 'xoxb-1'", None),
        ("bot_token_file = 'token'", None),
    ],
)
def test_slack_without_a_token_is_known_and_keeps_nobody_from_being_read(
    write: Callable[[str], Path], slack: str, said: str | None
) -> None:
    config = load(write(f"{ALICE}[notifications.slack]\nenabled = true\n{slack}"), {})
    problems = [problem for _, problem in rules.find_missing_token(config, {})]
    assert len(problems) == (said is not None)
    assert (said or "") in "".join(problems)


def test_a_slack_channel_needs_a_token_though_direct_messages_are_off(
    write: Callable[[str], Path],
) -> None:
    text = f"{ALICE}{CHANNEL}[notifications.slack]\n"
    [(key, problem)] = rules.find_missing_token(load(write(text), {}), {})
    assert key == ("notifications", "channels", 0, "slack")
    assert "add bot_token" in problem
    config = load(write(f"{text}bot_token = 'xoxb-1'\n"), {})
    assert not [*rules.find_missing_token(config, {})]


def test_systemd_credentials_stand_in_for_keys_and_token(
    write: Callable[[str], Path], tmp_path: Path
) -> None:
    path = write("[notifications.slack]\nenabled = true\n[[accounts]]\nlabel = 'alice'\n")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    (tmp_path / "alice").write_text(KEY)
    config = load(path, env)
    assert config.accounts[0].label == "alice"
    assert [*rules.find_missing_token(config, env)]
    (tmp_path / "slack-bot-token").write_text("xoxb-1")
    assert not [*rules.find_missing_token(config, env)]


def test_all_problems_are_reported_in_the_order_of_the_file(write: Callable[[str], Path]) -> None:
    path = write("zzz = 1\nport = 0\n[browser]\nheadless = 1\n")
    lines = error_of(path).splitlines()
    assert [line.removeprefix(str(path)).split(":")[1] for line in lines] == ["1", "2", "4"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = 1\nb = \xff\n", ":2: is not UTF-8 text; save the file as UTF-8"),
        ("a = 1".encode("utf-16"), ": is UTF-16 text; save it as UTF-8"),
        (b"x" * (1 << 20) + b"y", ": is larger than 1 MiB"),
        (b"a = " + b"[" * 20_000, ": is nested too deeply to be a configuration"),
        (b"port = " + b"1" * 5000, ": is not valid TOML: a number in it is too long"),
        (b"port = 1\nport = 2\n", ":2: is not valid TOML: this key is set twice"),
        (b"a = 1\nb = abc\n", ":2: is not valid TOML: invalid value; a string needs quotes"),
        (b'a = 1\nb = "c\n', ":2: is not valid TOML: unterminated string"),
        (b'a = 1\nb = "c', ":2: is not valid TOML: unterminated string"),
        (b"[accounts]\n[accounts]\n", ":2: is not valid TOML: this table begins a second time"),
        (b"a = 1\n[b", ":2: is not valid TOML: Expected ']'"),
        (b"a = 1\rb = 1", ":1: is not valid TOML"),
    ],
)
def test_a_file_that_is_no_toml_is_refused_in_one_line(
    write: Callable[[bytes], Path], content: bytes, said: str
) -> None:
    path = write(content)
    error = error_of(path)
    assert error.startswith(f"{path}{said}")
    assert "\n" not in error


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(
    write: Callable[[bytes], Path],
) -> None:
    content = b"\xef\xbb\xbf" + f"port = 1\n{ALICE}".replace("\n", "\r\n").encode()
    path = write(content)
    assert load(path, {}).port == 1
    path.write_bytes(content.replace(b"port = 1", b"# c\r\nport = 0"))
    assert error_of(path).startswith(f"{path}:2: port: ")


def test_a_missing_file_and_a_folder_are_refused_in_one_line(tmp_path: Path) -> None:
    assert error_of(tmp_path / "x.toml").endswith("no such file; `cldmon init` writes one")
    assert "is a directory; name the file in it" in error_of(tmp_path)
    assert "cannot be read" in error_of(tmp_path / ("x" * 300))


def test_a_file_that_may_not_be_read_is_refused_in_one_line(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edge is the system's open: root, who may read everything, runs this test, too."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(ALICE)
    monkeypatch.setattr(os, "open", refuse)
    assert "permission denied" in error_of(path)


@pytest.mark.parametrize(
    ("mode", "warned"),
    [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o644, True)],
)
def test_a_config_that_others_can_read_is_warned_about(
    write: Callable[[str], Path],
    mode: int,
    warned: bool,
) -> None:
    path = write(ALICE)
    path.chmod(mode)
    warning = find_permissions_problem(path)
    assert bool(warning) is warned
    if warning:
        assert warning.endswith(f"(mode {mode:04o}); run: chmod 600 {path}")


def test_no_permission_warning_is_given_for_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert find_permissions_problem(tmp_path / "x") is None


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.booleans()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.datetimes()
    | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)


def some(model: type[AccountConfig] | type[Config], value: st.SearchStrategy[Any]) -> Any:
    return st.dictionaries(st.sampled_from([*model.model_fields, "other"]), value, max_size=4)


@settings(max_examples=200)
@given(some(Config, VALUES | st.lists(some(AccountConfig, VALUES), max_size=3)))
def test_any_keys_give_a_config_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]
) -> None:
    judge(tmp_path_factory.getbasetemp() / "keys.toml", tomlkit.dumps(data).encode())


@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda t: t.encode(errors="replace")))
def test_any_bytes_give_a_config_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    judge(tmp_path_factory.getbasetemp() / "bytes.toml", content)


def judge(path: Path, content: bytes) -> None:
    """Load what is written; any exception but a ConfigError fails the test."""
    path.write_bytes(content)
    for look in (lambda: load(path, {}), lambda: read_outline(path, None, {})):
        with suppress(ConfigError):
            look()


@given(some(Config, VALUES))
def test_what_load_accepts_the_outline_sees_alike(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "both.toml"
    path.write_text(tomlkit.dumps(data))
    try:
        config = read(path)
    except ConfigError:
        return
    seen = read_outline(path, None, os.environ)
    assert seen.labels == tuple(account.label for account in config.accounts)
    assert seen.interval == config.interval
    assert seen.slack_enabled == config.notifications.slack.enabled


def test_of_a_file_of_other_things_twenty_problems_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    for text in (
        "".join(f"k{n} = 1\n" for n in range(10_000)),
        "[[accounts]]\nlabel = 'a'\n" * 5_000,
        "[[accounts]]\n" * 10_000,
    ):
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load(path, {})
        assert len(str(caught.value).splitlines()) == 20


@pytest.mark.parametrize("key", ["", f"session_key = '{KEY}'\n"])
def test_reports_do_instead_of_a_session_key_or_beside_it(
    write: Callable[[str], Path], key: str
) -> None:
    [account] = load(write(f"[[accounts]]\nlabel = 'a'\n{key}source = 'report'"), {}).accounts
    assert (account.source, has_key(account, {})) == ("report", bool(key))


def test_a_credential_of_systemd_is_a_key_beside_reports(
    write: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "a").write_text(KEY)
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    [account] = load(write("[[accounts]]\nlabel = 'a'\nsource = 'report'"), env).accounts
    assert has_key(account, env)
