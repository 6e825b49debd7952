"""`cldmon demo` as people run it: the real command, the real collector, a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, Self

import pytest

from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.demo.runner import start_demo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CLDMON = str(Path(sys.executable).parent / "cldmon")
PATIENCE = 120
"""Seconds after which a demo hangs for certain; it takes about ten."""


class Marked:
    """A demo in a process group of its own, with a mark by which all that it starts is found."""

    def __init__(self, temporary: Path, *arguments: str, **env: str) -> None:
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [CLDMON, "demo", *arguments],
            env={**os.environ, **env, "TMPDIR": str(temporary), "CLDMON_TEST_MARK": self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()

    def read_until(self, words: str, stream: IO[str] | None = None) -> str:
        seen = ""
        for line in stream or self.process.stderr or ():
            seen += line
            if words in line:
                return seen
        raise AssertionError(f"ended without {words!r}: {seen}")

    def interrupt(self) -> tuple[str, str]:
        """Press Ctrl-C: the terminal tells the whole group. Return the rest of the output."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.communicate(timeout=PATIENCE)

    def left_behind(self) -> list[str]:
        """Return the processes that live on, once the dying had their time."""
        deadline = time.monotonic() + 10
        while (found := list(self._alive())) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def _alive(self) -> Iterator[str]:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (folder / "environ").read_bytes():
                    yield (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue


class Run(NamedTuple):
    """A demo that was watched to its end: what it said, and the folder that it kept."""

    code: int
    out: str
    err: str
    folder: Path
    temporary: Path
    fetched: subprocess.CompletedProcess[str]


def cldmon(*arguments: str, env: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CLDMON, *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One demo with --keep and --stay, and a fetch while it stays, for all who only look at it."""
    folder = tmp_path_factory.mktemp("demo") / "kept"
    temporary, data = tmp_path_factory.mktemp("tmp"), tmp_path_factory.mktemp("data")
    # Whatever a user has set for their own cldmon must not lead the demo to their data.
    own = {"CLDMON_DATA_DIR": "/nonexistent/own", "CLDMON_CONFIG": "/nonexistent/own.toml"}
    with Marked(temporary, "--keep", str(folder), "--stay", HOME="/nonexistent", **own) as demo:
        out = demo.read_until("The simulated Slack listens", demo.process.stdout)
        fetched = cldmon("--config", str(folder / "config.toml"), "--data-dir", str(data), "fetch")
        rest, err = demo.interrupt()
    assert demo.left_behind() == []
    return Run(demo.process.returncode, out + rest, err, folder, temporary, fetched)


def test_it_succeeds_and_ends_with_the_status_table(run: Run) -> None:
    assert run.code == 0, run.err
    for part in ("alice", "Ultra", "Pro", "Team", "Max", "41%", "100%", "expired"):
        assert part in run.out
    for row in ("Cloud session…", "saved resets", "credits", "org credits"):
        assert f"\n  {row} " in run.out


def test_it_fits_a_terminal_of_eighty_columns(run: Run) -> None:
    """But for paths, which are as long as they are."""
    lines = (run.err + run.out).splitlines()
    assert [line for line in lines if len(line) > 80 and str(run.folder) not in line] == []


def test_it_prints_this(run: Run, golden: Callable[[str, str], None]) -> None:
    """Beside the status table, whose countdowns depend on how fast the machine is."""
    before, _, after = run.out.partition("What `cldmon status` shows now:\n")
    text = f"{run.err}{before}…{after[after.index('Slack messages sent:') - 1 :]}"
    for pattern, instead in (
        (re.escape(str(run.folder)), "/home/ann/demo"),
        (r"(?m)^  \S+ --config", "  cldmon --config"),
        (r"\d\d:\d\d:\d\d\.\d{3}Z", "12:00:00.000Z"),
        (r"\d\d:\d\d", "12:00"),
        (r"20\d\d-\d\d-\d\d", "2026-11-22"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:3000"),
        (r"(?m)^cldmon: the browser: its sandbox .*\n", ""),  # where that cannot start
        (r"(?m)^(.*(?:history|events)-.*\n)\1", r"\1"),  # the six hours may begin yesterday
    ):
        text = re.sub(pattern, instead, text)
    golden("commands/demo.txt", text)


def test_each_pass_prints_a_line_as_it_happens(run: Run) -> None:
    lines = [line for line in run.err.splitlines() if line[:2].isdigit()]
    assert len(lines) == 9
    assert "first reading" in lines[0]
    assert "alice: Cloud session credit used up, no" in lines[3]
    assert "dave: key expired" in lines[4]
    assert "carol: service down" in lines[5]
    assert "bob: will run out early" in lines[6]
    assert "bob: limit hit; notified Bob, Alice, #team" in lines[8]
    assert "carol: answers again, reset" in " ".join(run.err.split())


def test_slack_messages_are_shown_with_their_recipients(run: Run) -> None:
    text = " ".join(run.out.split())
    assert "to Carol Chen (U03CAROL) carol's 5-hour limit has reset." in text
    assert "No new window has started yet." in text
    assert "to Bob Baker (U02BOB) bob's 5-hour limit has been reached (100%)." in text
    assert "to Alice Archer (U01ALICE) bob's 5-hour limit has been reached (100%)." in text
    assert "to #team (C0TEAM) bob's 5-hour limit has been reached (100%)." in text
    assert "to Dave Dunn (U04DAVE) dave's usage can't be read." in text


def test_the_command_got_thresholds_and_early_warnings_as_json(run: Run) -> None:
    lines = (run.folder / "data" / "command.jsonl").read_text().splitlines()
    events = [(e["event"], e["account"], e["window"]) for e in map(json.loads, lines)]
    assert ("run_out", "bob", "fiveHour") in events
    assert ("threshold", "bob", "fiveHour") in events


def test_a_pipe_gets_no_colour(run: Run) -> None:
    assert "\x1b" not in run.out + run.err


def test_no_secret_is_shown(run: Run) -> None:
    output = run.out + run.err
    assert "sk-ant-" not in output
    assert "xoxb-" not in output


def test_what_it_keeps_is_private_and_nothing_else_is_left(run: Run) -> None:
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    assert run.folder / "config.toml" in files
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    assert list(run.temporary.iterdir()) == []


def test_every_pass_left_its_line_of_history(run: Run) -> None:
    days = sorted(run.folder.glob("data/history-*.jsonl"))
    lines = [json.loads(line) for day in days for line in day.read_text().splitlines()]
    assert len(lines) == 9
    hours = (lines[-1]["timestamp"] - lines[0]["timestamp"]) / 3_600_000
    assert 6 <= hours < 6.1
    assert [len(line["accounts"]) for line in lines] == [5, 5, 5, 5, 4, 2, 3, 4, 4]


def test_other_commands_work_on_the_folder_it_kept(run: Run) -> None:
    config = str(run.folder / "config.toml")
    status = cldmon("--config", config, "status", "--json")
    accounts = {a["label"]: a for a in json.loads(status.stdout)["accounts"]}
    assert [each["short"] for each in accounts["alice"]["windows"]] == ["7d", "7d Fable"]
    assert [each["used"] for each in accounts["alice"]["pools"]] == [25000]
    assert accounts["alice"]["savedResets"]["left"] == 1
    assert accounts["bob"]["fiveHour"]["utilization"] == 100
    assert accounts["bob"]["credits"]["enabled"]
    assert accounts["carol"]["credits"]["reason"] == "out_of_credits"
    assert accounts["carol"]["fiveHour"]["utilization"] == 0
    assert accounts["carol"]["fiveHour"]["resetsAt"] is None
    assert accounts["erin"]["source"] == "report"
    assert accounts["erin"]["sevenDay"]["utilization"] == 23
    assert accounts["dave"]["errorKind"] == "key_expired"
    assert accounts["dave"]["lastGood"]["fiveHour"]["utilization"] == 44


def test_a_fetch_while_it_stays_reads_the_simulated_service(run: Run) -> None:
    assert run.fetched.returncode == 0
    assert run.fetched.stderr.startswith("cldmon: dave: session key expired")
    assert run.fetched.stderr.count("\n") == 1


def test_it_says_what_can_be_tried(run: Run) -> None:
    assert f"--config {run.folder}/config.toml status\n" in run.out
    assert f"--config {run.folder}/config.toml fetch\n" in run.out


def test_a_fetch_after_its_end_says_that_the_service_is_gone(run: Run, tmp_path: Path) -> None:
    config, data = str(run.folder / "config.toml"), str(tmp_path / "data")
    fetch = cldmon("--config", config, "--data-dir", data, "fetch")
    assert fetch.returncode == 1
    assert "not answering" in fetch.stderr


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    refused = cldmon("demo", "--keep", str(tmp_path))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "not an empty folder" in refused.stderr


def test_it_refuses_a_configuration_that_it_would_not_use(tmp_path: Path) -> None:
    refused = cldmon("--config", str(tmp_path / "mine.toml"), "demo")
    assert refused.returncode == 2
    assert "configuration" in refused.stderr


def test_without_a_browser_it_says_so_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    env = {"CLDMON_BROWSER": "/nonexistent/browser", "TMPDIR": str(tmp_path)}
    failed = cldmon("demo", env=env)
    assert failed.returncode == 1
    assert failed.stderr.count("cldmon: ") == 1
    assert "browser /nonexistent/browser" in failed.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [False, True], ids=["temporary", "kept"])
def test_ctrl_c_in_the_middle_leaves_nothing(tmp_path: Path, keep: bool) -> None:
    temporary, kept = tmp_path / "tmp", tmp_path / "kept"
    temporary.mkdir()
    with Marked(temporary, *(["--keep", str(kept)] if keep else [])) as demo:
        demo.read_until("first reading")
        out, err = demo.interrupt()
    assert demo.process.returncode == 128 + signal.SIGINT
    assert out == ""
    assert "Traceback" not in err
    assert demo.left_behind() == []
    assert list(temporary.iterdir()) == []
    assert not kept.exists()


def test_where_the_sandbox_cannot_start_the_demo_says_so_and_does_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As in most containers, and for the users of a newer Ubuntu."""
    refused, browser = tmp_path / "refused", tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\n[ -e {refused} ] && exec {find_browser(BrowserSettings(), os.environ)} "$@"\n'
        f"touch {refused}; echo 'No usable sandbox!' >&2; exit 1\n"
    )
    browser.chmod(0o755)
    with start_demo(tmp_path / "demo", {**os.environ, "CLDMON_BROWSER": str(browser)}) as demo:
        record = next(iter(demo.play()))
        assert not demo.app.config.browser.sandbox
    assert record.outcome.failed == []
    [message] = caplog.messages
    assert message == (
        "the browser: its sandbox cannot start here; the demo visits only its own servers, so it"
        " runs without it"
    )
