"""What is examined: read once, each part by itself, for any of them may be broken."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cldmon.config.secrets import session_key
from cldmon.errors import ConfigError, SecretError, StoreError
from cldmon.store.state import State, StateFile

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.app import App
    from cldmon.config.schema import AccountConfig, Config
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
    def keys(self) -> dict[str, Secret | SecretError]:
        """Each account's session key, or why it is not to be had."""
        accounts = self.config.accounts if self.config else ()
        return {account.label: self._key(account) for account in accounts}

    def _key(self, account: AccountConfig) -> Secret | SecretError:
        try:
            return session_key(account, self.app.env, self.app.config_folder)
        except SecretError as error:
            return error
