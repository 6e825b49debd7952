"""A whole life with secrets that are known by a word: only the configuration ever holds it."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request as Asking
from urllib.request import urlopen

import pytest

from cldmon.demo.claude import session_cookie
from tests.env import CLDMON, Env, key_of, wait_until
from tests.simulation import faults
from tests.simulation.claude import FakeClaude, challenge, cleared_session_cookie, expired
from tests.simulation.slack import PEOPLE, FakeSlack
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cldmon.demo.server import Request

MARK = "MARKER"
TOKEN = "xoxb-MARKER-1234567890-abcdef"
OTHERS = {
    "session_secret": "MARKER-session-secret-0123456789abcdef",
    "api_token": "MARKER-api-token-0123456789abcdef",
}
WISHES = {"users": {PEOPLE[0].id: {"accounts": {"alice": {"limitHit": True, "reset": True}}}}}


LOUD = {
    "DEBUG": "*",
    "DEBUGP": "1",
    "PWDEBUG": "1",
    "DEBUG_FILE": "debug.log",
    "SSLKEYLOGFILE": "tls.log",
    "CHROME_LOG_FILE": "chrome.log",
    "NODE_OPTIONS": "--inspect=127.0.0.1:0",
    "SECRET": key_of("env"),
}
"""Makes Playwright, Node and Chromium tell all that they do, if it reaches them."""


class Watcher:
    """Looks at every command line of the machine, over and over, for the word.

    And at the environment of whatever is started from a home, but for cldmon itself, which is given
    the word there.
    """

    def __init__(self, env: Env) -> None:
        self._home = f"HOME={env.folder}\0".encode()
        self.seen: set[str] = set()
        self.inherited: set[str] = set()
        self._times: Counter[str] = Counter()
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
            for place in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    self._look(place)

    def _look(self, place: Path) -> None:
        words = (place / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        if MARK in words:
            self.seen.add(words)
        self._times[place.name] += 1
        if self._times[place.name] > 3 or CLDMON in words:
            return
        environment = (place / "environ").read_bytes()
        if self._home in environment and MARK.encode() in environment:
            # Between its birth and its own program, a child still looks like us.
            again = (place / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            self.inherited.update({words} & {again})


READS = (
    ["status"],
    ["status", "--json"],
    ["history", "--json"],
    ["doctor", "--json"],
    ["health", "--nagios"],
    ["health"],
    ["subscribe", "--list"],
    ["schedule", "cron"],
)


class Life:
    """What was printed, by which command, and the home that is left."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.printed: dict[str, str] = {}
        self.command_lines: set[str] = set()
        self.environments: set[str] = set()
        self.asked: list[Request] = []
        self.told: list[Request] = []

    def do(self, *arguments: str) -> int:
        ran = self.env.run(*arguments)
        return self._keep(arguments, ran.returncode, ran.stdout + ran.stderr)

    def interrupt(self, *arguments: str, number: int) -> None:
        """Send a signal to a command that has just asked the service."""
        running = self.env.start(*arguments)
        wait_until(lambda: self.env.claude.requests)
        running.send_signal(number)
        code, out, err = running.wait()
        self._keep((*arguments, f"signal {number}"), code, out + err)

    def _keep(self, arguments: tuple[str, ...], code: int, text: str) -> int:
        self.printed[f"{len(self.printed)} {' '.join(arguments)}"] = text
        self.asked += self.env.claude.requests
        self.env.claude.clear()
        return code

    def serve(self, paths: Iterable[str]) -> None:
        """Keep all that the server answers, to a program and to nobody."""
        running = self.env.start("--debug", "serve")
        assert running.process.stderr
        said = running.process.stderr.readline()
        url = said[said.index("http") :].split("/ ")[0].strip().rstrip("/")
        answers = [
            self._answer(url + path, headers)
            for path in paths
            for headers in (
                {"Authorization": f"Bearer {OTHERS['api_token']}"},
                {"Cookie": "x=y"},
                {},
            )
        ]
        running.send_signal(signal.SIGTERM)
        code, out, err = running.wait()
        self._keep(("serve",), code, "".join([said, out, err, *answers]))

    @staticmethod
    def _answer(url: str, headers: dict[str, str]) -> str:
        try:
            with urlopen(Asking(url, headers=headers), timeout=20) as answer:  # noqa: S310
                return f"{answer.headers}{answer.read().decode()}"
        except HTTPError as error:
            return str(error.headers) + error.read().decode()


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Fetch in good and bad days, with loud settings of Playwright's, and look at it all."""
    with FakeClaude() as claude, FakeSlack(token=TOKEN) as slack:
        env = Env(tmp_path_factory.mktemp("life") / "home", claude)
        top = "".join(f'{name} = "{text}"\n' for name, text in OTHERS.items())
        tables = f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN}"\n'
        tables += f'[health]\nping_url = "{claude.url}/ping-MARKER"\n'
        tables += '[metrics]\ntextfile = "cldmon.prom"\n'
        tables += "[browser]\ntimeout_seconds = 8\n"  # the challenge takes all of it
        accounts = {
            "alice": faults.set_cookie(session_cookie(key_of("alice")), "cf_clearance=c; Path=/"),
            "expired": expired().then(faults.set_cookie(cleared_session_cookie())),
            "challenged": None,
            "echoed": faults.status(500, {"error": {"message": key_of("echoed")}}),
            "broken": faults.body(f"not JSON {key_of('broken')}"),
        }
        with socket.create_server(("127.0.0.1", 0)) as free:
            top += f"port = {free.getsockname()[1]}\n"
        env.set_up(accounts, f'slack_url = "{slack.url}"\n{top}', tables)
        env.data.mkdir(mode=0o700)
        (env.data / "subscriptions.json").write_text(json.dumps(WISHES))
        life = Life(env)
        with Watcher(env) as watcher:
            live(life, slack)
        assert watcher.looks > 10
        life.command_lines, life.environments = watcher.seen, watcher.inherited
        life.told = [*slack.requests]
        yield life


def live(life: Life, slack: FakeSlack) -> None:
    claude = life.env.claude
    assert life.do("fetch", "--json") == 0
    claude.set_usage(key_of("alice"), usage(five_hour=100))
    life.env.environ |= LOUD
    claude.fail(key_of("challenged"), challenge())
    slack.fail(faults.status(500))
    assert life.do("--debug", "fetch", "--strict") == 1
    claude.heal(key_of("challenged"))
    slack.heal()
    assert life.do("fetch") == 0
    for command in READS:
        life.do(*command)
    life.serve(("/", "/api/session", "/api/usage", "/api/history", "/metrics", "/nowhere"))
    claude.fail(key_of("alice"), faults.hang(60))
    life.interrupt("--debug", "fetch", number=signal.SIGTERM)
    life.interrupt("fetch", number=signal.SIGKILL)
    text = life.env.config.read_text()
    life.env.config.write_text(text.replace("session_key = ", "session_kee = "))
    assert life.do("--debug", "fetch") == 2
    life.env.config.write_text(text.replace("sk-ant-sid02", "sk-ant"))
    assert life.do("--debug", "fetch") == 2
    life.env.config.write_text(text)


def test_no_output_holds_a_secret(life: Life) -> None:
    assert {name for name, text in life.printed.items() if MARK in text} == set()


def test_the_outputs_tell_what_they_should(life: Life) -> None:
    """So that the silence on secrets is not the silence of a command that did nothing."""
    everything = "".join(life.printed.values())
    for words in ("alice", "session key expired", "Cloudflare", "unknown key", "Traceback"):
        assert words in everything


def test_no_file_but_the_configuration_holds_a_secret(life: Life) -> None:
    """Not in data_dir, the home or TMPDIR, not even after a pass that was killed."""
    holders = {path for path in life.env.folder.rglob("*") if path.is_file() and holds(path)}
    assert holders == {life.env.config}


def holds(path: Path) -> bool:
    return MARK.encode() in path.read_bytes() or MARK in os.fsdecode(path.name)


def test_no_command_line_holds_a_secret(life: Life) -> None:
    assert life.command_lines == set()


def test_no_child_inherits_a_secret(life: Life) -> None:
    assert life.environments == set()


def test_no_key_goes_anywhere_but_to_the_service_as_its_cookie(life: Life) -> None:
    """Nor does Slack's token go anywhere but to Slack, as its header."""
    assert life.asked
    for request in life.asked:
        headers = {name for name, value in request.headers.items() if MARK in value}
        assert headers <= {"cookie"}
        assert MARK not in f"{request.path} {request.query}".replace("/ping-MARKER", "")
        assert MARK.encode() not in request.body
    assert life.told
    for request in life.told:
        assert {n for n, value in request.headers.items() if MARK in value} == {"authorization"}
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert MARK not in f"{request.path} {request.query} {request.body!r}"
