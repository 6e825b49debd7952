"""One pass put together: the collector in the middle, metrics and the watchdog around it."""

from __future__ import annotations

import errno
from functools import cached_property
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.app import parts
from cldmon.collector import Collector
from cldmon.config import rules
from cldmon.config.document import dotted
from cldmon.errors import SecretError, StoreError
from cldmon.health.watchdog import Watchdog
from cldmon.notifications.outbox import NullNotifier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cldmon.app import App
    from cldmon.collector import Outcome
    from cldmon.domain.delivery import DeliveryResult
    from cldmon.domain.events import Event
    from cldmon.notifications.outbox import Notifier

    Warn = Callable[[str], None]


def fetch(
    app: App,
    labels: Collection[str],
    *,
    notify: bool,
    by_hand: bool,
    done: Callable[[str], None],
    warn: Warn,
) -> Outcome:
    """Make one pass, then tell Prometheus and the watchdog of it; see `Collector.run`."""
    for key, problem in rules.missing_token(app.config, app.env):
        warn(f"{app.config_path}: {dotted(key)}: {problem}")
    watchdog = Watchdog(app.config.health.ping_url)
    with watchdog.reporting_failures():
        outcome = _collector(app, warn).run(
            labels, notify=notify, by_hand=by_hand, done=done, begun=watchdog.send_start
        )
    _write_metrics(app, warn)
    watchdog.send_end(ok=outcome.any_read)
    return outcome


def _collector(app: App, warn: Warn) -> Collector:
    """Return the collector, with the real browser and the real Slack."""
    return Collector(
        app.outline.data_dir,
        parts.targets(app.config, app.env, app.config_folder),
        app.source(app.config, app.outline.data_dir / "browser"),
        _SlackOnDemand(app) if app.config.notifications.slack.enabled else None,
        now=app.now,
        warn=warn,
        settings=parts.pass_settings(app.config),
    )


class _SlackOnDemand:
    """Tells people of events; the token is looked up for the first one, after all readings.

    Without a token every message is kept for later.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    def send_alert(self, user: str, event: Event) -> DeliveryResult:
        """Send one message and return what became of it."""
        return self._notifier.send_alert(user, event)

    @cached_property
    def _notifier(self) -> Notifier:
        app = self._app
        try:
            return parts.messenger(app.config, app.env, app.config_folder, app.now)
        except SecretError as error:
            return NullNotifier(str(error))


def _write_metrics(app: App, warn: Warn) -> None:
    """Replace the textfile of metrics.textfile, if it is set; a failure harms no pass."""
    path = parts.textfile(app.config, app.env, app.config_folder)
    if path is None:
        return
    from cldmon import metrics
    from cldmon.store.state import StateFile

    try:
        shown = metrics.render(StateFile(app.outline.data_dir).load(), app.now())
        # Readable by all: node_exporter is another user.
        files.replace(path, shown, mode=0o644, durable=False)
    except StoreError as error:
        # So a service of systemd sees what its unit does not open to it.
        closed = getattr(error.__cause__, "errno", None) == errno.EROFS
        remedy = "; if a service says so: run `cldmon schedule systemd --install` again"
        warn(f"{error}{remedy if closed else ''}")
