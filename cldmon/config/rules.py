"""What must not conflict in a valid configuration, and what a pass cannot do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.config.secrets import find_credential, find_key_problem, find_token_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cldmon.config.document import Document
    from cldmon.config.lines import KeyPath
    from cldmon.config.schema import Config, Sources

    Problem = tuple[KeyPath, str]

SLACK: KeyPath = ("notifications", "slack")

_ADD_ACCOUNT = "no account is configured; add an [[accounts]] table with label and session_key"
_ADD_KEY = (
    "add session_key, session_key_file, session_key_env or session_key_command, "
    "or run `cldmon login`"
)
_ADD_BOT = (
    "add bot_token, bot_token_file, bot_token_env or bot_token_command, or set enabled = false"
)


def find_conflicts(config: Config, found: Document) -> Iterator[Problem]:
    """Yield what makes a configuration ambiguous: a label or a secret given twice."""
    first: dict[str, int] = {}
    sources: list[tuple[KeyPath, Sources]] = [(SLACK, config.notifications.slack.sources())]
    for number, account in enumerate(config.accounts):
        sources.append((("accounts", number), account.sources()))
        if account.label in first:
            line = found.line(("accounts", first[account.label], "label"))
            problem = f'"{account.label}" is already the label of line {line}; rename one of them'
            yield ("accounts", number, "label"), problem
        first.setdefault(account.label, number)
    for key, each in sources:
        if len(given := each.given()) > 1:
            yield (*key, given[1]), f"{given[0]} is set, too; keep one of the two"


def find_missing(config: Config, env: Mapping[str, str]) -> list[Problem]:
    """Return why a pass could read no account: there is none, or none with a key."""
    if not config.accounts:
        return [(("accounts",), _ADD_ACCOUNT)]
    keyless = list(find_missing_keys(config, env))
    return keyless if len(keyless) == len(config.accounts) else []


def find_missing_keys(config: Config, env: Mapping[str, str]) -> Iterator[Problem]:
    """Yield the accounts that have no session key, or an invalid one."""
    for number, account in enumerate(config.accounts):
        sources = account.sources()
        key: KeyPath = ("accounts", number)
        if not _available(sources, env):
            yield key, f'account "{account.label}" has no session key; {_ADD_KEY}'
        elif sources.inline is not None and (
            problem := find_key_problem(sources.inline.get_secret_value())
        ):
            yield (*key, "session_key"), problem


def find_missing_token(config: Config, env: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with Slack's token where Slack is on."""
    if not config.notifications.slack.enabled:
        return
    sources = config.notifications.slack.sources()
    if not _available(sources, env):
        yield (*SLACK, "enabled"), f"Slack is on without a token; {_ADD_BOT}"
    elif sources.inline is not None and (
        problem := find_token_problem(sources.inline.get_secret_value())
    ):
        yield (*SLACK, "bot_token"), problem


def _available(sources: Sources, env: Mapping[str, str]) -> bool:
    return bool(sources.given()) or find_credential(sources.credential, env) is not None
