"""A whole life with secrets that are known by a word: only the configuration ever holds it."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.demo import faults
from cldmon.demo.claude import (
    FakeClaude,
    challenge,
    cleared_session_cookie,
    expired,
    session_cookie,
    usage,
)
from cldmon.demo.slack import PEOPLE, FakeSlack
from tests.home import Home, key_of, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "MARKER"
TOKEN = "xoxb-MARKER-1234567890-abcdef"
OTHERS = {
    "session_secret": "MARKER-session-secret-0123456789abcdef",
    "api_token": "MARKER-api-token-0123456789abcdef",
}
WISHES = {"users": {PEOPLE[0].id: {"accounts": {"alice": {"limitHit": True, "reset": True}}}}}


class Watcher:
    """Looks at every command line of the machine, over and over, for the word."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.looks = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self.looks += 1
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    text = place.read_bytes().decode(errors="replace")
                except OSError:
                    continue
                if MARK in text:
                    self.seen.add(text.replace("\0", " "))


class Life:
    """What was printed, by which command, and the home that is left."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.printed: dict[str, str] = {}
        self.command_lines: set[str] = set()

    def do(self, *arguments: str) -> int:
        ran = self.home.run(*arguments)
        return self._keep(arguments, ran.returncode, ran.stdout + ran.stderr)

    def interrupt(self, *arguments: str, number: int) -> None:
        """Send a signal to a command that has just asked the service."""
        running = self.home.start(*arguments)
        wait_until(lambda: self.home.claude.requests)
        running.tell(number)
        code, out, err = running.end()
        self._keep((*arguments, f"signal {number}"), code, out + err)

    def _keep(self, arguments: tuple[str, ...], code: int, text: str) -> int:
        self.printed[f"{len(self.printed)} {' '.join(arguments)}"] = text
        self.home.claude.clear()
        return code


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Fetch in good and bad days, with loud settings of Playwright's, and look at it all."""
    with FakeClaude() as claude, FakeSlack(token=TOKEN) as slack:
        home = Home(tmp_path_factory.mktemp("life") / "home", claude)
        top = "".join(f'{name} = "{text}"\n' for name, text in OTHERS.items())
        tables = f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN}"\n'
        accounts = {
            "alice": faults.set_cookie(session_cookie(key_of("alice")), "cf_clearance=c; Path=/"),
            "expired": expired().then(faults.set_cookie(cleared_session_cookie())),
            "challenged": challenge(),
            "echoed": faults.status(500, {"error": {"message": key_of("echoed")}}),
            "broken": faults.body(f"not JSON {key_of('broken')}"),
        }
        home.settle(accounts, f'slack_url = "{slack.url}"\n{top}', tables)
        home.data.mkdir(mode=0o700)
        (home.data / "subscriptions.json").write_text(json.dumps(WISHES))
        life = Life(home)
        with Watcher() as watcher:
            live(life, slack)
        assert watcher.looks > 10
        life.command_lines = watcher.seen
        yield life


def live(life: Life, slack: FakeSlack) -> None:
    claude = life.home.claude
    assert life.do("fetch", "--json") == 0
    claude.set_usage(key_of("alice"), usage(five_hour=100))
    life.home.env |= {"DEBUG": "*", "DEBUGP": "1", "PWDEBUG": "1", "SECRET": key_of("env")}
    slack.fail(faults.status(500))
    assert life.do("--debug", "fetch", "--strict") == 1
    slack.heal()
    assert life.do("fetch") == 0
    for command in (["status"], ["status", "--json"], ["doctor"], ["health"]):
        life.do(*command)
    claude.fail(key_of("alice"), faults.hang(60))
    life.interrupt("--debug", "fetch", number=signal.SIGTERM)
    life.interrupt("fetch", number=signal.SIGKILL)
    text = life.home.config.read_text()
    life.home.config.write_text(text.replace("session_key = ", "session_kee = "))
    assert life.do("--debug", "fetch") == 2
    life.home.config.write_text(text.replace("sk-ant-sid02", "sk-ant"))
    assert life.do("--debug", "fetch") == 2
    life.home.config.write_text(text)


def test_no_output_holds_a_secret(life: Life) -> None:
    assert {name for name, text in life.printed.items() if MARK in text} == set()


def test_the_outputs_tell_what_they_should(life: Life) -> None:
    """So that the silence on secrets is not the silence of a command that did nothing."""
    everything = "".join(life.printed.values())
    for words in ("alice", "session key expired", "Cloudflare", "unknown key", "Traceback"):
        assert words in everything


def test_no_file_but_the_configuration_holds_a_secret(life: Life) -> None:
    """Not in data_dir, the home or TMPDIR, not even after a pass that was killed."""
    holders = {path for path in life.home.folder.rglob("*") if path.is_file() and holds(path)}
    assert holders == {life.home.config}


def holds(path: Path) -> bool:
    return MARK.encode() in path.read_bytes() or MARK in os.fsdecode(path.name)


def test_no_command_line_holds_a_secret(life: Life) -> None:
    assert life.command_lines == set()
