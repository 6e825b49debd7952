"""The installation that is checked. Each part is read once, and any of them may be broken."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.collector.lookups import start_lookups
from cldmon.config.installed import find_fetch_services, find_service_credential, parse_crontab
from cldmon.config.secrets import run_program
from cldmon.domain.environment import clean_environment
from cldmon.errors import ConfigError, StoreError
from cldmon.store.state import State, StateFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cldmon.app.app import App
    from cldmon.config.installed import Call, Credential, FetchService
    from cldmon.config.schema import Config, Sources
    from cldmon.domain.model import Failure
    from cldmon.domain.secret import Secret


@dataclass(frozen=True)
class Installation:
    """An installation of cldmon. If `offline`, checks that need the network are left out."""

    app: App
    offline: bool

    @cached_property
    def config_path(self) -> Path | None:
        """The configuration file, or None if there is none."""
        with suppress(ConfigError):
            return self.app.config_path
        return None

    @cached_property
    def config(self) -> Config | None:
        """The configuration, even if it lacks keys; None if it is invalid."""
        with suppress(ConfigError):
            return self.app.read_config()
        return None

    @cached_property
    def data_dir(self) -> Path | None:
        """The data folder, even if it does not exist; None if the configuration is unreadable."""
        with suppress(ConfigError):
            return self.app.outline.data_dir
        return None

    @cached_property
    def open_data_dir(self) -> Path | None:
        """The data folder, or None if it is closed to this user: its own check says that."""
        folder = self.data_dir
        if folder and os.access(folder, os.F_OK) and not os.access(folder, os.R_OK | os.X_OK):
            return None
        return folder

    @cached_property
    def saved_state(self) -> State | StoreError:
        """The state that the last pass saved, empty before the first one, or why it is unknown."""
        try:
            return StateFile(self.data_dir).load() if self.data_dir else State()
        except StoreError as error:
            return error

    @property
    def knows_state(self) -> bool:
        """Whether the saved state can be read."""
        return isinstance(self.saved_state, State)

    @property
    def state(self) -> State:
        """The saved state, or an empty one if it can't be read."""
        return self.saved_state if isinstance(self.saved_state, State) else State()

    @cached_property
    def keys(self) -> dict[str, Secret | Failure]:
        """Each account's session key, or why it is unavailable; reports need none."""
        if self.config is None:
            return {}
        targets = self.app.build_targets(self.config)
        lookups = start_lookups({t.label: t.key for t in targets if t.key})
        return {label: lookup.result() for label, lookup in lookups.items()}

    @cached_property
    def needs_browser(self) -> bool:
        """Whether any account is read with a session key, as far as the configuration says."""
        config = self.config
        return (
            config is None
            or not config.accounts
            or any(t.key for t in self.app.build_targets(config))
        )

    @cached_property
    def services(self) -> list[FetchService]:
        """The systemd services that run passes for this configuration."""
        return [each for each in find_fetch_services(self.app.env) if self._is_ours(each.call)]

    @cached_property
    def other_services(self) -> list[FetchService]:
        """The systemd services that run passes for another configuration."""
        return [each for each in find_fetch_services(self.app.env) if not self._is_ours(each.call)]

    @cached_property
    def crontab_calls(self) -> list[tuple[str, Call]]:
        """The crontab lines that run passes for this configuration, each with its crontab."""
        return [
            (name, call)
            for name, text in self._read_crontabs()
            for call in parse_crontab(text)
            if self._is_ours(call)
        ]

    def capture_output(self, argv: Sequence[str]) -> str:
        """Return what a program prints, or nothing if it fails. It does not inherit secrets."""
        with suppress(OSError, subprocess.SubprocessError):
            env = clean_environment(self.app.env)
            return run_program(argv, env, Path("/")).decode(errors="replace")
        return ""

    def credential(self, sources: Sources) -> Credential | None:
        """Return how systemd passes a secret to those services only, or None if it does not.

        None also if this process can read the secret itself.
        """
        if sources.given() or self.config_path is None:
            return None
        return find_service_credential(sources.credential, self.config_path, self.app.env)

    def _is_ours(self, call: Call) -> bool:
        return self.config_path is None or call.is_of(self.config_path)

    def _read_crontabs(self) -> Iterator[tuple[str, str]]:
        """Yield the crontabs that this user can read: the user's own and the system's."""
        yield "the crontab of this user", self.capture_output(["crontab", "-l"])
        for path in (Path("/etc/crontab"), *sorted(Path("/etc/cron.d").glob("*"))):
            with suppress(StoreError):
                yield str(path), (files.read(path) or b"").decode(errors="replace")
