"""The state file: what was stored is read again, and damage is not an error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.errors import BusyError
from cldmon.reporter.delivery import format_newest
from cldmon.reporter.options import Options
from cldmon.reporter.readings import Progress, Reading, add_status_line, get_due
from cldmon.reporter.state import State, StateFile
from cldmon.reports.body import parse
from tests.fakes import NOON
from tests.reporter.documents import make_line
from tests.strategies import INSTANT, JSON, TEXT

if TYPE_CHECKING:
    from pathlib import Path

READING = st.builds(
    Reading,
    st.sampled_from([make_line(41).windows, make_line(None).windows]),
    st.none() | st.floats(0, 1e9),
    st.none() | INSTANT.filter(lambda at: at <= NOON),
)
PAST = st.none() | INSTANT.filter(lambda at: at <= NOON)
PROGRESS = st.builds(
    Progress,
    TEXT,
    st.dictionaries(TEXT, READING, max_size=3),
    st.none() | READING,
    PAST,
    PAST,
    PAST,
    st.none() | TEXT.filter(bool),
    st.none() | TEXT.filter(bool),
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> StateFile:
    return StateFile({"XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))})


@given(TEXT, PROGRESS)
def test_what_was_stored_is_read_again(file: StateFile, label: str, progress: Progress) -> None:
    before = file.change(label, NOON, lambda _: progress)
    after = file.load(NOON)
    assert after.accounts[label] == progress
    assert after.machine == before.machine


@given(st.data(), JSON)
def test_damage_is_no_error(file: StateFile, data: st.DataObject, damage: object) -> None:
    """Any value may be anything."""
    progress = add_status_line(Progress("x"), make_line(41), NOON)
    file.change("alice", NOON, lambda _: progress._replace(sent=progress.newest))
    body = json.loads(file.path.read_text())
    place = body
    for _ in range(data.draw(st.integers(0, 6))):
        inner = [key for key, value in place.items() if isinstance(value, dict) and value]
        if not inner:
            break
        place = place[data.draw(st.sampled_from(inner))]
    place[data.draw(st.sampled_from(sorted(place)))] = damage
    file.path.write_text(json.dumps(body))
    state = file.load(NOON)
    again = add_status_line(state.accounts.get("alice", Progress()), make_line(42), NOON)
    assert again.newest
    assert get_due(again, NOON)
    after = State(state.machine, {"alice": again})
    report = parse(format_newest(after, Options(account="alice"), NOON))
    assert report.machine == state.machine


@pytest.mark.parametrize("content", ["", "{", "[]", '{"accounts": {"alice": {}}}', "\x00" * 100])
def test_a_damaged_file_says_nothing(tmp_path: Path, content: str) -> None:
    file = StateFile({"XDG_STATE_HOME": str(tmp_path)})
    file.folder.mkdir()
    file.path.write_text(content)
    assert file.load(NOON).accounts == {}


def test_a_status_line_does_not_wait_long_for_another(tmp_path: Path) -> None:
    file = StateFile({"XDG_STATE_HOME": str(tmp_path)})

    def make(progress: Progress) -> Progress:
        with pytest.raises(BusyError):
            file.change("alice", NOON, lambda other: other)
        return progress

    file.change("alice", NOON, make)
