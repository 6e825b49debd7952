"""Checks everything cldmon depends on and suggests fixes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cldmon.doctor import chromium, clock, disk, keys, passes, setup, slack
from cldmon.doctor.check import guarded
from cldmon.doctor.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.app import App
    from cldmon.doctor.check import Check

CHECKS = {
    "version": setup.version,
    "config": setup.configuration,
    "permissions": setup.permissions,
    "session secret": setup.session_secret,
    "logins": setup.logins,
    "data folder": disk.data_dir,
    "files": disk.files,
    "disk space": disk.space,
    "temporary space": disk.temporary,
    "state": disk.state,
    "subscriptions": disk.subscriptions,
    "metrics textfile": disk.textfile,
    "last pass": passes.last_pass,
    "lock": passes.lock,
    "timer": passes.timer,
    "clock": clock.clock,
    "browser": chromium.found,
    "proxy": chromium.proxy,
    "browser start": chromium.starts,
    "keys": keys.present,
    "accounts": keys.find_duplicates,
    "access": keys.validity,
    "challenges": keys.challenges,
    "slack": slack.token,
    "outbox": passes.outbox,
}


def examine(app: App, *, offline: bool) -> Iterator[Check]:
    """Yield what each check finds, as it is found; what does not apply is left out."""
    installation = Installation(app, offline)
    for name, look in CHECKS.items():
        yield from guarded(name, partial(look, installation))
