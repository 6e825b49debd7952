"""The doctor on the program and its configuration."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from cldmon import __version__
from cldmon.app.app import App
from cldmon.config.exposure import KNOWN_SECRETS
from cldmon.doctor import browser as browser_checks
from cldmon.doctor import setup
from cldmon.doctor.check import Check, Verdict, fail, ok, warn
from cldmon.doctor.installation import Installation
from cldmon.doctor.run import run_checks
from cldmon.errors import StoreError
from tests.fakes import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.doctor.env import DoctorEnv


def test_the_version_is_reported_first(env: DoctorEnv) -> None:
    [check] = setup.check_version(env.installation())
    assert check.detail.startswith(f"cldmon {__version__}, Python {platform.python_version()}, ")


def test_a_valid_configuration_is_named(env: DoctorEnv) -> None:
    [check] = setup.check_config(env.installation())
    assert check == ok("config", f"{env.config}: 1 account(s)")


def test_every_problem_of_the_configuration_fails_its_check_with_its_line(env: DoctorEnv) -> None:
    env.write_config("port = 0\nhost = 1")
    checks = list(setup.check_config(env.installation()))
    assert [c.verdict for c in checks] == [Verdict.FAILED] * 2
    assert [f"{env.config}:{n}:" in c.detail for n, c in ((2, checks[0]), (3, checks[1]))] == [
        True,
        True,
    ]


def test_a_configuration_that_is_not_there_fails_its_check(env: DoctorEnv) -> None:
    env.config.unlink()
    [check] = setup.check_config(env.installation())
    assert (check.verdict, "cldmon init" in check.remedy) == (Verdict.FAILED, True)


def test_an_account_without_a_key_is_found_though_the_rest_is_valid(env: DoctorEnv) -> None:
    env.write_config(labels=[], tables='[[accounts]]\nlabel = "alice"\n')
    [check] = setup.check_config(env.installation())
    assert "no session key" in check.detail
    assert env.installation().config is not None


def test_secrets_readable_by_others_fail_with_the_command_that_fixes_it(
    env: DoctorEnv,
) -> None:
    env.write_config()
    env.config.chmod(0o644)
    [check] = setup.check_permissions(env.installation())
    assert check == fail(
        "permissions",
        f"{env.config} is readable by other users (mode 0644)",
        f"chmod 600 {env.config}",
    )


def test_a_key_file_that_others_may_read_fails_its_check_though_the_config_is_private(
    env: DoctorEnv,
) -> None:
    env.write_config(
        labels=[], tables='[[accounts]]\nlabel = "alice"\nsession_key_file = "alice.key"\n'
    )
    key = env.folder / "alice.key"
    key.write_text("x")
    key.chmod(0o640)
    [check] = setup.check_permissions(env.installation())
    assert check.remedy == f"chmod 600 {key}"


def test_a_configuration_without_secrets_may_be_read_by_all(env: DoctorEnv) -> None:
    """As /etc/cldmon/config.toml, whose keys are systemd credentials."""
    env.write_config(labels=[], tables='[[accounts]]\nlabel = "alice"\n')
    env.config.chmod(0o644)
    [check] = setup.check_permissions(env.installation())
    assert check.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        *((f'session_secret = "{known}"', Verdict.FAILED) for known in sorted(KNOWN_SECRETS)),
        ('session_secret = "short"', Verdict.UNSURE),
        ('session_secret = "a-long-one-that-nobody-guesses"', Verdict.OK),
        ("", Verdict.OK),
    ],
)
def test_a_well_known_session_secret_is_found(env: DoctorEnv, line: str, verdict: Verdict) -> None:
    env.write_config(line)
    [check] = setup.check_session_secret(env.installation())
    assert check.verdict is verdict


def test_logins_that_are_open_to_others_are_a_warning(env: DoctorEnv) -> None:
    env.write_config('login = "open"\nallowed_hosts = ["localhost", "usage.example.org"]')
    [check] = setup.check_logins(env.installation())
    assert (check.name, check.verdict) == ("logins", Verdict.UNSURE)
    assert "usage.example.org" in check.detail
    env.write_config('public_url = "https://usage.example.org/"')
    assert [*setup.check_logins(env.installation())] == []


def run_broken(env: DoctorEnv, error: Exception) -> list[Check]:
    def check(_installation: Installation) -> Iterator[Check]:
        yield ok("first", "was found before")
        raise error

    return list(run_checks(env.installation().app, offline=True, checks={"disk": check}))


def test_a_check_that_breaks_keeps_what_it_found_and_stops_no_other(env: DoctorEnv) -> None:
    checks = run_broken(env, StoreError("no sk-ant-sid01-MARKER"))
    assert [c.verdict for c in checks] == [Verdict.OK, Verdict.FAILED]
    assert "MARKER" not in checks[1].detail


def test_an_error_of_ours_is_a_warning_without_its_words(env: DoctorEnv) -> None:
    [_, check] = run_broken(env, RuntimeError("MARKER"))
    assert check == warn("disk", "could not be checked: unexpected RuntimeError")


def test_a_missing_configuration_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser is checked anyway, which is useful before `init`."""
    monkeypatch.chdir(tmp_path)
    executable = tmp_path / "browser"
    executable.touch(mode=0o755)
    env = {"HOME": str(tmp_path), "CLDMON_BROWSER": str(executable)}
    installation = Installation(App(None, None, env, Clock()), offline=True)
    checks = [
        c for look in (setup.check_config, setup.check_permissions) for c in look(installation)
    ]
    assert [(c.name, "no configuration found" in c.detail) for c in checks] == [("config", True)]
    [browser] = browser_checks.check_executable(installation)
    assert browser == ok("browser", str(executable))
