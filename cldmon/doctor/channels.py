"""The channels of the configuration: whether each can be used, and a test message to each."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.app.alerts import open_channel
from cldmon.doctor.check import fail, ok, warn
from cldmon.doctor.services import CHANNEL_SCOPES
from cldmon.domain.delivery import DeliveryStatus
from cldmon.domain.events import Event, EventKind
from cldmon.errors import CldmonError, SecretError, SlackError
from cldmon.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.config.schema import ChannelConfig, Config
    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation

_FIRST_LINE = re.compile(rb"#![ \t]*([^ \t\n]+)")
_LONGEST_FIRST_LINE = 256


def check_channels(installation: Installation) -> Iterator[Check]:
    """Check that each channel can be used, without sending anything."""
    config = installation.config
    if config is None:
        return
    for name, channel in config.notifications.named_channels.items():
        try:
            if channel.kind == "slack":
                yield _check_slack(installation, config, name)
            elif channel.kind == "command":
                yield _check_command(installation, name, channel)
            else:
                open_channel(installation.app, config, name)
                yield ok(f"channel {name}", "Apprise understands the URL")
        except CldmonError as error:
            yield _explain(installation, config, f"channel {name}", error)
    owned = [account.label for account in config.accounts if account.owner]
    if owned and not config.notifications.slack.enabled:
        detail = f"direct messages are off, so the owner of {', '.join(owned)} gets no warnings"
        yield warn("owners", detail, "set enabled = true below [notifications.slack]")


def send_tests(installation: Installation) -> Iterator[Check]:
    """Send one test message to each channel."""
    config, now = installation.config, installation.app.now()
    if config is None:
        return
    channels = config.notifications.named_channels
    if not channels:
        remedy = "add [[notifications.channels]]; for people: cldmon subscribe USER --test"
        yield warn("test message", "no channel is configured", remedy)
    for name, channel in channels.items():
        title = f"test message to {name}"
        data_dir = installation.app.outline.data_dir
        if channel.kind == "command" and not data_dir.is_dir():
            yield fail(
                title, f"{data_dir}, in which it would run, is not there yet", "cldmon fetch"
            )
            continue
        try:
            opened = open_channel(installation.app, config, name)
            result = opened.send(None, [Event(EventKind.TEST, "cldmon", None, now)])
        except CldmonError as error:
            yield _explain(installation, config, title, error)
            continue
        if result.status is DeliveryStatus.DELIVERED:
            yield ok(title, "delivered")
        else:
            yield fail(title, result.reason, "fix this, then run cldmon doctor --send-test again")


def _explain(installation: Installation, config: Config, name: str, error: CldmonError) -> Check:
    is_token = isinstance(error, SecretError) and str(error).startswith("Slack:")
    if is_token and (given := installation.credential(config.notifications.slack.sources())):
        return warn(name, f"systemd passes Slack's token to the services only ({given})")
    return fail(name, str(error), "fix this; until then its messages wait in the outbox")


def _check_slack(installation: Installation, config: Config, name: str) -> Check:
    """Check the token, and the channel if the app may look at channels."""
    title, channel = f"channel {name}", config.notifications.named_channels[name].slack or ""
    messenger = installation.app.build_messenger(config)
    if installation.offline:
        return ok(title, f"posts to {channel}; the token is there")
    scopes = messenger.auth_test().scopes
    if scopes and "chat:write" not in scopes:
        remedy = "add it under OAuth & Permissions of the Slack app, and reinstall the app"
        return fail(title, "the app lacks the scope chat:write", remedy)
    if not CHANNEL_SCOPES & scopes:
        detail = f"posts to {channel}, which the app cannot look up without the scope channels:read"
        return ok(title, f"{detail}: try cldmon doctor --send-test")
    try:
        found = messenger.channel(channel)
    except SlackError as error:
        if scopes >= CHANNEL_SCOPES:
            raise
        lacking = ", ".join(CHANNEL_SCOPES - scopes)
        detail = f"{error}; or it is there, and the app lacks the scope {lacking} to look it up"
        return warn(title, detail, "cldmon doctor --send-test")
    if found.is_archived:
        return fail(title, f"#{found.name} ({channel}) is archived", "restore it, or name another")
    if not found.is_member:
        detail = f"the app is not in #{found.name} ({channel})"
        return fail(title, detail, "invite the app to the channel")
    return ok(title, f"posts to #{found.name} ({channel})")


def _check_command(installation: Installation, name: str, channel: ChannelConfig) -> Check:
    """Check that the program is found where the channel looks for it, and is executable."""
    name, program = f"channel {name}", (channel.command or ("",))[0]
    if "/" in program:
        path = str(installation.app.outline.data_dir / program)
        found = shutil.which(path)
    else:
        path = program
        found = shutil.which(program, path=installation.app.env.get("PATH", os.defpath))
    if found:
        interpreter = _find_interpreter(found)
        if interpreter is None or shutil.which(interpreter):
            return ok(name, f"runs {found}")
        detail = f"{found} is a script for {interpreter!r}, which was not found"
        return fail(name, detail, "correct the script's first line; it has to end in \\n")
    if os.path.isfile(path):  # noqa: PTH113 - a bare name is not a path
        return fail(name, f"{path} is not executable", f"chmod +x {path}")
    return fail(name, f"{path} was not found", "correct `command`: a program in $PATH, or its path")


def _find_interpreter(program: str) -> str | None:
    """Return the interpreter in the first line of a script that can be read, else None."""
    with suppress(OSError), open_regular(Path(program)) as file:
        if found := _FIRST_LINE.match(file.readline(_LONGEST_FIRST_LINE)):
            return os.fsdecode(found[1])
    return None
