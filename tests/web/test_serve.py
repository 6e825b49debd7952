"""`cldmon serve` as a process: its start, its end, and a configuration that changes meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cldmon.demo.slack import TOKEN as SLACK_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.slack import FakeSlack

CLDMON = Path(sys.executable).with_name("cldmon")
ACCOUNT = '[[accounts]]\nlabel = "alice"\nsession_key = "sk-ant-sid01-never-shown"\n'
TOKEN = "a-token-for-programs"


@dataclass
class Home:
    """A configuration, and what is run with it."""

    folder: Path
    port: int

    def configure(self, top: str = "", rest: str = ACCOUNT, port: int | None = None) -> None:
        """Write the configuration, in place of what was there."""
        draft = self.folder / "draft"
        draft.write_text(
            f'data_dir = "data"\nport = {port or self.port}\napi_token = "{TOKEN}"\n{top}\n{rest}',
            encoding="utf-8",
        )
        draft.chmod(0o600)
        draft.rename(self.folder / "config.toml")

    def start(self) -> subprocess.Popen[str]:
        """Start the server."""
        return subprocess.Popen(
            [CLDMON, "serve"],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[str]]:
        """Start the server, wait until it listens, and end it."""
        with self.start() as process:
            try:
                assert "serving http" in said(process)
                yield process
            finally:
                process.kill()

    def refused(self) -> str:
        """Return what is said by a server that does not start for its configuration."""
        with self.start() as process:
            _, text = process.communicate(timeout=20)
        assert process.returncode == 2
        assert text.count("\n") == 1
        return text

    def get(self, path: str) -> Any:
        """Read as a program with the token."""
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return json.load(answer)

    def labels(self) -> list[str]:
        """Return the accounts that the server knows of."""
        return list(self.get("/api/usage")["alertSubscriptions"])


def said(process: subprocess.Popen[str]) -> str:
    """Return the next line on stderr."""
    assert process.stderr
    return process.stderr.readline()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A configuration with a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        home = Home(tmp_path, free.getsockname()[1])
    home.configure()
    return home


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly(home: Home, number: int) -> None:
    """Also while somebody is connected."""
    with (
        home.serving() as process,
        socket.create_connection(("127.0.0.1", home.port)) as idle,
    ):
        idle.sendall(b"GET /")
        home.get("/api/usage")
        process.send_signal(number)
        out, text = process.communicate(timeout=20)
    assert (process.returncode, out, text) == (0, "", "")


def test_what_it_keeps_is_private(home: Home) -> None:
    with home.serving():
        home.get("/api/usage")
    assert (home.folder / "data" / "session-secret").stat().st_mode & 0o777 == 0o600
    assert (home.folder / "data").stat().st_mode & 0o777 == 0o700


def test_a_changed_configuration_is_used_and_a_broken_one_is_not(home: Home) -> None:
    with home.serving() as process:
        assert home.labels() == ["alice"]
        home.configure(rest=ACCOUNT.replace("alice", "bob"))
        _until(lambda: home.labels() == ["bob"])
        assert "is now in use" in said(process)
        home.configure("nonsense = 1")
        _until(lambda: home.labels() == ["bob"], for_seconds=1.5)
        complaint = said(process)
        assert "the last good one is" in complaint
        assert "nonsense" in complaint
        home.configure()
        _until(lambda: home.labels() == ["alice"])


def test_another_port_needs_a_restart(home: Home) -> None:
    with home.serving() as process:
        home.configure(port=home.port + 1)
        _until(lambda: home.labels() == ["alice"], for_seconds=1.5)
        assert "restart" in said(process)


def test_a_server_that_others_can_reach_stays_guarded_until_it_is_restarted(home: Home) -> None:
    """It listens where it did, so a changed `host` lets nobody in."""
    home.configure('host = "0.0.0.0"\nallowed_hosts = ["127.0.0.1"]')
    with home.serving() as process:
        home.configure(rest=ACCOUNT.replace("alice", "bob"))
        _until(lambda: home.labels() == ["bob"])
        assert home.get("/api/session")["guestsAdmitted"] is False
        assert "restart" in said(process)


def test_a_port_in_use_names_the_process_that_holds_it(home: Home) -> None:
    with home.serving() as first, home.start() as second:
        _, text = second.communicate(timeout=20)
        assert second.returncode == 1
        assert f"(process {first.pid})" in text
        assert text.count("\n") == 1


def test_beyond_loopback_nobody_is_let_in_unasked(home: Home) -> None:
    """Codes need Slack, which is off, and nothing says that everybody may come."""
    home.configure('host = "0.0.0.0"')
    text = (home.folder / "config.toml").read_text(encoding="utf-8")
    (home.folder / "config.toml").write_text(text.replace("api_token", "# "), encoding="utf-8")
    assert 'login = "open"' in home.refused()


def test_beyond_loopback_it_is_open_if_the_configuration_says_so(home: Home) -> None:
    home.configure('host = "0.0.0.0"\nlogin = "open"')
    with home.start() as process:
        assert "whoever reaches 0.0.0.0 may log in" in said(process)
        assert "set allowed_hosts" in said(process)
        assert "serving http" in said(process)
        assert home.get("/api/session")["guestsAdmitted"] is True
        process.terminate()


def test_beyond_loopback_a_token_is_enough_for_programs(home: Home) -> None:
    home.configure('host = "0.0.0.0"\nallowed_hosts = ["127.0.0.1"]')
    with home.serving():
        assert home.get("/api/session")["guestsAdmitted"] is False
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://127.0.0.1:{home.port}/api/usage", timeout=20)


def test_a_session_secret_that_can_be_guessed_is_remarked_on(home: Home) -> None:
    home.configure('session_secret = "cldmon-secret-change-me"')
    with home.start() as process:
        line = said(process)
        process.terminate()
    assert "session_secret can be guessed" in line
    assert "change-me" not in line


def test_people_log_in_by_a_code_from_slack(home: Home, fake_slack: FakeSlack) -> None:
    """All of it real: the process, the configuration, the message."""
    slack = f'[notifications.slack]\nenabled = true\nbot_token = "{SLACK_TOKEN}"\n'
    home.configure(f'login = "code"\nslack_url = "{fake_slack.url}"', slack + ACCOUNT)
    with home.serving():
        body = {"slackId": "U01ALICE"}
        assert _post(home, body) == (202, {"codeRequired": True})
        [message] = fake_slack.wait_for(1)
        code = "".join(c for c in message.text.partition(".")[0] if c.isdigit())
        status, answer = _post(home, {**body, "code": code})
        assert (status, answer["session"]["slackName"]) == (200, "alice")


def test_a_slack_token_that_cannot_be_read_stops_nothing_else(home: Home) -> None:
    slack = '[notifications.slack]\nenabled = true\nbot_token_env = "NOT_THERE"\n'
    home.configure(rest=slack + ACCOUNT)
    with home.serving() as process:
        assert home.labels() == ["alice"]
        with pytest.raises(urllib.error.HTTPError, match="503"):
            home.get("/api/slack/users?q=a")
        assert "NOT_THERE" in said(process)


def _post(home: Home, body: object) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{home.port}/api/auth",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return answer.status, json.load(answer)


def _until(happened: Any, for_seconds: float = 0.0) -> None:
    """Wait until it has happened, and go on watching for so long."""
    end = time.monotonic() + for_seconds
    limit = time.monotonic() + 20
    while not happened() or time.monotonic() < end:
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.05)
