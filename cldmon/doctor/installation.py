"""What is examined: read once, each part by itself, for any of them may be broken."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cldmon.app import parts
from cldmon.collector.lookups import start_lookups
from cldmon.config.installed import fetch_services, given_credential
from cldmon.doctor.crontabs import find_calls
from cldmon.errors import ConfigError, StoreError
from cldmon.store.state import State, StateFile

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.app import App
    from cldmon.config.installed import Call, Credential, FetchService
    from cldmon.config.schema import Config, Sources
    from cldmon.domain.model import Failure
    from cldmon.domain.secret import Secret


@dataclass(frozen=True)
class Installation:
    """An installation of cldmon. If `offline`, nothing that needs the network is looked at."""

    app: App
    offline: bool

    @cached_property
    def config_path(self) -> Path | None:
        """The configuration file; None where there is none."""
        try:
            return self.app.config_path
        except ConfigError:
            return None

    @cached_property
    def config(self) -> Config | None:
        """The configuration, keys or none; None where it is not valid."""
        try:
            return self.app.settings()
        except ConfigError:
            return None

    @cached_property
    def data_dir(self) -> Path | None:
        """Where the data are, there or not; None where the configuration does not tell."""
        try:
            return self.app.outline.data_dir
        except ConfigError:
            return None

    @cached_property
    def services(self) -> list[FetchService]:
        """The services of systemd that make the passes of this configuration."""
        return [each for each in self._all_services if self._is_ours(each.call)]

    @cached_property
    def other_services(self) -> list[FetchService]:
        """Those that make the passes of another."""
        return [each for each in self._all_services if not self._is_ours(each.call)]

    @cached_property
    def crontab_calls(self) -> list[tuple[str, Call]]:
        """The calls in crontabs that make the passes of this configuration, with their places."""
        return [(where, call) for where, call in find_calls(self.app.env) if self._is_ours(call)]

    @cached_property
    def _all_services(self) -> list[FetchService]:
        return fetch_services(self.app.env)

    def _is_ours(self, call: Call) -> bool:
        return self.config_path is None or call.is_of(self.config_path)

    def credential(self, sources: Sources) -> Credential | None:
        """Return how systemd gives a secret to those services alone; None where it comes otherwise.

        A secret that is given to this very process is seen like any other.
        """
        if sources.given() or self.config_path is None:
            return None
        return given_credential(sources.credential, self.config_path, self.app.env)

    @cached_property
    def state(self) -> State:
        """What the last pass left; an empty state where there is none that can be read."""
        try:
            return StateFile(self.data_dir).load() if self.data_dir else State()
        except StoreError:
            return State()

    @cached_property
    def keys(self) -> dict[str, Secret | Failure]:
        """Each account's session key, or why it is not to be had."""
        if self.config is None:
            return {}
        targets = parts.targets(self.config, self.app.env, self.app.config_folder)
        lookups = start_lookups({target.label: target.key for target in targets})
        return {label: lookup.result() for label, lookup in lookups.items()}
