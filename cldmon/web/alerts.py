"""`POST /api/subscriptions`: a person changes their alerts, and Slack confirms it afterwards."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cldmon.domain.subscriptions import QuietHours, Subscription, parse_thresholds
from cldmon.domain.windows import is_well_formed
from cldmon.notifications.subscriptions import describe_quiet, describe_subscription
from cldmon.store.subscriptions import quiet_from_json, quiet_to_json, to_json
from cldmon.web.http import RefusedError, get_bool, get_json_object, get_string, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cldmon.web.auth import Caller
    from cldmon.web.http import Request, Response
    from cldmon.web.services import Services

_SWITCHES = {"limitHit": "limit_hit", "reset": "reset", "runOut": "run_out", "changes": "changes"}
_MAX_WINDOWS = 50
_MAX_NAME = 500


def change_subscription(request: Request, caller: Caller, services: Services) -> Response:
    """Change the alerts of whoever is logged in, and confirm it by Slack afterwards."""
    slack = services.settings.slack
    if slack is None:
        raise RefusedError(404, "Slack notifications are disabled")
    if not caller.user:
        raise RefusedError(403, "alerts are for people who log in with their Slack name")
    body = get_json_object(request)
    if "quiet" in body:
        label = None
        quiet = _parse_quiet(body)
        with _changing(caller, services):
            services.subscriptions.set_quiet(caller.user, quiet)
        text = describe_quiet(quiet)
        shown: dict[str, Any] = {"quiet": quiet and quiet_to_json(quiet)}
    else:
        label, change = get_string(body, "label"), _parse_change(body)
        if label not in services.settings.labels:
            raise RefusedError(404, "unknown account")
        with _changing(caller, services):
            changed = services.subscriptions.change(caller.user, label, change)
        text = describe_subscription(label, changed)
        shown = {"label": label, "subscription": to_json(changed)}
    services.confirmations.start(caller.user, label, text, slack.messenger)
    return json_response({"ok": True, **shown, "confirmation": "pending"})


@contextmanager
def _changing(caller: Caller, services: Services) -> Iterator[None]:
    """Keep to the rate limits while the block changes something."""
    services.rate_limits.changes_by.take(caller.user)
    with services.rate_limits.change_slots.slot(caller.key):
        yield


def _parse_quiet(body: Mapping[str, Any]) -> QuietHours | None:
    found = body["quiet"]
    if set(body) != {"quiet"}:
        raise RefusedError(400, '"quiet" must be the only key')
    try:
        return None if found is None else quiet_from_json(found)
    except ValueError as error:
        raise RefusedError(400, f'"quiet": {error}') from None


def _parse_change(body: dict[str, Any]) -> Callable[[Subscription], Subscription]:
    """Return the change that a body asks for; raises RefusedError."""
    if len(body.keys() & {"key", "thresholds", "windows"}) > 1:
        raise RefusedError(400, 'give only one of "key", "thresholds" and "windows"')
    if "thresholds" in body:
        try:
            thresholds = parse_thresholds(body["thresholds"])
        except ValueError as error:
            raise RefusedError(400, f'"thresholds": {error}') from None
        return lambda old: replace(old, thresholds=thresholds)
    if "windows" in body:
        windows = body["windows"]
        if windows is not None and not _are_windows(windows):
            raise RefusedError(400, '"windows" must be a list of window names, or null for all')
        return lambda old: replace(old, windows=windows and tuple(dict.fromkeys(windows)))
    key, enabled = get_string(body, "key"), get_bool(body, "enabled")
    if key not in _SWITCHES:
        raise RefusedError(400, f'"key" must be one of: {", ".join(_SWITCHES)}')
    switch: dict[str, Any] = {_SWITCHES[key]: enabled}
    return lambda old: replace(old, **switch)


def _are_windows(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= _MAX_WINDOWS
        and all(isinstance(x, str) and len(x) <= _MAX_NAME and is_well_formed(x) for x in value)
    )
