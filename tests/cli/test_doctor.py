"""`cldmon doctor` as people run it: real files, a real browser, simulated services."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon.claude.browser import BrowserSettings, find
from cldmon.demo.claude import SimAccount, SimOrganization
from cldmon.demo.slack import TOKEN
from cldmon.demo.usage_json import usage
from tests.env import restricted
from tests.simulation.claude import expired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.claude import FakeClaude
    from tests.simulation.slack import FakeSlack

CLDMON = Path(sys.executable).with_name("cldmon")


def key(label: str) -> str:
    return f"sk-ant-sid02-MARKER-{label}-aaaaaaaa"


@dataclass(frozen=True)
class Clinic:
    """A configuration of alice and bob with everything switched on, and its services."""

    folder: Path
    claude: FakeClaude

    def run(
        self, *arguments: str, under: Sequence[str] = (), command: str = "doctor", **env: str
    ) -> subprocess.CompletedProcess[str]:
        given = {n: os.environ[n] for n in ("PATH", "CLDMON_BROWSER") if n in os.environ}
        return subprocess.run(
            [*under, CLDMON, "--config", self.folder / "config.toml", command, *arguments],
            env={**given, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def clinic(tmp_path: Path, fake_claude: FakeClaude, fake_slack: FakeSlack) -> Clinic:
    for number, label in enumerate(("alice", "bob")):
        organization = SimOrganization(f"00000000-0000-4000-8000-{number:012}")
        fake_claude.add(SimAccount(key(label), (organization,), usage()))
    config = tmp_path / "config.toml"
    config.write_text(
        f'data_dir = "data"\nclaude_url = "{fake_claude.url}"\nslack_url = "{fake_slack.url}"\n'
        f'session_secret = "MARKER-session-secret"\napi_token = "MARKER-api-token"\n'
        f'[health]\nping_url = "http://127.0.0.1:9/MARKER"\n'
        f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN}"\n'
        + "".join(
            f'[[accounts]]\nlabel = "{label}"\nsession_key = "{key(label)}"\n'
            for label in ("alice", "bob")
        )
    )
    config.chmod(0o600)
    return Clinic(tmp_path, fake_claude)


def test_what_works_has_a_tick_and_each_account_was_asked(clinic: Clinic) -> None:
    ran = clinic.run()
    assert (ran.returncode, ran.stderr) == (0, "")
    for line in ("✓ browser start: version ", "✓ access of alice: the key is good: Pro", "✓ slack"):
        assert line in ran.stdout
    assert "✗" not in ran.stdout
    assert "MARKER" not in ran.stdout
    assert TOKEN not in ran.stdout
    assert not (clinic.folder / "data").exists()


def test_a_cross_comes_with_what_to_do_and_exit_code_1(clinic: Clinic) -> None:
    clinic.claude.fail(key("bob"), expired())
    ran = clinic.run()
    assert ran.returncode == 1
    assert "✗ access of bob: session key expired or revoked" in ran.stdout
    assert "    → get a new key: cldmon login bob\n" in ran.stdout
    assert "✓ access of alice" in ran.stdout
    assert "MARKER" not in ran.stdout


def test_offline_nothing_is_asked_and_json_says_the_same(clinic: Clinic) -> None:
    ran = clinic.run("--offline", "--json")
    checks = json.loads(ran.stdout)
    assert clinic.claude.requests == []
    assert {tuple(check) for check in checks} == {("name", "verdict", "detail", "remedy")}
    assert {"version", "config", "timer", "key of alice"} <= {check["name"] for check in checks}
    assert "MARKER" not in ran.stdout


def test_a_broken_configuration_does_not_stop_the_other_checks(clinic: Clinic) -> None:
    config = clinic.folder / "config.toml"
    config.write_text(f'data_dir = "data"\nprot = "{key("alice")}"\n')
    config.chmod(0o644)
    ran = clinic.run("--offline", LC_ALL="C")
    assert ran.returncode == 1
    assert ran.stdout.isascii()
    for line in ("x config:", "x permissions:", "? data folder:", "+ browser start: "):
        assert line in ran.stdout
    assert "MARKER" not in ran.stdout


def started(ran: subprocess.CompletedProcess[str]) -> dict[str, str]:
    [check] = [each for each in json.loads(ran.stdout) if each["name"] == "browser start"]
    assert isinstance(check, dict)
    return check


def test_on_ubuntu_the_apparmor_profile_of_the_browser_is_the_remedy(clinic: Clinic) -> None:
    """The browser is a real one, and its sandbox really has no namespaces."""
    under = restricted(clinic.folder, as_root=False)
    check = started(clinic.run("--offline", "--json", under=under))
    browser = Path(find(BrowserSettings(), os.environ)).resolve()
    assert check["verdict"] == "failed"
    assert "kernel.apparmor_restrict_unprivileged_userns = 1" in check["detail"]
    assert f"'profile cldmon-browser \"{browser}\" flags=(unconfined) {{'" in check["remedy"]
    assert "sudo cldmon schedule systemd --install" in check["remedy"]
    fetched = clinic.run(under=under, command="fetch")
    assert fetched.returncode == 1
    assert "AppArmor restricts user namespaces" in fetched.stderr
    assert "`cldmon doctor`" in fetched.stderr


def test_on_ubuntu_a_profile_that_is_not_loaded_is_named(clinic: Clinic) -> None:
    under = restricted(clinic.folder, as_root=False)
    browser = Path(find(BrowserSettings(), os.environ)).resolve()
    theirs = clinic.folder / "apparmor.d" / "theirs"
    theirs.write_text(f'profile x "{browser}" {{\n}}\n')
    check = started(clinic.run("--offline", "--json", under=under))
    assert check["remedy"].endswith("sudo apparmor_parser --replace /etc/apparmor.d/theirs")


def test_on_ubuntu_root_is_told_that_it_alone_does_without(clinic: Clinic) -> None:
    check = started(
        clinic.run("--offline", "--json", under=restricted(clinic.folder, as_root=True))
    )
    assert check["verdict"] == "unsure"
    assert "that do not run as root" in check["detail"]
    assert "profile cldmon-browser" in check["remedy"]


def test_keys_that_systemd_gives_to_the_service_leave_the_doctor_content(clinic: Clinic) -> None:
    """It is run by hand, where no credential can be seen, after a pass that could see them."""
    config = clinic.folder / "config.toml"
    config.write_text(re.sub('session_key = "[^"]*"\n', "", config.read_text()))
    given = clinic.folder / "credentials"
    given.mkdir()
    unit = clinic.folder / ".config/systemd/user/cldmon-fetch.service"
    unit.parent.mkdir(parents=True)
    start = f"ExecStart=cldmon --config {config} --data-dir {clinic.folder}/data fetch\n"
    lines = (f"LoadCredential={label}:/etc/credstore/{label}\n" for label in ("alice", "bob"))
    unit.write_text(f"[Service]\n{start}{''.join(lines)}")
    for label in ("alice", "bob"):
        (given / label).write_text(key(label))
    fetched = clinic.run(command="fetch", CREDENTIALS_DIRECTORY=str(given))
    assert fetched.returncode == 0, fetched.stderr
    ran = clinic.run("--json")
    found = {each["name"]: each["verdict"] for each in json.loads(ran.stdout)}
    assert (found["config"], found["key of alice"], found["key of bob"]) == ("ok", "ok", "ok")
    assert ran.returncode == 0
