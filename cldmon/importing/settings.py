"""The Node version's config.json as TOML. Pure.

Only `cldmon.config` knows what is valid in a configuration. A setting that it refuses is left out
and reported with its message, so the result always loads.
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
"""The Node version's keys, and what the last part of each is called in TOML."""

_PEOPLE = "alerts go to people: `cldmon subscribe`"
WITHOUT_USE: Mapping[KeyPath, str] = {
    ("appName",): "it named the process for pm2; cldmon runs no daemon",
    ("password",): "cldmon has no password login: see `login` and `api_token`",
    (*SLACK, "channelId"): _PEOPLE,
    (*SLACK, "mention"): _PEOPLE,
}
"""Keys of any Node version that cldmon does not use, and why."""

ACCOUNT_KEYS = ("label", "sessionKey")
_UNKNOWN = "cldmon has no such key"

_HEAD = """\
# Imported from the Node version by `cldmon import`. Keys that are not here have their defaults;
# `cldmon init` writes a file that explains every key. Keep this file private: chmod 600.
"""
_HOST = """
# `cldmon serve` listens on this machine only. The Node version accepted connections from others:
# host = "0.0.0.0"
"""
_RESET_RULE = """
# A limit has reset when it falls from 100 to 0 percent, as in the Node version. That misses resets
# after which use begins again before the next pass (100 to 3). This reports them, too:
# notifications.reset_rule = "window"
"""


@dataclass(frozen=True, slots=True)
class Translation:
    """The TOML, the labels of its accounts, and a remark on each setting left out."""

    text: str = field(repr=False)
    labels: tuple[str, ...]
    remarks: tuple[str, ...]


def translate(body: Mapping[str, Any], data_dir: Path | None = None) -> Translation:
    """Return a config.json's content as TOML, with `data_dir` added if given."""
    translator = _Translator()
    translator.add_settings(body)
    translator.add_accounts(body.get("accounts"))
    translator.drop_refused()
    return translator.finish(data_dir)


class _Translator:
    """A translation in progress. `found`, `slack` and `people` become the TOML's tables."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.slack: dict[str, Any] = {}
        self.people: list[dict[str, Any]] = []
        self.keyless: list[str] = []
        self.remarks: list[str] = []

    def add_settings(self, body: Mapping[str, Any]) -> None:
        for path, value in _iter_leaves(body):
            if path not in KEYS:
                # JSON has no comments, so keys that begin with an underscore serve as such.
                if not str(path[-1]).startswith("_"):
                    self.skip(path, WITHOUT_USE.get(path, _UNKNOWN))
            elif isinstance(value, str) and value in KNOWN_SECRETS:
                self.skip(path, "it is public in the Node version's source; cldmon makes one")
            elif value not in (None, ""):
                table = self.slack if path[:2] == SLACK else self.found
                table[KEYS[path]] = value

    def add_accounts(self, listed: object) -> None:
        if not isinstance(listed, list):
            if listed is not None:
                self.skip(("accounts",), "expected a list")
            return
        seen: set[object] = set()
        for number, entry in enumerate(listed):
            label = entry.get("label") if isinstance(entry, dict) else None
            if not isinstance(entry, dict) or not isinstance(label, str):
                self.skip(("accounts", number), "has no label")
            elif label in seen:
                why = f"{mask_secrets(label)!r} is the label of another account"
                self.skip(("accounts", number), why)
            else:
                seen.add(label)
                self._add_account(number, entry)

    def _add_account(self, number: int, entry: Mapping[str, Any]) -> None:
        for unknown in [key for key in entry if key not in ACCOUNT_KEYS]:
            self.skip(("accounts", number, unknown), _UNKNOWN)
        given = entry.get("sessionKey")
        key = unwrap_session_key(given) if isinstance(given, str) else ""
        person = {"label": entry["label"], "session_key": key}
        refused = find_problems(Document(Path(), "", {"accounts": [person]}), {})
        if not refused:
            self.people.append(person)
        elif refused[0][0][-1] == "session_key":
            owner = mask_secrets(entry["label"])
            why = f'the key of "{owner}" {refused[0][1]}' if key else f'"{owner}" has none'
            self.skip(("accounts", number, "sessionKey"), why)
            self.keyless.append(entry["label"])
        else:
            self.skip(("accounts", number, "label"), refused[0][1])

    def drop_refused(self) -> None:
        """Drop refused keys one by one, since one may be the reason that another is refused."""
        tables = {"notifications": {"slack": self.slack}, "accounts": self.people}
        while refused := find_problems(Document(Path(), "", {**self.found, **tables}), {}):
            path, problem = refused[0]
            key = str(path[-1])
            del (self.slack if key in self.slack else self.found)[key]
            self.skip(next(path for path, name in KEYS.items() if name == key), problem)

    def skip(self, path: KeyPath, why: str) -> None:
        self.remarks.append(f"{mask_secrets(format_key(path))}: not imported: {why}")

    def finish(self, data_dir: Path | None) -> Translation:
        top = {**self.found, **({"data_dir": str(data_dir)} if data_dir else {})}
        tables = [_HEAD + _format_pairs(top) + ("" if "host" in top else _HOST) + _RESET_RULE]
        if self.slack:
            tables.append("[notifications.slack]\n" + _format_pairs(self.slack))
        tables += ["[[accounts]]\n" + _format_pairs(person) for person in self.people]
        for label in self.keyless:
            text = _format_pairs({"label": label})
            tables.append(
                "# No usable session key: `cldmon login LABEL --add` adds one, and with"
                f' source = "report" it needs none.\n# {text}'
            )
        labels = tuple(person["label"] for person in self.people)
        return Translation("\n".join(tables), labels, tuple(self.remarks))


def _iter_leaves(body: Mapping[str, Any], path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every setting except the accounts, with its path."""
    for key, value in body.items():
        here = (*path, key)
        if here in (SLACK[:1], SLACK) and isinstance(value, dict):
            yield from _iter_leaves(value, here)
        elif here != ("accounts",):
            yield here, value


def _format_pairs(table: Mapping[str, Any]) -> str:
    import tomlkit

    return "".join(f"{key} = {tomlkit.item(value).as_string()}\n" for key, value in table.items())
