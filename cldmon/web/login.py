"""Logging in and out, and who is logged in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cldmon.domain.delivery import Fate
from cldmon.errors import SlackError
from cldmon.slack import messages
from cldmon.slack.people import search
from cldmon.web import codes
from cldmon.web.bodies import parameter, text, whole
from cldmon.web.caller import Caller, caller_key
from cldmon.web.message import RefusedError, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.domain.model import Subscription
    from cldmon.slack.people import Person
    from cldmon.web.services import Kept, Services, Slack
    from cldmon.web.sessions import Session

BEST = 8
LONGEST_CODE = 20


def log_in(request: Request, caller: Caller, services: Services) -> Response:
    """Open a session for a Slack user, or for a guest."""
    services.kept.logins.take(caller.address)
    body = whole(request)
    user, code = (text(body, key, default="").strip() for key in ("slackId", "code"))
    if not user:
        return _welcome_guest(request, services)
    person, slack = _person(user, services)
    if services.site.login == "open":
        services.kept.logins_as.take(person.id)
        return _welcome(request, services, services.sessions.open(person.id, shown(person)))
    if code:
        _check_code(caller.address, person.id, code, services.kept)
        session = services.sessions.open(person.id, shown(person), proved=True)
        return _welcome(request, services, session)
    return _send_code(person, slack, services)


def log_out(request: Request, caller: Caller, services: Services) -> Response:
    """End the session for good, if there is one, and any other that came with it."""
    if caller.has_token:
        raise RefusedError(403, "an API token has no session that could end")
    sessions, scope = services.sessions, services.site.cookie_scope(request)
    for session in sessions.read_all(request.header("cookie"), scope):
        services.kept.logouts.take(caller.address)
        with services.kept.logout_turns.taken(caller_key(caller)):
            sessions.end(session)
    return json_response({"ok": True}, 200, ("Set-Cookie", sessions.no_cookie(scope)))


def session(request: Request, caller: Caller, services: Services) -> Response:
    """Say who is logged in; where only guests exist, whoever asks becomes one."""
    if caller.reads or services.site.slack or not services.site.admits_guests:
        return json_response(caller.document(services.site))
    opened = services.sessions.open()
    cookie = services.sessions.cookie(opened, services.site.cookie_scope(request))
    document = caller.with_session(opened).document(services.site)
    return json_response(document, 200, ("Set-Cookie", cookie))


def find_people(request: Request, caller: Caller, services: Services) -> Response:
    """Find the people whose names fit what was typed into the login box."""
    services.kept.searches.take(caller.address)
    typed, slack = (parameter(request, "q") or "").strip(), services.site.slack
    if slack is None or not typed:
        return json_response({"users": []})
    with _asking_slack(services):
        found = search(slack.directory.people(), typed, BEST)
    return json_response({"users": [_found(person) for person in found]})


def shown(person: Person) -> str:
    """Return the name by which a person is known."""
    return person.display_name or person.real_name or person.name


def confirmed(user: str, label: str, subscription: Subscription, services: Services) -> bool:
    """Confirm a change by Slack, and tell whether the message arrived."""
    slack = _slack(services)
    try:
        with _asking_slack(services):
            receipt = slack.messenger.confirm(user, label, subscription)
    except RefusedError:
        return False
    if receipt.fate is not Fate.DELIVERED:
        services.warn(f"a confirmation was not delivered: {receipt.reason}")
    return receipt.fate is Fate.DELIVERED


def _welcome_guest(request: Request, services: Services) -> Response:
    if not services.site.admits_guests:
        raise RefusedError(403, "guests are not admitted here: log in with your Slack name")
    return _welcome(request, services, services.sessions.open())


def _welcome(request: Request, services: Services, opened: Session) -> Response:
    document = Caller(opened).document(services.site)
    cookie = services.sessions.cookie(opened, services.site.cookie_scope(request))
    return json_response({"ok": True, "session": document}, 200, ("Set-Cookie", cookie))


def _person(user: str, services: Services) -> tuple[Person, Slack]:
    slack = _slack(services)
    with _asking_slack(services):
        person = next((each for each in slack.directory.people() if each.id == user), None)
    if person is None:
        raise RefusedError(400, "unknown Slack id: choose a name from the list")
    return person, slack


def _slack(services: Services) -> Slack:
    if services.site.slack is None:
        raise RefusedError(404, "Slack login is disabled")
    return services.site.slack


def _send_code(person: Person, slack: Slack, services: Services) -> Response:
    services.kept.codes_to.take(person.id)
    minutes = int(codes.LIFETIME.total_seconds() // 60)
    with _asking_slack(services):
        message = messages.login_code(services.kept.codes.issue(person.id), minutes)
        receipt = slack.messenger.send(person.id, message)
        if receipt.fate in (Fate.LATER, Fate.GONE):
            raise SlackError(receipt.reason)
    return json_response({"codeRequired": True}, 202)


def _check_code(client: str, user: str, code: str, kept: Kept) -> None:
    kept.guesses.take(client)
    kept.guesses_as.take(user)
    if not kept.codes.redeem(user, code[:LONGEST_CODE]):
        raise RefusedError(401, "wrong or expired code: ask for a new one")
    kept.guesses_as.forget(user)
    kept.codes_to.forget(user)


@contextmanager
def _asking_slack(services: Services) -> Iterator[None]:
    """Do what may wait for Slack, unless too many wait already."""
    with services.kept.slack_turns.taken():
        try:
            yield
        except SlackError as error:
            services.warn(str(error))
            raise RefusedError(
                503, "Slack cannot be asked: try again in a minute", ("Retry-After", "60")
            ) from error


def _found(person: Person) -> dict[str, str]:
    """Return a person; `username` and `displayName` are what the Node program called them."""
    return {
        "id": person.id,
        "name": shown(person),
        "userName": person.name,
        "realName": person.real_name,
        "username": person.name,
        "displayName": shown(person),
    }
