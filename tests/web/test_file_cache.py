"""Reloading when a file changes; how often a message is logged; which process uses a port."""

from __future__ import annotations

import logging
import os
from itertools import count
from typing import TYPE_CHECKING

import pytest

from cldmon.app.server import AutoReloader
from cldmon.errors import ConfigError
from cldmon.files import FileCache
from cldmon.web.log import REPEAT_SECONDS, ThrottleFilter
from cldmon.web.port_owner import find_port_owner

if TYPE_CHECKING:
    from pathlib import Path


class NumberFile:
    """A file that must contain a number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("1")
        self.value = AutoReloader(path, self._number).value

    def _number(self) -> int:
        try:
            return int(self.path.read_text())
        except (ValueError, OSError):
            raise ConfigError("no number") from None

    def write(self, text: str) -> None:
        """Replace the file with another."""
        draft = self.path.with_name("draft")
        draft.write_text(text)
        draft.replace(self.path)


@pytest.fixture
def followed(tmp_path: Path) -> NumberFile:
    return NumberFile(tmp_path / "file")


def test_a_change_is_followed(followed: NumberFile, caplog: pytest.LogCaptureFixture) -> None:
    followed.write("22")
    assert followed.value() == 22
    assert caplog.messages == ["the configuration has changed and is now in use"]


def test_a_broken_file_is_logged_once_and_the_last_good_value_kept(
    followed: NumberFile, caplog: pytest.LogCaptureFixture
) -> None:
    followed.write("broken")
    for _ in range(3):
        assert followed.value() == 1
        [message] = caplog.messages
    assert message.endswith("no number")
    followed.write("3")
    assert followed.value() == 3


def test_a_file_that_is_gone_changes_nothing(followed: NumberFile) -> None:
    followed.path.unlink()
    assert followed.value() == 1


def test_at_the_start_it_must_be_valid(tmp_path: Path) -> None:
    def make() -> int:
        raise ConfigError("bad")

    with pytest.raises(ConfigError):
        AutoReloader(tmp_path / "file", make)


def test_a_cached_file_is_read_only_when_it_has_changed(tmp_path: Path) -> None:
    path, reads = tmp_path / "file", count(1)
    cache = FileCache(path, lambda: next(reads))
    assert [cache.value(), cache.value()] == [1, 1]
    path.write_text("x")
    assert cache.value() == 2
    os.utime(path, ns=(1, 1))
    assert cache.value() == 3


def test_a_change_while_the_file_is_read_is_seen_by_the_next_look(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def load() -> str:
        seen = path.read_text()
        if seen == "old":
            path.write_text("newer")
        return seen

    cache = FileCache(path, load)
    assert [cache.value(), cache.value()] == ["old", "newer"]


def test_a_message_is_logged_once_an_hour() -> None:
    throttle = ThrottleFilter()

    def passes(created: float, path: str = "/") -> bool:
        record = logging.makeLogRecord({"msg": "GET %s", "args": (path,), "created": created})
        return throttle.filter(record)

    assert [passes(0), passes(1), passes(2, "/other"), passes(3)] == [True, False, True, False]
    assert passes(REPEAT_SECONDS)


def test_the_process_that_uses_a_port_may_be_hidden(tmp_path: Path) -> None:
    """Only root can see the sockets of another user's process."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
        " inode\n   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000"
        "        0 4711 1\n"
    )
    assert find_port_owner(3000, tmp_path) == "another program"
    (tmp_path / "12" / "fd").mkdir(parents=True)
    (tmp_path / "12" / "comm").write_text("node\n")
    (tmp_path / "12" / "fd" / "3").symlink_to("socket:[4711]")
    assert find_port_owner(3000, tmp_path) == "node (process 12)"
    assert find_port_owner(3001, tmp_path) == "another program"
