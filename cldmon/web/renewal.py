"""Sessions are renewed while they are used, so that a page that stays open stays logged in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cldmon.errors import SlackError
from cldmon.threads import start_thread
from cldmon.web.http import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cldmon.domain.people import Person
    from cldmon.web.auth import Caller
    from cldmon.web.http import Request, Response
    from cldmon.web.services import Services

SLACK_SECONDS = 2.0
"""How long a response may be delayed: the next request renews the session as well."""


def renew_session(
    request: Request, response: Response, caller: Caller, services: Services
) -> Response:
    """Return the response, with a new cookie if the caller's session is due to be renewed.

    A person's session is renewed only while they are an active member.
    """
    renewed = services.sessions.renew(caller.session) if caller.session else None
    if (
        renewed is None
        or any(name == "Set-Cookie" for name, _ in response.headers)
        or not (renewed.is_guest or _is_member(renewed.user, services))
    ):
        return response
    cookie = services.sessions.set_cookie(renewed, services.settings.cookie_scope(request))
    return replace(response, headers=(*response.headers, ("Set-Cookie", cookie)))


def _is_member(user: str, services: Services) -> bool:
    """Return whether a person is an active member; False as well while Slack is off or slow."""
    slack = services.settings.slack
    if slack is None:
        return False

    def get_people() -> Sequence[Person]:
        with services.rate_limits.slack_slots.slot():
            return slack.directory.people()

    try:
        people = start_thread(get_people).result(SLACK_SECONDS)
    except (SlackError, RefusedError, TimeoutError, RuntimeError):
        return False
    return any(person.id == user for person in people)
