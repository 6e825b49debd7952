"""The composition root: turns options, environment and configuration into real parts.

Parts are imported where they are built, so that a command pays only for those that it uses.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.config import locate
from cldmon.domain.secret import Secret
from cldmon.errors import ConfigError, SecretError, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cldmon.claude.browser import BrowserSettings
    from cldmon.claude.source import BrowserSource
    from cldmon.collector import Collector, Outcome, Target
    from cldmon.collector.advance import Settings
    from cldmon.collector.outbox import Notifier
    from cldmon.config.edit import KeyPlace
    from cldmon.config.locate import Outline
    from cldmon.config.schema import Config
    from cldmon.domain.asking import Answer
    from cldmon.domain.model import Failure, Snapshot, Subscriptions
    from cldmon.domain.view import Forecasts
    from cldmon.health.verdict import Verdict
    from cldmon.health.watchdog import Watchdog
    from cldmon.slack.client import SlackMessenger
    from cldmon.slack.subscribing import Subscribing
    from cldmon.web.server import WebServer
    from cldmon.web.services import Services, Site, Slack

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
        return locate.find_config(self.config_path_option, self.env, Path.cwd())

    @cached_property
    def outline(self) -> Outline:
        """The little of the configuration that readers need."""
        return locate.outline(self.config_path, self.data_dir_option, self.env)

    @cached_property
    def config(self) -> Config:
        """The whole configuration, validated; raises ConfigError."""
        from cldmon.config.load import load

        return load(self.config_path, self.env)

    def snapshot(self) -> Snapshot:
        """What the last pass left, for readers; an empty one before the first pass."""
        from dataclasses import replace

        from cldmon.store import latest

        outline = self.outline
        stored = latest.snapshot(outline.data_dir)
        return replace(stored, interval=outline.interval, slack_enabled=outline.slack_enabled)

    def shown(self, labels: Collection[str]) -> Snapshot:
        """The accounts of the configuration, or those of `labels`, as the last pass left them.

        Raises UsageError for a label that the configuration lacks.
        """
        from cldmon.domain.view import configured

        for label in labels:
            self.require_account(label)
        wanted = [x for x in self.outline.labels if not labels or x in labels]
        return configured(self.snapshot(), wanted)

    def forecasts(self, snapshot: Snapshot) -> Forecasts:
        """Where each window of a snapshot is heading; raises StoreError."""
        from cldmon.forecasts import forecasts

        return forecasts(self.outline.data_dir, snapshot, self.now())

    def permissions_warning(self) -> str | None:
        """A warning if others than its owner can open a configuration with secrets, or None."""
        from cldmon.config.load import permissions_warning

        return permissions_warning(self.config_path) if self.config.holds_secrets else None

    def fetch(
        self,
        labels: Collection[str],
        *,
        notify: bool,
        done: Callable[[str], None],
        warn: Warn,
    ) -> Outcome:
        """Make one pass, then tell Prometheus and the watchdog of it; see `Collector.run`."""
        watchdog = self.watchdog(warn)
        with watchdog.watching():
            outcome = self.collector(warn).run(
                labels, notify=notify, done=done, begun=watchdog.begin
            )
        self._write_metrics(warn)
        watchdog.end(ok=outcome.any_read)
        return outcome

    def health(self, *, serve: bool) -> Verdict:
        """The verdict on the passes, on the files and, if `serve`, on the server.

        Raises ConfigError.
        """
        from cldmon.health.verdict import failed, judge

        labels = self.outline.labels
        try:
            verdict = judge(self.snapshot(), labels, self.now())
            if verdict.ok:
                _read_other_files(self.outline.data_dir)
        except StoreError as error:
            return failed(str(error))
        problem = self._server_problem() if verdict.ok and serve else None
        return failed(problem) if problem else verdict

    def log_health(self, line: str) -> None:
        """Append a line to health.log; raises ConfigError or StoreError."""
        files.append_line(self.outline.data_dir / "health.log", line.encode())

    def watchdog(self, warn: Warn) -> Watchdog:
        """Who is told of each pass; nobody where health.ping_url is not set."""
        from cldmon.health.watchdog import Watchdog

        return Watchdog(self.config.health.ping_url, warn)

    def _write_metrics(self, warn: Warn) -> None:
        """Replace the textfile of metrics.textfile, if it is set; a failure harms no pass."""
        named = self.config.metrics.textfile
        if named is None:
            return
        from cldmon import metrics
        from cldmon.store.state import StateFile

        path = locate.beside(self.config_path.parent, named, self.env)
        try:
            shown = metrics.text(StateFile(self.outline.data_dir).load(), self.now())
            # Readable by all: node_exporter is another user.
            files.replace(path, shown, mode=0o644, durable=False)
        except StoreError as error:
            warn(str(error))

    def _server_problem(self) -> str | None:
        from cldmon.config.load import read
        from cldmon.health.reach import server_problem

        config = read(self.config_path)
        problem = server_problem(config.host, config.port, config.answered_hosts[0])
        where = f"{config.host}:{config.port}"
        return f"the server at {where} does not answer: {problem}" if problem else None

    def collector(self, warn: Warn) -> Collector:
        """The collector, with the real browser and the real Slack."""
        from cldmon.collector import Collector

        data_dir = self.outline.data_dir
        return Collector(
            data_dir,
            _targets(self.config, self.env, self.config_path.parent),
            self.source(self.config, data_dir / "browser"),
            self.notifier(),
            now=self.now,
            warn=warn,
            settings=_pass_settings(self.config),
        )

    def source(self, config: Config, folder: Path) -> BrowserSource:
        """The real browser; `folder` keeps its cookies between passes."""
        from cldmon.claude.source import BrowserSource

        return BrowserSource(
            _browser_settings(config, self.env, self.config_path.parent),
            url=config.claude_url,
            folder=folder,
            now=self.now,
            env=self.env,
        )

    def notifier(self) -> Notifier | None:
        """Who tells people of transitions; None where Slack is off.

        Without a readable token it is one that keeps every message for later, and says why.
        """
        from cldmon.collector.outbox import Mute

        try:
            return self.messenger()
        except SecretError as error:
            return Mute(str(error))

    def subscriptions(self) -> Subscriptions:
        """Everybody's alert settings; raises StoreError."""
        from cldmon.store.subscriptions import SubscriptionsFile

        return SubscriptionsFile(self.outline.data_dir).load()

    def subscribing(self, warn: Warn) -> Subscribing:
        """What changes alert settings and confirms them.

        Raises ConfigError where Slack is off, SecretError if its token cannot be read.
        """
        from cldmon.slack.directory import open_directory
        from cldmon.slack.subscribing import Subscribing
        from cldmon.store.subscriptions import SubscriptionsFile

        messenger, data_dir = self.messenger(), self.outline.data_dir
        if messenger is None:
            where = f"[notifications.slack] in {self.config_path}"
            raise ConfigError(f"Slack is off: set enabled = true below {where}")
        channel = self.config.notifications.slack.member_channel_id
        directory = open_directory(messenger, channel, data_dir, self.now)
        return Subscribing(SubscriptionsFile(data_dir), messenger, directory, warn)

    def require_account(self, label: str) -> None:
        """Raise UsageError, naming the accounts that there are, unless `label` is one of them."""
        if label not in self.outline.labels:
            known = ", ".join(self.outline.labels) or "none"
            raise UsageError(f"no account {label!r} in the config; it has: {known}")

    def key_place(self, label: str) -> KeyPlace:
        """Where the session key of an account, a new one too, is stored; see `edit.key_place`."""
        from cldmon.config.edit import key_place
        from cldmon.config.load import read

        return key_place(read(self.config_path), self.config_path, label, self.env)

    def sign_in(self, opened: Callable[[], None]) -> Secret:
        """The session key of whoever signs in, in a browser window; see `login.sign_in`."""
        from cldmon.claude.login import sign_in
        from cldmon.config.load import read

        config = read(self.config_path)
        settings = _browser_settings(config, self.env, self.config_path.parent)
        return sign_in(settings, config.claude_url, self.env, opened)

    def check_key(self, label: str, key: Secret) -> Answer | Failure:
        """What the service answers with a key for account `label`, without keeping any of it."""
        import tempfile

        from cldmon.claude.login import check
        from cldmon.config.load import read
        from cldmon.domain.asking import Question

        config = read(self.config_path)
        account = next((a for a in config.accounts if a.label == label), None)
        question = Question(label, key, account.organization if account else None)
        # Cookies and browser apart from those of a pass that may be running.
        with tempfile.TemporaryDirectory(prefix="cldmon-login-") as folder:
            return check(self.source(config, Path(folder)), question)

    def messenger(self) -> SlackMessenger | None:
        """Slack, or None where it is off; raises SecretError if its token cannot be read."""
        if not self.config.notifications.slack.enabled:
            return None
        return _messenger(self, self.config)

    def server(self, warn: Warn) -> WebServer:
        """The HTTP API and the dashboard, listening; it follows changes of the configuration.

        Raises ConfigError, StoreError, or ListenError.
        """
        from cldmon.config.load import read
        from cldmon.config.reach import check_login, remarks
        from cldmon.web.api import respond
        from cldmon.web.reload import Reloaded, Sparing
        from cldmon.web.server import WebServer

        config = read(self.config_path)
        place, say = _place(config), Sparing(warn, self.now)
        build = _serving(self, self.outline.data_dir, config.port, say)

        def load() -> Services:
            config = read(self.config_path)
            check_login(config, self.config_path)
            for remark in remarks(config):
                say(remark)
            if _place(config) != place:
                say("host, port and data_dir are as they were: restart the server to change them")
            return build(config)

        services = Reloaded(self.config_path, load, say)
        return WebServer(
            config.host, config.port, lambda request: respond(request, services.value()), say
        )


def _messenger(app: App, config: Config) -> SlackMessenger:
    from cldmon.config.secrets import bot_token
    from cldmon.slack.client import SlackMessenger

    token = bot_token(config.notifications.slack, app.env, app.config_path.parent)
    return SlackMessenger(token, config.slack_url, clock=app.now)


def _serving(app: App, data_dir: Path, port: int, warn: Warn) -> Callable[[Config], Services]:
    """Return what turns a configuration into the parts of the server, most of them shared."""
    from cldmon.store.subscriptions import SubscriptionsFile
    from cldmon.web.pages import pages
    from cldmon.web.services import Kept, Services
    from cldmon.web.sessions import Revocations, Sessions, session_secret
    from cldmon.web.usage import Usage

    kept, found, usage = Kept(app.now), pages(), Usage(data_dir)
    subscriptions, revoked = SubscriptionsFile(data_dir), Revocations(data_dir)

    def build(config: Config) -> Services:
        given = config.session_secret
        secret = Secret(given.get_secret_value()) if given else session_secret(data_dir)
        return Services(
            site=_site(app, config, data_dir),
            sessions=Sessions(secret, revoked, f"cldmon-sid-{port}", app.now),
            kept=kept,
            usage=usage,
            subscriptions=subscriptions,
            data_dir=data_dir,
            pages=found,
            warn=warn,
            now=app.now,
        )

    return build


def _place(config: Config) -> tuple[object, ...]:
    """Return what a server is bound to from its start on."""
    return config.host, config.port, config.data_dir


def _site(app: App, config: Config, data_dir: Path) -> Site:
    from cldmon.web.services import Site

    token = config.api_token
    return Site(
        hosts=frozenset(host.strip("[]").lower() for host in config.answered_hosts),
        login=config.login_mode,
        api_token=Secret(token.get_secret_value()) if token else None,
        labels=tuple(account.label for account in config.accounts),
        interval=config.interval,
        slack=_slack(app, config, data_dir),
    )


def _slack(app: App, config: Config, data_dir: Path) -> Slack | None:
    from cldmon.slack.directory import open_directory
    from cldmon.web.services import NoSlack, Slack

    settings = config.notifications.slack
    if not settings.enabled:
        return None
    try:
        messenger = _messenger(app, config)
    except SecretError as error:
        silent = NoSlack(str(error))
        return Slack(silent, silent)
    directory = open_directory(messenger, settings.member_channel_id, data_dir, app.now)
    return Slack(directory, messenger)


def _read_other_files(data_dir: Path) -> None:
    """Raise StoreError where a file that a pass or a person needs cannot be read."""
    from cldmon.store.history import day_files
    from cldmon.store.subscriptions import SubscriptionsFile

    SubscriptionsFile(data_dir).load()
    if days := [path for _, path in day_files(data_dir)]:
        with files.explained("read", days[-1]):
            days[-1].open("rb").close()


def _targets(config: Config, env: Mapping[str, str], folder: Path) -> list[Target]:
    from cldmon.collector import Target
    from cldmon.config.secrets import session_key

    return [
        Target(account.label, partial(session_key, account, env, folder), account.organization)
        for account in config.accounts
    ]


def _browser_settings(
    config: Config, env: Mapping[str, str], folder: Path
) -> BrowserSettings:
    from cldmon.claude.browser import BrowserSettings

    browser = config.browser
    return BrowserSettings(
        executable=browser.executable and _program(browser.executable, env, folder),
        headless=browser.headless,
        concurrency=browser.concurrency,
        timeout=browser.timeout_seconds,
        user_agent=browser.user_agent,
        sandbox=browser.sandbox,
    )


def _program(name: str, env: Mapping[str, str], folder: Path) -> str:
    """Return a configured program: a path counts from the config's folder; a name is sought."""
    return str(locate.beside(folder, name, env)) if "/" in name else name


def _pass_settings(config: Config) -> Settings:
    from cldmon.collector.advance import Settings
    from cldmon.domain.transitions import ResetRule

    return Settings(
        interval=config.interval,
        rule=ResetRule(config.notifications.reset_rule),
        keep_days=config.history_keep_days,
        slack_enabled=config.notifications.slack.enabled,
    )
