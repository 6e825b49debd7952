"""Where somebody works with cldmon: three accounts, half a day of passes, a clock that stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from cldmon.app import App
from cldmon.cli import MODULES, cli
from cldmon.cli.log import show_log
from cldmon.demo.slack import TOKEN
from cldmon.domain.secret import Secret
from cldmon.store.history import day_path, format_line
from cldmon.store.state import AccountState, KeyFingerprint, State, StateFile
from cldmon.store.subscriptions import SubscriptionsFile
from tests.fakes import Clock, windows
from tests.terminal.readings import ALICE, BOB, CAROL, HOUR, MINUTE, NOW, SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

    from tests.fakes import Windows
    from tests.simulation.slack import FakeSlack

ZONE = "Europe/Berlin"
PEOPLE = (ALICE, BOB, CAROL)
DAY = 24 * HOUR
_ENV = {
    "TZ": ZONE,
    "LANG": "C.UTF-8",
    **dict.fromkeys(("LC_ALL", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")),
}
"""What decides how things look, as it is on a plain machine."""

_DIFFERENT = (
    (re.compile(r"version: cldmon (\S| (?!\S+: ))*\n"), "version: …\n"),
    (re.compile(r'"cldmon \d[^"]*"'), '"…"'),
    (re.compile(r"[\d,]+ MB free at [^\s\"]+"), "… MB free"),
)
"""What differs between machines."""


def key(label: str) -> str:
    """Return a session key; each account has its own."""
    return f"sk-ant-sid02-MARKER-{''.join(filter(str.isascii, label)).strip()}"


@dataclass(frozen=True)
class Desk:
    """The working folder is the one with `config.toml` and `data`."""

    app: App

    def types(self, words: str, given: str | None = None) -> str:
        """Return a command line and what is then to be seen; `given` goes to its stdin."""
        name, *arguments = words.split()
        module = import_module(f"cldmon.cli.{MODULES.get(name, name)}")
        command: click.Command = module.command
        as_a_part = {
            "obj": self.app,
            "help_option_names": cli.context_settings["help_option_names"],
        }
        show_log()
        done = CliRunner().invoke(command, arguments, given, _ENV, **as_a_part)
        seen = done.output.replace(str(Path.cwd()), "/home/ann")
        for pattern, words_instead in _DIFFERENT:
            seen = pattern.sub(words_instead, seen)
        end = f"[exit code {int(done.exit_code)}]\n" if done.exit_code else ""
        return f"$ cldmon {words}\n{seen}{end}"


def furnish(slack: FakeSlack) -> Desk:
    """Write configuration and data into the working folder, and return the desk there."""
    folder = Path.cwd()
    config, data = folder / "config.toml", folder / "data"
    data.mkdir(mode=0o700)
    accounts = (
        f'[[accounts]]\nlabel = "{a.label}"\nsession_key = "{key(a.label)}"\n' for a in PEOPLE
    )
    config.write_text(
        f'data_dir = "data"\nslack_url = "{slack.url}"\n'
        '[browser]\nexecutable = "/nonexistent/browser"\n'
        f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN}"\n{"".join(accounts)}'
    )
    config.chmod(0o600)
    StateFile(data).save(
        State(replace(SNAPSHOT, accounts=PEOPLE), account_states=dict(_memories()))
    )
    for day in {NOW.date(), (NOW - DAY).date()}:
        lines = [f"{text}\n" for at, text in _passes() if at == day]
        day_path(data, day).write_text("".join(lines), encoding="utf-8")
    settings = SubscriptionsFile(data)
    settings.change("U01ALICE", "bob", limit_hit=True)
    settings.change("U02BOB", "alice", limit_hit=True, reset=True)
    return Desk(App(config, None, {"HOME": str(folder), "PATH": "/nonexistent"}, Clock(NOW)))


def _memories() -> Iterator[tuple[str, AccountState]]:
    """Yield the memory of each account: keys of 0, 11 and 22 days."""
    for number, account in enumerate(PEOPLE):
        mark = KeyFingerprint(Secret(key(account.label)).fingerprint(), NOW - number * 11 * DAY)
        yield account.label, AccountState(key=mark)


def _passes() -> Iterator[tuple[object, str]]:
    """Yield the UTC date and the history line of a pass every ten minutes, with a gap."""
    for n in [*range(72, 31, -1), *range(24, 0, -1)]:
        at = (NOW - n * 10 * MINUTE).astimezone(UTC)
        session = 100 if 20 <= n <= 23 else (148 - 2 * n) % 98
        read: dict[str, Windows] = {
            "alice": {"fiveHour": session, "sevenDay": 63 - n // 4, "models.Fable": 62 - n // 6},
            CAROL.label: {"fiveHour": 90 - n, "sevenDay": 12},
        }
        if n > 20:
            read["bob"] = {"fiveHour": n // 2, "sevenDay": 93}
        yield at.date(), format_line(at, {label: windows(values) for label, values in read.items()})
