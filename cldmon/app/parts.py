"""From a configuration to the parts that a pass, a login or the server are made of.

`folder` is always the configuration's: relative paths in it count from there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cldmon.config import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from cldmon.channels.slack.client import SlackMessenger
    from cldmon.claude.browser import BrowserSettings
    from cldmon.collector import Target
    from cldmon.collector.next_state import Settings
    from cldmon.config.schema import Config


def targets(config: Config, env: Mapping[str, str], folder: Path) -> list[Target]:
    """Return the accounts of a pass."""
    from cldmon.collector import Target
    from cldmon.config.secrets import session_key

    return [
        Target(account.label, partial(session_key, account, env, folder), account.organization)
        for account in config.accounts
    ]


def pass_settings(config: Config) -> Settings:
    """Return what the configuration says of a pass."""
    from cldmon.collector.next_state import Settings
    from cldmon.notifications.detection import ResetRule

    return Settings(
        interval=config.interval,
        rule=ResetRule(config.notifications.reset_rule),
        keep_days=config.history_keep_days,
        slack_enabled=config.notifications.slack.enabled,
    )


def browser_settings(config: Config, env: Mapping[str, str], folder: Path) -> BrowserSettings:
    """Return which browser asks, and how."""
    from cldmon.claude.browser import BrowserSettings
    from cldmon.domain.secret import Secret

    browser = config.browser
    return BrowserSettings(
        executable=browser.executable and _program(browser.executable, env, folder),
        headless=browser.headless,
        concurrency=browser.concurrency,
        timeout=browser.timeout_seconds,
        user_agent=browser.user_agent,
        sandbox=browser.sandbox,
        proxy=Secret(browser.proxy.get_secret_value()) if browser.proxy else None,
    )


def messenger(
    config: Config, env: Mapping[str, str], folder: Path, now: Callable[[], datetime]
) -> SlackMessenger:
    """Return who speaks to Slack; raises SecretError if the token cannot be read."""
    from cldmon.channels.slack.client import SlackMessenger
    from cldmon.config.secrets import bot_token

    token = bot_token(config.notifications.slack, env, folder)
    return SlackMessenger(token, config.slack_url, clock=now)


def textfile(config: Config, env: Mapping[str, str], folder: Path) -> Path | None:
    """Return where the Prometheus textfile is written, if it is."""
    named = config.metrics.textfile
    return locate.beside(folder, named, env) if named else None


def _program(name: str, env: Mapping[str, str], folder: Path) -> str:
    """Return a configured program: a path counts from the config's folder; a name is sought."""
    return str(locate.beside(folder, name, env)) if "/" in name else name
