"""`GET /api/history`, sent from disk unparsed or downsampled for a chart, and `GET /api/events`."""

from __future__ import annotations

import zlib
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from cldmon.domain.downsampling import KEPT_OF_A_BUCKET, Downsampler
from cldmon.domain.instants import from_ms, to_ms
from cldmon.domain.ranges import parse_range
from cldmon.errors import UsageError
from cldmon.store import reader
from cldmon.store.events import read_event_lines
from cldmon.web.http import (
    JSON,
    NO_STORE,
    Document,
    RefusedError,
    Response,
    accepts_gzip,
    get_query_param,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from cldmon.domain.series import Point
    from cldmon.web.auth import Caller
    from cldmon.web.http import Request
    from cldmon.web.limits import CallerKey
    from cldmon.web.services import Services

DEFAULT_RANGE = "1h"
_EPOCH = from_ms(0)
MAX_POINTS = 10_000
MAX_BUFFERED = 1 << 18
"""Bytes up to which a response is built in memory; a longer one is sent while it is read.

Slow clients cost this much memory each.
"""

_GZIP = 31
"""zlib's window bits for a gzip header."""


def get_history(request: Request, caller: Caller, services: Services) -> Response:
    """Return the lines of a range, oldest first, or only one account's, or fewer points."""
    since_ms, until_ms = _parse_span(request, services.now())
    account, points = get_query_param(request, "account"), _parse_points(request)
    key, data_dir = caller.key, services.data_dir
    if account is None and points is None:
        chunks = reader.read_array(data_dir, since_ms, until_ms)
    else:
        labels = () if account is None else (account,)
        with services.rate_limits.history_slots.slot(key):
            parts = reader.iter_series(data_dir, since_ms, until_ms, labels=labels)
            if points:
                width_ms = max(1, (until_ms - since_ms) // max(1, points // KEPT_OF_A_BUCKET))
                series = _downsample(parts, width_ms, services.settings.interval)
            else:  # of one account, so there is one part
                series = next(parts)
        chunks = reader.json_array(reader.format_series(series))
    return _respond(request, chunks, services, key)


def get_events(request: Request, caller: Caller, services: Services) -> Response:
    """Return what happened in a range, oldest first."""
    chunks = read_event_lines(services.data_dir, *_parse_span(request, services.now()))
    return _respond(request, reader.json_array(chunks), services, caller.key)


def _parse_span(request: Request, until: datetime) -> tuple[int, int]:
    """Return both ends, in ms, of the range that a request names."""
    try:
        named = get_query_param(request, "range")
        span = parse_range(DEFAULT_RANGE if named is None else named)
    except UsageError as error:
        raise RefusedError(400, str(error)) from None
    return to_ms(until - min(span, until - _EPOCH)), to_ms(until)


def _parse_points(request: Request) -> int | None:
    named = get_query_param(request, "points")
    if named is None:
        return None
    is_number = named.isascii() and named.isdigit() and len(named) <= 5
    if not (is_number and 1 <= int(named) <= MAX_POINTS):
        raise RefusedError(400, f"points must be an integer from 1 to {MAX_POINTS}")
    return int(named)


def _respond(
    request: Request, chunks: Iterator[bytes], services: Services, key: CallerKey
) -> Response:
    first, size = [], 0
    with services.rate_limits.history_slots.slot(key):
        for chunk in chunks:
            first.append(chunk)
            size += len(chunk)
            if size > MAX_BUFFERED:
                break
        else:
            return Document(b"".join(first)).response(request)
    rest = chain(first, chunks)
    headers = (("Content-Type", JSON), ("Cache-Control", NO_STORE), ("Vary", "Accept-Encoding"))
    if accepts_gzip(request):
        return Response(200, _compress(rest), (*headers, ("Content-Encoding", "gzip")), key)
    return Response(200, rest, headers, key)


def _compress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    pack = zlib.compressobj(level=1, wbits=_GZIP)
    for chunk in chunks:
        if gzipped := pack.compress(chunk):
            yield gzipped
    yield pack.flush()


def _downsample(
    parts: Iterable[Mapping[str, list[Point]]], width_ms: int, interval: timedelta
) -> dict[str, list[Point]]:
    """Return each account's readings, reduced to the extremes of each bucket of `width_ms`."""
    samplers: defaultdict[str, Downsampler] = defaultdict(lambda: Downsampler(width_ms, interval))
    for part in parts:
        for label in part:
            samplers[label].add(part[label])
        del part  # so that it is not kept in memory while the next one is read
    return {label: sampler.points() for label, sampler in samplers.items()}
