"""What other programs see of the environment."""

from __future__ import annotations

from cldmon.domain.environment import clean_environment


def test_secrets_do_not_reach_other_programs() -> None:
    secrets = {
        "KEY": "sk-ant-sid02-abc",
        "SLACK": "xoxb-1-2",
        "CLDMON_API_TOKEN": "a-token",
        "CREDENTIALS_DIRECTORY": "/run/credentials/cldmon",
    }
    useful = {"PATH": "/bin", "HOME": "/root"}
    assert clean_environment({**secrets, **useful}) == useful


def test_nothing_makes_driver_or_browser_write_secrets() -> None:
    """Such logs hold cookies; what debugs can be joined by every user of the machine."""
    loud = ("DEBUG", "DEBUG_FILE", "PWDEBUG", "NODE_OPTIONS", "NODE_DEBUG", "SSLKEYLOGFILE")
    useful = {"PLAYWRIGHT_BROWSERS_PATH": "/b", "NODE_EXTRA_CA_CERTS": "/c", "HTTPS_PROXY": "p"}
    assert clean_environment({**dict.fromkeys(loud, "x"), **useful}) == useful
