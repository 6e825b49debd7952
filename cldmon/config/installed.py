"""What is installed on this machine that makes passes: units, and lines of a crontab.

Source: systemd.syntax(7), systemd.unit(5), systemd.exec(5), systemd.service(5), crontab(5).
"""

from __future__ import annotations

import fnmatch
import os
import pwd
import re
import shlex
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cldmon.config import locate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FETCH_SERVICES = "cldmon*-fetch.service"
SYSTEM_FOLDERS = tuple(
    Path(each, "systemd/system") for each in ("/etc", "/run", "/usr/local/lib", "/usr/lib")
)
"""Where the system's manager looks, the first place before the others."""

_WORD = re.compile(r"""(?:[^ \t\r\n"'\\]|\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')+""", re.DOTALL)
_PIECE = re.compile(r"""\\(.)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""", re.DOTALL)
_BLANKS = " \t\r"
_ESCAPED = {"s": " ", "n": "\n", "t": "\t"}


class Call(NamedTuple):
    """A call of cldmon: the configuration and the data folder that it names.

    `user` is who makes it, if its unit says so.
    """

    config: Path | None
    data_dir: Path | None
    user: str | None = None

    def is_of(self, config: Path) -> bool:
        """Return whether it is for a configuration; one that names none may be for any."""
        return self.config is None or is_same_file(self.config, config)

    def stores_in(self, data_dir: Path) -> bool:
        """Return whether it stores its data in a folder."""
        return self.data_dir is not None and is_same_file(self.data_dir, data_dir)


class Credential(NamedTuple):
    """The service that is given a credential, by which setting, and the file that it comes from.

    The file is None unless it contains the credential.
    """

    service: str
    setting: str
    file: str | None = None

    def __str__(self) -> str:
        return f"{self.setting} in {self.service}"


class FetchService(NamedTuple):
    """A service that makes passes: the file of its unit, and its settings, drop-ins included.

    It is the system's, or one of a user's own manager.
    """

    path: Path
    settings: Mapping[str, Sequence[str]]
    of_user: bool = False

    @property
    def name(self) -> str:
        """The name of the instance; that of the first is empty."""
        return self.path.name.removeprefix("cldmon").removesuffix("-fetch.service")[1:]

    @property
    def timer(self) -> str:
        """What starts it."""
        return self.path.with_suffix(".timer").name

    @property
    def call(self) -> Call:
        """What it calls."""
        commands, users = (self.settings.get(key, ()) for key in ("ExecStart", "User"))
        call = parse_call(split_words(commands[-1], doubled="%$") if commands else ())
        return call._replace(user=users[-1] if users else None)

    def credential(self, name: str) -> Credential | None:
        """Return how it is given the credential of that name, or None."""
        for key in ("LoadCredential", "LoadCredentialEncrypted"):
            for value in self.settings.get(key, ()):
                given, _, source = value.partition(":")
                if given == name:
                    file = source if key == "LoadCredential" and source else None
                    return Credential(self.path.name, f"{key}={value}", file)
        for key in ("SetCredential", "SetCredentialEncrypted"):
            if any(value.partition(":")[0] == name for value in self.settings.get(key, ())):
                return Credential(self.path.name, key)  # the value itself stands there
        for glob in self.settings.get("ImportCredential", ()):
            if fnmatch.fnmatchcase(name, glob):
                return Credential(self.path.name, f"ImportCredential={glob}")
        return None

    def data_dir(self, configured: str | None, config: Path) -> Path:
        """Return where its passes keep their data, given what its configuration says of that."""
        named = self.call
        return locate.find_data_dir(configured, named.config or config, named.data_dir, self._env)

    def may_write(self, folder: Path) -> bool:
        """Return whether the folder is not read-only for it."""
        if self.settings.get("ProtectSystem", ("no",))[-1] != "strict":
            return True
        opened = [
            each.lstrip("-+") for line in self._iter_values("ReadWritePaths") for each in line
        ]
        state = self._env.get("STATE_DIRECTORY")
        return any(folder.is_relative_to(each) for each in (*opened, *([state] if state else [])))

    @property
    def _env(self) -> dict[str, str]:
        """What of its environment decides where the data are."""
        pairs = (each.partition("=") for line in self._iter_values("Environment") for each in line)
        env = {}
        if "User" in self.settings:
            with suppress(KeyError):
                env["HOME"] = pwd.getpwnam(self.settings["User"][-1]).pw_dir
        env |= {name: value for name, _, value in pairs}
        if state := [each for line in self._iter_values("StateDirectory") for each in line]:
            env["STATE_DIRECTORY"] = f"/var/lib/{state[0]}"
        return env

    def _iter_values(self, key: str) -> Iterator[list[str]]:
        yield from map(split_words, self.settings.get(key, ()))


def find_fetch_services(
    env: Mapping[str, str], system: Iterable[Path] = SYSTEM_FOLDERS
) -> list[FetchService]:
    """Return the services that make passes, those of the system and of the caller's own manager."""
    own = (each._replace(of_user=True) for each in _find_in((get_user_units(env),)))
    return [*_find_in(tuple(system)), *own]


def find_service_credential(name: str, config: Path, env: Mapping[str, str]) -> Credential | None:
    """Return how systemd gives the passes of a configuration the credential of that name, or None.

    Only such a pass can see it.
    """
    services = [each for each in find_fetch_services(env) if each.call.is_of(config)]
    found = (service.credential(name) for service in services)
    return next(filter(None, found), None)


def get_user_units(env: Mapping[str, str]) -> Path:
    """Return where a user's own units are."""
    return locate.get_user_config(env).parent.parent / "systemd" / "user"


def parse_call(argv: Sequence[str]) -> Call:
    """Return what the words of a call of cldmon name."""
    found: dict[str, Path] = {}
    rest = iter(argv)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in ("--config", "--data-dir"):
            found[name] = Path(value if equals else next(rest, ""))
    return Call(found.get("--config"), found.get("--data-dir"))


def parse_crontab(crontab: str) -> list[Call]:
    """Return the calls in a crontab that make passes."""
    calls = []
    for line in map(str.strip, crontab.splitlines()):
        if "cldmon" in line and "fetch" in line and not line.startswith("#"):
            command = line.replace(r"\%", "%")
            try:
                calls.append(parse_call(shlex.split(command)))
            except ValueError:
                calls.append(parse_call(command.split()))
    return calls


def split_words(value: str, doubled: str = "%") -> list[str]:
    """Return the words of a setting; each letter of `doubled` stands twice for itself."""
    return [_unquote(match[0], doubled) for match in _WORD.finditer(value)]


def parse_settings(text: str) -> dict[str, list[str]]:
    """Return every setting in the [Service] section of a unit's text, its values in order."""
    found: dict[str, list[str]] = defaultdict(list)
    section = ""
    lines = [line for line in text.split("\n") if not line.lstrip(_BLANKS).startswith(("#", ";"))]
    for line in "\n".join(lines).replace("\\\n", " ").split("\n"):
        if match := re.fullmatch(r"\[(.*)\]", line.strip(_BLANKS)):
            section = match[1]
        elif section == "Service" and "=" in line:
            name, _, value = line.partition("=")
            if value := value.strip(_BLANKS):
                found[name.strip(_BLANKS)].append(value)
            else:
                found.pop(name.strip(_BLANKS), None)  # an empty one takes back those before it
    return dict(found)


def _find_in(folders: Sequence[Path]) -> Iterator[FetchService]:
    for path in _find_files(folders, FETCH_SERVICES):
        drop_ins = _find_files([each / f"{path.name}.d" for each in folders], "*.conf")
        texts = []
        for file in (path, *drop_ins):
            with suppress(OSError):
                texts.append(file.read_text(encoding="utf-8", errors="replace"))
        yield FetchService(path, parse_settings("\n".join(texts)))


def _find_files(folders: Sequence[Path], pattern: str) -> list[Path]:
    """Return the files of these folders, sorted by name; of equal names, the first one counts."""
    found = {path.name: path for folder in reversed(folders) for path in folder.glob(pattern)}
    return [found[name] for name in sorted(found)]


def _unquote(word: str, doubled: str) -> str:
    def piece(match: re.Match[str]) -> str:
        if match[1] is not None:
            return _ESCAPED.get(match[1], match[1])
        inner: str = match[2] if match[2] is not None else match[3]
        return re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), inner)

    text = _PIECE.sub(piece, word)
    for letter in doubled:
        text = text.replace(letter * 2, letter)
    return text


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether two paths are one file; by their names where there is none."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.abspath(one) == os.path.abspath(other)  # noqa: PTH100 - links stay links
