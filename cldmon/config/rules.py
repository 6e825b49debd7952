"""What must not conflict in a valid configuration, and what a pass cannot do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.config.secrets import find_credential, find_key_problem, find_token_problem
from cldmon.domain.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cldmon.config.document import Document
    from cldmon.config.lines import KeyPath
    from cldmon.config.schema import AccountConfig, ChannelConfig, Config, Sources

    Problem = tuple[KeyPath, str]

SLACK: KeyPath = ("notifications", "slack")
CHANNELS: KeyPath = ("notifications", "channels")

_ADD_ACCOUNT = "no account is configured; add an [[accounts]] table with label and session_key"
_ADD_KEY = (
    "add session_key, session_key_file, session_key_env or session_key_command, "
    'run `cldmon login`, or set source = "report"'
)
_ADD_BOT = "add bot_token, bot_token_file, bot_token_env or bot_token_command"


def find_conflicts(config: Config, found: Document) -> Iterator[Problem]:
    """Yield what makes a configuration ambiguous: a name or a secret given twice."""
    channels = config.notifications.channels
    labels = {number: account.label for number, account in enumerate(config.accounts)}
    names = {number: each.name for number, each in enumerate(channels) if each.name}
    yield from _find_duplicates(found, ("accounts",), "label", labels)
    yield from _find_duplicates(found, CHANNELS, "name", names)
    given = [(SLACK, config.notifications.slack.sources().given())]
    given += [(("accounts", n), each.sources().given()) for n, each in enumerate(config.accounts)]
    given += [((*CHANNELS, n), each.given()) for n, each in enumerate(channels)]
    for key, keys in given:
        if len(keys) > 1:
            yield (*key, keys[1]), f"{keys[0]} is set, too; keep one of the two"
    for number, channel in enumerate(channels):
        yield from _find_channel_problems(config, channel, (*CHANNELS, number))


def _find_duplicates(
    found: Document, key: KeyPath, name: str, values: Mapping[int, str]
) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, value in values.items():
        if value in first:
            line = found.line((*key, first[value], name))
            problem = f'"{value}" is already the {name} of line {line}; rename one of them'
            yield (*key, number, name), problem
        first.setdefault(value, number)


def _find_channel_problems(
    config: Config, channel: ChannelConfig, key: KeyPath
) -> Iterator[Problem]:
    if not channel.given():
        yield key, "has no destination; add slack, url, url_file, url_env or command"
    if EventKind.THRESHOLD in (channel.events or ()) and not channel.thresholds:
        yield (*key, "events"), "threshold needs percentages: add, for example, thresholds = [80]"
    for number, label in enumerate(channel.accounts or ()):
        if not config.account(label):
            import difflib  # for those who make mistakes

            labels = [account.label for account in config.accounts]
            close = difflib.get_close_matches(label, labels, n=1)
            hint = f"did you mean {close[0]}?" if close else "see `label` below [[accounts]]"
            yield (*key, "accounts", number), f'no account is called "{label}"; {hint}'


def find_missing(config: Config, env: Mapping[str, str]) -> list[Problem]:
    """Return why a pass could read no account: there is none, or none with a key or reports."""
    if not config.accounts:
        return [(("accounts",), _ADD_ACCOUNT)]
    keyless = list(find_missing_keys(config, env))
    return keyless if len(keyless) == len(config.accounts) else []


def find_missing_keys(config: Config, env: Mapping[str, str]) -> Iterator[Problem]:
    """Yield the accounts that have neither a session key nor reports, or an invalid key."""
    for number, account in enumerate(config.accounts):
        sources = account.sources()
        key: KeyPath = ("accounts", number)
        if not _is_available(sources, env):
            if account.source is None:
                yield key, f'account "{account.label}" has no session key; {_ADD_KEY}'
        elif sources.inline is not None and (
            problem := find_key_problem(sources.inline.get_secret_value())
        ):
            yield (*key, "session_key"), problem


def has_key(account: AccountConfig, env: Mapping[str, str]) -> bool:
    """Return whether an account is to be read with a session key; it may have reports as well."""
    return _is_available(account.sources(), env) or account.source is None


def find_missing_token(config: Config, env: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with Slack's token where it is needed: for people, or for a channel."""
    slack = config.notifications.slack
    posts = (n for n, each in enumerate(config.notifications.channels) if each.slack)
    first_post = next(posts, None)
    if not slack.enabled and first_post is None:
        return
    sources = slack.sources()
    if _is_available(sources, env):
        if sources.inline is not None and (
            problem := find_token_problem(sources.inline.get_secret_value())
        ):
            yield (*SLACK, "bot_token"), problem
    elif slack.enabled:
        yield (
            (*SLACK, "enabled"),
            f"Slack is on without a token; {_ADD_BOT}, or set enabled = false",
        )
    else:
        yield (
            (*CHANNELS, first_post or 0, "slack"),
            f"needs the token of a Slack app; {_ADD_BOT} below [notifications.slack]",
        )


def _is_available(sources: Sources, env: Mapping[str, str]) -> bool:
    return bool(sources.given()) or find_credential(sources.credential, env) is not None
