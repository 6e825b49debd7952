"""The health check put together: the passes, the files, and the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon import files
from cldmon.errors import StoreError
from cldmon.health.verdict import add_outbox, failed, judge
from cldmon.store.history import day_files
from cldmon.store.state import StateFile
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.app import App
    from cldmon.health.verdict import Verdict


def health(app: App, *, serve: bool) -> Verdict:
    """Return the verdict on the passes, on the files and, if `serve`, on the server.

    Raises ConfigError.
    """
    labels = app.outline.labels
    try:
        waiting = StateFile(app.data_dir).load().waiting
        verdict = add_outbox(judge(app.snapshot(), labels, app.now()), waiting, app.now())
        if verdict.ok:
            _read_other_files(app.data_dir)
    except StoreError as error:
        return failed(str(error))
    problem = _server_problem(app) if verdict.ok and serve else None
    return failed(problem) if problem else verdict


def _server_problem(app: App) -> str | None:
    from cldmon.health.http_check import check_server

    config = app.settings()
    problem = check_server(config.host, config.port, config.answered_hosts[0])
    where = f"{config.host}:{config.port}"
    return f"the server at {where} does not answer: {problem}" if problem else None


def _read_other_files(data_dir: Path) -> None:
    """Raise StoreError where a file that a pass or a person needs cannot be read."""
    SubscriptionsFile(data_dir).load()
    if days := [path for _, path in day_files(data_dir)]:
        with files.wrap_os_errors("read", days[-1]):
            files.open_regular(days[-1]).close()
