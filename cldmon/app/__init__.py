"""The composition root: builds the real parts from options, environment and configuration.

Parts are imported where they are built, so that a command pays only for those that it uses.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.app import parts
from cldmon.config import locate
from cldmon.config.outline import outline as read_outline
from cldmon.domain.labels import select_labels
from cldmon.errors import ConfigError
from cldmon.store import HEALTH_LOG

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cldmon.channels.slack.client import SlackMessenger
    from cldmon.claude.login import SignIn
    from cldmon.claude.source import BrowserSource
    from cldmon.collector import Outcome
    from cldmon.config.edit import KeyPlace
    from cldmon.config.outline import Outline
    from cldmon.config.schema import Config
    from cldmon.domain.freshness import Forecasts
    from cldmon.domain.model import Failure, Snapshot
    from cldmon.domain.ports import ReadResult
    from cldmon.domain.subscriptions import Subscriptions
    from cldmon.health.verdict import Verdict
    from cldmon.notifications.subscriptions import Subscribing
    from cldmon.web.server import WebServer

    Warn = Callable[[str], None]


@dataclass(frozen=True)
class App:
    """Everything a command can ask for. `now` gives the UTC time."""

    config_path_option: Path | None
    data_dir_option: Path | None
    env: Mapping[str, str]
    now: Callable[[], datetime]

    @classmethod
    def at(cls, config: str | None, data_dir: str | None) -> App:
        """Return the app of this process, with what the options for both places say."""
        return cls(
            Path(config) if config else None,
            Path(data_dir) if data_dir else None,
            os.environ,
            lambda: datetime.now(UTC),
        )

    @cached_property
    def config_path(self) -> Path:
        """The configuration file in use; raises ConfigError where there is none."""
        return locate.find_config(self.config_path_option, self.env, locate.working_folder())

    @property
    def config_folder(self) -> Path:
        """Where relative paths of the configuration count from; raises ConfigError."""
        return self.config_path.parent

    @cached_property
    def outline(self) -> Outline:
        """The little of the configuration that readers need."""
        return read_outline(self.config_path, self.data_dir_option, self.env)

    @property
    def data_dir(self) -> Path:
        """Where the data are, for what reads them; raises ConfigError if that was mistyped.

        What makes the folder if need be takes it from the outline.
        """
        found = self.outline.data_dir
        locate.require_data_dir(found, self.data_dir_option, self.env)
        return found

    @cached_property
    def config(self) -> Config:
        """The whole configuration, fit for a pass; raises ConfigError."""
        from cldmon.config.load import load

        return load(self.config_path, self.env)

    def settings(self) -> Config:
        """The configuration as it is now, though keys may be missing; raises ConfigError."""
        from cldmon.config.load import read

        return read(self.config_path)

    def snapshot(self) -> Snapshot:
        """What the last pass left, for readers; an empty one before the first pass."""
        from dataclasses import replace

        from cldmon.store import latest

        outline = self.outline
        stored = latest.snapshot(self.data_dir)
        return replace(stored, interval=outline.interval, slack_enabled=outline.slack_enabled)

    def shown(self, labels: Collection[str]) -> Snapshot:
        """The accounts of the configuration, or those of `labels`, as the last pass left them.

        Raises UsageError for a label that the configuration lacks.
        """
        from cldmon.domain.freshness import configured

        wanted = select_labels(labels, self.outline.labels)
        return configured(self.snapshot(), wanted)

    def require_account(self, label: str) -> None:
        """Raise UsageError, naming the accounts that there are, unless `label` is one of them."""
        select_labels([label], self.outline.labels)

    def forecasts(self, snapshot: Snapshot) -> Forecasts:
        """Where each window of a snapshot is heading; raises StoreError."""
        from cldmon.forecasts import compute_forecasts

        return compute_forecasts(self.data_dir, snapshot, self.now())

    def permissions_warning(self) -> str | None:
        """A warning if others than its owner can open a configuration with secrets, or None."""
        from cldmon.config.load import permissions_warning

        return permissions_warning(self.config_path) if self.config.holds_secrets else None

    def fetch(
        self,
        labels: Collection[str],
        *,
        notify: bool,
        by_hand: bool = False,
        done: Callable[[str], None],
        warn: Warn,
    ) -> Outcome:
        """Make one pass; see `passing.fetch`."""
        from cldmon.app.passing import fetch

        return fetch(self, labels, notify=notify, by_hand=by_hand, done=done, warn=warn)

    def health(self, *, serve: bool) -> Verdict:
        """The verdict on the passes and, if `serve`, on the server; see `checking.health`."""
        from cldmon.app.checking import health

        return health(self, serve=serve)

    def log_health(self, line: str) -> None:
        """Append a line to health.log; raises ConfigError or StoreError."""
        files.append_line(self.data_dir / HEALTH_LOG, line.encode())

    def subscriptions(self) -> Subscriptions:
        """Everybody's alert settings; raises StoreError."""
        from cldmon.store.subscriptions import SubscriptionsFile

        return SubscriptionsFile(self.data_dir).load()

    def messenger(self) -> SlackMessenger | None:
        """Slack, or None where it is off; raises SecretError if its token cannot be read."""
        if not self.config.notifications.slack.enabled:
            return None
        return parts.messenger(self.config, self.env, self.config_folder, self.now)

    def subscribing(self, warn: Warn) -> Subscribing:
        """What changes alert settings and confirms them.

        Raises ConfigError where Slack is off, SecretError if its token cannot be read.
        """
        from cldmon.channels.slack.directory import open_directory
        from cldmon.notifications.subscriptions import Subscribing
        from cldmon.store.subscriptions import SubscriptionsFile

        messenger, data_dir = self.messenger(), self.data_dir
        if messenger is None:
            where = f"[notifications.slack] in {self.config_path}"
            raise ConfigError(f"Slack is off: set enabled = true below {where}")
        channel = self.config.notifications.slack.member_channel_id
        directory = open_directory(messenger, channel, data_dir, self.now)
        return Subscribing(SubscriptionsFile(data_dir), messenger, directory, warn)

    def source(self, config: Config, folder: Path) -> BrowserSource:
        """The real browser; `folder` keeps its cookies between passes."""
        from cldmon.claude.source import BrowserSource

        return BrowserSource(
            parts.browser_settings(config, self.env, self.config_folder),
            url=config.claude_url,
            folder=folder,
            now=self.now,
            env=self.env,
        )

    def key_place(self, label: str) -> KeyPlace:
        """Where the session key of an account, a new one too, is stored; see `edit.key_place`."""
        from cldmon.config.edit import key_place

        return key_place(self.settings(), self.config_path, label, self.env)

    def sign_in(self, opened: Callable[[], None]) -> SignIn:
        """What a person's sign-in in a browser window has brought; see `login.sign_in`."""
        from cldmon.claude.login import sign_in

        config = self.settings()
        browser = parts.browser_settings(config, self.env, self.config_folder)
        return sign_in(browser, config.claude_url, self.env, opened)

    def check_key(self, label: str, found: SignIn) -> ReadResult | Failure:
        """What the service answers with a key for account `label`, without keeping any of it."""
        import tempfile

        from cldmon.claude.cookie_store import CookieStore
        from cldmon.claude.login import check_key
        from cldmon.domain.ports import ReadRequest

        config = self.settings()
        account = config.account(label)
        question = ReadRequest(label, found.key, account.organization if account else None)
        # Cookies and browser apart from those of a pass that may be running.
        with tempfile.TemporaryDirectory(prefix="cldmon-login-") as folder:
            CookieStore(Path(folder), label, found.key).save(found.clearance)
            return check_key(self.source(config, Path(folder)), question)

    def keep_clearance(self, label: str, found: SignIn) -> None:
        """Keep for the passes what lets a person's browser through Cloudflare's challenges."""
        from cldmon.claude.cookie_store import CookieStore

        if found.clearance:
            CookieStore(self.data_dir / "browser", label, found.key).save(found.clearance)

    def server(self) -> WebServer:
        """The HTTP API and the dashboard, listening; see `serving.server`."""
        from cldmon.app.serving import server

        return server(self)
