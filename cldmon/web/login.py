"""Login, logout, and the current session, which is renewed while it is used."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from cldmon.channels.slack import messages
from cldmon.channels.slack.people import search
from cldmon.domain.delivery import DeliveryStatus
from cldmon.errors import SlackError
from cldmon.threads import start_thread
from cldmon.web import one_time_codes
from cldmon.web.auth import Caller
from cldmon.web.http import (
    RefusedError,
    Request,
    Response,
    get_json_object,
    get_query_param,
    get_string,
    json_response,
)
from cldmon.web.limits import format_wait
from cldmon.web.log import log
from cldmon.web.one_time_codes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cldmon.domain.people import Person
    from cldmon.web.services import Services
    from cldmon.web.sessions import Session
    from cldmon.web.settings import Slack

MAX_RESULTS = 8
MIN_LETTERS = 3
RENEWAL_SECONDS = 2.0
"""How long a response may be delayed: the next request renews the session as well."""


def log_in(request: Request, caller: Caller, services: Services) -> Response:
    """Open a session for a Slack user, or for a guest."""
    services.rate_limits.logins.take(caller.address)
    body = get_json_object(request)
    user, code = (get_string(body, key, default="").strip() for key in ("slackId", "code"))
    if not user:
        if not services.settings.admits_guests:
            raise RefusedError(403, "guests are not admitted here: log in with your Slack name")
        return _start_session(request, services, services.sessions.open())
    slack = services.settings.slack
    if slack is None:
        raise RefusedError(404, "Slack login is disabled")
    with _slack_call(services):
        people = {person.id: person for person in slack.directory.people()}
    id_ = user if user in people else services.person_hashes.resolve(user, people)
    if id_ is None:
        raise RefusedError(400, "unknown Slack id: choose a name from the list")
    person = people[id_]
    needs_code = services.settings.login == "code"
    if not needs_code:
        services.rate_limits.logins_as.take(person.id)
    elif code:
        _check_code(caller, person, code, slack, services)
    else:
        return _send_code(person, slack, services)
    session = services.sessions.open(person.id, display_name(person), proved=needs_code)
    return _start_session(request, services, session)


def log_out(request: Request, caller: Caller, services: Services) -> Response:
    """Revoke every session that the request's cookies carry."""
    if caller.has_token:
        raise RefusedError(403, "an API token has no session to end")
    sessions, scope = services.sessions, services.settings.cookie_scope(request)
    for session in sessions.read_all(request.header("cookie"), scope):
        services.rate_limits.logouts.take(caller.address)
        with services.rate_limits.logout_slots.slot(caller.key):
            sessions.end(session)
    return json_response({"ok": True}, 200, ("Set-Cookie", sessions.clear_cookie(scope)))


def get_session(request: Request, caller: Caller, services: Services) -> Response:
    """Return who is logged in. If there are only guests, a stranger becomes one."""
    if caller.is_authenticated or services.settings.slack or not services.settings.admits_guests:
        return json_response(caller.to_json(services.settings))
    opened = services.sessions.open()
    cookie = services.sessions.set_cookie(opened, services.settings.cookie_scope(request))
    document = replace(caller, session=opened).to_json(services.settings)
    return json_response(document, 200, ("Set-Cookie", cookie))


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


def search_users(request: Request, caller: Caller, services: Services) -> Response:
    """Find the people whose names match what was typed into the login box.

    Strangers may search even if a code is required, but they get no ids, and need a few letters.
    """
    is_anonymous = services.settings.login == "code"
    limits, slack = services.rate_limits, services.settings.slack
    (limits.anonymous_searches if is_anonymous else limits.searches).take(caller.address)
    typed = (get_query_param(request, "q") or "").strip()
    letters = sum(map(str.isalnum, typed))
    if slack is None or not typed or (is_anonymous and letters < MIN_LETTERS):
        return json_response({"users": []})
    with _slack_call(services):
        found = search(slack.directory.people(), typed, MAX_RESULTS, by_id=not is_anonymous)
    hashed = services.person_hashes.make if is_anonymous else str
    users = [
        {
            "id": hashed(person.id),
            "name": display_name(person),
            "userName": person.name,
            "realName": person.real_name,
            # The Node program's names.
            "username": person.name,
            "displayName": display_name(person),
        }
        for person in found
    ]
    return json_response({"users": users})


def display_name(person: Person) -> str:
    """Return the name to show for a person."""
    return person.display_name or person.real_name or person.name


def _start_session(request: Request, services: Services, opened: Session) -> Response:
    document = Caller(opened).to_json(services.settings)
    cookie = services.sessions.set_cookie(opened, services.settings.cookie_scope(request))
    return json_response({"ok": True, "session": document}, 200, ("Set-Cookie", cookie))


def _send_code(person: Person, slack: Slack, services: Services) -> Response:
    code = services.rate_limits.codes.issue(person.id)
    minutes = int(one_time_codes.LIFETIME.total_seconds() // 60)
    try:
        with _slack_call(services):
            result = slack.messenger.send(person.id, messages.build_login_code(code, minutes))
            if result.status in (DeliveryStatus.LATER, DeliveryStatus.GONE):
                raise SlackError(result.reason)
    except RefusedError:
        services.rate_limits.codes.cancel(person.id, code)
        raise
    return json_response({"codeRequired": True}, 202)


def _check_code(
    caller: Caller, person: Person, code: str, slack: Slack, services: Services
) -> None:
    """Raise RefusedError unless a code is the one sent to a person."""
    limits = services.rate_limits
    limits.wrong_codes.check(caller.address)
    attempt = limits.codes.redeem(person.id, code[: one_time_codes.MAX_CODE_LENGTH])
    if attempt.outcome is Outcome.RIGHT:
        return
    if attempt.outcome is Outcome.NOT_PENDING:
        raise RefusedError(401, "this code has expired or was used: request a new one")
    limits.wrong_codes.take(caller.address)
    if attempt.should_warn:
        _warn_of_wrong_codes(person, slack, services)
    if attempt.outcome is Outcome.USED_UP:
        wait = format_wait(attempt.wait)
        raise RefusedError(401, f"wrong code, and the last try: request a new one in {wait}")
    tries = "1 try is" if attempt.tries_left == 1 else f"{attempt.tries_left} tries are"
    raise RefusedError(401, f"wrong code: {tries} left")


def _warn_of_wrong_codes(person: Person, slack: Slack, services: Services) -> None:
    """Warn a person about wrong codes. Security does not depend on it."""
    try:
        with _slack_call(services):
            message = messages.build_wrong_codes_warning(one_time_codes.TRIES)
            result = slack.messenger.send(person.id, message)
    except RefusedError:
        return  # the log says why
    if result.status is not DeliveryStatus.DELIVERED:
        log.warning("a warning of wrong login codes was not delivered: %s", result.reason)


def _is_member(user: str, services: Services) -> bool:
    """Return whether a person is an active member; False as well while Slack is off or slow."""
    slack = services.settings.slack
    if slack is None:
        return False

    def get_people() -> Sequence[Person]:
        with services.rate_limits.slack_slots.slot():
            return slack.directory.people()

    try:
        people = start_thread(get_people).result(RENEWAL_SECONDS)
    except (SlackError, RefusedError, TimeoutError, RuntimeError):
        return False
    return any(person.id == user for person in people)


@contextmanager
def _slack_call(services: Services) -> Iterator[None]:
    """Run a block that may wait for Slack, unless too many are waiting already."""
    with services.rate_limits.slack_slots.slot():
        try:
            yield
        except SlackError as error:
            log.warning("%s", error)
            raise RefusedError(
                503, "can't reach Slack: try again in a minute", ("Retry-After", "60")
            ) from error
