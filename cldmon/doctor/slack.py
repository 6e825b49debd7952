"""Slack: whether its token is there and good, and may do what messages need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.app import parts
from cldmon.doctor.check import fail, ok, warn
from cldmon.errors import SecretError, SlackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.channels.slack.client import Identity, SlackMessenger
    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation

NEEDED = ("chat:write", "users:read")
ONE_OF_FOR_CHANNEL = frozenset({"channels:read", "groups:read"})

_REINSTALL = "add it under OAuth & Permissions of the Slack app, and reinstall the app"


def token(installation: Installation) -> Iterator[Check]:
    """Look whether Slack is on, its token good, its scopes enough and its channel visible."""
    if installation.config is None:
        return
    app, slack = installation.app, installation.config.notifications.slack
    if not slack.enabled:
        yield ok("slack", "off")
        return
    try:
        messenger = parts.messenger(installation.config, app.env, app.config_folder, app.now)
    except SecretError as error:
        if given := installation.credential(slack.sources()):
            yield warn("slack", f"systemd gives the token to the passes alone ({given})")
            return
        yield fail("slack", str(error), "put the bot token (xoxb-…) of your Slack app there")
        return
    if installation.offline:
        yield ok("slack", "the token is there")
        return
    yield from _access(messenger, slack.member_channel_id)


def scopes(identity: Identity, channel: str | None) -> Iterator[Check]:
    """Yield what the app may not do but has to."""
    if not identity.scopes:
        yield warn("slack scopes", "Slack does not tell which there are")
        return
    missing = [scope for scope in NEEDED if scope not in identity.scopes]
    if channel and not ONE_OF_FOR_CHANNEL & identity.scopes:
        missing.append("channels:read (groups:read for a private channel)")
    for scope in missing:
        yield fail("slack scopes", f"the app lacks {scope}", _REINSTALL)
    if not missing:
        yield ok("slack scopes", ", ".join(sorted(identity.scopes)))


def _access(messenger: SlackMessenger, channel: str | None) -> Iterator[Check]:
    try:
        identity = messenger.auth_test()
    except SlackError as error:
        yield fail("slack", str(error), "messages wait in the outbox until this is fixed")
        return
    yield ok("slack", f"{identity.bot_user} in {identity.team}")
    yield from scopes(identity, channel)
    if channel:
        yield _channel(messenger, channel)


def _channel(messenger: SlackMessenger, channel: str) -> Check:
    try:
        members = next(messenger.members(channel), [])
    except SlackError as error:
        remedy = "invite the app to the channel, or correct member_channel_id"
        return fail("slack channel", str(error), remedy)
    return ok("slack channel", f"{channel} is visible, {len(members)} member(s) or more")
