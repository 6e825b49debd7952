"""The HTTP API as a function: a request and the parts to work with in, an answer out.

Source: contract, "HTTP"; `openapi.json` beside this file says the same to programs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from cldmon.errors import CldmonError
from cldmon.web import history, login
from cldmon.web.auth import Caller, caller_key, identify
from cldmon.web.bodies import get_bool, get_json_object, get_string
from cldmon.web.concurrency import RETRY_SECONDS
from cldmon.web.guards import check_content_type, check_host, check_origin
from cldmon.web.http import (
    Document,
    RefusedError,
    Request,
    Response,
    json_response,
)
from cldmon.web.log import log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cldmon.web.services import ServerSettings, Services

    Handler = Callable[[Request, Caller, Services], Response]

_ALERTS = {"limitHit": "limit_hit", "reset": "reset"}


class Access(Enum):
    """Who may use an endpoint."""

    PUBLIC = auto()
    READING = auto()
    """A login, except where only guests exist: there everybody may read, as in the Node program."""
    LOGIN = auto()
    """A session, be it a guest's, or the API token."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a method does at a path."""

    handler: Handler
    access: Access = Access.LOGIN


def respond(request: Request, services: Services) -> Response:
    """Answer one request; whatever goes wrong becomes an answer, too."""
    try:
        check_host(request, services.settings.hosts)
        return _answer(_strip_public_path(request, services.settings), services)
    except RefusedError as error:
        return error.response
    except CldmonError as error:
        log.warning("%s %s: %s", request.method, request.path, error)
        return UNAVAILABLE
    except Exception as error:
        # What it says may quote anything; its kind and place are enough to find it.
        log.warning("%s %s: %s", request.method, request.path, _describe_place(error))
        return INTERNAL_ERROR


def get_usage(request: Request, caller: Caller, services: Services) -> Response:
    """Show what the last pass left."""
    return services.usage.document(caller, services.settings, services.now()).response(request)


def change_subscription(request: Request, caller: Caller, services: Services) -> Response:
    """Change one alert of one account for whoever is logged in, and confirm it by Slack."""
    label, key, enabled = _read_change(request, caller, services)
    with services.rate_limits.change_slots.slot(caller_key(caller)):
        subscription = services.subscriptions.change(caller.user, label, **{_ALERTS[key]: enabled})
    return json_response(
        {
            "ok": True,
            "label": label,
            "subscription": {"limitHit": subscription.limit_hit, "reset": subscription.reset},
            "confirmed": login.send_confirmation(caller.user, label, subscription, services),
        }
    )


def get_metrics(request: Request, caller: Caller, services: Services) -> Response:
    """Show the same for Prometheus."""
    from cldmon import metrics

    shown = metrics.render(services.usage.state(services.settings), services.now())
    return Document(shown, metrics.CONTENT_TYPE).response(request)


def get_health(request: Request, caller: Caller, services: Services) -> Response:
    """Say in one word whether the numbers are worth showing; names nobody."""
    from cldmon.health.verdict import judge

    settings = services.settings
    try:
        ok = judge(services.usage.snapshot(settings), settings.labels, services.now()).ok
    except CldmonError:
        ok = False
    return json_response({"status": "ok" if ok else "fail"}, 200 if ok else 503)


ROUTES: Mapping[str, Mapping[str, Route]] = {
    "/api/auth": {"POST": Route(login.log_in, Access.PUBLIC)},
    "/api/session": {"GET": Route(login.get_session, Access.PUBLIC)},
    "/api/logout": {"POST": Route(login.log_out, Access.PUBLIC)},
    "/api/usage": {"GET": Route(get_usage, Access.READING)},
    "/api/history": {"GET": Route(history.get_history, Access.READING)},
    "/api/slack/users": {"GET": Route(login.search_users, Access.PUBLIC)},
    "/api/subscriptions": {"POST": Route(change_subscription)},
    "/metrics": {"GET": Route(get_metrics)},
    "/healthz": {"GET": Route(get_health, Access.PUBLIC)},
}

INTERNAL_ERROR = json_response({"error": "Internal server error"}, 500)
UNAVAILABLE = RefusedError(
    503,
    "the server cannot read or write what it needs: its log says why",
    ("Retry-After", str(RETRY_SECONDS)),
).response

_READING = ("GET", "HEAD")


def _answer(request: Request, services: Services) -> Response:
    routes = ROUTES.get(_route_path(request.path))
    if routes is None:
        return _page(request, services)
    method = "GET" if request.method == "HEAD" else request.method
    route = routes.get(method)
    if route is None:
        return _other_method(request, _allowed(routes))
    if method == "POST":
        check_origin(request, services.settings.public)
        check_content_type(request)
    caller = identify(request, services)
    if not (caller.is_authenticated or _is_open(route, services.settings)):
        raise RefusedError(401, "Unauthorized")
    return route.handler(request, caller, services)


def _strip_public_path(request: Request, settings: ServerSettings) -> Request:
    """Return a request without the path of the public URL, which a proxy may have left in it."""
    local = settings.public.strip_path(request.path) if settings.public else request.path
    return request if local == request.path else replace(request, path=local)


def _is_open(route: Route, settings: ServerSettings) -> bool:
    """Return whether a route needs no login."""
    only_guests = settings.slack is None and settings.admits_guests
    return route.access is Access.PUBLIC or (route.access is Access.READING and only_guests)


def _route_path(path: str) -> str:
    """Return a path of the API without the slash that may end it, as the Node program took it."""
    return path.removesuffix("/") if path.startswith("/api/") else path


def _page(request: Request, services: Services) -> Response:
    """Answer with a file of the dashboard: only what was found at the start is there."""
    page, public = services.pages.get(request.path), services.settings.public
    at_index = public is not None and f"{request.path}/" == public.path
    if page is None and not at_index:
        raise RefusedError(404, "Not found")
    if request.method not in _READING:
        return _other_method(request, ", ".join((*_READING, "OPTIONS")))
    if page is None:  # its links are relative to the path with the slash
        return Response(308, b"", (("Location", f"{request.path}/"),))
    return page.response(request)


def _other_method(request: Request, allowed: str) -> Response:
    if request.method == "OPTIONS":
        return Response(204, b"", (("Allow", allowed),))
    raise RefusedError(405, "Method not allowed", ("Allow", allowed))


def _allowed(routes: Mapping[str, Route]) -> str:
    reading = _READING if "GET" in routes else ()
    return ", ".join((*reading, *(m for m in routes if m != "GET"), "OPTIONS"))


def _read_change(request: Request, caller: Caller, services: Services) -> tuple[str, str, bool]:
    """Return what is to be changed: account, alert, and whether it is wanted."""
    if services.settings.slack is None:
        raise RefusedError(404, "Slack notifications are disabled")
    if not caller.user:
        raise RefusedError(403, "alerts are for people who log in with their Slack name")
    body = get_json_object(request)
    label, key, enabled = (
        get_string(body, "label"),
        get_string(body, "key"),
        get_bool(body, "enabled"),
    )
    if key not in _ALERTS:
        raise RefusedError(400, f'"key" must be one of: {", ".join(_ALERTS)}')
    if label not in services.settings.labels:
        raise RefusedError(404, "unknown account")
    services.rate_limits.changes_by.take(caller.user)
    return label, key, enabled


def _describe_place(error: Exception) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    line = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    return f"unexpected {type(error).__name__} at {line}"
