"""The composition root: turns options, environment and configuration into real parts.

Parts are imported where they are built, so that a command loads only what it uses.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cldmon.config import locate
from cldmon.config import outline as outlines

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from contextlib import AbstractContextManager

    from cldmon.channels.slack.client import SlackMessenger
    from cldmon.channels.slack.directory import Directory
    from cldmon.claude.browser import BrowserSettings
    from cldmon.claude.source import BrowserSource
    from cldmon.collector.collector import Target
    from cldmon.config.outline import Outline
    from cldmon.config.schema import Config
    from cldmon.domain.events import Event
    from cldmon.domain.freshness import Forecasts
    from cldmon.domain.model import Snapshot
    from cldmon.domain.ranges import Span
    from cldmon.notifications.subscriptions import SubscriptionService


@dataclass(frozen=True)
class App:
    """What a command works with. `now` returns the UTC time.

    Methods that take a `Config` build a part from it, as it is or as it was read again.
    """

    config_path_option: Path | None
    data_dir_option: Path | None
    env: Mapping[str, str]
    now: Callable[[], datetime]

    poll_seconds: ClassVar[float] = 1.0
    """How often a command that waits for a pass checks whether it has ended."""
    new_key_pauses: ClassVar[tuple[float, ...]] = (1.0, 3.0)
    """Seconds between attempts with a new key, which the service may refuse at first."""

    @classmethod
    def from_options(cls, config: str | None, data_dir: str | None) -> App:
        """Return the app of this process, given the options for both places."""
        return cls(
            Path(config) if config else None,
            Path(data_dir) if data_dir else None,
            os.environ,
            lambda: datetime.now(UTC),
        )

    @cached_property
    def config_path(self) -> Path:
        """The configuration file in use; raises ConfigError if there is none."""
        return locate.find_config(self.config_path_option, self.env, locate.get_working_folder())

    @cached_property
    def outline(self) -> Outline:
        """What readers need of the configuration."""
        return outlines.read_outline(self.config_path, self.data_dir_option, self.env)

    @property
    def data_dir(self) -> Path:
        """The data folder, for readers; raises ConfigError if an option misspells it.

        What creates the folder takes it from the outline.
        """
        found = self.outline.data_dir
        locate.require_data_dir(found, self.data_dir_option, self.env)
        return found

    @cached_property
    def config(self) -> Config:
        """The configuration, complete enough for a pass; raises ConfigError."""
        from cldmon.config.load import load

        return load(self.config_path, self.env)

    def read_config(self) -> Config:
        """Read the configuration as it is now; keys may be missing. Raises ConfigError."""
        from cldmon.config.load import read

        return read(self.config_path)

    def load_snapshot(self) -> Snapshot:
        """Return what the last pass left, an empty snapshot before the first; raises StoreError."""
        from dataclasses import replace

        from cldmon.store import latest

        outline = self.outline
        stored = latest.load_snapshot(self.data_dir)
        return replace(stored, interval=outline.interval, slack_enabled=outline.slack_enabled)

    def load_forecasts(self, snapshot: Snapshot) -> Forecasts:
        """Return where the windows of a snapshot are heading; raises StoreError."""
        from cldmon.forecasts import compute_forecasts

        return compute_forecasts(self.data_dir, snapshot, self.now())

    def get_state_version(self) -> object:
        """Return what differs after each pass, to see cheaply that there was one."""
        from cldmon.files import get_version
        from cldmon.store.latest import get_state_path

        return get_version(get_state_path(self.outline.data_dir))

    def open_history(self, span: Span) -> AbstractContextManager[Path]:
        """Return the folder with the history of a span, for the block of a `with`."""
        from contextlib import nullcontext

        return nullcontext(self.data_dir)

    def read_events(self, span: Span, labels: Collection[str] = ()) -> Iterable[Event]:
        """Return what happened to some accounts, or to all, oldest first; raises StoreError."""
        from cldmon.domain.instants import to_ms
        from cldmon.store.events import read_events

        return read_events(self.data_dir, to_ms(span.since), to_ms(span.until), labels)

    def explain_no_accounts(self) -> str:
        """Return that no account is configured, and what to do."""
        return f"no account is configured; add [[accounts]] to {self.config_path}"

    def build_targets(self, config: Config) -> list[Target]:
        """Return the accounts of a pass."""
        from cldmon.collector.collector import Target
        from cldmon.config.rules import has_key
        from cldmon.config.secrets import read_session_key

        folder = self.config_path.parent
        return [
            Target(
                account.label,
                partial(read_session_key, account, self.env, folder)
                if has_key(account, self.env)
                else None,
                account.organization,
                reports=account.source is not None,
            )
            for account in config.accounts
        ]

    def build_browser_settings(self, config: Config) -> BrowserSettings:
        """Return which browser to use, and how."""
        from cldmon.claude.browser import BrowserSettings
        from cldmon.domain.secret import Secret

        browser = config.browser
        program = browser.executable
        if program and "/" in program:  # a bare name is looked up in $PATH
            program = str(self.resolve(program))
        return BrowserSettings(
            executable=program,
            headless=browser.headless,
            concurrency=browser.concurrency,
            timeout=browser.timeout_seconds,
            user_agent=browser.user_agent,
            sandbox=browser.sandbox,
            proxy=Secret(browser.proxy.get_secret_value()) if browser.proxy else None,
        )

    def build_source(self, config: Config, folder: Path) -> BrowserSource:
        """Return the real browser; `folder` keeps its cookies between passes."""
        from cldmon.claude.source import BrowserSource

        return BrowserSource(
            self.build_browser_settings(config),
            url=config.claude_url,
            folder=folder,
            now=self.now,
            env=self.env,
        )

    def build_messenger(self, config: Config) -> SlackMessenger:
        """Return the Slack client; raises SecretError if its token cannot be read."""
        from cldmon.channels.slack.client import SlackMessenger
        from cldmon.config.secrets import read_bot_token

        slack = config.notifications.slack
        token = read_bot_token(slack, self.env, self.config_path.parent)
        return SlackMessenger(token, config.slack_url, team_id=slack.team_id, clock=self.now)

    def build_directory(self, config: Config, messenger: SlackMessenger) -> Directory:
        """Return the people on Slack."""
        from cldmon.channels.slack.directory import open_directory

        channel = config.notifications.slack.member_channel_id
        return open_directory(messenger, channel, self.outline.data_dir, self.now)

    def build_subscription_service(self) -> SubscriptionService:
        """Return what changes alert settings and confirms them.

        Raises ConfigError if Slack is off, SecretError if its token cannot be read.
        """
        from cldmon.errors import ConfigError
        from cldmon.notifications.subscriptions import SubscriptionService
        from cldmon.store.subscriptions import SubscriptionsFile

        slack = self.config.notifications.slack
        if not slack.enabled:
            where = f"[notifications.slack] in {self.config_path}"
            raise ConfigError(f"Slack is off: set enabled = true below {where}")
        messenger = self.build_messenger(self.config)
        directory = self.build_directory(self.config, messenger)
        return SubscriptionService(SubscriptionsFile(self.data_dir), messenger, directory)

    def resolve(self, path: str) -> Path:
        """Return a configured path; a relative one counts from the configuration's folder."""
        return locate.resolve(self.config_path.parent, path, self.env)
