"""The services on the network: the clock of claude.ai, and Slack."""

from __future__ import annotations

from datetime import timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.request import Request

from cldmon.doctor.check import fail, ok, warn
from cldmon.domain.headers import parse_http_date
from cldmon.errors import SecretError, SlackError
from cldmon.urls import opener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cldmon.channels.slack.client import Identity
    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation

MAX_CLOCK_ERROR = timedelta(minutes=2)
REQUIRED_SCOPES = ("chat:write", "users:read")
CHANNEL_SCOPES = frozenset({"channels:read", "groups:read"})
"""One of these is required if a channel is configured."""

_CLOCK_TIMEOUT_SECONDS = 5.0


def check_clock(installation: Installation) -> Iterator[Check]:
    """Compare the clock, which all ages, countdowns and alerts depend on, with the service's."""
    if installation.config and not installation.offline:
        yield compare_clocks(installation.app.now(), fetch_date(installation.config.claude_url))


def compare_clocks(ours: datetime, theirs: datetime | None) -> Check:
    """Return how far our clock is from theirs."""
    if theirs is None:
        local = f"{ours.astimezone():%Y-%m-%d %H:%M:%S %Z}"
        return warn("clock", f"{local}; couldn't check the clock: no response to compare with")
    error = ours - theirs
    if abs(error) < MAX_CLOCK_ERROR:
        return ok("clock", f"right to within {MAX_CLOCK_ERROR.total_seconds():.0f} s")
    direction = "ahead of" if error > timedelta(0) else "behind"
    detail = f"{abs(error.total_seconds()):,.0f} s {direction} the service's"
    return fail("clock", detail, "set it by NTP: timedatectl set-ntp true")


def fetch_date(url: str) -> datetime | None:
    """Return the Date header of a response, even of an error; None if there is none."""
    request = Request(url, headers={"User-Agent": "cldmon"})  # noqa: S310 - http(s) by config
    try:
        with opener().open(request, timeout=_CLOCK_TIMEOUT_SECONDS) as response:
            return parse_http_date(response.headers.get("date") or "")
    except (OSError, HTTPException, ValueError):
        return None


def check_slack(installation: Installation) -> Iterator[Check]:
    """Check Slack's token, its scopes, and that people and the channel are visible."""
    if installation.config is None:
        return
    slack = installation.config.notifications.slack
    if not slack.enabled:
        yield ok("slack", "off")
        return
    try:
        messenger = installation.app.build_messenger(installation.config)
        if installation.offline:
            yield ok("slack", "the token is there")
            return
        identity = messenger.auth_test()
    except SecretError as error:
        if given := installation.credential(slack.sources()):
            yield warn("slack", f"systemd passes the token to the services only ({given})")
        else:
            yield fail(
                "slack",
                str(error).removeprefix("Slack: "),
                "put your Slack app's bot token (xoxb-…) there",
            )
        return
    except SlackError as error:
        yield fail("slack", str(error), "fix this; until then messages wait in the outbox")
        return
    yield ok("slack", f"{identity.bot_user} in {identity.team}")
    yield from check_scopes(identity, slack.member_channel_id)
    if "users:read" in identity.scopes:
        try:
            next(messenger.users(), [])
        except SlackError as error:
            yield fail("slack people", str(error), "fix this; until then no names are found")
    if channel := slack.member_channel_id:
        try:
            members = next(messenger.members(channel), [])
        except SlackError as error:
            remedy = "invite the app to the channel, or correct member_channel_id"
            yield fail("slack channel", str(error), remedy)
        else:
            yield ok("slack channel", f"{channel} is visible, at least {len(members)} member(s)")


def check_scopes(identity: Identity, channel: str | None) -> Iterator[Check]:
    """Check that the Slack app has every scope it needs."""
    if not identity.scopes:
        yield warn("slack scopes", "Slack does not say which scopes the app has")
        return
    missing = [scope for scope in REQUIRED_SCOPES if scope not in identity.scopes]
    if channel and not CHANNEL_SCOPES & identity.scopes:
        missing.append("channels:read (groups:read for a private channel)")
    for scope in missing:
        remedy = "add it under OAuth & Permissions of the Slack app, and reinstall the app"
        yield fail("slack scopes", f"the app lacks {scope}", remedy)
    if not missing:
        yield ok("slack scopes", ", ".join(sorted(identity.scopes)))
