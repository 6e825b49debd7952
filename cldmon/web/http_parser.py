"""HTTP/1.1: bytes to requests, and responses to bytes. Pure; stricter than http.server.

Anything that two programs could read differently is refused: bare line ends, folded lines, blanks
before a colon, duplicates of a header that must be unique, Transfer-Encoding, needless
percent-encoding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote_to_bytes

from cldmon.web.http import RefusedError, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cldmon.web.http import Response

MAX_HEAD = 16 * 1024
MAX_LINE = 8 * 1024
MAX_HEADERS = 64
MAX_BODY = 16 * 1024
"""Bytes; the longest body of the API is a login of a few hundred."""

END_OF_HEAD = b"\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - what the RFC calls a token
_BEGINNING = re.compile(_TOKEN.encode())
_REQUEST_LINE = re.compile(rf"({_TOKEN}) (/[!-~]*|\*) HTTP/1\.([01])")
_HEADER = re.compile(rf"({_TOKEN}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_BARE_END = re.compile(rb"(?<!\r)\n")
_ONCE = frozenset(
    {"host", "content-length", "content-type", "authorization", "origin", "sec-fetch-site"}
)
_BAD_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_ENCODED_UNRESERVED = re.compile(r"%(?:2[de]|3\d|[46][1-9a-f]|[57][\da]|5f|7e)", re.IGNORECASE)
"""A letter, a digit or one of `-._~`, which RFC 3986 allows to be written in two ways."""

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
_NO_CONTENT = (204, 304)


@dataclass(frozen=True, slots=True)
class Head:
    """A request up to the empty line; `length` is that of the body that follows."""

    request: Request
    length: int
    keep_alive: bool
    accepts_chunked: bool

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for "100 Continue" before it sends the body."""
        return self.request.header("expect").lower() == "100-continue"


def parse_head(head: bytes) -> Head:
    """Parse a head without its empty line; raises RefusedError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, minor = _parse_request_line(first)
    headers = _parse_headers(lines)
    path, _, query = target.partition("?")
    modern = minor == "1"
    return Head(
        Request(method, path, query, headers),
        length=_parse_length(method, headers),
        keep_alive=modern and "close" not in headers.get("connection", "").lower(),
        accepts_chunked=modern,
    )


def check_partial_head(head: bytes) -> None:
    """Refuse an unfinished head that can't become valid, instead of waiting for its end."""
    if len(head) > MAX_HEAD:
        raise RefusedError(400, "the head of the request is too long")
    if head and not _BEGINNING.match(head):  # such as TLS, whose client would wait for us
        _refuse_malformed()
    line, end, _ = head.partition(b"\r\n")
    if _BARE_END.search(head) or len(line) > MAX_LINE:
        _refuse_malformed()
    if end:
        _parse_request_line(line.decode("latin-1"))


def format_head(response: Response, *, keep_alive: bool, chunked: bool, date: str) -> bytes:
    """Return the bytes before a response's body, the empty line included."""
    lines = [f"HTTP/1.1 {_STATUS_LINES[response.status]}\r\nDate: {date}\r\n{_ALWAYS}"]
    lines += [f"{name}: {value}\r\n" for name, value in response.headers]
    if chunked:
        lines.append("Transfer-Encoding: chunked\r\n")
    elif isinstance(response.body, bytes) and response.status not in _NO_CONTENT:
        lines.append(f"Content-Length: {len(response.body)}\r\n")
    if not keep_alive:
        lines.append("Connection: close\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1")


def chunk(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return a chunk of a body of unknown length, in parts; an empty one would end it."""
    return b"%x\r\n" % len(data), data, b"\r\n"


def _parse_request_line(line: str) -> tuple[str, str, str]:
    match = _REQUEST_LINE.fullmatch(line)
    if match is None or len(line) > MAX_LINE:
        _refuse_malformed()
    _check_path(match[2].partition("?")[0])
    return match[1], match[2], match[3]


def _check_path(path: str) -> None:
    """Refuse a path that another program could read differently.

    Paths are compared as they were sent: a proxy may guard /metrics but pass /%6detrics.
    """
    if "%" not in path:
        return
    if _ENCODED_UNRESERVED.search(path):
        raise RefusedError(400, "the path contains a percent-encoded letter, digit or -._~")
    try:
        unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        _refuse_malformed()
    if _BAD_PERCENT.search(path):
        _refuse_malformed()


def _parse_headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > MAX_HEADERS:
        raise RefusedError(400, "there are too many header lines")
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None or len(line) > MAX_LINE:
            _refuse_malformed()
        name, value = match[1].lower(), match[2].rstrip(" \t")
        if name not in headers:
            headers[name] = value
        elif name in _ONCE:
            raise RefusedError(400, f"there is more than one {name} header")
        else:
            headers[name] += f"{'; ' if name == 'cookie' else ', '}{value}"
    return headers


def _parse_length(method: str, headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise RefusedError(400, "Transfer-Encoding is not supported: send a Content-Length")
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        _refuse_malformed()
    # Cut to one digit more than the maximum: Python refuses to parse thousands of digits.
    length = int(text.lstrip("0")[: len(str(MAX_BODY)) + 1] or "0")
    if length > MAX_BODY:
        raise RefusedError(413, f"the body may have at most {MAX_BODY} bytes")
    if length and method in _BODILESS:
        raise RefusedError(400, f"{method} takes no body")
    return length


def _refuse_malformed() -> NoReturn:
    raise RefusedError(400, "malformed request")


_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

_ALWAYS = (
    "Server: cldmon\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
)
"""Header lines of every response."""
