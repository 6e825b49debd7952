"""`cldmon fetch` as cron, a timer and people run it: the installed command in a real browser."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import resource
import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.demo.slack import TOKEN
from cldmon.domain.instants import round_to_minute
from tests.env import Env, key_of
from tests.reports.report import report, set_up_reported
from tests.simulation import faults
from tests.simulation.claude import expired
from tests.simulation.slack import PEOPLE
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLACK = f"""
[notifications.slack]
enabled = true
bot_token = "{TOKEN}"
"""
BUSY = 75
TORN = b'{"version":1,"timestamp":12'


def bits(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# A successful pass.


def test_a_successful_pass_is_silent_and_its_files_are_private(env: Env) -> None:
    env.set_up({"alice": None, "bob": None})
    ran = env.run("fetch")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert [each["status"] for each in env.accounts.values()] == ["ok", "ok"]
    assert bits(env.data) == 0o700
    assert {bits(path) for path in env.data.rglob("*") if path.is_file()} == {0o600}
    assert env.leftovers() == []

    # The next pass sends one request: only --account is read, and its organization is known.
    env.claude.clear()
    env.claude.set_usage(key_of("alice"), usage(five_hour=101))
    ran = env.run("fetch", "--json", "--account", "alice")
    assert (ran.returncode, ran.stderr) == (0, "")
    accounts = {each["label"]: each for each in json.loads(ran.stdout)["accounts"]}
    assert accounts["alice"]["fiveHour"]["utilization"] == 100
    assert accounts["bob"]["fiveHour"]["utilization"] == 41
    assert not accounts["alice"]["stale"]
    assert [request.key for request in env.claude.requests] == [key_of("alice")]
    read = [[each["label"] for each in line["accounts"]] for line in env.history]
    assert read == [["alice", "bob"], ["alice"]]


def test_no_notify_keeps_alerts_for_the_next_pass(env: Env) -> None:
    env.data.mkdir(mode=0o700)
    subscriptions = {"users": {PEOPLE[0].id: {"accounts": {"alice": {"limitHit": True}}}}}
    (env.data / "subscriptions.json").write_text(json.dumps(subscriptions))
    set_up_reported(env, slack=True)
    report(env, 41)
    env.output("fetch")
    report(env, 100)
    quiet = env.run("fetch", "--no-notify")
    assert (quiet.returncode, env.slack.sent) == (0, [])
    assert len(env.state["outbox"]) == 1
    assert env.run("fetch").returncode == 0
    assert [message.user for message in env.slack.sent] == [PEOPLE[0].id]
    assert env.state["outbox"] == []


# Accounts that cannot be read.


def test_each_channel_gets_the_events_that_it_lists(env: Env) -> None:
    program = env.add_program("notify", "cat >> got.jsonl")
    tables = (
        '[[notifications.channels]]\nname = "team"\nslack = "C01TEAM"\nthresholds = [80]\n'
        f'[[notifications.channels]]\ncommand = ["{program}"]\nevents = ["usage_reset"]\n'
    )
    set_up_reported(env, tables=tables, slack=True)
    for percent in (41, 100):
        report(env, percent)
        env.output("fetch")
    [post] = env.slack.sent
    assert (post.channel, "5-hour limit has been reached" in post.text) == ("C01TEAM", True)
    assert not (env.data / "got.jsonl").exists()
    report(env, 0)
    env.output("fetch")
    [got] = (env.data / "got.jsonl").read_text().splitlines()
    assert json.loads(got)["event"] == "usage_reset"
    assert env.state["counters"] == {
        "alertsSent.limit_hit.team": 1,
        "alertsSent.threshold.team": 1,
        "alertsSent.usage_reset.team": 1,
        "alertsSent.usage_reset.command": 1,
    }


def test_a_channel_without_a_token_is_named_with_its_line(env: Env) -> None:
    set_up_reported(env, tables='[[notifications.channels]]\nslack = "C01TEAM"\n')
    report(env, 41)
    ran = env.run("fetch")
    lines = env.config.read_text().splitlines()
    line = lines.index('slack = "C01TEAM"') + 1
    assert ran.returncode == 0
    assert ran.stderr.startswith(
        f"cldmon: {env.config}:{line}: notifications.channels[1].slack: needs the token"
    )


def test_failed_accounts_are_reported_and_fail_the_pass_only_with_strict(env: Env) -> None:
    limit = faults.rate_limited(3600)
    broken = faults.status(500)
    env.set_up({"alice": None, "bob": broken, "carol": broken, "dave": limit})
    env.environ["TZ"] = "Asia/Kolkata"
    loose, shown = env.run("fetch"), env.run("status")
    assert (loose.returncode, loose.stdout) == (0, "")
    lines = loose.stderr.splitlines()
    assert lines[0].startswith("cldmon: bob, carol: the service is not answering properly")
    until = round_to_minute(datetime.fromisoformat(env.accounts["dave"]["retryAt"]))
    local = f"{until.astimezone(ZoneInfo('Asia/Kolkata')):%H:%M}"
    limited = re.compile(rf"rate limited by the service \(until (\w+ )?{local}\)")
    assert limited.search(lines[1].removeprefix("cldmon: dave: "))
    assert limited.search(shown.stdout)
    assert len(lines) == 2

    # The rate-limited account is left alone until its time.
    env.claude.clear()
    strict = env.run("fetch", "--strict")
    assert strict.returncode == 1
    assert "3 of 4 account(s) could not be read" in strict.stderr
    assert key_of("dave") not in {request.key for request in env.claude.requests}


def test_it_fails_if_no_account_could_be_read_and_keeps_the_last_reading(env: Env) -> None:
    env.set_up({"alice": None})
    env.run("fetch")
    env.claude.fail(key_of("alice"), expired())
    ran = env.run("fetch")
    assert ran.returncode == 1
    assert "alice: session key expired" in ran.stderr
    assert env.accounts["alice"]["lastGood"]["fiveHour"]["utilization"] == 41
    assert len(env.history) == 2
    assert env.history[1]["accounts"] == []


def test_a_missing_browser_is_one_line_and_a_stored_error(env: Env) -> None:
    env.set_up({"alice": None, "bob": None}, tables='[browser]\nexecutable = "./my/browser"')
    ran = env.run("fetch")
    assert ran.returncode == 1
    path = env.folder / "my" / "browser"
    assert f"alice, bob: the browser {path} (browser.executable) does not exist" in ran.stderr
    assert {each["errorKind"] for each in env.accounts.values()} == {"no_browser"}


def test_the_browser_path_is_relative_to_the_config(env: Env) -> None:
    (env.folder / "bin").mkdir()
    (env.folder / "bin" / "shell").symlink_to(find_browser(BrowserSettings(), os.environ))
    env.set_up({"alice": None}, tables='[browser]\nexecutable = "bin/shell"')
    ran = env.run("fetch", cwd="/")
    assert (ran.returncode, ran.stderr) == (0, "")


# Arguments and configuration.


def test_an_unknown_account_is_a_usage_error_that_lists_the_known_ones(env: Env) -> None:
    env.set_up({"alice": None})
    ran = env.run("fetch", "--account", "alcie")
    assert ran.returncode == 2
    assert ran.stderr == "cldmon: no account 'alcie' in the config; it has: alice\n"
    assert not env.data.exists()


def test_an_invalid_configuration_is_refused_with_file_and_line(env: Env) -> None:
    """Every mistake: see tests/config/test_load.py."""
    account = f'[[accounts]]\nlabel = "a"\nsession_key = "{key_of("a")}"\n'
    env.config.write_text(2 * account)
    env.config.chmod(0o600)
    ran = env.run("fetch")
    assert ran.returncode == 2
    assert f"{env.config}:5" in ran.stderr
    assert "label" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "MARKER" not in ran.stderr
    assert not (env.data / "state.json").exists()


def test_without_a_configuration_it_says_where_it_looked(env: Env) -> None:
    env.environ.pop("CLDMON_CONFIG")
    ran = env.run("fetch")
    assert ran.returncode == 2
    assert "no configuration found" in ran.stderr
    assert "cldmon init" in ran.stderr


# Files in data_dir.


class Damaged(NamedTuple):
    """An installation with damaged files, and the pass that ran there."""

    env: Env
    ran: subprocess.CompletedProcess[str]
    days: set[Path]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Damaged:
    env = Env(tmp_path_factory.mktemp("damaged") / "home")
    set_up_reported(env, tables=SLACK)
    report(env, 41)
    env.config.chmod(0o644)
    (env.data / "state.json").write_bytes(TORN)
    (env.data / "subscriptions.json").write_bytes(TORN)
    dates = [datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (0, 5)]
    days = {env.data / f"history-{date:%Y-%m-%d}.jsonl" for date in dates}
    for path in days:
        path.write_bytes(b"foreign\n" + TORN)
    return Damaged(env, env.run("fetch"), days)


def test_damaged_files_do_not_stop_a_pass(damaged: Damaged) -> None:
    assert damaged.ran.returncode == 0
    assert damaged.ran.stderr.count("\n") == 3
    assert damaged.env.accounts["alice"]["status"] == "ok"


def test_a_config_that_others_can_read_is_warned_about(damaged: Damaged) -> None:
    """By each pass, so that cron mails it until it is fixed."""
    assert f"cldmon: {damaged.env.config}: readable by other users" in damaged.ran.stderr
    assert "chmod 600" in damaged.ran.stderr


def test_a_corrupt_state_is_set_aside_and_reported(damaged: Damaged) -> None:
    [aside] = damaged.env.data.glob("state.json.corrupt-*")
    assert str(aside) in damaged.ran.stderr
    assert aside.read_bytes() == TORN


def test_corrupt_subscriptions_are_left_alone_and_reported(damaged: Damaged) -> None:
    path = damaged.env.data / "subscriptions.json"
    assert str(path) in damaged.ran.stderr
    assert path.read_bytes() == TORN


def test_a_new_history_line_is_not_joined_to_a_torn_one(damaged: Damaged) -> None:
    lines = [line for path in damaged.days for line in path.read_bytes().split(b"\n")]
    assert lines.count(TORN) == len(damaged.days)
    assert sum(b'"label":"alice"' in line for line in lines) == 1


def test_a_second_pass_at_the_same_time_exits_with_75(env: Env) -> None:
    env.set_up({"alice": None})
    env.data.mkdir(mode=0o700)
    with (env.data / "fetch.lock").open("w") as held:
        held.write("4242\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        ran = env.run("fetch")
    assert (ran.returncode, ran.stdout) == (BUSY, "")
    assert ran.stderr == "cldmon: another pass is running (process 4242)\n"
    assert env.claude.requests == []


def test_a_data_dir_that_cannot_be_created_is_named(env: Env) -> None:
    env.set_up({"alice": None})
    (env.folder / "file").write_text("")
    ran = env.run("--data-dir", str(env.folder / "file" / "data"), "fetch")
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert f"{env.folder}/file/data" in ran.stderr


def test_a_disk_full_in_mid_write_leaves_the_files_unchanged(env: Env) -> None:
    """On a small tmpfs where mounting is allowed, otherwise with a limit on file sizes."""
    env.set_up({"alice": None})
    text = re.sub("session_key = .*", 'session_key_env = "NO"', env.config.read_text())
    env.config.write_text(text)  # without a key no browser is needed
    env.data.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(env.data)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        assert "NO" in env.run("fetch").stderr
        before = files_in(env.data)
        filler = env.data / "filler"
        if mounted:
            fill(filler)
        ran = env.run("fetch", preexec_fn=None if mounted else limit_files)
        filler.unlink(missing_ok=True)
        after = files_in(env.data)
        again = env.run("fetch")
        history = env.history
    finally:
        if mounted:
            subprocess.run(["umount", str(env.data)], check=True)
    assert ran.returncode == 1
    assert "cannot write" in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert after == before
    assert "cannot" not in again.stderr
    assert len(history) == 2


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.iterdir() if path.name != "fetch.lock")
    return {path.name: path.read_bytes() for path in found if path.is_file()}


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(512))


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))


# On a terminal.


def test_a_person_at_a_terminal_sees_the_progress_and_the_table(env: Env) -> None:
    env.set_up({"alice": None, "bob": expired()})
    env.environ.update(TERM="xterm", COLUMNS="100")
    code, shown = env.run_on_terminal("fetch")
    assert code == 0
    assert re.search(r"Reading.*100%", shown)
    assert not re.search(r"\d\d:\d\d:\d\d", shown), "the bar claims to know when it ends"
    assert "alice" in shown
    assert "41%" in shown
    assert "bob: session key expired" in shown


def test_a_challenged_account_is_skipped_by_a_timer_but_not_by_hand(env: Env) -> None:
    """By hand: from a terminal, or with --account. See tests/collector/test_challenges.py."""
    env.set_up({"alice": faults.header("cf-mitigated", "challenge")})

    def reads(fetch: Callable[[], object]) -> bool:
        env.claude.clear()
        fetch()
        return any(request.path.startswith("/api/") for request in env.claude.requests)

    assert [reads(lambda: env.run("fetch")) for _ in range(2)] == [True, False]
    assert env.accounts["alice"]["errorKind"] == "challenged"
    assert reads(lambda: env.run_on_terminal("fetch"))
    env.claude.heal(key_of("alice"))
    assert not reads(lambda: env.run("fetch"))
    assert reads(lambda: env.run("fetch", "--account", "alice"))
    assert env.accounts["alice"]["status"] == "ok"


def test_a_warning_is_printed_below_the_progress(env: Env) -> None:
    env.set_up({"alice": faults.status(500)})
    env.data.mkdir(mode=0o700)
    (env.data / "state.json").write_bytes(TORN)
    env.environ.update(TERM="xterm")
    _, shown = env.run_on_terminal("fetch")
    assert re.search(r"100%[^\n]*\n[^\n]*cldmon: .*state.json is not what cldmon writes", shown)


def test_accounts_by_report_need_no_browser(env: Env, tmp_path: Path) -> None:
    """None is installed here, and no other program is started at all."""
    set_up_reported(env)
    report(env, 41)
    log, nowhere = tmp_path / "programs", {"CLDMON_BROWSER": "/nowhere", "PATH": "/nowhere"}
    strace = shutil.which("strace") or "strace"
    under = [strace, "-f", "-qqq", "-e", "trace=execve", "-e", "signal=none", "-o", str(log)]
    ran = env.run("fetch", under=under, environ=nowhere)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert len(log.read_text().splitlines()) == 1
    assert env.history[-1]["accounts"] == [{"label": "alice", "fiveHour": 41}]
    [shown] = json.loads(env.output("status", "--json"))["accounts"]
    assert (shown["source"], shown["fiveHour"]["utilization"]) == ("report", 41)
