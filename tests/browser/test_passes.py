"""The browser itself: bounded concurrency, failures in mid-pass, and browsers that do not start."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.domain.model import FailureKind
from cldmon.domain.ports import ReadResult
from tests.browser.account_reader import PATIENT, AccountReader, failure
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.demo.server import Reply
    from tests.simulation.claude import FakeClaude
    from tests.simulation.faults import Genuine

LACKS_A_LIBRARY = """#!/bin/sh
echo "$0: error while loading shared libraries: libnss3.so: cannot open shared object file" >&2
exit 127
"""
LACKS_LIBATOMIC = """#!/bin/sh
echo "node: error while loading shared libraries: libatomic.so.1: cannot open" >&2
exit 127
"""


class Gauge:
    """Counts the requests that are answered at the same time."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._two = threading.Event()

    def act(self, genuine: Genuine) -> Reply:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now >= 2:
                self._two.set()
        self._two.wait(20)
        try:
            return genuine()
        finally:
            with self._lock:
                self._now -= 1


def program(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_no_more_accounts_are_read_at_once_than_configured(
    fake_claude: FakeClaude, tmp_path: Path
) -> None:
    gauge = Gauge()
    reader = AccountReader(fake_claude, tmp_path, replace(PATIENT, concurrency=2))
    labels = [f"account-{number}" for number in range(7)]
    results = reader.read(
        *(reader.add_account(label, Fault("gauge", gauge.act)) for label in labels)
    )
    assert all(isinstance(result, ReadResult) for result in results.values())
    assert gauge.most == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/bin/false\n", "it ended at once"),
        ("some text\n", "it ended at once"),
        ("#!/nonexistent/interpreter\n", "it is not a program"),
        ("#!/bin/sh\nexec sleep 600\n", "it did not start in time"),
        (LACKS_A_LIBRARY, "a library is missing"),
    ],
    ids=["ends", "text", "no-interpreter", "hangs", "library"],
)
def test_a_browser_that_does_not_start_is_reported_in_one_line(
    fake_claude: FakeClaude, tmp_path: Path, text: str, words: str
) -> None:
    executable = program(tmp_path / "browser", text)
    settings = BrowserSettings(executable=executable, start_timeout=3)
    reader = AccountReader(fake_claude, tmp_path / "data", settings)
    results = reader.read(reader.add_account("alice"), reader.add_account("bob"))
    assert {failure(result).kind for result in results.values()} == {FailureKind.NO_BROWSER}
    for result in results.values():
        message = failure(result).message
        assert executable in message
        assert words in message
        assert "\n" not in message
    assert fake_claude.requests == []


def test_where_a_browser_lacks_a_library_the_next_one_is_taken(
    fake_claude: FakeClaude, tmp_path: Path
) -> None:
    """As where Playwright's own was downloaded to a bare server, and the system's is installed."""
    shells = tmp_path / "cache"
    program(shells / "chromium_headless_shell-9999/linux/headless_shell", LACKS_A_LIBRARY)
    good = shells / "chromium_headless_shell-1/linux/headless_shell"
    good.parent.mkdir(parents=True)
    good.symlink_to(find_browser(BrowserSettings(), os.environ))
    env = {k: v for k, v in os.environ.items() if k != "CLDMON_BROWSER"}
    reader = AccountReader(
        fake_claude, tmp_path / "data", env={**env, "PLAYWRIGHT_BROWSERS_PATH": str(shells)}
    )
    assert isinstance(reader.read(reader.add_account("alice"))["alice"], ReadResult)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LACKS_LIBATOMIC, "apt-get install libatomic1"),
        ("#!/bin/sh\nexit 1\n", "it ended at once"),
        ("#!/bin/sh\nexec sleep 600\n", "not within 1 s"),
    ],
    ids=["libatomic", "ends", "hangs"],
)
def test_a_driver_that_does_not_start_is_reported_in_one_line(
    fake_claude: FakeClaude,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    text: str,
    words: str,
) -> None:
    """Playwright's own program needs a library that a bare Debian lacks."""
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", program(tmp_path / "node", text))
    reader = AccountReader(fake_claude, tmp_path / "data", BrowserSettings(start_timeout=1))
    message = failure(reader.read(reader.add_account("alice"))["alice"]).message
    assert "Playwright's driver cannot be started" in message
    assert words in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")


def test_the_proxy_of_the_environment_is_used(fake_claude: FakeClaude, tmp_path: Path) -> None:
    """The simulated service takes requests that are for a proxy, too."""
    others = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    proxied = {**others, "http_proxy": fake_claude.url}
    reader = AccountReader(fake_claude, tmp_path, env=proxied, url="http://claude.test")
    assert isinstance(reader.read(reader.add_account("alice"))["alice"], ReadResult)
    assert len(reader.requests_of("alice")) == 2
    direct = replace(reader, env=others).read(reader.add_account("bob"))["bob"]
    assert failure(direct).kind is FailureKind.SERVICE_DOWN


def test_without_any_browser_it_says_how_to_get_one(
    fake_claude: FakeClaude, tmp_path: Path
) -> None:
    settings = BrowserSettings(executable=str(tmp_path / "nothing"))
    reader = AccountReader(fake_claude, tmp_path / "data", settings)
    message = failure(reader.read(reader.add_account("alice"))["alice"]).message
    assert f"{tmp_path}/nothing (browser.executable) does not exist" in message


def test_the_sandbox_is_never_given_up_silently(fake_claude: FakeClaude, tmp_path: Path) -> None:
    """For root it cannot start; for others it may, and then it is on."""
    reader = AccountReader(fake_claude, tmp_path, replace(PATIENT, sandbox=True))
    result = reader.read(reader.add_account("alice"))["alice"]
    if os.geteuid() == 0:
        assert "remove browser.sandbox, or run cldmon as another user" in failure(result).message
    else:
        assert isinstance(result, ReadResult) or "its sandbox cannot" in failure(result).message
