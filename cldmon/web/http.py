"""Requests and responses as values. No sockets."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Headers: TypeAlias = tuple[tuple[str, str], ...]

JSON = "application/json"
NO_STORE = "no-store"
REVALIDATE = "private, no-cache"
"""A browser may cache the response, but must revalidate it each time."""

MIN_GZIP_BYTES = 1024
"""Smaller bodies are not worth compressing."""

MAX_STRING_LENGTH = 500
_MAX_PARAMETERS = 20

_GZIP_LEVEL = 1
"""On these bodies the best level saves half as much again but takes ten times as long."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its path as it was sent; header names are in lower case.

    `peer` is the address at the other end of the connection, which may be a proxy's.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""

    def header(self, name: str) -> str:
        """Return a header's value, or an empty string."""
        return self.headers.get(name, "")

    @property
    def bearer_token(self) -> str | None:
        """The token of the Authorization header; None if that has another scheme or is missing."""
        scheme, _, token = self.header("authorization").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Response:
    """One response. If the body is an iterator, its length is unknown: it is sent as it comes.

    `caller` is who receives that stream; see `cldmon.web.limits`.
    """

    status: int
    body: bytes | Iterator[bytes] = b""
    headers: Headers = ()
    caller: tuple[str, ...] = ()


class RefusedError(Exception):
    """A request that is refused with a status and a one-line reason."""

    def __init__(self, status: int, reason: str, *headers: tuple[str, str]) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers

    @property
    def response(self) -> Response:
        """The error as a response."""
        return json_response({"error": str(self)}, self.status, *self.headers)


@dataclass(frozen=True)
class Document:
    """A body that may be sent many times. Its ETag and gzipped form are computed once.

    The ETag is computed from `etag_source`, or from the body if that is None.
    """

    body: bytes
    kind: str = JSON
    etag_source: bytes | None = None

    @cached_property
    def etag(self) -> str:
        """The ETag; a weak one, since the gzipped and the plain body share it."""
        source = self.body if self.etag_source is None else self.etag_source
        return f'W/"{hashlib.blake2b(source, digest_size=12).hexdigest()}"'

    @cached_property
    def gzipped(self) -> bytes:
        """The gzipped body."""
        return gzip.compress(self.body, _GZIP_LEVEL, mtime=0)

    def response(self, request: Request) -> Response:
        """Return it in a form that the client accepts, or 304 if the client has it."""
        shared = (("ETag", self.etag), ("Cache-Control", REVALIDATE), ("Vary", "Accept-Encoding"))
        known = [
            etag.strip().removeprefix("W/") for etag in request.header("if-none-match").split(",")
        ]
        if known == ["*"] or self.etag.removeprefix("W/") in known:
            return Response(304, b"", shared)
        kind = ("Content-Type", self.kind)
        if len(self.body) >= MIN_GZIP_BYTES and accepts_gzip(request):
            return Response(200, self.gzipped, (kind, *shared, ("Content-Encoding", "gzip")))
        return Response(200, self.body, (kind, *shared))


def get_json_object(request: Request) -> dict[str, Any]:
    """Return the body, which must be a JSON object. Like the next three, raises RefusedError."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise RefusedError(400, "the body must be a JSON object")
    return body


def get_string(body: dict[str, Any], key: str, default: str | None = None) -> str:
    """Return a string from a body, or the default (if given) for null or a missing key."""
    value = body.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or len(value) > MAX_STRING_LENGTH:
        raise RefusedError(
            400, f'"{key}" must be a string of at most {MAX_STRING_LENGTH} characters'
        )
    return value


def get_bool(body: dict[str, Any], key: str) -> bool:
    """Return a boolean from a body."""
    value = body.get(key)
    if not isinstance(value, bool):
        raise RefusedError(400, f'"{key}" must be true or false')
    return value


def get_query_param(request: Request, name: str) -> str | None:
    """Return a parameter of the query, or None if it is missing."""
    try:
        found = parse_qsl(
            request.query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS, errors="strict"
        )
    except ValueError:
        raise RefusedError(400, "invalid query") from None
    values = [value for key, value in found if key == name]
    if len(values) > 1:
        raise RefusedError(400, f'"{name}" is given more than once')
    return values[0] if values else None


def json_response(body: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    """Return a JSON response that must not be cached."""
    kind = (("Content-Type", JSON), ("Cache-Control", NO_STORE))
    return Response(status, encode_json(body), (*kind, *headers))


def encode_json(body: Any) -> bytes:
    """Return JSON that is safe within HTML: `<` and the like are escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).translate(_UNSAFE)
    # A lone surrogate is valid in JSON but not in UTF-8; it becomes a question mark.
    return text.encode(errors="replace")


def accepts_gzip(request: Request) -> bool:
    """Return whether the client accepts gzip."""
    for part in request.header("accept-encoding").split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip().lower() in ("gzip", "x-gzip"):
            return parameters.strip().replace(" ", "").rstrip("0").rstrip(".") != "q="
    return False


_UNSAFE = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})
