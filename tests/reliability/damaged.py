"""Private files that are damaged, or have something else in their place."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from tests.reliability.attack_http import MEMORY
from tests.reliability.attack_target import CANARY, SECRETS, get_request, post_request, serve_target
from tests.reliability.bounds import get_status
from tests.reliability.result import LetInError, Result
from tests.reliability.scenario import CROWD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.damage import Damage
    from tests.reliability.attack_target import AttackTarget

PRIVATE = (
    "state.json",
    "subscriptions.json",
    "revoked-sessions.json",
    "session-secret",
    "slack-users.json",
)


def damage_files(folder: Path, harms: Mapping[str, Damage], restarts: int = 1) -> Result:
    """Damage each file that the server reads, while it runs and before it starts.

    It is started again with each `restarts`th harm only, another one for each file. Nobody gets in
    who was logged out, nothing hangs, and what cannot be answered is 503.
    """
    result = Result("damaged or replaced private files")
    secrets = {"api_token": SECRETS["api_token"]}
    with serve_target(folder, users=CROWD, secrets=secrets) as server:
        ended = _log_out(server)
        base = folder / "base"
        shutil.copytree(server.folder, base)
        today = next(server.data.glob("history-*.jsonl"))
        private = (server.data / name for name in PRIVATE)
        for file, path in enumerate((*private, today, server.folder / "config.toml")):
            for number, (name, harm) in enumerate(harms.items()):
                if (path.name, name) == ("config.toml", "empty"):
                    continue  # no damage: it is that of another server, at the default port
                restarts_here = (file + number) % restarts == 0
                for restarted in (False, True)[: 1 + restarts_here]:
                    with result.case(f"{path.name}: {name}{', restarted' if restarted else ''}"):
                        harm(path)
                        if not restarted or _restart(server):
                            _check_fails_closed(server, ended, result.tried)
                    restore_files(server, base)
    return result


def _log_out(server: AttackTarget) -> str:
    """Let each private file be there; return the cookie of a session that has ended."""
    ended = f"Cookie: {server.cookie(CROWD[0].id)}"
    wish = f'{{"label":"{CANARY}","key":"limitHit","enabled":true}}'
    assert get_status(server, post_request("/api/subscriptions", wish, ended)) == 200
    assert get_status(server, post_request("/api/logout", "", ended)) == 200
    assert get_status(server, get_request("/api/usage", ended)) == 401
    return ended


def restore_files(server: AttackTarget, base: Path) -> None:
    """Let all files be as they were, below a server that runs."""
    shutil.rmtree(server.data)
    _remove(server.folder / "config.toml")
    shutil.copytree(base, server.folder, dirs_exist_ok=True)
    if server.process.poll() is not None:
        server.restart()


def _remove(path: Path) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()


def _restart(server: AttackTarget) -> bool:
    """Start the server again; return whether it runs: if not, it says why in one line."""
    server.stop()
    try:
        server.restart()
    except EOFError:
        assert len(server.startup_output) == 1, server.startup_output
        assert server.process.wait() in (1, 2)
        return False
    assert len(server.startup_output) <= 1, server.startup_output
    return True


def _check_fails_closed(server: AttackTarget, ended: str, number: int) -> None:
    if get_status(server, get_request("/api/usage", ended)) == 200:
        raise LetInError("a session that has ended")
    user, address = CROWD[number % len(CROWD)].id, f"X-Forwarded-For: 203.0.113.{number % 250}"
    login = post_request("/api/auth", f'{{"slackId":"{user}"}}', address)
    [answer] = server.cut_short(login)
    assert answer.status in (200, 503), answer
    found = re.search(r"^Set-Cookie: ([^;]+)", answer.head, re.MULTILINE)
    wish = f'{{"label":"{CANARY}","key":"reset","enabled":true}}'
    requests = [
        get_request("/healthz"),
        get_request("/metrics", f"Authorization: Bearer {SECRETS['api_token']}"),
    ]
    if found:
        mine = (f"Cookie: {found[1]}", address)
        requests += [get_request(path, *mine) for path in ("/api/usage", "/api/history")]
        requests += [
            post_request("/api/subscriptions", wish, *mine),
            post_request("/api/logout", "", *mine),
        ]
    for request in requests:
        assert get_status(server, request) in (200, 503), request
    assert server.memory < MEMORY
    assert not [line for line in server.heard if "unexpected" in line], server.heard
    assert len(server.heard) < 8, server.heard
    server.heard.clear()
