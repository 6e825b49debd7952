"""The installed command asks a real `cldmon serve`, as a user without configuration and files."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.server import Route, json_response
from tests.cli.accounts import account
from tests.remote.served import TOKEN, write_config
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.env import Env

CERTIFICATES = Path(__file__).parents[1] / "data" / "tls"


@pytest.fixture
def env(env: Env) -> Iterator[Env]:
    """A server that wants a token, with a reading and a day of history."""
    write_config(env, "alice", "bob", more='login = "code"')
    env.save_snapshot(account("alice", 100), account("bob", 7))
    for n in range(24):
        env.append_history(datetime.now(UTC) - n * timedelta(hours=1), {"alice": {"fiveHour": n}})
    with env.serve():
        yield env


def run_elsewhere(env: Env, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty home, with nothing that leads to the configuration."""
    home = env.folder / "elsewhere"
    home.mkdir(exist_ok=True)
    named = {"HOME": str(home), "CLDMON_API_TOKEN": TOKEN, "CLDMON_CONFIG": "", **environ}
    return env.run(*words, environ=named, cwd=home)


def url_of(env: Env) -> str:
    port = next(line for line in env.config.read_text().splitlines() if line.startswith("port"))
    return f"http://localhost:{port.removeprefix('port = ')}"


def test_every_command_prints_what_it_prints_beside_the_files(env: Env) -> None:
    for words in ("status --format csv", "status --format line", "history --json --range 2d"):
        ran = run_elsewhere(env, *words.split(), "--server", url_of(env))
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout == env.output(*words.split())
    assert "alice" in run_elsewhere(env, "history", "--server", url_of(env)).stdout


def test_guard_exits_with_the_verdict(env: Env) -> None:
    url = url_of(env)
    assert run_elsewhere(env, "guard", "bob", "--server", url).returncode == 0
    assert run_elsewhere(env, "guard", "alice", "--server", url).returncode == 1
    ran = run_elsewhere(env, "guard", "carol", "--server", url)
    assert (ran.returncode, ran.stdout) == (2, "")
    ran = run_elsewhere(env, "guard", "bob", "--server", url, CLDMON_API_TOKEN="another")
    assert (ran.returncode, ran.stderr) == (69, "")
    assert "the server rejects the token" in ran.stdout


def test_a_watch_shows_each_new_pass(env: Env) -> None:
    """Without a terminal, it prints again at each change."""
    words = ("status", "--format", "line", "--watch", "0.1", "--server", url_of(env))
    with env.start(*words, environ={"CLDMON_CONFIG": "", "CLDMON_API_TOKEN": TOKEN}) as running:
        assert running.process.stdout
        assert running.process.stdout.readline().startswith("1/2 at a limit · alice 5h 100%")
        env.save_snapshot(account("alice", 3), account("bob", 7))
        assert running.process.stdout.readline().startswith("alice 5h 3%")


def test_the_options_for_files_have_no_effect_and_are_refused(env: Env) -> None:
    for option in ("--config", "--data-dir"):
        ran = env.run(option, str(env.data), "status", "--server", url_of(env))
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "--server reads neither configuration nor data folder" in ran.stderr
    ran = env.run("status", "--token-file", "token")
    assert (ran.returncode, "--token-file: no effect without --server" in ran.stderr) == (2, True)


def test_tls_is_checked(env: Env) -> None:
    body = json.loads(env.output("status", "--json"))
    reply = json_response({**body, "alertSubscriptions": {"alice": {}, "bob": {}}})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "good.pem", CERTIFICATES / "key.pem")
    with FaultyServer((Route("", ".*", lambda _request: reply),), tls=context) as server:
        words = ("status", "--format", "line", "--server", f"{server.url}/cldmon")
        ran = run_elsewhere(env, *words)
        assert (ran.returncode, server.requests) == (1, [])
        assert f"{server.url}/cldmon/: its certificate is not accepted: " in ran.stderr
        ran = run_elsewhere(env, *words, SSL_CERT_FILE=str(CERTIFICATES / "ca.pem"))
        assert (ran.returncode, ran.stdout) == (0, env.output("status", "--format", "line"))
        [request] = server.requests
    assert (request.path, request.headers["authorization"]) == (
        "/cldmon/api/usage",
        f"Bearer {TOKEN}",
    )
