"""Requests and answers as values: what a browser asked, and what it is to be told. No socket."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Headers: TypeAlias = tuple[tuple[str, str], ...]

JSON = "application/json"
NO_STORE = "no-store"
REVALIDATE = "private, no-cache"
"""A browser may keep the answer, but asks each time whether it still holds."""

MIN_GZIP_BYTES = 1024
"""Bytes from which compressing pays."""

_GZIP_LEVEL = 1
"""zlib's level: half the size of the best for a tenth of its time, on these bodies."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came, its path as it was sent; header names are in lower case.

    `peer` is the address at the other end of the connection, which may be a proxy's.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""

    def header(self, name: str) -> str:
        """Return a header's value, or an empty text."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: an iterator as its body is of unknown length, and is written as it comes.

    `caller` is who asked for that one, as `cldmon.web.concurrency` has it.
    """

    status: int
    body: bytes | Iterator[bytes] = b""
    headers: Headers = ()
    caller: tuple[str, ...] = ()

    def with_header(self, name: str, value: str) -> Response:
        """Return this answer with one more header line."""
        return replace(self, headers=(*self.headers, (name, value)))


class RefusedError(Exception):
    """A request that is answered with an error: `status`, and a line that says why."""

    def __init__(self, status: int, reason: str, *headers: tuple[str, str]) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers

    @property
    def response(self) -> Response:
        """The error as an answer."""
        return json_response({"error": str(self)}, self.status, *self.headers)


@dataclass(frozen=True)
class Document:
    """A body that may be sent many times; its ETag and its gzipped form are made once.

    The ETag is computed from `etag_source`, or from the body if that is None.
    """

    body: bytes
    kind: str = JSON
    etag_source: bytes | None = None

    @cached_property
    def etag(self) -> str:
        """The ETag; a weak one, since the gzipped and the plain body share it."""
        counts = self.body if self.etag_source is None else self.etag_source
        return f'W/"{hashlib.blake2b(counts, digest_size=12).hexdigest()}"'

    @cached_property
    def gzipped(self) -> bytes:
        """The gzipped body."""
        return gzip.compress(self.body, _GZIP_LEVEL, mtime=0)

    def response(self, request: Request) -> Response:
        """Return it in the form that this request can take, or 304 if it is known there."""
        shared = (("ETag", self.etag), ("Cache-Control", REVALIDATE), ("Vary", "Accept-Encoding"))
        if _etag_matches(self.etag, request.header("if-none-match")):
            return Response(304, b"", shared)
        kind = ("Content-Type", self.kind)
        if len(self.body) >= MIN_GZIP_BYTES and accepts_gzip(request):
            return Response(200, self.gzipped, (kind, *shared, ("Content-Encoding", "gzip")))
        return Response(200, self.body, (kind, *shared))


def json_response(body: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    """Return a JSON answer that is kept nowhere."""
    kind = (("Content-Type", JSON), ("Cache-Control", NO_STORE))
    return Response(status, encode_json(body), (*kind, *headers))


def encode_json(body: Any) -> bytes:
    """Return JSON that is harmless within HTML, too: `<` and its like are escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    for char, escape in _UNSAFE:
        text = text.replace(char, escape)
    # A lone surrogate, which JSON can name but UTF-8 cannot hold, is shown as a question mark.
    return text.encode(errors="replace")


def accepts_gzip(request: Request) -> bool:
    """Return whether the client accepts gzip."""
    for part in request.header("accept-encoding").split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip().lower() in ("gzip", "x-gzip"):
            return parameters.strip().replace(" ", "").rstrip("0").rstrip(".") != "q="
    return False


def _etag_matches(etag: str, known: str) -> bool:
    if not known:
        return False
    opaque = etag.removeprefix("W/")
    return known.strip() == "*" or opaque in (
        each.strip().removeprefix("W/") for each in known.split(",")
    )


_UNSAFE = tuple((char, f"\\u{ord(char):04x}") for char in "<>&\u2028\u2029")
