"""What can go wrong between a client and a service: each fault is a value.

A fault stands around the service's own ("genuine") work: it may answer in its place, change its
answer, or let it work and lose the answer. Faults combine: `hang(2).then(set_cookie("a=b"))`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from cldmon.demo.server import (
    Reply,
    Response,
    html_response,
    json_response,
    make_response,
    redirect_response,
)
from tests.simulation.replies import Delayed, HangUp, Raw, Repeated, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Genuine = Callable[[], Reply]

PADDING = b" " * 65536


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: `act` is given the genuine work and returns what is sent.

    `where` names the routes that it strikes; empty means all of them.
    """

    name: str
    act: Callable[[Genuine], Reply]
    where: frozenset[str] = frozenset()

    def on(self, *routes: str) -> Fault:
        """Return the fault, striking only these routes."""
        return replace(self, where=frozenset(routes))

    def then(self, later: Fault) -> Fault:
        """Return both faults in one: `later` changes what this one lets through."""
        return replace(
            self,
            name=f"{self.name}, {later.name}",
            act=lambda genuine: later.act(lambda: self.act(genuine)),
        )

    def strikes(self, route: str) -> bool:
        """Return whether requests of this route meet the fault."""
        return not self.where or route in self.where


@dataclass
class _Planned:
    subject: str | None
    fault: Fault
    left: int | None


class FaultPlan:
    """The faults to come, for each subject (an account's key, or None), in order; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []

    def add(self, subject: str | None, fault: Fault, times: int | None) -> None:
        """Plan a fault for the next `times` requests that it strikes; None: until forgotten."""
        with self._lock:
            self._planned.append(_Planned(subject, fault, times))

    def forget(self, subject: str | None) -> None:
        """Drop every fault of the subject."""
        with self._lock:
            self._planned = [each for each in self._planned if each.subject != subject]

    def take(self, subject: str | None, route: str) -> Fault | None:
        """Return the fault that the next request of this route meets, counting it."""
        with self._lock:
            for planned in self._planned:
                if planned.subject == subject and planned.fault.strikes(route):
                    return self._count(planned)
        return None

    def _count(self, planned: _Planned) -> Fault:
        if planned.left is not None:
            planned.left -= 1
            if planned.left <= 0:
                self._planned.remove(planned)
        return planned.fault


def instead(reply: Reply, name: str = "instead") -> Fault:
    """The service does nothing, and this is said in its place."""
    return Fault(name, lambda _genuine: reply)


def change(edit: Callable[[Response], Reply], name: str = "change") -> Fault:
    """The service does its work, and its answer is edited; silence stays silence."""

    def edited(reply: Reply) -> Reply:
        if isinstance(reply, Delayed):
            return replace(reply, reply=edited(reply.reply))
        return edit(reply) if isinstance(reply, Response) else reply

    return Fault(name, lambda genuine: edited(genuine()))


def status(code: int, body: object = None) -> Fault:
    """A JSON error of any status."""
    return instead(json_response(body if body is not None else {"error": code}, code), f"{code}")


def html(code: int = 200, body: str = "<!doctype html><title>Something else</title>") -> Fault:
    """An HTML page where JSON was asked for."""
    return instead(html_response(body, code), f"{code} HTML")


def rate_limited(retry_after: float | str | datetime | None = None, body: object = None) -> Fault:
    """429; `retry_after` in seconds, as an instant (sent as an HTTP date), raw, or absent."""
    answer = json_response(body if body is not None else {"error": "rate limited"}, 429)
    return instead(answer.with_headers(*_retry_after(retry_after)), "429")


def _retry_after(value: float | str | datetime | None) -> Sequence[tuple[str, str]]:
    if value is None:
        return ()
    text = format_datetime(value, usegmt=True) if isinstance(value, datetime) else str(value)
    return (("Retry-After", text),)


def redirect(location: str) -> Fault:
    """302 to a path or URL."""
    return instead(redirect_response(location), f"302 {location}")


def body(raw: bytes | str, content_type: str = "application/json", code: int = 200) -> Fault:
    """Any body of any content type: text that calls itself JSON, bytes that are not UTF-8."""
    return instead(make_response(raw, content_type, code), "foreign body")


def invalid_utf8() -> Fault:
    """JSON in bytes that are not UTF-8."""
    return body(b'{"name": "\xff\xfe\xc3\x28"}')


def empty(code: int = 200) -> Fault:
    """An answer without a body."""
    return body(b"", code=code)


def huge(size: int = 50_000_000, *, stated: bool = True, pause: float = 0.0) -> Fault:
    """A JSON body of at least `size` bytes, mostly blanks; `stated`: with a Content-Length."""
    blanks = Repeated(PADDING, -(-size // len(PADDING)))
    head = (("Content-Type", "application/json"),)
    return instead(
        Stream(200, head, pieces=blanks, pause=pause, missing=0 if stated else None),
        f"{size} bytes",
    )


def truncated(kept: int = 10) -> Fault:
    """The genuine answer breaks off after `kept` bytes, though Content-Length promised all."""

    def cut(answer: Response) -> Reply:
        missing = max(1, len(answer.body) - kept)
        return Stream(answer.status, answer.headers, pieces=(answer.body[:kept],), missing=missing)

    return change(cut, "truncated")


def drip(pause: float = 0.2) -> Fault:
    """The genuine answer comes a byte at a time, `pause` seconds apart."""

    def split(answer: Response) -> Reply:
        pieces = tuple(bytes((byte,)) for byte in answer.body)
        return Stream(answer.status, answer.headers, pieces=pieces, pause=pause)

    return change(split, "drip")


def raw(pieces: Iterable[bytes], pause: float = 0.0) -> Fault:
    """Bytes in place of an HTTP answer, `pause` seconds before each piece; then the end."""
    return instead(Raw(pieces, pause), "raw bytes")


def slow_head(pause: float = 0.2) -> Fault:
    """A head without end, a byte at a time, `pause` seconds apart."""
    return raw((b"HTTP/1.1 200 OK\r\nX-Slow: ", *(b"x",) * 10_000), pause)


def slow(seconds: float) -> Fault:
    """The genuine answer comes late."""
    return change(lambda answer: Delayed(answer, seconds), "slow")


def attachment(filename: str = "usage.json") -> Fault:
    """The genuine answer asks to be saved as a file."""
    return header("Content-Disposition", f'attachment; filename="{filename}"')


def header(name: str, value: str) -> Fault:
    """The genuine answer has one more header line."""
    return change(lambda answer: answer.with_headers((name, value)), name)


def set_cookie(*cookies: str) -> Fault:
    """The genuine answer has these Set-Cookie lines (`sessionKey=; Max-Age=0; Path=/` clears)."""
    lines = tuple(("Set-Cookie", cookie) for cookie in cookies)
    return change(lambda answer: answer.with_headers(*lines), "Set-Cookie")


def hang_up(*, reset: bool = False) -> Fault:
    """The connection ends without an answer and without the work being done."""
    return instead(HangUp(reset=reset), "reset" if reset else "hang-up")


def hang(seconds: float) -> Fault:
    """Silence for so long, then the end; the work is not done. Ends early with the server."""
    return instead(Delayed(HangUp(), seconds), "hang")


def answer_lost(*, reset: bool = True) -> Fault:
    """The work is done, then the connection ends without an answer."""
    return Fault("answer lost", lambda genuine: (genuine(), HangUp(reset=reset))[1])
