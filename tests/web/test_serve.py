"""`cldmon serve` as a process: its start, its end, and changes of its configuration."""

from __future__ import annotations

import json
import select
import signal
import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.env import wait_until

if TYPE_CHECKING:
    from tests.env import Env, Running

TOKEN = "a-token-for-programs"


@pytest.fixture
def env(env: Env) -> Env:
    """A configuration with the account alice and a free port."""
    configure(env)
    return env


def configure(env: Env, top: str = "", port: int | None = None, **options: Any) -> None:
    top = f'port = {port or env.server_port}\napi_token = "{TOKEN}"\n{top}'
    env.write_config(top, **{"labels": ["alice"], **options})


def refusal(env: Env) -> str:
    """Return the error of a server that does not start because of its configuration."""
    ran = env.run("serve")
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    return ran.stderr


def get(env: Env, path: str) -> Any:
    """Send a GET request as a program with the token."""
    url = f"http://127.0.0.1:{env.server_port}{path}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def labels(env: Env) -> list[str]:
    """Return the accounts that the server shows."""
    return list(get(env, "/api/usage")["alertSubscriptions"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly(env: Env, number: int) -> None:
    """Even while a client is connected."""
    with (
        env.serve() as server,
        socket.create_connection(("127.0.0.1", env.server_port)) as idle,
    ):
        idle.sendall(b"GET /")
        get(env, "/api/usage")
        server.send_signal(number)
        assert server.wait() == (0, "", "")


def test_a_changed_configuration_is_used_and_a_broken_one_is_not(env: Env) -> None:
    with env.serve() as server:
        assert labels(env) == ["alice"]
        configure(env, labels=["bob"])
        wait_until(lambda: labels(env) == ["bob"])
        assert "is now in use" in server.read_line()
        configure(env, "nonsense = 1")
        complaint = _ask_until_it_writes(server)
        assert "still using the old one" in complaint
        assert "nonsense" in complaint
        assert labels(env) == ["bob"]
        configure(env)
        wait_until(lambda: labels(env) == ["alice"])


def test_another_port_needs_a_restart(env: Env) -> None:
    with env.serve() as server:
        configure(env, port=env.server_port + 1)
        assert "restart" in _ask_until_it_writes(server)
        assert labels(env) == ["alice"]


def test_a_server_that_others_can_reach_stays_guarded_until_it_is_restarted(env: Env) -> None:
    """It still listens on the old address, so a changed `host` admits nobody."""
    configure(env, 'host = "0.0.0.0"\nallowed_hosts = ["127.0.0.1"]')
    with env.serve() as server:
        configure(env, labels=["bob"])
        wait_until(lambda: labels(env) == ["bob"])
        assert get(env, "/api/session")["guestsAdmitted"] is False
        assert "restart" in server.read_line()


def test_beyond_loopback_open_logins_are_refused(env: Env) -> None:
    """Codes need Slack, which is off, and open logins are not configured."""
    configure(env, 'host = "0.0.0.0"')
    env.config.write_text(env.config.read_text().replace("api_token", "# "))
    assert 'login = "open"' in refusal(env)


def test_beyond_loopback_logins_are_open_if_configured(env: Env) -> None:
    configure(env, 'host = "0.0.0.0"\nlogin = "open"')
    with env.start("serve") as server:
        assert "whoever reaches 0.0.0.0 may log in" in server.read_line()
        assert "set allowed_hosts" in server.read_line()
        assert "serving http" in server.read_line()
        assert get(env, "/api/session")["guestsAdmitted"] is True
        server.process.terminate()


def test_beyond_loopback_a_token_is_enough_for_programs(env: Env) -> None:
    configure(env, 'host = "0.0.0.0"\nallowed_hosts = ["127.0.0.1"]')
    with env.serve():
        assert get(env, "/api/session")["guestsAdmitted"] is False
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://127.0.0.1:{env.server_port}/api/usage", timeout=20)


def test_people_log_in_by_a_code_from_slack(env: Env) -> None:
    """With a real process, configuration and message."""
    configure(env, 'login = "code"', slack=True)
    with env.serve():
        body = {"slackId": "U01ALICE"}
        assert _post(env, body) == (202, {"codeRequired": True})
        [message] = env.slack.wait_for(1)
        code = "".join(c for c in message.text.partition(".")[0] if c.isdigit())
        status, answer = _post(env, {**body, "code": code})
        assert (status, answer["session"]["slackName"]) == (200, "alice")


def test_an_unreadable_slack_token_stops_nothing_else(env: Env) -> None:
    slack = '[notifications.slack]\nenabled = true\nbot_token_env = "NOT_THERE"\n'
    configure(env, tables=slack)
    with env.serve() as server:
        assert labels(env) == ["alice"]
        with pytest.raises(urllib.error.HTTPError, match="503"):
            get(env, "/api/slack/users?q=a")
        assert "NOT_THERE" in server.read_line()


def _post(env: Env, body: object) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{env.server_port}/api/auth",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return answer.status, json.load(answer)


def _ask_until_it_writes(server: Running) -> str:
    """Return the server's next line; it looks for changes when it is asked something."""
    stderr = server.process.stderr
    assert stderr

    def has_written() -> bool:
        labels(server.env)
        return bool(select.select([stderr], [], [], 0.05)[0])

    wait_until(has_written)
    return server.read_line()
