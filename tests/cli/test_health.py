"""`cldmon health` and the watchdog of `cldmon fetch`, as cron and monitoring run them."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.claude import SimAccount, SimOrganization
from cldmon.demo.server import Response, Route
from cldmon.demo.usage_json import usage
from cldmon.domain.model import FIVE_HOUR, Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.store.state import State, StateFile
from tests.simulation import faults
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    from tests.simulation.claude import FakeClaude

CLDMON = Path(sys.executable).with_name("cldmon")
KEY = "sk-ant-sid01-MARKER-key"
EXPIRED = Failure(FailureKind.KEY_EXPIRED, "session key expired")
HEAVY = {"pydantic", "slack_sdk", "playwright", "plotext", "tabulate", "prometheus_client"}


@dataclass(frozen=True)
class Home:
    """A folder with a configuration of the accounts alice and bob, and a data_dir."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> list[str]:
        return (self.data / "health.log").read_text(encoding="utf-8").splitlines()

    def configure(self, text: str = "") -> None:
        accounts = "".join(
            f'[[accounts]]\nlabel = "{label}"\nsession_key = "{KEY}"\n'
            for label in ("alice", "bob")
        )
        config = self.folder / "config.toml"
        config.write_text(f'data_dir = "data"\n{text}\n{accounts}')
        config.chmod(0o600)

    def passed(self, bob: Failure | None = None, *, ago: timedelta = timedelta()) -> None:
        """Leave what a pass leaves that ended `ago`."""
        at = datetime.now(UTC) - ago
        reading = Reading(at, {FIVE_HOUR: Window(41, None)})
        accounts = (Account("alice", reading), Account("bob", reading, bob))
        self.data.mkdir(mode=0o700, exist_ok=True)
        StateFile(self.data).save(State(Snapshot(fetched_at=at, accounts=accounts)))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        given = {n: os.environ[n] for n in ("PATH", "CLDMON_BROWSER") if n in os.environ}
        env = {**given, "HOME": str(self.folder), "PYTHONUTF8": "1"}
        return subprocess.run(
            [CLDMON, "--config", self.folder / "config.toml", *arguments],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.configure()
    return home


def test_the_line_is_printed_and_appended_to_a_private_log(home: Home) -> None:
    home.passed()
    first, second = home.run("health"), home.run("health")
    assert (first.returncode, first.stderr) == (0, "")
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
    assert re.fullmatch(
        rf"\[{stamp}Z\] OK:   2 account\(s\) reporting, 0 error\(s\),"
        rf" last fetched {stamp}\.\d{{3}}Z\n",
        first.stdout,
    )
    assert home.log == [first.stdout.rstrip(), second.stdout.rstrip()]
    assert stat.S_IMODE((home.data / "health.log").stat().st_mode) == 0o600


def test_silence_fails(home: Home) -> None:
    home.passed(ago=timedelta(hours=1))
    ran = home.run("health")
    assert (ran.returncode, "FAIL: no pass ended within 30 min" in ran.stdout) == (1, True)


def test_before_the_data_dir_is_there_the_line_is_printed_still(home: Home) -> None:
    ran = home.run("health")
    assert ran.returncode == 1
    assert ran.stdout.endswith("FAIL: no pass has ended yet — run `cldmon fetch`\n")
    assert "health.log" in ran.stderr
    assert not home.data.exists()


def test_a_log_that_cannot_be_written_does_not_change_the_verdict(home: Home) -> None:
    home.passed()
    (home.data / "health.log").mkdir()
    ran = home.run("health")
    assert (ran.returncode, "OK:" in ran.stdout, "health.log" in ran.stderr) == (0, True, True)


@pytest.mark.parametrize("name", ["state.json", "subscriptions.json"])
def test_a_corrupt_file_fails_and_is_left_alone(home: Home, name: str) -> None:
    home.passed()
    (home.data / name).write_text('{"torn')
    ran = home.run("health")
    assert (ran.returncode, f"{name} is not" in ran.stdout) == (1, True)
    assert (home.data / name).read_text() == '{"torn'


def test_a_history_that_cannot_be_read_fails(home: Home) -> None:
    home.passed()
    (home.data / "history-2026-11-22.jsonl").symlink_to("nowhere")
    ran = home.run("health")
    assert (ran.returncode, "FAIL: cannot read" in ran.stdout) == (1, True)


def test_a_broken_configuration_is_a_failure_without_its_secrets(home: Home) -> None:
    (home.folder / "config.toml").write_text(f'accounts = "{KEY}"')
    ran = home.run("health")
    assert (ran.returncode, "FAIL: " in ran.stdout) == (1, True)
    assert ran.stdout.count("\n") == 1
    assert "MARKER" not in ran.stdout + ran.stderr


def test_the_server_is_asked_where_it_is_configured(home: Home) -> None:
    home.passed()
    with FaultyServer((Route("", "/healthz", lambda _request: Response(200)),)) as server:
        home.configure(f"port = {server.url.rpartition(':')[2]}")
        assert home.run("health", "--serve").returncode == 0
    ran = home.run("health", "--serve")
    assert ran.returncode == 1
    assert "does not answer: Connection refused" in ran.stdout


def test_monitoring_gets_its_line_and_exit_code(home: Home) -> None:
    home.passed(bob=EXPIRED)
    ran = home.run("health", "--nagios")
    assert ran.returncode == 1
    assert ran.stdout.startswith("CLDMON WARNING - 1 account(s) reporting, 1 error(s), ")
    assert ran.stdout.endswith(
        " | 'alice 5h'=41%;75;90;0;100 'bob 5h'=U;75;90;0;100"
        " waiting=0;;;0 waited=0s;3600;;0 dropped=0c\n"
    )
    assert home.run("health", "--nagios", "--critical", "40").returncode == 2
    assert "OK:   1 account(s) reporting" in home.log[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--warning", "80"], "--warning: no effect without --nagios"),
        (["--warning", "75", "--critical", "90"], "--warning and --critical: no effect"),
    ],
)
def test_thresholds_without_effect_are_refused(home: Home, options: list[str], words: str) -> None:
    home.passed()
    ran = home.run("health", *options)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert words in ran.stderr
    assert not (home.data / "health.log").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--warning", "95", "--critical", "90"], "--warning 95 is above --critical 90"),
        (["--warning", "95"], "--warning 95 is above --critical 90"),
        (["--warning", "much"], "'much' is not a valid integer"),
        (["--critcal", "90"], "--critcal"),
        (["now"], "now"),
    ],
)
def test_monitoring_takes_wrong_options_for_unknown_not_for_critical(
    home: Home, options: list[str], words: str
) -> None:
    home.passed()
    ran = home.run("health", "--nagios", *options)
    assert (ran.returncode, ran.stderr) == (3, "")
    assert ran.stdout.startswith("CLDMON UNKNOWN - ")
    assert words in ran.stdout
    assert ran.stdout.count("\n") == 1
    assert not (home.data / "health.log").exists()


def test_monitoring_is_told_when_the_check_cannot_be_made(home: Home) -> None:
    (home.folder / "config.toml").unlink()
    ran = home.run("health", "--nagios")
    assert (ran.returncode, ran.stdout.startswith("CLDMON UNKNOWN - ")) == (3, True)
    assert ran.stderr == ""  # that it is not logged has the same reason


def test_no_name_steers_a_terminal_or_forges_a_line_of_the_log(home: Home) -> None:
    """Not even one that is no text at all."""
    home.passed()
    folder = home.folder / os.fsdecode(b"\x1b]0;pwned\x07\nOK:\xff")
    home.data.rename(folder)
    (folder / "state.json").write_bytes(b"torn")
    for option in ([], ["--nagios"]):
        ran = home.run("--data-dir", str(folder), "health", *option)
        assert ran.stdout.count("\n") == 1
        assert ran.stdout.rstrip("\n").isprintable()
    log = (folder / "health.log").read_text(encoding="utf-8").splitlines()
    assert len(log) == 2
    assert all(line.isprintable() for line in log)


def test_health_starts_without_the_heavy_libraries(home: Home) -> None:
    home.passed()
    program = (
        "import sys; from cldmon.cli import cli;"
        f"cli(['--config', {str(home.folder / 'config.toml')!r}, 'health'], standalone_mode=False);"
        f"sys.exit(str({HEAVY!r} & set(sys.modules)) if {HEAVY!r} & set(sys.modules) else 0)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_a_pass_tells_the_watchdog_that_it_failed(home: Home) -> None:
    """No account can be read: there is no such browser."""
    with FaultyServer((Route("", ".*", lambda _request: Response(200)),)) as service:
        home.configure(_watched(service, "/MARKER"))
        ran = home.run("fetch")
        assert [request.path for request in service.requests] == ["/MARKER/start", "/MARKER/fail"]
    assert ran.returncode == 1
    assert "MARKER" not in ran.stdout + ran.stderr


def test_a_pass_that_reads_one_of_two_accounts_tells_the_watchdog_that_it_went_well(
    home: Home, fake_claude: FakeClaude
) -> None:
    """A real pass in a real browser; alice and bob share a key, which fails once."""
    organization = SimOrganization("00000000-0000-4000-8000-000000000000")
    fake_claude.add(SimAccount(KEY, (organization,), usage()))
    # Asked for twice: with saved resets, and without.
    fake_claude.fail(KEY, faults.status(503).on("usage"), times=2)
    with FaultyServer((Route("", ".*", lambda _request: Response(200)),)) as service:
        home.configure(
            f'claude_url = "{fake_claude.url}"\nhealth.ping_url = "{service.url}/ping?rid=1"\n'
            "browser.concurrency = 1"  # so that both failures are one account's
        )
        ran = home.run("fetch")
        asked = [(request.path, request.query) for request in service.requests]
    assert asked == [("/ping/start", "rid=1"), ("/ping", "rid=1")]
    assert (ran.returncode, ran.stderr.count("HTTP 503")) == (0, 1)


def test_a_pass_that_finds_another_running_tells_nobody(home: Home) -> None:
    home.data.mkdir(mode=0o700)
    with (
        FaultyServer((Route("", ".*", lambda _request: Response(200)),)) as service,
        (home.data / "fetch.lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        home.configure(_watched(service, "/ping"))
        assert home.run("fetch").returncode == 75
        assert service.requests == []


def _watched(service: FaultyServer, path: str) -> str:
    return f'browser.executable = "/nonexistent"\nhealth.ping_url = "{service.url}{path}"'
