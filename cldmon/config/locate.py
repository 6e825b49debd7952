"""Where the configuration and the data are.

Light on purpose, see `outline`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.errors import ConfigAccessError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "config.toml"
SYSTEM_CONFIG = Path("/etc/cldmon") / FILE_NAME
SYSTEM_DATA = Path("/var/lib/cldmon")
"""Where the data of that configuration are, unless it says otherwise."""
DEFAULT_INTERVAL_MINUTES = 10
MIN_INTERVAL_MINUTES = 0.001
MAX_INTERVAL_MINUTES = 10_080
"""A week: no window is longer."""


def find_config(option: Path | None, env: Mapping[str, str], cwd: Path) -> Path:
    """Return the absolute path of the configuration file.

    The first of: `--config`, `$CLDMON_CONFIG` (either is taken as it is, there or not),
    `./config.toml`, `$XDG_CONFIG_HOME/cldmon/config.toml`, `/etc/cldmon/config.toml`.

    Raises ConfigError, with the places that were looked at, when there is none or this user may not
    see it; and where the one in the working folder belongs to another user: it can name programs to
    run.
    """
    if named := find_named_config(option, env):
        return cwd / named
    places = (cwd / FILE_NAME, get_user_config(env), SYSTEM_CONFIG)
    denied = []
    for place in places:
        try:
            if stat.S_ISREG(place.stat().st_mode):
                if place.parent == cwd:
                    _require_trust(place, env)
                return place
        except PermissionError:
            denied.append(place)
        except (OSError, ValueError):
            continue
    if denied:  # the system's rather than one in a working folder that is closed
        raise build_access_error(denied[-1])
    looked = ", ".join(map(str, places))
    raise ConfigError(f"no configuration found (looked at {looked}); `cldmon init` writes one")


def build_access_error(path: Path) -> ConfigAccessError:
    """Return the error for what this user may not read, to be raised."""
    return ConfigAccessError(f"{path}: permission denied; {files.advise_user(path)}")


def get_working_folder() -> Path:
    """Return the working folder; raises ConfigError where it has been removed meanwhile."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        message = (
            "the folder that this was started in has been removed: change to another, e.g. cd ~"
        )
        raise ConfigError(message) from error


def find_named_config(option: Path | None, env: Mapping[str, str]) -> Path | None:
    """Return the configuration file that `--config` or `$CLDMON_CONFIG` names, if either does."""
    named = str(option) if option else env.get("CLDMON_CONFIG", "")
    return expand_user(named, env) if named else None


def get_user_config(env: Mapping[str, str]) -> Path:
    """Return where the user's own configuration belongs by the XDG rules."""
    return find_xdg_folder("XDG_CONFIG_HOME", ".config", env) / "cldmon" / FILE_NAME


def find_data_dir(
    configured: str | None, config_path: Path, option: Path | None, env: Mapping[str, str]
) -> Path:
    """Return the folder that holds the data, as an absolute path.

    The first of: `--data-dir`, `$CLDMON_DATA_DIR`, the configured one (a relative one counts
    from the configuration's folder), systemd's `$STATE_DIRECTORY`, `/var/lib/cldmon` for
    `/etc/cldmon/config.toml`, whoever reads it, `$XDG_STATE_HOME/cldmon`.
    """
    if named := _find_named_data_dir(option, env):
        return expand_user(named[1], env).absolute()
    if configured:
        return resolve(config_path.parent, configured, env).absolute()
    if state := env.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(state).absolute()
    if os.path.abspath(config_path) == str(SYSTEM_CONFIG):  # noqa: PTH100 - links stay links
        return SYSTEM_DATA
    return find_xdg_folder("XDG_STATE_HOME", ".local/state", env) / "cldmon"


def require_data_dir(found: Path, option: Path | None, env: Mapping[str, str]) -> None:
    """Raise ConfigError if a folder that was named by hand is not there: it must be a typo.

    Any other need not exist yet: the first pass creates it.
    """
    named = _find_named_data_dir(option, env)
    if named is None:
        return
    try:
        is_folder = stat.S_ISDIR(found.stat().st_mode)
    except PermissionError as error:
        raise build_access_error(found) from error
    except (OSError, ValueError):
        is_folder = False
    if not is_folder:
        raise ConfigError(
            f"{named[0]}: there is no folder {found}; name the one that `cldmon fetch` writes to"
        )


def expand_user(text: str, env: Mapping[str, str]) -> Path:
    """Return a path with a leading `~` replaced by `$HOME`."""
    if text == "~" or text.startswith("~/"):
        return _find_home(env) / text[2:]
    return Path(text)


def resolve(folder: Path, text: str, env: Mapping[str, str]) -> Path:
    """Return a configured path: a relative one counts from the configuration's folder."""
    return folder / expand_user(text, env)


def find_xdg_folder(variable: str, default: str, env: Mapping[str, str]) -> Path:
    """Return an XDG base folder; by those rules a relative one is ignored."""
    named = Path(env.get(variable, ""))
    return named if named.is_absolute() else _find_home(env) / default


def is_trusted(owner: int, me: int, env: Mapping[str, str]) -> bool:
    """Return whether a file may decide what user `me` runs: theirs, root's or sudo's caller's."""
    return owner in (0, me) or str(owner) == env.get("SUDO_UID")


def _find_named_data_dir(option: Path | None, env: Mapping[str, str]) -> tuple[str, str] | None:
    """Return what names the data folder by hand, and the name; None where nothing does."""
    if option:
        return "--data-dir", str(option)
    named = env.get("CLDMON_DATA_DIR", "")
    return ("CLDMON_DATA_DIR", named) if named else None


def _require_trust(place: Path, env: Mapping[str, str]) -> None:
    owner = place.stat().st_uid
    if not is_trusted(owner, os.geteuid(), env):
        raise ConfigError(
            f"{place} belongs to another user (uid {owner}), who decides what it makes you run:"
            " if you trust it, name it with --config"
        )


def _find_home(env: Mapping[str, str]) -> Path:
    """Return the home folder; `/` for a user without one, as systemd has it."""
    home = Path(env.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - Path.home() may raise
    return home if home.is_absolute() else Path("/")
