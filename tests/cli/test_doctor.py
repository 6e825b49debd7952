"""`cldmon doctor` as people run it: real files, a real browser, simulated services."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.demo.slack import TOKEN
from tests.env import Env, key_of, restricted
from tests.simulation.claude import expired
from tests.simulation.slack import error

if TYPE_CHECKING:
    import subprocess


@pytest.fixture
def env(env: Env) -> Env:
    """The accounts alice and bob with everything switched on."""
    env.set_up({"alice": None, "bob": None})
    top = 'session_secret = "MARKER-session-secret"\napi_token = "MARKER-api-token"\n'
    return env.write_config(f'{top}health.ping_url = "http://127.0.0.1:9/MARKER"', slack=True)


def test_passed_checks_have_a_tick_and_each_account_is_read(env: Env) -> None:
    ran = env.run("doctor")
    assert (ran.returncode, ran.stderr) == (0, "")
    for line in ("✓ browser start: version ", "✓ access of alice: the key is good: Pro", "✓ slack"):
        assert line in ran.stdout
    assert "✗" not in ran.stdout
    assert "MARKER" not in ran.stdout
    assert TOKEN not in ran.stdout
    assert not (env.folder / "data").exists()


def test_a_failed_check_comes_with_what_to_do_and_exit_code_1(env: Env) -> None:
    env.claude.fail(key_of("bob"), expired())
    ran = env.run("doctor")
    assert ran.returncode == 1
    assert "✗ access of bob: session key expired or revoked" in ran.stdout
    assert "    → get a new key: cldmon login bob\n" in ran.stdout
    assert "✓ access of alice" in ran.stdout
    assert "MARKER" not in ran.stdout


def test_a_closed_data_folder_is_reported_once_with_a_command_to_copy(env: Env) -> None:
    env.data.mkdir()
    (env.data / "state.json").write_text("{}")
    env.data.chmod(0)
    # Root can read everything, unless it gives up its capabilities.
    powers = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    code, shown = env.run_on_terminal(
        "doctor", "--offline", under=powers, environ={"COLUMNS": "40", "NO_COLOR": "1"}
    )
    env.data.chmod(0o700)
    assert code == 1
    assert [line for line in shown.splitlines() if line.startswith("✗")] == ["✗ data folder:"]
    # On one line, however long: a shell would run the first part of what is copied.
    assert f"    → check its owner and mode: ls -ld {env.data}\r\n" in shown


def test_offline_sends_no_request_and_json_has_the_same_checks(env: Env) -> None:
    ran = env.run("doctor", "--offline", "--json")
    checks = json.loads(ran.stdout)
    assert env.claude.requests == []
    assert {tuple(check) for check in checks} == {("name", "verdict", "detail", "remedy")}
    assert {"version", "config", "timer", "key of alice"} <= {check["name"] for check in checks}
    assert "MARKER" not in ran.stdout


def test_a_test_message_is_sent_to_each_channel_and_no_account_is_read(env: Env) -> None:
    table = '[[notifications.channels]]\nname = "team"\nslack = "C01TEAM"\n'
    env.write_config("", table, slack=True)
    ran = env.run("doctor", "--send-test")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "✓ test message to team: delivered" in ran.stdout
    assert [sent.channel for sent in env.slack.sent] == ["C01TEAM"]
    assert env.claude.requests == []
    env.slack.fail(error("is_archived"))
    ran = env.run("doctor", "--send-test")
    assert ran.returncode == 1
    assert "✗ test message to team: the Slack channel C01TEAM is archived" in ran.stdout
    assert env.run("doctor", "--send-test", "--offline").returncode == 2


def test_a_broken_configuration_does_not_stop_the_other_checks(env: Env) -> None:
    config = env.config
    config.write_text(f'data_dir = "data"\nprot = "{key_of("alice")}"\n')
    config.chmod(0o644)
    ran = env.run("doctor", "--offline", environ={"LC_ALL": "C"})
    assert ran.returncode == 1
    assert ran.stdout.isascii()
    for line in ("x config:", "x permissions:", "? data folder:", "+ browser start: "):
        assert line in ran.stdout
    assert "MARKER" not in ran.stdout


def find_started(ran: subprocess.CompletedProcess[str]) -> dict[str, str]:
    [check] = [each for each in json.loads(ran.stdout) if each["name"] == "browser start"]
    assert isinstance(check, dict)
    return check


def test_on_ubuntu_the_apparmor_profile_of_the_browser_is_the_fix(env: Env) -> None:
    """The browser is a real one, and its sandbox really has no namespaces."""
    under = restricted(env.folder, as_root=False)
    check = find_started(env.run("doctor", "--offline", "--json", under=under))
    browser = Path(find_browser(BrowserSettings(), os.environ)).resolve()
    assert check["verdict"] == "failed"
    assert "kernel.apparmor_restrict_unprivileged_userns = 1" in check["detail"]
    assert f"'profile cldmon-browser \"{browser}\" flags=(unconfined) {{'" in check["remedy"]
    assert "sudo cldmon schedule systemd --install" in check["remedy"]
    fetched = env.run("fetch", under=under)
    assert fetched.returncode == 1
    assert "AppArmor restricts user namespaces" in fetched.stderr
    assert "`cldmon doctor`" in fetched.stderr


def test_on_ubuntu_a_profile_that_is_not_loaded_is_named(env: Env) -> None:
    under = restricted(env.folder, as_root=False)
    browser = Path(find_browser(BrowserSettings(), os.environ)).resolve()
    theirs = env.folder / "apparmor.d" / "theirs"
    theirs.write_text(f'profile x "{browser}" {{\n}}\n')
    check = find_started(env.run("doctor", "--offline", "--json", under=under))
    assert check["remedy"].endswith("sudo apparmor_parser --replace /etc/apparmor.d/theirs")


def test_on_ubuntu_root_learns_that_other_users_need_the_profile(env: Env) -> None:
    check = find_started(
        env.run("doctor", "--offline", "--json", under=restricted(env.folder, as_root=True))
    )
    assert check["verdict"] == "unsure"
    assert "that do not run as root" in check["detail"]
    assert "profile cldmon-browser" in check["remedy"]


def test_keys_that_systemd_gives_to_the_service_leave_the_doctor_content(env: Env) -> None:
    """It is run by hand, where no credential can be seen, after a pass that could see them."""
    config = env.config
    config.write_text(re.sub('session_key = "[^"]*"\n', "", config.read_text()))
    given = env.folder / "credentials"
    given.mkdir()
    unit = env.folder / ".config/systemd/user/cldmon-fetch.service"
    unit.parent.mkdir(parents=True)
    start = f"ExecStart=cldmon --config {config} --data-dir {env.folder}/data fetch\n"
    lines = (f"LoadCredential={label}:/etc/credstore/{label}\n" for label in ("alice", "bob"))
    unit.write_text(f"[Service]\n{start}{''.join(lines)}")
    for label in ("alice", "bob"):
        (given / label).write_text(key_of(label))
    fetched = env.run("fetch", environ={"CREDENTIALS_DIRECTORY": str(given)})
    assert fetched.returncode == 0, fetched.stderr
    ran = env.run("doctor", "--json")
    found = {each["name"]: each["verdict"] for each in json.loads(ran.stdout)}
    assert (found["config"], found["key of alice"], found["key of bob"]) == ("ok", "ok", "ok")
    assert ran.returncode == 0
