"""What the client makes of an answer is what the server had; anything else is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.forecast import Forecast
from cldmon.domain.ranges import Span
from cldmon.domain.usage import usage_to_json
from cldmon.errors import ServerRefusedError
from cldmon.remote.history import mirror_history
from cldmon.remote.usage import parse_usage
from cldmon.store import reader
from cldmon.store.history import History, serialize_pass
from tests.fakes import NOON
from tests.strategies import INSTANT, JSON, SNAPSHOT, TEXT

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.model import Snapshot

NOT_OURS = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
HOUR = timedelta(hours=1)


@given(SNAPSHOT, st.integers(1, 900), INSTANT, st.none() | INSTANT)
def test_any_snapshot_comes_back(
    stored: Snapshot, minutes: int, now: datetime, full_at: datetime | None
) -> None:
    """As far as it is shown."""
    snapshot = replace(stored, interval=timedelta(minutes=minutes))
    labels = [account.label for account in snapshot.accounts]
    forecasts = {
        (account.label, name): Forecast(full_at, 100 if full_at else 7)
        for account in snapshot.accounts
        for name in (account.reading.windows if account.reading else ())
    }
    body = json.loads(json.dumps(usage_to_json(snapshot, now, forecasts)))
    found = parse_usage({**body, "alertSubscriptions": {label: {} for label in labels}})
    assert found.labels == tuple(dict.fromkeys(labels))
    assert usage_to_json(found.snapshot, now, found.forecasts) == body


@given(JSON, st.sampled_from(["fetchedAt", "accounts", "refreshIntervalMs", "slackEnabled"]))
def test_any_other_json_is_refused_or_can_be_shown(value: Any, key: str) -> None:
    genuine: dict[str, Any] = {
        "fetchedAt": None,
        "accounts": [],
        "refreshIntervalMs": 600_000,
        "slackEnabled": False,
        "summary": {},
        "alertSubscriptions": {},
    }
    for body in (value, {**genuine, key: value}):
        try:
            found = parse_usage(body)
        except NOT_OURS:
            continue
        assert usage_to_json(found.snapshot, NOON, found.forecasts)["accounts"] is not None


class Canned:
    """A client whose server sends one answer."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.paths: list[str] = []

    def get(self, path: str, *_bounds: float) -> bytes:
        """Return the answer."""
        self.paths.append(path)
        return self.answer

    def refusal(self, reason: str) -> ServerRefusedError:
        """Return an error."""
        return ServerRefusedError(reason)


@given(st.lists(TEXT | st.just(',{"timestamp":1,"accounts":[]}'), max_size=4))
def test_the_history_of_any_labels_comes_back(labels: list[str]) -> None:
    accounts = [{"label": label, "fiveHour": 7} for label in labels]
    since = NOON - 30 * HOUR
    lines = [
        serialize_pass(int((since + n * HOUR).timestamp() * 1000), accounts) for n in range(30)
    ]
    canned = Canned(f"[{','.join(lines)}]".encode())
    with mirror_history(canned, Span(since, NOON), NOON) as folder:  # type: ignore[arg-type]
        found = b"".join(reader.read_array(folder, 0, 10**13))
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert found == canned.answer
    assert canned.paths == ["api/history?range=32h"]
    assert not folder.exists()


@pytest.mark.parametrize(
    "answer",
    [b"", b"{}", b"[1]", b"null", b'[{"timestamp":17}', b'[{"timestamp":x,"a":1}]'],
)
def test_an_answer_that_is_no_history_is_refused(answer: bytes) -> None:
    span = Span(NOON - HOUR, NOON)
    with pytest.raises(ServerRefusedError), mirror_history(Canned(answer), span, NOON):  # type: ignore[arg-type]
        pass


def test_only_the_span_is_kept(tmp_path: Path) -> None:
    """The server may be asked for more, as its clock may differ."""
    for n in range(4):
        at_ms = int((NOON - n * HOUR).timestamp() * 1000)
        History(tmp_path).ensure(serialize_pass(at_ms, []))
    everything = b"".join(reader.read_array(tmp_path, 0, 10**13))
    span = Span(NOON - 2 * HOUR, NOON - HOUR)
    with mirror_history(Canned(everything), span, NOON) as folder:  # type: ignore[arg-type]
        kept = json.loads(b"".join(reader.read_array(folder, 0, 10**13)))
    assert len(kept) == 2
