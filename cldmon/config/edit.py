"""Where an account's session key is stored, and how it gets there.

The configuration is edited, not rewritten: comments, order and layout stay.
"""

from __future__ import annotations

import copy
import os
import shlex
import stat
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.config import document
from cldmon.config import label as labels
from cldmon.config.installed import find_service_credential
from cldmon.config.locate import resolve
from cldmon.config.schema import AccountConfig
from cldmon.config.secrets import find_credential
from cldmon.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cldmon.config.schema import Config
    from cldmon.domain.secret import Secret

_ELSEWHERE = {
    "session_key_env": "sign in with any browser and put its cookie sessionKey into that variable",
    "session_key_command": "sign in with any browser and store its cookie sessionKey there",
}


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where an account's session key is stored: `path`, the configuration or a file of its own."""

    config: Path
    label: str
    path: Path

    def store(self, key: Secret) -> None:
        """Store a key; raises ConfigError or StoreError."""
        if self.path == self.config:
            _store_in_config(self.config, self.label, key)
        else:
            files.private_dir(self.path.parent)
            _replace(self.path, key.reveal() + "\n", files.PRIVATE_FILE)


def find_key_place(config: Config, path: Path, label: str, env: Mapping[str, str]) -> KeyPlace:
    """Return where the session key of an account belongs; a new account's is the configuration.

    Raises ConfigError where it is kept by other means, or its place cannot be written;
    UsageError for what cannot be a label.
    """
    account = config.account(label)
    if account is None and (problem := labels.find_problem(label)):
        raise UsageError(f"the label {label!r} {problem}")
    place = KeyPlace(path, label, _key_path(account or AccountConfig(label=label), path, env))
    _insist_on_writable(place.path)
    return place


def set_key(text: str, label: str, key: str) -> str:
    """Return a configuration's text with the session key of an account, which may be new.

    Raises ConfigError where no edit is found that changes this and nothing else.
    """
    wanted = _wanted(tomllib.loads(text), label, key)
    for edited in _edits(text, label, key):
        with suppress(ValueError):
            if tomllib.loads(edited) == wanted:
                return edited
    raise ConfigError(f'the account "{label}" is written in a way that only a person can edit')


def _key_path(account: AccountConfig, config: Path, env: Mapping[str, str]) -> Path:
    sources = account.sources()
    given = sources.given()
    owner = f'account "{account.label}" has its key from'
    for name, remedy in _ELSEWHERE.items():
        if name in given:
            raise ConfigError(f"{owner} {name}, where cldmon cannot store one: {remedy}")
    if sources.file is not None:
        return resolve(config.parent, sources.file, env)
    if not given and (found := find_credential(sources.credential, env)):
        raise _by_systemd(owner, str(found), None)
    if not given and (told := find_service_credential(sources.credential, config, env)):
        raise _by_systemd(owner, str(told), told.file)
    return config


def _by_systemd(owner: str, told: str, file: str | None) -> ConfigError:
    """Return the error for a key that is kept where systemd alone finds it."""
    place = "that credential's source"
    if file:
        place = f"its file: sudo install -m 600 /dev/stdin {shlex.quote(file)}"
    return ConfigError(
        f"{owner} systemd ({told}), where cldmon cannot store one: sign in with any browser, and"
        f" store its cookie sessionKey in {place}"
    )


def _insist_on_writable(path: Path) -> None:
    """Raise ConfigError unless a file can be replaced: best known before a person signs in."""
    folder = path.resolve().parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{folder}: this user may not write here; run it as the owner of {path}")


def _store_in_config(path: Path, label: str, key: Secret) -> None:
    # Read only now: a person may have edited it while another signed in.
    text = document.read(path).text
    with files.wrap_os_errors("look at", path):
        mode = stat.S_IMODE(path.stat().st_mode)
    try:
        edited = set_key(text, label, key.reveal())
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}: write the key there yourself") from error
    _replace(path, edited, mode)


def _replace(path: Path, text: str, mode: int) -> None:
    """Replace a file, or what a link leads to; root leaves it to its owner."""
    real = path.resolve()
    owner = real.stat() if real.exists() else None
    files.replace(real, text.encode(), mode=mode)
    if owner and os.geteuid() == 0:
        with files.wrap_os_errors("give to its owner", real):
            os.chown(real, owner.st_uid, owner.st_gid)


def _wanted(data: Mapping[str, Any], label: str, key: str) -> dict[str, Any]:
    wanted = {"accounts": [], **copy.deepcopy(dict(data))}
    number = _number(wanted, label)
    if number is None:
        wanted["accounts"].append({"label": label, "session_key": key})
    else:
        wanted["accounts"][number]["session_key"] = key
    return wanted


def _number(data: Mapping[str, Any], label: str) -> int | None:
    accounts = enumerate(data.get("accounts", []))
    return next((number for number, account in accounts if account["label"] == label), None)


def _edits(text: str, label: str, key: str) -> Iterator[str]:
    """Yield texts that may be what is wanted, the best to look at first."""
    number = _number(tomllib.loads(text), label)
    if number is None:
        yield f"{text.rstrip()}\n\n[[accounts]]\n{_line('label', label)}{_line('session_key', key)}"
        yield _appended(text, {"label": label, "session_key": key})
    else:
        yield _inserted(text, number, _line("session_key", key))
        yield _set(text, number, key)


def _line(name: str, value: str) -> str:
    import tomlkit

    return f"{name} = {tomlkit.string(value).as_string()}\n"


def _inserted(text: str, number: int, line: str) -> str:
    """Return a text with a line after that of an account's label."""
    from cldmon.config.lines import line_of

    lines = f"{text.rstrip()}\n".splitlines(keepends=True)
    lines.insert(line_of(text, ("accounts", number, "label")) or 0, line)
    return "".join(lines)


def _set(text: str, number: int, key: str) -> str:
    import tomlkit

    parsed: Any = tomlkit.parse(text)
    parsed["accounts"][number]["session_key"] = key
    return tomlkit.dumps(parsed)


def _appended(text: str, account: Mapping[str, str]) -> str:
    """Return a text with one more item in an `accounts = […]` list."""
    import tomlkit

    parsed: Any = tomlkit.parse(text)
    entry = tomlkit.inline_table()
    entry.update(account)
    parsed["accounts"].append(entry)
    return tomlkit.dumps(parsed)
