"""The app of `--server`: readings come from a running `cldmon serve`, not from files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from cldmon.app.app import App
from cldmon.config import network
from cldmon.config.outline import Outline
from cldmon.config.secrets import read_api_token
from cldmon.errors import UsageError
from cldmon.remote.client import Client
from cldmon.remote.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from contextlib import AbstractContextManager

    from cldmon.domain.events import Event
    from cldmon.domain.freshness import Forecasts
    from cldmon.domain.model import Snapshot
    from cldmon.domain.ranges import Span
    from cldmon.remote.usage import ServerUsage


def connect(app: App, url: str, token_file: str | None) -> RemoteApp:
    """Return the app that reads from the server at `url`; it is asked when something is read.

    Raises UsageError for a URL that cannot be used.
    """
    if app.config_path_option or app.data_dir_option:
        raise UsageError("--server reads neither configuration nor data folder: name none")
    try:
        url = network.normalize_public_url(network.check_service_url(network.check_url(url)))
    except ValueError as error:
        raise UsageError(f"--server: {error}") from None
    return RemoteApp(None, None, app.env, app.now, url, Path(token_file) if token_file else None)


@dataclass(frozen=True)
class RemoteApp(App):
    """An app that reads no local files. Each instance asks the server once."""

    url: str
    token_file: Path | None

    poll_seconds: ClassVar[float] = 10.0

    @cached_property
    def config_path(self) -> Path:
        """Raise UsageError: no configuration is read."""
        raise UsageError("--server reads no configuration")

    @property
    def data_dir(self) -> Path:
        """Raise UsageError: no data folder is read."""
        raise UsageError("--server reads no data folder")

    @cached_property
    def client(self) -> Client:
        """The client of the server; raises SecretError if the token cannot be read."""
        is_direct = network.is_loopback(urlsplit(self.url).hostname or "")
        return Client(self.url, read_api_token(self.token_file, self.env), is_direct=is_direct)

    @cached_property
    def _usage(self) -> ServerUsage:
        return read_usage(self.client)

    @cached_property
    def outline(self) -> Outline:
        """What the server says about its configuration; there is no data folder."""
        snapshot = self._usage.snapshot
        folder = Path(os.devnull)
        return Outline(folder, snapshot.interval, self._usage.labels, snapshot.slack_enabled)

    def load_snapshot(self) -> Snapshot:
        """Return what the last pass of the server left."""
        return self._usage.snapshot

    def load_forecasts(self, snapshot: Snapshot) -> Forecasts:
        """Return those that the server has computed."""
        return self._usage.forecasts

    def get_state_version(self) -> object:
        """Return None: it cannot be seen without asking."""
        return None

    def open_history(self, span: Span) -> AbstractContextManager[Path]:
        """Return a temporary folder with the server's history of a span."""
        from cldmon.remote.history import mirror_history

        return mirror_history(self.client, span, self.now())

    def read_events(self, span: Span, labels: Collection[str] = ()) -> Iterable[Event]:
        """Return what the server knows to have happened to some accounts, or to all."""
        from cldmon.remote.history import read_events

        found = read_events(self.client, span, self.now())
        return [event for event in found if not labels or event.label in labels]

    def explain_no_accounts(self) -> str:
        """Return that no account is configured, and what to do."""
        return f"no account is configured at {self.url}; add [[accounts]] there"
