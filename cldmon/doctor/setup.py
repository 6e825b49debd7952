"""The program and its configuration."""

from __future__ import annotations

import platform
import shlex
from typing import TYPE_CHECKING

from cldmon import __version__
from cldmon.config.exposure import KNOWN_SECRETS, SHORT_SECRET, open_logins
from cldmon.config.load import load, permissions_warning, read
from cldmon.config.locate import beside
from cldmon.doctor.check import fail, ok, warn
from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cldmon.config.schema import Config
    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation


def version(_patient: Installation) -> Iterator[Check]:
    """Say what runs: the first question of whoever helps."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield ok("version", f"cldmon {__version__}, Python {platform.python_version()}, {system}")


def configuration(installation: Installation) -> Iterator[Check]:
    """Look whether the configuration is found and fit for a pass."""
    try:
        path = installation.app.config_path
        found = read(path)
        if not any(installation.credential(account.sources()) for account in found.accounts):
            load(path, installation.app.env)
    except ConfigError as error:
        for problem in str(error).splitlines():
            yield fail("config", problem, "fix it in that file, or write a new one: cldmon init")
        return
    yield ok("config", f"{path}: {len(found.accounts)} account(s)")


def permissions(installation: Installation) -> Iterator[Check]:
    """Look who else may read the files that hold secrets."""
    path, config = installation.config_path, installation.config
    if path is None:
        return
    files = [path] if config is None or config.holds_secrets else []
    files += _secret_files(config, path.parent, installation) if config else []
    exposed = [file for file in files if permissions_warning(file)]
    for file in exposed:
        remedy = f"chmod 600 {shlex.quote(str(file))}"
        yield fail("permissions", f"others than its owner may open {file}", remedy)
    if not exposed:
        yield ok("permissions", "no secret is in a file that others may open")


def session_secret(installation: Installation) -> Iterator[Check]:
    """Look whether login cookies are signed with a secret that everybody knows."""
    config = installation.config
    if config is None:
        return
    secret = config.session_secret
    if secret and secret.get_secret_value() in KNOWN_SECRETS:
        detail = "everybody can read it in the Node program: anybody can forge a login"
        yield fail("session secret", detail, "remove session_secret: cldmon makes one itself")
    elif secret and len(secret.get_secret_value()) < SHORT_SECRET:
        remedy = "remove session_secret: cldmon makes one itself"
        yield warn("session secret", "it is short, so it can be guessed", remedy)
    else:
        yield ok("session secret", "in the config" if secret else "made and kept by cldmon")


def logins(installation: Installation) -> Iterator[Check]:
    """Look whether others than this machine may log in as anybody."""
    for remark in open_logins(installation.config) if installation.config else ():
        remedy = 'set login = "code", unless a proxy before it asks who they are'
        yield warn("logins", remark, remedy)


def _secret_files(config: Config, folder: Path, installation: Installation) -> list[Path]:
    named = [account.session_key_file for account in config.accounts]
    named.append(config.notifications.slack.bot_token_file)
    return [beside(folder, file, installation.app.env) for file in named if file]
