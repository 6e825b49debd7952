"""What is examined: read once, each part by itself, for any of them may be broken."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cldmon.app import parts
from cldmon.collector.lookups import start_lookups
from cldmon.errors import ConfigError, StoreError
from cldmon.store.state import State, StateFile

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.app import App
    from cldmon.config.schema import Config
    from cldmon.domain.model import Failure
    from cldmon.domain.secret import Secret


@dataclass(frozen=True)
class Patient:
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
        lookups = start_lookups({target.label: target.look_up for target in targets})
        return {label: lookup.result() for label, lookup in lookups.items()}
