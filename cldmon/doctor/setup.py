"""The program and its configuration."""

from __future__ import annotations

import platform
import shlex
from typing import TYPE_CHECKING

from cldmon import __version__
from cldmon.config.load import load, permissions_warning, read
from cldmon.config.locate import beside
from cldmon.config.reach import KNOWN_SECRETS, SHORT_SECRET, open_logins
from cldmon.doctor.check import bad, good, unsure
from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cldmon.config.schema import Config
    from cldmon.doctor.check import Check
    from cldmon.doctor.patient import Patient


def version(_patient: Patient) -> Iterator[Check]:
    """Say what runs: the first question of whoever helps."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield good("version", f"cldmon {__version__}, Python {platform.python_version()}, {system}")


def configuration(patient: Patient) -> Iterator[Check]:
    """Look whether the configuration is found and fit for a pass."""
    try:
        path = patient.app.config_path
        found = read(path)
        if not any(patient.credential(account.sources()) for account in found.accounts):
            load(path, patient.app.env)
    except ConfigError as error:
        for problem in str(error).splitlines():
            yield bad("config", problem, "mend it in that file, or write a new one: cldmon init")
        return
    yield good("config", f"{path}: {len(found.accounts)} account(s)")


def permissions(patient: Patient) -> Iterator[Check]:
    """Look who else may read the files that hold secrets."""
    path, config = patient.config_path, patient.config
    if path is None:
        return
    files = [path] if config is None or config.holds_secrets else []
    files += _secret_files(config, path.parent, patient) if config else []
    exposed = [file for file in files if permissions_warning(file)]
    for file in exposed:
        remedy = f"chmod 600 {shlex.quote(str(file))}"
        yield bad("permissions", f"others than its owner may open {file}", remedy)
    if not exposed:
        yield good("permissions", "no secret is in a file that others may open")


def session_secret(patient: Patient) -> Iterator[Check]:
    """Look whether login cookies are signed with a secret that everybody knows."""
    config = patient.config
    if config is None:
        return
    secret = config.session_secret
    if secret and secret.get_secret_value() in KNOWN_SECRETS:
        detail = "everybody can read it in the Node program: anybody can forge a login"
        yield bad("session secret", detail, "remove session_secret: cldmon makes one itself")
    elif secret and len(secret.get_secret_value()) < SHORT_SECRET:
        remedy = "remove session_secret: cldmon makes one itself"
        yield unsure("session secret", "it is short, so it can be guessed", remedy)
    else:
        yield good("session secret", "in the config" if secret else "made and kept by cldmon")


def logins(patient: Patient) -> Iterator[Check]:
    """Look whether others than this machine may log in as anybody."""
    for remark in open_logins(patient.config) if patient.config else ():
        remedy = 'set login = "code", unless a proxy before it asks who they are'
        yield unsure("logins", remark, remedy)


def _secret_files(config: Config, folder: Path, patient: Patient) -> list[Path]:
    named = [account.session_key_file for account in config.accounts]
    named.append(config.notifications.slack.bot_token_file)
    return [beside(folder, file, patient.app.env) for file in named if file]
