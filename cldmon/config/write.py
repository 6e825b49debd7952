"""The first configuration file, and how an account's session key gets to its place later.

An existing configuration is edited, not rewritten: comments, order and layout stay.
"""

from __future__ import annotations

import copy
import os
import shlex
import stat
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.config import document
from cldmon.config.installed import find_service_credential
from cldmon.config.locate import resolve
from cldmon.config.schema import AccountConfig
from cldmon.config.secrets import find_credential
from cldmon.domain.labels import find_label_problem
from cldmon.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cldmon.config.schema import Config
    from cldmon.domain.secret import Secret

_UNSET = '# session_secret = ""'
_DOCUMENTED_RULE = '# reset_rule = "zero"'
_BETTER_RULE = """\
# "zero" is the default, and misses resets: with ten minutes between passes, use has often begun
# again before the next one, so that a fall from 100 to 3 is as common as one from 100 to 0.
reset_rule = "window"
"""
_ELSEWHERE = {
    "session_key_env": "sign in with any browser and put its cookie sessionKey into that variable",
    "session_key_command": "sign in with any browser and store its cookie sessionKey there",
}


def read_example() -> str:
    """Return the commented example, which loads but for its placeholder key."""
    return resources.files("cldmon.config").joinpath("example.toml").read_text("utf-8")


def make_initial(session_secret: Secret) -> str:
    """Return the example with a session secret of its own, and the better reset rule."""
    text = read_example().replace(f"{_DOCUMENTED_RULE}\n", _BETTER_RULE, 1)
    return text.replace(_UNSET, f'session_secret = "{session_secret.reveal()}"', 1)


def create(path: Path, text: str) -> None:
    """Write a new file, 0600 from its first byte on, and the folders that lead to it.

    Raises ConfigError where something is there already (it is left as it is), StoreError where
    it cannot be written.
    """
    files.create_private_dir(path.parent)
    with files.wrap_os_errors("write", path):
        try:
            path.touch(files.PRIVATE_FILE, exist_ok=False)
        except FileExistsError as error:
            problem = "exists already and is left as it is; edit it, or name another file"
            if path.is_dir():
                problem = f"is a directory; name a file in it, e.g. {path / 'config.toml'}"
            raise ConfigError(f"{path}: {problem}") from error
        try:
            files.replace(path, text.encode())
        except BaseException:
            path.unlink()
            raise


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where an account's session key is stored: `path`, the configuration or a file of its own."""

    config: Path
    label: str
    path: Path

    def store(self, key: Secret) -> None:
        """Store a key; raises ConfigError or StoreError."""
        if self.path != self.config:
            files.create_private_dir(self.path.parent)
            _replace(self.path, key.reveal() + "\n", files.PRIVATE_FILE)
            return
        # Read only now: it may have been edited while the person signed in.
        text = document.read(self.path).text
        with files.wrap_os_errors("look at", self.path):
            mode = stat.S_IMODE(self.path.stat().st_mode)
        try:
            edited = set_key(text, self.label, key.reveal())
        except ConfigError as error:
            raise ConfigError(f"{self.path}: {error}: write the key there yourself") from error
        _replace(self.path, edited, mode)


def find_key_place(config: Config, path: Path, label: str, env: Mapping[str, str]) -> KeyPlace:
    """Return where the session key of an account belongs; a new account's is the configuration.

    Raises ConfigError if the key is kept elsewhere or its place is not writable, UsageError for
    an invalid label.
    """
    account = config.account(label)
    if account is None and (problem := find_label_problem(label)):
        raise UsageError(f"the label {label!r} {problem}")
    place = _choose_key_path(account or AccountConfig(label=label), path, env)
    # Better known before the person signs in.
    folder = place.resolve().parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{folder}: not writable by this user; run it as the owner of {place}")
    return KeyPlace(path, label, place)


def set_key(text: str, label: str, key: str) -> str:
    """Return a configuration's text with the session key of an account, which may be new.

    Raises ConfigError if no edit changes this and nothing else.
    """
    wanted = copy.deepcopy(tomllib.loads(text))
    accounts = wanted.setdefault("accounts", [])
    number = next((n for n, each in enumerate(accounts) if each["label"] == label), None)
    if number is None:
        accounts.append({"label": label, "session_key": key})
    else:
        accounts[number]["session_key"] = key
    for edited in _try_edits(text, number, label, key):
        with suppress(ValueError):
            if tomllib.loads(edited) == wanted:
                return edited
    raise ConfigError(f'the account "{label}" is written in a way that cannot be edited')


def _try_edits(text: str, number: int | None, label: str, key: str) -> Iterator[str]:
    """Yield texts with the key of the account of that number (None: a new one), the best first."""
    import tomlkit

    from cldmon.config.lines import find_line

    key_line = f"session_key = {tomlkit.string(key).as_string()}\n"
    if number is None:
        label_line = f"label = {tomlkit.string(label).as_string()}\n"
        yield f"{text.rstrip()}\n\n[[accounts]]\n{label_line}{key_line}"
    else:
        lines = f"{text.rstrip()}\n".splitlines(keepends=True)
        lines.insert(find_line(text, ("accounts", number, "label")) or 0, key_line)
        yield "".join(lines)
    # Accounts that are not [[accounts]] tables, such as `accounts = [{…}]`.
    parsed: Any = tomlkit.parse(text)
    if number is None:
        entry = tomlkit.inline_table()
        entry.update({"label": label, "session_key": key})
        parsed["accounts"].append(entry)
    else:
        parsed["accounts"][number]["session_key"] = key
    yield tomlkit.dumps(parsed)


def _choose_key_path(account: AccountConfig, config: Path, env: Mapping[str, str]) -> Path:
    sources = account.sources()
    given = sources.given()
    owner = f'account "{account.label}" has its key from'
    for name, remedy in _ELSEWHERE.items():
        if name in given:
            raise ConfigError(f"{owner} {name}, where cldmon cannot store one: {remedy}")
    if sources.file is not None:
        return resolve(config.parent, sources.file, env)
    if given:
        return config
    own = find_credential(sources.credential, env)
    service = None if own else find_service_credential(sources.credential, config, env)
    if not (own or service):
        return config
    target = "that credential's source"
    if service and service.file:
        target = f"its file: sudo install -m 600 /dev/stdin {shlex.quote(service.file)}"
    raise ConfigError(
        f"{owner} systemd ({own or service}), where cldmon cannot store one:"
        f" sign in with any browser, and store its cookie sessionKey in {target}"
    )


def _replace(path: Path, text: str, mode: int) -> None:
    """Replace a file, or what a link leads to; root leaves it to its owner."""
    real = path.resolve()
    owner = real.stat() if real.exists() else None
    files.replace(real, text.encode(), mode=mode)
    if owner and os.geteuid() == 0:
        with files.wrap_os_errors("give to its owner", real):
            os.chown(real, owner.st_uid, owner.st_gid)
