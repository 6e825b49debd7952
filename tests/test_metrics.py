"""The series that Prometheus gets: named by its rules, and never an old number as live."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from cldmon import __version__, metrics
from cldmon.domain.events import OCCURRENCES, Event, EventKind
from cldmon.domain.labels import find_label_problem
from cldmon.domain.model import (
    Account,
    Credits,
    Failure,
    FailureKind,
    Pool,
    Reading,
    SavedResets,
    Snapshot,
    Window,
)
from cldmon.domain.windows import FIVE_HOUR
from cldmon.store.state import DIRECT_MESSAGES, AccountState, KeyFingerprint, Message, State
from tests.fakes import DOWN, NOON

if TYPE_CHECKING:
    from collections.abc import Callable

RESET = NOON + timedelta(hours=2)
HIT = Event(EventKind.LIMIT_HIT, "alice", FIVE_HOUR, NOON)
RICH = Reading(
    NOON,
    {"fiveHour": Window(41, RESET), "sevenDay": Window(97, NOON)},
    credits=Credits(1275, 5000, "EUR", 2),
    pools=(Pool("cinderCove", "Code and Cowork credit", 80000, 80000, 100, RESET),),
    saved_resets=SavedResets(2, RESET),
)
Labels = dict[str, str]


def state(*accounts: Account) -> State:
    return State(Snapshot(fetched_at=NOON, accounts=accounts))


def account(label: str = "alice", failure: Failure | None = None, **windows: Window) -> Account:
    return Account(label, Reading(NOON, windows or {FIVE_HOUR: Window(41, RESET)}), failure)


def samples(found: State, later: timedelta = timedelta()) -> dict[str, list[tuple[Labels, float]]]:
    """Return what a scrape some time after noon reads: labels and value by sample name."""
    text = metrics.render(found, NOON + later).decode()
    read: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            read.setdefault(sample.name, []).append((sample.labels, sample.value))
    return read


def test_the_whole_text_of_one_account(golden: Callable[[str, str], None]) -> None:
    """A golden text: names, types and units are what dashboards and alerts are built on."""
    found = replace(
        state(replace(account(), reading=RICH)),
        account_states={"alice": AccountState(key=KeyFingerprint("f", NOON - timedelta(days=3)))},
        outbox=(Message(HIT, "U1"),),
        pass_seconds=1.25,
        counters={"errors.timeout": 2, "alertsSent.limit_hit": 3, "messagesDropped": 1},
    )
    text = metrics.render(found, NOON, [DIRECT_MESSAGES]).decode()
    golden("metrics.prom", text.replace(__version__, "@VERSION@"))


def test_each_alert_of_each_channel_counts_from_zero() -> None:
    """The first one would otherwise be missing from what `increase()` counts."""
    found = replace(state(account()), counters={"alertsSent.run_out.gone": 2})
    text = metrics.render(found, NOON, ["team", DIRECT_MESSAGES]).decode()
    for event in OCCURRENCES:
        assert f'alerts_sent_total{{channel="team",event="{event}"}} 0.0\n' in text
    assert 'alerts_sent_total{channel="gone",event="run_out"} 2.0\n' in text


def test_utilization_is_a_ratio_and_the_reset_an_instant() -> None:
    read = samples(state(account()))
    where = {"account": "alice", "window": FIVE_HOUR}
    assert read["cldmon_window_utilization_ratio"] == [(where, 0.41)]
    assert read["cldmon_window_reset_timestamp_seconds"] == [(where, RESET.timestamp())]


def test_a_window_that_does_not_run_has_no_reset() -> None:
    read = samples(state(account(fiveHour=Window(0, None))))
    assert read["cldmon_window_utilization_ratio"][0][1] == 0
    assert "cldmon_window_reset_timestamp_seconds" not in read


def test_a_window_whose_reset_is_due_is_not_shown_as_live() -> None:
    """A pass may be minutes old when it is scraped."""
    found = state(account(fiveHour=Window(100, NOON + timedelta(minutes=1))))
    assert "cldmon_window_utilization_ratio" in samples(found)
    assert "cldmon_window_utilization_ratio" not in samples(found, timedelta(minutes=1))


@pytest.mark.parametrize(
    ("found", "later"),
    [
        (state(account()), timedelta(minutes=31)),
        (state(account()), -timedelta(days=1)),
        (state(account(failure=DOWN)), timedelta()),
        (state(Account("alice", None)), timedelta()),
    ],
    ids=["stale", "from the future", "in error", "never read"],
)
def test_what_is_not_of_now_is_left_out_and_the_account_is_down(
    found: State, later: timedelta
) -> None:
    read = samples(found, later)
    assert not [name for name in read if name.startswith("cldmon_window_")]
    assert read["cldmon_account_up"] == [({"account": "alice"}, 0)]


def test_where_the_numbers_come_from_is_a_series_of_its_own() -> None:
    """A label of existing series would change those."""
    accounts = (account("alice"), Account("bob", None, reports_only=True))
    assert samples(state(*accounts))["cldmon_account_source"] == [
        ({"account": "alice", "source": "browser"}, 1),
        ({"account": "bob", "source": "report"}, 1),
    ]


def test_an_account_in_error_says_why_and_since_when() -> None:
    read = samples(state(account(failure=DOWN), account("bob")))
    assert read["cldmon_account_error"] == [({"account": "alice", "kind": "service_down"}, 1)]
    assert read["cldmon_account_up"] == [({"account": "alice"}, 0), ({"account": "bob"}, 1)]
    assert read["cldmon_account_last_success_timestamp_seconds"][0][1] == NOON.timestamp()


def test_before_the_first_pass_there_is_no_pass_and_every_counter_is_zero() -> None:
    read = samples(State())
    assert "cldmon_last_pass_timestamp_seconds" not in read
    assert read["cldmon_outbox_messages"] == [({}, 0)]
    assert "cldmon_outbox_oldest_timestamp_seconds" not in read
    kinds = {found["kind"] for found, value in read["cldmon_account_errors_total"] if value == 0}
    assert kinds == set(FailureKind)


def test_the_key_of_an_account_that_left_is_forgotten() -> None:
    memory = AccountState(key=KeyFingerprint("f", NOON))
    read = samples(replace(state(account()), account_states={"alice": memory, "gone": memory}))
    [(where, _)] = read["cldmon_session_key_first_used_timestamp_seconds"]
    assert where == {"account": "alice"}


@given(st.text(min_size=1, max_size=20).filter(lambda text: find_label_problem(text) is None))
def test_any_label_comes_through_as_it_is(label: str) -> None:
    read = samples(state(account(label)))
    assert read["cldmon_account_up"] == [({"account": label}, 1)]


def fetch(folder: Path, textfile: str) -> subprocess.CompletedProcess[str]:
    """Make a pass that needs no browser, for it finds none, under a strict umask."""
    config = folder / "config.toml"
    config.write_text(
        f'data_dir = "data"\nbrowser.executable = "/nonexistent"\nmetrics.textfile = "{textfile}"\n'
        '[[accounts]]\nlabel = "alice"\nsession_key = "sk-ant-sid01-MARKER"\n'
    )
    config.chmod(0o600)
    return subprocess.run(
        [Path(sys.executable).with_name("cldmon"), "--config", config, "fetch"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        umask=0o077,
        check=False,
    )


def test_each_pass_replaces_the_textfile_beside_the_config_readable_by_all(tmp_path: Path) -> None:
    (tmp_path / "prom").mkdir()
    for count in (1, 2):
        assert fetch(tmp_path, "prom/cldmon.prom").returncode == 1
        [written] = (tmp_path / "prom").iterdir()
        text = written.read_text(encoding="utf-8")
        assert f'cldmon_account_errors_total{{kind="no_browser"}} {count}.0\n' in text
        assert stat.S_IMODE(written.stat().st_mode) == 0o644
        assert "MARKER" not in text


def test_a_textfile_that_cannot_be_written_is_a_warning_and_no_more(tmp_path: Path) -> None:
    ran = fetch(tmp_path, "nowhere/cldmon.prom")
    assert "cannot write" in ran.stderr
    assert "nowhere/cldmon.prom" in ran.stderr
    assert (tmp_path / "data" / "state.json").exists()
