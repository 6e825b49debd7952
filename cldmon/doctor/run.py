"""All checks, in the order in which they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.doctor import browser, channels, disk, keys, passes, reports, services, setup
from cldmon.doctor.check import TRY_AGAIN, fail, warn
from cldmon.doctor.installation import Installation
from cldmon.errors import CldmonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cldmon.app.app import App
    from cldmon.doctor.check import Check

    Checks = Mapping[str, Callable[[Installation], Iterator[Check]]]

CHECKS: Checks = {
    "version": setup.check_version,
    "config": setup.check_config,
    "permissions": setup.check_permissions,
    "session secret": setup.check_session_secret,
    "logins": setup.check_logins,
    "data folder": disk.check_data_dir,
    "data of passes": disk.check_data_of_passes,
    "files": disk.check_files,
    "disk space": disk.check_space,
    "temporary space": disk.check_temporary_space,
    "state": disk.check_state,
    "subscriptions": disk.check_subscriptions,
    "metrics textfile": disk.check_textfile,
    "last pass": passes.check_last_pass,
    "lock": passes.check_lock,
    "timer": passes.check_timer,
    "clock": services.check_clock,
    "browser": browser.check_executable,
    "proxy": browser.check_proxy,
    "browser start": browser.check_start,
    "keys": keys.check_keys,
    "accounts": keys.check_duplicates,
    "access": keys.check_access,
    "challenges": keys.check_challenges,
    "reports": reports.check_reports,
    "slack": services.check_slack,
    "channels": channels.check_channels,
    "outbox": passes.check_outbox,
}
SEND_TEST: Checks = {
    "config": setup.check_config,
    "channels": channels.check_channels,
    "test messages": channels.send_tests,
}
"""What `cldmon doctor --send-test` does instead."""


def run_checks(app: App, *, offline: bool, checks: Checks = CHECKS) -> Iterator[Check]:
    """Yield each result as soon as it is known. A check that breaks does not stop the others."""
    installation = Installation(app, offline)
    for name, check in checks.items():
        try:
            yield from check(installation)
        except CldmonError as error:
            yield fail(name, str(error), TRY_AGAIN)
        except Exception as error:
            yield warn(name, f"could not be checked: unexpected {type(error).__name__}")
