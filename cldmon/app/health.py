"""The health check put together: the passes, the files, and the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon import files
from cldmon.errors import StoreError
from cldmon.health.verdict import add_outbox, failed, judge
from cldmon.store.history import list_day_files
from cldmon.store.state import StateFile
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from cldmon.app.app import App
    from cldmon.health.verdict import Verdict


def check_health(app: App, *, serve: bool) -> Verdict:
    """Return the verdict on the passes, on the files and, if `serve`, on the server.

    Raises ConfigError.
    """
    data_dir, now = app.data_dir, app.now()
    try:
        waiting = StateFile(data_dir).load().waiting
        verdict = add_outbox(judge(app.load_snapshot(), app.outline.labels, now), waiting, now)
        if verdict.ok:
            # The other files that a pass or a person needs.
            SubscriptionsFile(data_dir).load()
            if days := [path for _, path in list_day_files(data_dir)]:
                with files.wrap_os_errors("read", days[-1]):
                    files.open_regular(days[-1]).close()
    except StoreError as error:
        return failed(str(error))
    if serve and verdict.ok:
        from cldmon.health.http_check import check_server

        config = app.read_config()
        if problem := check_server(config.host, config.port, config.answered_hosts[0]):
            place = f"{config.host}:{config.port}"
            return failed(f"the server at {place} does not answer: {problem}")
    return verdict
