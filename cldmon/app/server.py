"""The server put together: from a configuration, and again from each change of it."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from cldmon import files
from cldmon.app.alerts import name_channels
from cldmon.config.exposure import check_login, find_risks
from cldmon.domain.secret import Secret
from cldmon.errors import CldmonError, SecretError
from cldmon.store.subscriptions import SubscriptionsFile
from cldmon.web.api import refuse_early, respond
from cldmon.web.confirmations import Confirmations
from cldmon.web.limits import LOCK_SECONDS
from cldmon.web.log import log
from cldmon.web.pages import load_pages
from cldmon.web.person_hashes import PersonHashes
from cldmon.web.proxies import PublicUrl, TrustedProxies
from cldmon.web.revocations import Revocations
from cldmon.web.server import WebServer
from cldmon.web.services import RateLimits, ReportIntake, Services
from cldmon.web.sessions import Sessions, load_session_secret
from cldmon.web.settings import NullSlack, ServerSettings, Slack
from cldmon.web.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cldmon.app.app import App
    from cldmon.config.schema import Config

T = TypeVar("T")


def build_server(app: App, rate_limits: RateLimits | None = None) -> WebServer:
    """Return the HTTP API and the dashboard, listening; it follows changes of the configuration.

    Only trials of its speed pass other rate limits. Raises ConfigError, StoreError, or ListenError.
    """
    config, data_dir = app.read_config(), app.outline.data_dir
    revoked = Revocations(data_dir, app.now)
    build = partial(
        Services,
        rate_limits=rate_limits or RateLimits(app.now),
        usage=Usage(data_dir),
        subscriptions=SubscriptionsFile(data_dir, LOCK_SECONDS),
        confirmations=Confirmations(app.now),
        intake=ReportIntake(data_dir),
        data_dir=data_dir,
        pages=load_pages(),
        now=app.now,
    )

    def load() -> Services:
        changed = app.read_config()
        if _bound_to(changed) != _bound_to(config):
            log.warning("host, port and data_dir need a restart of the server to change")
        # The server listens where it did at its start, even if the changed file says otherwise.
        bound = changed.model_copy(update={"host": config.host, "port": config.port})
        check_login(bound, app.config_path)
        for remark in find_risks(bound):
            log.warning(remark)
        given = bound.session_secret
        secret = Secret(given.get_secret_value()) if given else load_session_secret(data_dir)
        return build(
            settings=_build_settings(app, bound),
            sessions=Sessions(secret, revoked, app.now),
            person_hashes=PersonHashes(secret, app.now),
        )

    services = AutoReloader(app.config_path, load)
    return WebServer(
        config.host,
        config.port,
        lambda request: respond(request, services.value()),
        refuse=lambda request: refuse_early(request, services.value()),
    )


def _bound_to(config: Config) -> tuple[object, ...]:
    """Return what a server is bound to once it has started."""
    return config.host, config.port, config.data_dir


def _build_settings(app: App, config: Config) -> ServerSettings:
    token = config.api_token
    return ServerSettings(
        port=config.port,
        public=PublicUrl.parse(config.public_url) if config.public_url else None,
        hosts=frozenset(config.answered_hosts),
        proxies=TrustedProxies(config.trusted_proxies),
        login=config.login_mode,
        api_token=Secret(token.get_secret_value()) if token else None,
        labels=tuple(account.label for account in config.accounts),
        reporting=frozenset(each.label for each in config.accounts if each.source),
        channels=name_channels(config),
        interval=config.interval,
        slack=_build_slack(app, config),
    )


def _build_slack(app: App, config: Config) -> Slack | None:
    if not config.notifications.slack.enabled:
        return None
    try:
        messenger = app.build_messenger(config)
    except SecretError as error:
        silent = NullSlack(str(error))
        return Slack(silent, silent)
    return Slack(app.build_directory(config, messenger), messenger)


class AutoReloader(Generic[T]):
    """What `load` makes of the configuration at `path`; the last good value while it is invalid.

    One thread reloads it while the others use the old value. The constructor raises what `load`
    raises.
    """

    def __init__(self, path: Path, load: Callable[[], T]) -> None:
        self._path = path
        self._load = load
        self._lock = threading.Lock()
        self._version = files.get_version(self._path)
        self._value = load()

    def value(self) -> T:
        """Return the current value."""
        if files.get_version(self._path) != self._version and self._lock.acquire(blocking=False):
            try:
                self._version = files.get_version(self._path)
                self._value = self._load()
                log.warning("the configuration has changed and is now in use")
            except CldmonError as error:
                log.warning("the new configuration is invalid; still using the old one: %s", error)
            finally:
                self._lock.release()
        return self._value
