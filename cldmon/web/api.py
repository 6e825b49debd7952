"""The HTTP API as a function from a request to a response.

Source: contract, "HTTP"; `openapi.json` beside this file describes it for programs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeVar

from cldmon.errors import CldmonError
from cldmon.web import alerts, history, login, reports
from cldmon.web.auth import Caller, identify
from cldmon.web.guards import check_content_type, check_host, check_origin
from cldmon.web.http import Document, RefusedError, Request, Response, json_response
from cldmon.web.limits import RETRY_SECONDS
from cldmon.web.log import log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cldmon.web.services import Services

    Handler = Callable[[Request, Caller, Services], Response]
    Answer = TypeVar("Answer")


class Access(Enum):
    """Who may use an endpoint."""

    PUBLIC = auto()
    READING = auto()
    """A login, unless there are only guests: then anyone may read, as in the Node program."""
    LOGIN = auto()
    """A session, even a guest's, or the API token."""
    REPORTER = auto()
    """The token of one account, which allows nothing else. No browser has one, so no other
    site can use it, and the rules against that do not apply."""


@dataclass(frozen=True, slots=True)
class Route:
    """The handler of the one method of a path."""

    handler: Handler
    access: Access = Access.LOGIN


def respond(request: Request, services: Services) -> Response:
    """Answer one request; errors become responses, too."""
    return _respond(_dispatch, request, services)


def refuse_early(request: Request, services: Services) -> Response | None:
    """Return why a request is refused before its body is read; None if it is not."""
    return _respond(_check_head, request, services)


def _respond(
    handle: Callable[[Request, Services], Answer], request: Request, services: Services
) -> Answer | Response:
    try:
        check_host(request, services.settings.hosts)
        if public := services.settings.public:
            request = replace(request, path=public.strip_path(request.path))
        return handle(request, services)
    except RefusedError as error:
        return error.response
    except CldmonError as error:
        log.warning("%s %s: %s", request.method, request.path, error)
        return UNAVAILABLE
    except Exception as error:
        # Not its message, which may quote anything: its type and place are enough to find it.
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
        name = type(error).__name__
        log.warning("%s %s: unexpected %s at %s", request.method, request.path, name, place)
        return INTERNAL_ERROR


def get_usage(request: Request, caller: Caller, services: Services) -> Response:
    """Return the results of the last pass as JSON."""
    return services.usage.document(
        caller, services.settings, services.now(), services.confirmations.last(caller.user)
    ).response(request)


def get_metrics(request: Request, caller: Caller, services: Services) -> Response:
    """Return the results of the last pass as Prometheus metrics."""
    from cldmon import metrics

    settings = services.settings
    shown = metrics.render(services.usage.state(settings), services.now(), settings.channels)
    return Document(shown, metrics.CONTENT_TYPE).response(request)


def get_health(request: Request, caller: Caller, services: Services) -> Response:
    """Return whether passes work, without naming any account."""
    from cldmon.health.verdict import judge

    settings = services.settings
    try:
        ok = judge(services.usage.state(settings).snapshot, settings.labels, services.now()).ok
    except CldmonError:
        ok = False
    return json_response({"status": "ok" if ok else "fail"}, 200 if ok else 503)


ROUTES: Mapping[str, Mapping[str, Route]] = {
    "/api/auth": {"POST": Route(login.log_in, Access.PUBLIC)},
    "/api/session": {"GET": Route(login.get_session, Access.PUBLIC)},
    "/api/logout": {"POST": Route(login.log_out, Access.PUBLIC)},
    "/api/usage": {"GET": Route(get_usage, Access.READING)},
    "/api/history": {"GET": Route(history.get_history, Access.READING)},
    "/api/events": {"GET": Route(history.get_events, Access.READING)},
    "/api/slack/users": {"GET": Route(login.search_users, Access.PUBLIC)},
    "/api/subscriptions": {"POST": Route(alerts.change_subscription)},
    "/api/report": {"POST": Route(reports.receive_report, Access.REPORTER)},
    "/metrics": {"GET": Route(get_metrics)},
    "/healthz": {"GET": Route(get_health, Access.PUBLIC)},
}

INTERNAL_ERROR = json_response({"error": "Internal server error"}, 500)
UNAVAILABLE = RefusedError(
    503,
    "the server can't read or write its files; see its log",
    ("Retry-After", str(RETRY_SECONDS)),
).response

_READING = ("GET", "HEAD")


def _find_routes(path: str) -> Mapping[str, Route] | None:
    # The Node program accepted a slash at the end.
    return ROUTES.get(path.removesuffix("/") if path.startswith("/api/") else path)


def _check_head(request: Request, services: Services) -> Response | None:
    route = (_find_routes(request.path) or {}).get(request.method)
    if route and route.access is Access.REPORTER:
        reports.check_token(request, services)
    return None


def _dispatch(request: Request, services: Services) -> Response:
    settings, routes = services.settings, _find_routes(request.path)
    if routes is None:
        return _serve_page(request, services)
    method = "GET" if request.method == "HEAD" else request.method
    route = routes.get(method)
    if route is None:
        return _refuse_method(request, _READING if "GET" in routes else routes)
    if route.access is Access.REPORTER:
        check_content_type(request)
        return route.handler(request, Caller(), services)
    if method == "POST":
        check_origin(request, settings.public)
        check_content_type(request)
    caller = identify(request, services.settings, services.sessions)
    only_guests = settings.slack is None and settings.admits_guests
    is_open = route.access is Access.PUBLIC or (route.access is Access.READING and only_guests)
    if not (caller.is_authenticated or is_open):
        raise RefusedError(401, "Unauthorized")
    response = route.handler(request, caller, services)
    return login.renew_session(request, response, caller, services)


def _serve_page(request: Request, services: Services) -> Response:
    """Return one of the dashboard's files, which were read at the start."""
    page, public = services.pages.get(request.path), services.settings.public
    at_index = public is not None and f"{request.path}/" == public.path
    if page is None and not at_index:
        raise RefusedError(404, "Not found")
    if request.method not in _READING:
        return _refuse_method(request, _READING)
    if page is None:  # its links are relative to the path with the slash
        return Response(308, b"", (("Location", f"{request.path}/"),))
    return page.response(request)


def _refuse_method(request: Request, methods: Iterable[str]) -> Response:
    allowed = ", ".join((*methods, "OPTIONS"))
    if request.method == "OPTIONS":
        return Response(204, b"", (("Allow", allowed),))
    raise RefusedError(405, "Method not allowed", ("Allow", allowed))
