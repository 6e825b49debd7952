"""A Node program's config.json as TOML. Pure.

What may stand in a configuration is known to `cldmon.config` alone: whatever it refuses is left
out, with its own words as the reason, so that the result loads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cldmon.config.document import Document, format_key
from cldmon.config.exposure import KNOWN_SECRETS
from cldmon.config.load import find_problems
from cldmon.domain.secret import mask_secrets, unwrap_session_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cldmon.config.lines import KeyPath

SLACK = ("notifications", "slack")
KEYS: Mapping[KeyPath, str] = {
    ("sessionSecret",): "session_secret",
    ("host",): "host",
    ("port",): "port",
    ("fetchIntervalMinutes",): "fetch_interval_minutes",
    (*SLACK, "enabled"): "enabled",
    (*SLACK, "botToken"): "bot_token",
    (*SLACK, "memberChannelId"): "member_channel_id",
}
"""The Node program's keys, and what the last part of each is called in TOML."""

_PEOPLE = "alerts go to people: `cldmon subscribe`"
WITHOUT_USE: Mapping[KeyPath, str] = {
    ("appName",): "it named the process for pm2, and none stays resident here",
    ("password",): "nobody logs in by password here: see `login` and `api_token`",
    (*SLACK, "channelId"): _PEOPLE,
    (*SLACK, "mention"): _PEOPLE,
}
"""Keys of the Node program, or of its first versions, that have no use here, and why."""

ACCOUNT_KEYS = ("label", "sessionKey")

_HEAD = """\
# Taken over from a Node cldmon by `cldmon import`. A key that is not here has its default;
# `cldmon init` writes a file that explains every one. Keep it private: chmod 600.
"""
_HOST = """
# Where `cldmon serve` listens: this machine alone. The Node program was open to others; as there:
# host = "0.0.0.0"
"""


@dataclass(frozen=True, slots=True)
class Translation:
    """The TOML, the labels of the accounts in it, and what was left out and why."""

    text: str = field(repr=False)
    labels: tuple[str, ...]
    remarks: tuple[str, ...]


def translate(body: Mapping[str, Any], data_dir: Path | None = None) -> Translation:
    """Return a config.json's content as TOML; `data_dir` is written into it, if given."""
    work = _Work()
    work.settings(body)
    work.accounts(body.get("accounts"))
    work.leave_out_what_is_refused()
    return work.translation(data_dir)


class _Work:
    """A translation in the making. `found` is shaped as the TOML will be."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.slack: dict[str, Any] = {}
        self.people: list[dict[str, Any]] = []
        self.keyless: list[str] = []
        self.remarks: list[str] = []

    def settings(self, body: Mapping[str, Any]) -> None:
        for path, value in _leaves(body):
            if path not in KEYS:
                self.leave_unknown(path)
            elif isinstance(value, str) and value in KNOWN_SECRETS:
                self.leave(path, "everybody can read it in the Node program; a new one is made")
            elif value not in (None, ""):
                table = self.slack if path[:2] == SLACK else self.found
                table[KEYS[path]] = value

    def leave_unknown(self, path: KeyPath) -> None:
        # JSON has no comments: a key that begins so is one.
        if not str(path[-1]).startswith("_"):
            self.leave(path, WITHOUT_USE.get(path, "not a key that cldmon knows"))

    def accounts(self, listed: object) -> None:
        if not isinstance(listed, list):
            if listed is not None:
                self.leave(("accounts",), "expected a list")
            return
        seen: set[object] = set()
        for number, entry in enumerate(listed):
            label = entry.get("label") if isinstance(entry, dict) else None
            if not isinstance(entry, dict) or not isinstance(label, str):
                self.leave(("accounts", number), "has no label")
            elif label in seen:
                self.leave(
                    ("accounts", number), f"{mask_secrets(label)!r} is the label of another account"
                )
            else:
                seen.add(label)
                self.account(number, entry)

    def account(self, number: int, entry: Mapping[str, Any]) -> None:
        for unknown in [key for key in entry if key not in ACCOUNT_KEYS]:
            self.leave(("accounts", number, unknown), "not a key that cldmon knows")
        given = entry.get("sessionKey")
        key = unwrap_session_key(given) if isinstance(given, str) else ""
        person = {"label": entry["label"], "session_key": key}
        refused = find_problems(Document(Path(), "", {"accounts": [person]}), {})
        if not refused:
            self.people.append(person)
        elif refused[0][0][-1] == "session_key":
            owner = mask_secrets(entry["label"])
            why = f'the key of "{owner}" {refused[0][1]}' if key else f'"{owner}" has none'
            self.leave(("accounts", number, "sessionKey"), why)
            self.keyless.append(entry["label"])
        else:
            self.leave(("accounts", number, "label"), refused[0][1])

    def leave_out_what_is_refused(self) -> None:
        """Drop one refused key after the other: each may be the reason of another's refusal."""
        while refused := find_problems(self.document(), {}):
            path, problem = refused[0]
            key = str(path[-1])
            del (self.slack if key in self.slack else self.found)[key]
            self.leave(_node_path(key), problem)

    def document(self) -> Document:
        data = {**self.found, "notifications": {"slack": self.slack}, "accounts": self.people}
        return Document(Path(), "", data)

    def leave(self, path: KeyPath, why: str) -> None:
        self.remarks.append(f"{mask_secrets(format_key(path))}: not taken: {why}")

    def translation(self, data_dir: Path | None) -> Translation:
        top = {**self.found, **({"data_dir": str(data_dir)} if data_dir else {})}
        tables = [_HEAD + _pairs(top) + ("" if "host" in top else _HOST)]
        if self.slack:
            tables.append("[notifications.slack]\n" + _pairs(self.slack))
        tables += ["[[accounts]]\n" + _pairs(person) for person in self.people]
        tables += map(_without_key, self.keyless)
        labels = tuple(person["label"] for person in self.people)
        return Translation("\n".join(tables), labels, tuple(self.remarks))


def _leaves(body: Mapping[str, Any], path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every setting but the accounts, with its path."""
    for key, value in body.items():
        here = (*path, key)
        if here in (SLACK[:1], SLACK) and isinstance(value, dict):
            yield from _leaves(value, here)
        elif here != ("accounts",):
            yield here, value


def _node_path(key: str) -> KeyPath:
    return next(path for path, name in KEYS.items() if name == key)


def _pairs(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())


def _toml(value: Any) -> str:
    import tomlkit

    text: str = tomlkit.item(value).as_string()
    return text


def _without_key(label: str) -> str:
    text = _pairs({"label": label})
    return f"# Without a usable session key: `cldmon login LABEL --add` adds it.\n# {text}"
