"""Private files that are damaged, or have something else in their place."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from tests.reliability.attack_http import MEMORY
from tests.reliability.bounds import status_of
from tests.reliability.brink import CROWD
from tests.reliability.result import LetInError, Result
from tests.reliability.siege import CANARY, SECRETS, besieged, got, posted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.damage import Damage
    from tests.reliability.siege import Siege

PRIVATE = (
    "state.json",
    "subscriptions.json",
    "revoked-sessions.json",
    "session-secret",
    "slack-users.json",
)


def files(folder: Path, harms: Mapping[str, Damage]) -> Result:
    """Damage each file that the server reads, while it runs and before it starts.

    Nobody gets in who was logged out, nothing hangs, and what cannot be answered is 503.
    """
    result = Result("damaged or replaced private files")
    secrets = {"api_token": SECRETS["api_token"]}
    with besieged(folder, users=CROWD, secrets=secrets) as siege:
        ended = _logged_out(siege)
        base = folder / "base"
        shutil.copytree(siege.folder, base)
        today = next(siege.data.glob("history-*.jsonl"))
        for path in (*(siege.data / name for name in PRIVATE), today, siege.folder / "config.toml"):
            for name, harm in harms.items():
                if (path.name, name) == ("config.toml", "empty"):
                    continue  # no damage: it is that of another server, at the default port
                for restarted in (False, True):
                    with result.case(f"{path.name}: {name}{', restarted' if restarted else ''}"):
                        harm(path)
                        if not restarted or _has_restarted(siege):
                            _fails_closed(siege, ended, result.tried)
                    put_back(siege, base)
    return result


def _logged_out(siege: Siege) -> str:
    """Let each private file be there; return the cookie of a session that has ended."""
    ended = f"Cookie: {siege.cookie(CROWD[0].id)}"
    wish = f'{{"label":"{CANARY}","key":"limitHit","enabled":true}}'
    assert status_of(siege, posted("/api/subscriptions", wish, ended)) == 200
    assert status_of(siege, posted("/api/logout", "", ended)) == 200
    assert status_of(siege, got("/api/usage", ended)) == 401
    return ended


def put_back(siege: Siege, base: Path) -> None:
    """Let all files be as they were, below a server that runs."""
    shutil.rmtree(siege.data)
    _remove(siege.folder / "config.toml")
    shutil.copytree(base, siege.folder, dirs_exist_ok=True)
    if siege.process.poll() is not None:
        siege.restart()


def _remove(path: Path) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()


def _has_restarted(siege: Siege) -> bool:
    """Start the server again; return whether it runs: if not, it says why in one line."""
    siege.stop()
    try:
        siege.restart()
    except EOFError:
        assert len(siege.startup_output) == 1, siege.startup_output
        assert siege.process.wait() in (1, 2)
        return False
    assert len(siege.startup_output) <= 1, siege.startup_output
    return True


def _fails_closed(siege: Siege, ended: str, number: int) -> None:
    if status_of(siege, got("/api/usage", ended)) == 200:
        raise LetInError("a session that has ended")
    user, address = CROWD[number % len(CROWD)].id, f"X-Forwarded-For: 203.0.113.{number % 250}"
    login = posted("/api/auth", f'{{"slackId":"{user}"}}', address)
    [answer] = siege.cut_short(login)
    assert answer.status in (200, 503), answer
    found = re.search(r"^Set-Cookie: ([^;]+)", answer.head, re.MULTILINE)
    wish = f'{{"label":"{CANARY}","key":"reset","enabled":true}}'
    requests = [got("/healthz"), got("/metrics", f"Authorization: Bearer {SECRETS['api_token']}")]
    if found:
        mine = (f"Cookie: {found[1]}", address)
        requests += [got(path, *mine) for path in ("/api/usage", "/api/history")]
        requests += [posted("/api/subscriptions", wish, *mine), posted("/api/logout", "", *mine)]
    for request in requests:
        assert status_of(siege, request) in (200, 503), request
    assert siege.memory < MEMORY
    assert not [line for line in siege.heard if "unexpected" in line], siege.heard
    assert len(siege.heard) < 8, siege.heard
    siege.heard.clear()
