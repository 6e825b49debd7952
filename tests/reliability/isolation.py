"""One account's fault is its own: keys that are stuck, and errors that nobody foresaw."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cldmon
from cldmon.claude.source import BrowserSource
from cldmon.collector import lookups
from cldmon.collector.collector import Collector, Target
from cldmon.collector.next_state import Settings
from cldmon.config.schema import AccountConfig
from cldmon.config.secrets import read_session_key
from cldmon.domain.model import Failure
from cldmon.domain.secret import Secret
from tests.browser.account_reader import AccountReader
from tests.env import Env, key_of, wait_until
from tests.fakes import NOON, Clock, FakeSource
from tests.reliability.result import LetInError, LostError, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import FrameType

    from cldmon.domain.ports import ReadResult
    from tests.simulation.claude import FakeClaude

ROOT = Path(cldmon.__file__).parent
GOOD = "good"
BAD = "bad"
ERRORS = (ZeroDivisionError, RecursionError, MemoryError, OSError, KeyError)
"""Raised in turn."""

EXPECTED = (OSError, RecursionError)
"""Those that code expects where it reads files or JSON: it has better words, or does without."""


# Keys that are slow, stuck, malformed or missing.

HANGING = {
    "a program that hangs": "sleep 600",
    "a program that will not be ended": "trap '' TERM INT HUP; sleep 600 & wait; sleep 600",
    "a program that prints the key and hangs": "echo {key}; sleep 600",
    "a program whose child keeps the pipe": "sleep 600 & echo {key}",
    "a program that closes its output and hangs": "exec >&-; sleep 600",
    "a program that drips": "while sleep 0.1; do printf x; done",
}
FAILING = {
    "a program that floods": "yes",
    "a program that fails": "echo {key}; exit 3",
    "a program that is killed": "echo {key}; kill -9 $$",
    "a program that says nothing": "true",
    "a program that prints no text": "printf '\\377\\376'",
    "a program that prints something else": "echo {key} or so",
}
PLACES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "a pipe": os.mkfifo,
    "a socket": lambda place: _socket(place),
    "a folder": lambda place: place.mkdir(),
    "an endless device": lambda place: place.symlink_to("/dev/zero"),
    "a terminal": lambda place: place.symlink_to("/dev/ptmx"),
    "a link to itself": lambda place: place.symlink_to(place),
    "nothing in it": lambda place: place.touch(),
    "no text": lambda place: place.write_bytes(b"\xff\xfe\x00"),
    "something else": lambda place: place.write_text("not a key"),
    "a hole of a terabyte": lambda place: _hole(place),
}
OTHERWISE = {
    "no key at all": "",
    "the placeholder": 'session_key = "sk-ant-sid01-REPLACE-ME"',
    "an empty key": 'session_key = ""',
    "a variable that is not set": 'session_key_env = "NOT_SET"',
    "a variable that is empty": 'session_key_env = "EMPTY"',
    "a program that there is not": 'session_key_command = "/nonexistent"',
    "a program that may not be run": 'session_key_command = "/etc/passwd"',
}


class Case(NamedTuple):
    """What is wrong with a key, and the line of the configuration that names it."""

    name: str
    line: str


def cases(folder: Path) -> Iterator[Case]:
    """Yield every way in which a key is not to be had; what is planted for it is in `folder`."""
    for name, script in HANGING.items():
        yield Case(name, program(script))
    yield from build_quick_cases(folder)


def build_quick_cases(folder: Path) -> Iterator[Case]:
    """Yield those that do not take all the time that a program has."""
    for name, script in FAILING.items():
        yield Case(name, program(script))
    for number, (name, plant) in enumerate(PLACES.items()):
        place = folder / f"key-{number}"
        plant(place)
        yield Case(f"{name} for a file", f'session_key_file = "{place}"')
    for name, line in OTHERWISE.items():
        yield Case(name, line)


def program(script: str) -> str:
    """Return the line of an account whose key a shell prints."""
    # Without the word that tests/test_secrets.py looks for in every command line of the machine.
    key = key_of(BAD).replace("MARKER", "PRINTED")
    text = script.format(key=key).replace("\\", "\\\\")
    return f'session_key_command = ["/bin/sh", "-c", "{text}"]'


def block_keys(env: Env, found: Iterable[Case]) -> Result:
    """Make one pass over an account for each case and a good one, and judge each."""
    result = Result("keys that are slow, stuck, malformed or missing, in one pass")
    named = {f"bad {number}": case for number, case in enumerate(found)}
    env.set_up({GOOD: None})
    tables = [f'[[accounts]]\nlabel = "{n}"\n{case.line}\n' for n, case in named.items()]
    env.write_config(tables="\n".join(tables))
    env.environ["EMPTY"] = ""
    ran = env.run("fetch")
    for label, case in named.items():
        with result.case(case.name):
            if env.accounts[GOOD].get("errorKind"):
                raise LostError(f"the good account's reading: {env.accounts[GOOD]}")
            account = env.accounts[label]
            assert account.get("errorKind") == "key_missing", account
            assert f'account "{label}"' in account["error"]
            if key_of(BAD) in ran.stderr + account["error"]:
                raise LetInError("the key was shown")
    with result.case("what is left"):
        assert env.leftovers() == []
    return result


def hang_keys(folder: Path, claude: FakeClaude, names: Iterable[str]) -> Result:
    """Let a key hang; the other account must be read before that ends. Then interrupt the pass."""
    result = Result(
        "accounts read while another account's key hangs, and the pass is then interrupted"
    )
    for name in names:
        place = folder / name.replace(" ", "-")
        env = Env(place, claude).set_up({GOOD: None})
        env.write_config(tables=f'[[accounts]]\nlabel = "{BAD}"\n{program(HANGING[name])}\n')
        with result.case(name):
            claude.clear()
            running = env.start("fetch")
            # Kept once the answer was read.
            wait_until(lambda env=env: [*(env.data / "browser").glob("*.json")])  # type: ignore[misc]
            assert running.process.poll() is None
            assert {request.key for request in claude.requests} == {key_of(GOOD)}
            running.send_signal(signal.SIGINT)
            assert running.wait()[0] == 128 + signal.SIGINT
            assert env.leftovers() == []
    return result


def _socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        here = os.open(place.parent, os.O_RDONLY)
        sock.bind(f"/proc/self/fd/{here}/{place.name}")  # by a short path: a name has 107 bytes
        os.close(here)


def _hole(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(1 << 40)


# Errors that nobody foresaw.


class Line(NamedTuple):
    """A line of cldmon: of which file, and its number."""

    file: str
    number: int


class Strike:
    """Notes each line of `files` that is run, and raises an error the first time one is reached.

    Lines count that run for one account: in a thread that looks up its key, or below the
    source's `_read_in_context`.
    """

    def __init__(
        self, files: Iterable[str], at: Line | None = None, error: type[Exception] = Exception
    ) -> None:
        self._files = {str(ROOT / name): name for name in files}
        self._at, self._error = at, error
        self.lines: dict[Line, None] = {}
        self.struck = False

    def __enter__(self) -> Strike:
        self._before = sys.gettrace()
        threading.settrace(self._watch)
        sys.settrace(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)
        threading.settrace(None)

    def _watch(self, frame: FrameType, _event: str, _: object) -> Callable[..., Any] | None:
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, frame: FrameType, event: str, _: object) -> Callable[..., Any]:
        if event == "line" and _is_of_one_account(frame):
            line = Line(self._files[frame.f_code.co_filename], frame.f_lineno)
            self.lines[line] = None
            if line == self._at and not self.struck:
                self.struck = True
                raise self._error("that nobody foresaw")
        return self._line


ONE_ACCOUNT = (lookups._run.__code__, BrowserSource._read_in_context.__code__)
"""What runs for one account alone."""


def _is_of_one_account(frame: FrameType | None) -> bool:
    while frame and frame.f_code not in ONE_ACCOUNT:
        frame = frame.f_back
    return frame is not None


LOOK_UP = ("collector/__init__.py", "config/locate.py", "config/secrets.py", "files.py")
WAYS: dict[str, dict[str, Any]] = {
    "a file": {"session_key_file": "key"},
    "a variable": {"session_key_env": "KEY"},
    "a program": {"session_key_command": ["/bin/cat", "key"]},
    "systemd": {},
}


def raise_in_lookup(folder: Path, step: int) -> Result:
    """Raise an error at each `step`th line of each way to look a key up."""
    result = Result("unforeseen errors at each line that looks up an account's key")
    folder.mkdir()
    for name in ("key", BAD):
        (folder / name).write_text(key_of(BAD))
    errors = cycle(ERRORS)
    for way, keys in WAYS.items():
        with Strike(LOOK_UP) as unharmed:
            assert _look_up_keys(folder, keys) == []
        for line in [*unharmed.lines][::step]:
            error = next(errors)
            with result.case(f"{error.__name__} at {line.file}:{line.number}, key of {way}"):
                with Strike(LOOK_UP, line, error) as strike:
                    failures = _look_up_keys(folder, keys)
                assert strike.struck
                _judge(failures, error)
    return result


def _look_up_keys(folder: Path, keys: Mapping[str, Any]) -> list[Failure]:
    """Make a pass over the two accounts and return those that failed."""
    env = {"KEY": key_of(BAD), "CREDENTIALS_DIRECTORY": str(folder)}
    account = AccountConfig(label=BAD, **keys)
    clock = Clock(NOON)
    collector = Collector(
        folder / "data",
        [
            Target(BAD, partial(read_session_key, account, env, folder)),
            Target(GOOD, lambda: Secret(key_of(GOOD))),
        ],
        FakeSource(clock),
        {},
        now=clock,
        settings=Settings(),
    )
    return [account.failure for account in collector.run().failed if account.failure]


READ = tuple(
    f"claude/{name}.py"
    for name in (
        *("source", "account_session", "cookie_store", "identity", "network_guard"),
        *("errors", "organization", "usage"),
    )
)


def raise_in_reading(folder: Path, claude: FakeClaude, step: int) -> Result:
    """Raise an error at each `step`th line with which the source reads one account."""
    result = Result("unforeseen errors at each line that reads or parses an account")
    reader = AccountReader(claude, folder / "unharmed")
    questions = [reader.add_account(label) for label in (GOOD, BAD)]
    with Strike(READ) as unharmed:
        assert _failures(reader.read(*questions) | reader.read(*questions)) == []
    for line, error in zip([*unharmed.lines][::step], cycle(ERRORS), strict=False):
        with result.case(f"{error.__name__} at {line.file}:{line.number}"):
            reader.folder = folder / str(result.tried)
            with Strike(READ, line, error) as strike:
                ends = reader.read(*questions)
                if not strike.struck:  # it is a line that minds what an earlier pass has kept
                    ends = reader.read(*questions)
            assert strike.struck
            _judge(_failures(ends), error)
    return result


def _failures(ends: Mapping[str, ReadResult | Failure]) -> list[Failure]:
    return [end for end in ends.values() if isinstance(end, Failure)]


def _judge(failures: Sequence[Failure], error: type[Exception]) -> None:
    """Insist that one of two accounts failed, and was told why; none where it could do without."""
    if len(failures) > 1:
        raise LostError(f"the other account's reading: {failures}")
    assert issubclass(error, EXPECTED) or [each.kind for each in failures] == ["unexpected"]
