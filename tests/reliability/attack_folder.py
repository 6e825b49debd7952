"""Tricks of other users of the machine: in data_dir, in TMPDIR, in the folder one stands in.

data_dir is its owner's alone, so most of these need a slip: a folder made by hand and left open.
Even then no file elsewhere is written, no pass hangs, and no stranger's program is run.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from cldmon.claude.temp_dir import private_temp_dir
from cldmon.config.locate import find_config
from cldmon.domain.model import Account, Reading, Snapshot
from cldmon.errors import CldmonError, ConfigError, StoreError
from cldmon.store import reader
from cldmon.store.state import State, StateFile
from cldmon.web.revocations import Revocations
from cldmon.web.sessions import Sessions, load_session_secret
from tests.browser.server import windows
from tests.collector.env import CollectorEnv
from tests.fakes import Clock
from tests.reliability.result import LetInError, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

PRECIOUS = b"precious, and none of theirs\n"
STRANGER = 1234
PATIENCE = 20
"""Seconds after which something hangs for certain."""

NAMES = (
    "state.json",
    "history-{day}.jsonl",
    "history-{day}.jsonl.gz",
    "subscriptions.json",
    "fetch.lock",
    "subscriptions.lock",
    "session-secret",
    "session-secret.lock",
    "revoked-sessions.json",
    "revoked-sessions.lock",
    "slack-users.json",
    ".state.json.tmp",
    ".subscriptions.json.tmp",
    ".session-secret.tmp",
    ".revoked-sessions.json.tmp",
)


def run_cases(folder: Path, step: int) -> Iterator[Result]:
    """Play every trick, each in a folder of its own, on each `step`th of the files in data_dir."""
    yield plant_files(folder / "planted", step)
    yield attack_temp_dir(folder / "temporary")
    yield attack_working_dir(folder / "working")
    yield open_data_dir(folder / "left")


def plant_files(folder: Path, step: int) -> Result:
    result = Result("links, pipes, sockets and devices instead of files in data_dir")
    for name in NAMES[::step]:
        for trick, plant in TRICKS.items():
            with result.case(f"{trick} as {name}"), _patience():
                home = folder / f"{name}-{trick}".replace(" ", "-")
                (home / "data").mkdir(parents=True)
                target = home / "precious"
                target.write_bytes(PRECIOUS)
                target.chmod(0o640)
                day = f"{Clock().at:%Y-%m-%d}"
                plant(home / "data" / name.format(day=day), target)
                _live(home / "data")
                if (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) != (PRECIOUS, 0o640):
                    raise LetInError(target.read_bytes())
    return result


def _live(data: Path) -> None:
    """Do all that is done with a data_dir; what cannot be done is one clear line."""
    collector_env = CollectorEnv(data)
    for act in (
        lambda: collector_env.subscribe("U1"),
        lambda: collector_env.run({"alice": 100}),
        lambda: collector_env.run({"alice": 0}),
        lambda: [*reader.read_array(data, 0, 10**14)],
        lambda: _log_out(collector_env),
    ):
        with suppress(CldmonError):
            act()


def _log_out(collector_env: CollectorEnv) -> None:
    data = collector_env.data_dir
    sessions = Sessions(
        load_session_secret(data), Revocations(data, collector_env.clock), collector_env.clock
    )
    sessions.end(sessions.open("U1"))


def _socket(place: Path, _target: Path) -> None:
    here = os.open(place.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as sock:  # by a short path: such a name has 107 bytes
        sock.bind(f"/proc/self/fd/{here}/{place.name}")
    os.close(here)


def _strangers_folder(place: Path, _target: Path) -> None:
    place.mkdir(mode=0o777)
    if (
        os.geteuid() == 0
    ):  # only root can give it away; of anybody else it is their own, and cleared
        os.chown(place, STRANGER, STRANGER)


TRICKS: dict[str, Callable[[Path, Path], object]] = {
    "a symbolic link": lambda place, target: place.symlink_to(target),
    "a link to nowhere": lambda place, target: place.symlink_to(target.with_name("nowhere")),
    "a link to itself": lambda place, _: place.symlink_to(place),
    "a link to a device": lambda place, _: place.symlink_to("/dev/zero"),
    "a pipe": lambda place, _: os.mkfifo(place),
    "a folder": lambda place, _: (place / "x").mkdir(parents=True),
    "a socket": _socket,
}


def attack_temp_dir(folder: Path) -> Result:
    result = Result("something in the place of the browser's temporary folder")
    folder.mkdir()
    for trick, plant in {**TRICKS, "a stranger's folder": _strangers_folder}.items():
        with result.case(trick), _patience(), _temporary(folder / trick.replace(" ", "-")) as tmp:
            target = tmp / "precious"
            target.write_bytes(PRECIOUS)
            with private_temp_dir(folder) as temp_dir:
                pass
            plant(temp_dir, target)
            try:
                with private_temp_dir(folder) as again:
                    assert stat.S_IMODE(again.stat().st_mode) == 0o700
                    assert again.stat().st_uid == os.geteuid()
            except StoreError as error:
                if str(temp_dir) not in str(error):
                    raise
            if target.read_bytes() != PRECIOUS:
                raise LetInError(trick)
    return result


def attack_working_dir(folder: Path) -> Result:
    """Only root can make a file somebody else's; whose it is decides, so another user is played."""
    result = Result("a configuration planted in the working directory")
    folder.mkdir()
    config = folder / "config.toml"
    config.write_text('[[accounts]]\nlabel = "a"\nsession_key_command = "touch ran"\n')
    if os.geteuid() == 0:
        os.chown(config, STRANGER, STRANGER)
        for env in ({}, {"SUDO_UID": ""}, {"SUDO_UID": f"{STRANGER}0"}, {"HOME": str(folder)}):
            with (
                result.case(f"a stranger's, {env}"),
                pytest.raises(ConfigError, match="name it with --config"),
            ):
                find_config(None, env, folder)
        os.chown(config, 0, 0)
    with result.case("one's own"):
        assert find_config(None, {}, folder) == config
    return result


def open_data_dir(folder: Path) -> Result:
    result = Result("files that other users could read or change, with any umask")
    old = os.umask(0)
    try:
        collector_env = CollectorEnv(folder / "above" / "data")
        collector_env.subscribe("U1")
        collector_env.run({"alice": 100})
        _log_out(collector_env)
        StateFile(collector_env.data_dir).save(
            State(Snapshot(collector_env.clock(), (_account(collector_env),)))
        )
    finally:
        os.umask(old)
    for path in (
        collector_env.data_dir.parent,
        collector_env.data_dir,
        *collector_env.data_dir.rglob("*"),
    ):
        with result.case(path.name):
            if path.stat().st_mode & 0o077:
                raise LetInError(f"{path} {path.stat().st_mode:o}")
    return result


def _account(collector_env: CollectorEnv) -> Account:
    return Account("alice", Reading(collector_env.clock(), windows(1, 2)))


@contextmanager
def _temporary(place: Path) -> Iterator[Path]:
    place.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(place))
        patch.setattr(tempfile, "tempdir", None)
        yield place


@contextmanager
def _patience() -> Iterator[None]:
    """Raise in the block once it hangs for certain."""

    def late(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
