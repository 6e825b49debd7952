"""What stands in a request's body and query. Each raises `RefusedError` with 400."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from cldmon.web.http import RefusedError

if TYPE_CHECKING:
    from cldmon.web.http import Request

MAX_STRING_LENGTH = 500
_MAX_PARAMETERS = 20


def get_json_object(request: Request) -> dict[str, Any]:
    """Return the body, which must be a JSON object."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise RefusedError(400, "the body must be a JSON object")
    return body


def get_string(body: dict[str, Any], key: str, default: str | None = None) -> str:
    """Return a text from a body; null and a missing key stand for the default, if there is one."""
    value = body.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or len(value) > MAX_STRING_LENGTH:
        raise RefusedError(400, f'"{key}" must be a text of at most {MAX_STRING_LENGTH} characters')
    return value


def get_bool(body: dict[str, Any], key: str) -> bool:
    """Return true or false from a body."""
    value = body.get(key)
    if not isinstance(value, bool):
        raise RefusedError(400, f'"{key}" must be true or false')
    return value


def get_query_param(request: Request, name: str) -> str | None:
    """Return a parameter of the query, or None where it is not given."""
    try:
        found = parse_qsl(
            request.query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS, errors="strict"
        )
    except ValueError:
        raise RefusedError(400, "the query is not understood") from None
    values = [value for key, value in found if key == name]
    if len(values) > 1:
        raise RefusedError(400, f'"{name}" is given more than once')
    return values[0] if values else None
