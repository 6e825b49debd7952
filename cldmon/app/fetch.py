"""One pass put together: the collector in the middle, metrics and the watchdog around it."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.app.alerts import build_audience, build_channels, name_channels
from cldmon.collector.collector import Collector
from cldmon.collector.next_state import Settings
from cldmon.config import document, rules
from cldmon.errors import StoreError
from cldmon.health.watchdog import Watchdog
from cldmon.notifications.detection import ResetRule
from cldmon.reports.source import ReportSource
from cldmon.store.state import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cldmon.app.app import App
    from cldmon.collector.collector import Outcome
    from cldmon.config.schema import Config

_log = logging.getLogger(__name__)


def fetch(
    app: App,
    labels: Collection[str] = (),
    *,
    notify: bool = True,
    by_hand: bool = False,
    done: Callable[[str], None] = lambda _label: None,
) -> Outcome:
    """Make one pass and report it to Prometheus and the watchdog; see `Collector.run`."""
    config, data_dir = app.config, app.outline.data_dir
    slack_enabled = config.notifications.slack.enabled
    for key, problem in rules.find_missing_token(config, app.env):
        _log.warning("%s", document.read(app.config_path).format_problem(key, problem))
    targets = app.build_targets(config)
    collector = Collector(
        data_dir,
        targets,
        app.build_source(config, data_dir / "browser")
        if any(each.key for each in targets)
        else None,
        build_channels(app, config),
        now=app.now,
        settings=Settings(
            interval=config.interval,
            rule=ResetRule(config.notifications.reset_rule),
            keep_days=config.history_keep_days,
            slack_enabled=slack_enabled,
        ),
        audience=build_audience(app),
        reports=ReportSource(data_dir),
    )
    watchdog = Watchdog(config.health.ping_url)
    with watchdog.reporting_failures():
        outcome = collector.run(
            labels, notify=notify, by_hand=by_hand, done=done, begun=watchdog.send_start
        )
    if config.metrics.textfile:
        _write_metrics(app, config, config.metrics.textfile)
    watchdog.send_end(ok=outcome.any_read)
    return outcome


def _write_metrics(app: App, config: Config, textfile: str) -> None:
    """Replace the Prometheus textfile; a failure is only a warning."""
    from cldmon import metrics  # prometheus_client takes time to load

    try:
        state = StateFile(app.outline.data_dir).load()
        text = metrics.render(state, app.now(), name_channels(config))
        # Readable by all: node_exporter runs as another user.
        files.replace(app.resolve(textfile), text, mode=0o644, durable=False)
    except StoreError as error:
        # A read-only file system is how a systemd service sees what its unit does not open to it.
        is_closed = getattr(error.__cause__, "errno", None) == errno.EROFS
        remedy = "; if a service says so: run `cldmon schedule systemd --install` again"
        _log.warning("%s%s", error, remedy if is_closed else "")
