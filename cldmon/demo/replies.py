"""What a simulated service says back: values, written to the wire by the server."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Headers = tuple[tuple[str, str], ...]


class Wire(Protocol):
    """One connection, as a reply sees it."""

    def wait(self, seconds: float) -> None:
        """Do nothing for so long; ends early, by an exception, when the server closes."""

    def head(self, status: int, headers: Headers) -> None:
        """Write the status line and the header lines."""

    def write(self, chunk: bytes) -> None:
        """Send a piece of the body."""

    def hang_up(self, *, reset: bool) -> None:
        """End the connection: in order, or by a TCP reset."""


class Reply(Protocol):
    """Anything that a request can be met with, silence included."""

    def send(self, wire: Wire) -> None:
        """Write it to the wire."""

    def with_headers(self, *lines: tuple[str, str]) -> Self:
        """Return it with more header lines."""

    def delayed(self, seconds: float) -> Self:
        """Return it coming so much later."""


@dataclass(frozen=True)
class Repeated:
    """A body of `times` equal pieces that is never held in memory as a whole."""

    piece: bytes
    times: int

    def __iter__(self) -> Iterator[bytes]:
        return (self.piece for _ in range(self.times))


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, well-formed or not.

    `body` is an iterable that can be iterated again for each request. `delay` is in seconds before
    the status line, `pause` in seconds before each piece of the body. `missing` is how many bytes
    more than the body has are promised by Content-Length; None promises nothing, so that the body
    ends with the connection.
    """

    status: int = 200
    headers: Headers = ()
    body: Iterable[bytes] = ()
    delay: float = 0.0
    pause: float = 0.0
    missing: int | None = 0

    def send(self, wire: Wire) -> None:
        """Write it to the wire; the connection stays open only after an honest Content-Length."""
        wire.wait(self.delay)
        wire.head(self.status, (*self.headers, self._framing()))
        for chunk in self.body:
            wire.wait(self.pause)
            wire.write(chunk)
        if self.missing != 0:
            wire.hang_up(reset=False)

    def with_headers(self, *lines: tuple[str, str]) -> Answer:
        """Return it with more header lines."""
        return replace(self, headers=(*self.headers, *lines))

    def delayed(self, seconds: float) -> Answer:
        """Return it coming so many seconds later."""
        return replace(self, delay=self.delay + seconds)

    def _framing(self) -> tuple[str, str]:
        if self.missing is None:
            return ("Connection", "close")
        return ("Content-Length", str(sum(map(len, self.body)) + self.missing))


@dataclass(frozen=True)
class Raw:
    """Bytes in place of an HTTP answer, then the end of the connection.

    `delay` is in seconds before the first piece, `pause` in seconds before each.
    """

    pieces: Iterable[bytes]
    pause: float = 0.0
    delay: float = 0.0

    def send(self, wire: Wire) -> None:
        """Write them to the wire."""
        wire.wait(self.delay)
        for piece in self.pieces:
            wire.wait(self.pause)
            wire.write(piece)
        wire.hang_up(reset=False)

    def with_headers(self, *_lines: tuple[str, str]) -> Raw:
        """Return itself: its bytes are what they are."""
        return self

    def delayed(self, seconds: float) -> Raw:
        """Return it coming so many seconds later."""
        return replace(self, delay=self.delay + seconds)


@dataclass(frozen=True)
class HangUp:
    """No answer at all: after `delay` seconds the connection ends (`reset`: by a TCP reset)."""

    delay: float = 0.0
    reset: bool = False

    def send(self, wire: Wire) -> None:
        """Wait, then end the connection."""
        wire.wait(self.delay)
        wire.hang_up(reset=self.reset)

    def with_headers(self, *_lines: tuple[str, str]) -> HangUp:
        """Return itself: silence has no header lines."""
        return self

    def delayed(self, seconds: float) -> HangUp:
        """Return it coming so many seconds later."""
        return replace(self, delay=self.delay + seconds)


def content(body: bytes | str, content_type: str, status: int = 200) -> Answer:
    """Return an answer with any body of any content type."""
    raw = body.encode() if isinstance(body, str) else body
    return Answer(status, (("Content-Type", content_type),), (raw,))


def json_answer(value: object, status: int = 200) -> Answer:
    """Return a JSON answer."""
    return content(json.dumps(value), "application/json", status)


def html_answer(body: str, status: int = 200) -> Answer:
    """Return an HTML page."""
    return content(body, "text/html; charset=utf-8", status)


def redirect_answer(location: str, *lines: tuple[str, str]) -> Answer:
    """Return a 302 to `location`, with more header lines."""
    return Answer(302, (("Location", location), *lines))
