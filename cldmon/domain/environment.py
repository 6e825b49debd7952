"""The environment that other programs are given: without secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cldmon.domain.proxy import strip_credentials
from cldmon.domain.secret import looks_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRIVATE = re.compile(
    # Secrets whose values do not look like any, and the place of systemd's credentials.
    "CLDMON_API_TOKEN|CREDENTIALS_DIRECTORY"
    # What logs the traffic with the browser, opens a debugger's port, or logs TLS keys.
    "|DEBUG(_.*)?|PWDEBUG.*|PWTEST_.*|NODE_(OPTIONS|DEBUG.*|V8_COVERAGE)|SSLKEYLOGFILE"
    "|CHROME_LOG_FILE"
)


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for another program, such as the browser, without secrets.

    Variables that make it log secrets, or expose them to other users, are removed too.
    """
    return {
        name: strip_credentials(name, value)
        for name, value in env.items()
        if not (_PRIVATE.fullmatch(name) or looks_secret(value))
    }
