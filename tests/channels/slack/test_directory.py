"""The people on disk: a day old at most, older only when Slack is down."""

from __future__ import annotations

import json
import stat
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon import files
from cldmon.channels.slack.client import SlackMessenger
from cldmon.channels.slack.directory import Directory, open_directory, read_timezones
from cldmon.demo.slack import SimUser
from cldmon.domain.people import Person
from cldmon.domain.secret import Secret
from cldmon.errors import SlackError
from tests.simulation.slack import FakeSlack, error

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ANN, BOB = Person("U1", "ann", "Ann Ä", "🦊"), Person("U2", "bob")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


class Roster:
    """People who can be fetched, unless `down`; counts how often they were asked for."""

    def __init__(self, *people: Person) -> None:
        self.people = list(people)
        self.down = False
        self.asked = 0

    def __call__(self) -> list[Person]:
        self.asked += 1
        if self.down:
            raise SlackError("Slack is in trouble (HTTP 503)")
        return self.people


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "slack-users.json"


def real(slack: FakeSlack, channel: str | None, data_dir: Path, clock: Clock) -> Directory:
    messenger = SlackMessenger(Secret(slack.token), slack.url, clock=clock)
    return open_directory(messenger, channel, data_dir, clock)


def ids(people: list[Person]) -> list[str]:
    return [each.id for each in people]


def test_everybody_is_found_but_bots_and_deleted_users(
    fake_slack: FakeSlack, tmp_path: Path, clock: Clock
) -> None:
    people = real(fake_slack, None, tmp_path, clock).people()
    assert ids(people) == ["U01ALICE", "U02BOB", "U03CHLOE", "U04DAN", "U05GUEST"]


def test_only_members_of_the_channel_are_found_if_one_is_set(
    fake_slack: FakeSlack, tmp_path: Path, clock: Clock
) -> None:
    assert ids(real(fake_slack, "C01TEAM", tmp_path, clock).people()) == ["U01ALICE", "U02BOB"]


def test_people_of_later_pages_are_found(tmp_path: Path, clock: Clock) -> None:
    crowd = [SimUser(f"U{n:04}", f"user{n}") for n in range(450)]
    channels = {"C1": [user.id for user in crowd[::2]]}
    with FakeSlack(users=crowd, channels=channels) as slack:
        assert len(real(slack, None, tmp_path, clock).people()) == 450
        assert len(real(slack, "C1", tmp_path, clock).people()) == 225


def test_another_channel_or_token_is_never_answered_from_the_old_list(
    tmp_path: Path, clock: Clock
) -> None:
    """Else people would be shown who are not members of the channel that is set now."""
    with FakeSlack() as slack:
        real(slack, None, tmp_path, clock).people()
        assert len(real(slack, "C01TEAM", tmp_path, clock).people()) == 2
    with FakeSlack(token="xoxb-other", users=[SimUser("U9", "zoe")]) as other:
        assert ids(real(other, None, tmp_path, clock).people()) == ["U9"]


def test_a_missing_scope_is_reported(tmp_path: Path, clock: Clock) -> None:
    with (
        FakeSlack(scopes=["chat:write"]) as slack,
        pytest.raises(SlackError, match="lacks the scope users:read"),
    ):
        real(slack, None, tmp_path, clock).people()


def test_the_file_tells_nothing_of_the_token(
    fake_slack: FakeSlack, tmp_path: Path, clock: Clock
) -> None:
    real(fake_slack, None, tmp_path, clock).people()
    assert fake_slack.token not in (tmp_path / "slack-users.json").read_text()


def test_time_zones_are_kept(fake_slack: FakeSlack, tmp_path: Path, clock: Clock) -> None:
    assert read_timezones(tmp_path) == {}
    real(fake_slack, "C01TEAM", tmp_path, clock).people()
    zone = "Europe/Berlin"
    assert read_timezones(tmp_path) == {"U01ALICE": zone, "U02BOB": zone}
    [alice, _] = real(fake_slack, "C01TEAM", tmp_path, clock).people()
    assert alice.timezone == zone


def test_a_file_without_time_zones_stays_readable(path: Path, clock: Clock) -> None:
    """Earlier versions wrote none."""
    Directory(Roster(ANN), path, clock).people()
    body = json.loads(path.read_text())
    for user in body["users"]:
        del user["timezone"]
    path.write_text(json.dumps(body))
    assert Directory(Roster(BOB), path, clock).people() == [ANN]
    assert read_timezones(path.parent) == {}


def test_people_are_asked_for_once_a_day(path: Path, clock: Clock) -> None:
    roster = Roster(ANN, BOB)
    directory = Directory(roster, path, clock)
    for _ in range(3):
        assert directory.people() == [ANN, BOB]
        clock.pass_by(hours=7)
    assert roster.asked == 1
    clock.pass_by(hours=3)
    assert directory.people() == [ANN, BOB]
    assert roster.asked == 2


def test_the_next_process_reads_the_file(path: Path, clock: Clock) -> None:
    Directory(Roster(ANN, BOB), path, clock).people()
    idle = Roster()
    assert Directory(idle, path, clock).people() == [ANN, BOB]
    assert idle.asked == 0


def test_the_file_is_private(path: Path, clock: Clock) -> None:
    Directory(Roster(ANN), path, clock).people()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_old_list_is_used_while_slack_is_down(path: Path, clock: Clock) -> None:
    Directory(Roster(ANN), path, clock).people()
    clock.pass_by(days=40)
    roster = Roster()
    roster.down = True
    assert Directory(roster, path, clock).people() == [ANN]


def test_slack_is_left_alone_for_a_minute_after_it_failed(path: Path, clock: Clock) -> None:
    """The login box asks at each keystroke, before login: it must not hammer Slack."""
    roster = Roster(ANN)
    roster.down = True
    directory = Directory(roster, path, clock)
    for _ in range(5):
        with pytest.raises(SlackError, match="503"):
            directory.people()
        clock.pass_by(seconds=10)
    assert roster.asked == 1
    roster.down = False
    clock.pass_by(seconds=10)
    assert directory.people() == [ANN]


def test_slack_is_tried_again_every_minute_while_it_is_down(path: Path, clock: Clock) -> None:
    roster = Roster(ANN)
    roster.down = True
    directory = Directory(roster, path, clock)
    for _ in range(3):
        with pytest.raises(SlackError):
            directory.people()
        clock.pass_by(seconds=61)
    assert roster.asked == 3


def test_without_any_list_the_failure_is_reported(
    fake_slack: FakeSlack, tmp_path: Path, clock: Clock
) -> None:
    fake_slack.fail(error("token_revoked"))
    with pytest.raises(SlackError, match="the Slack token was revoked: reinstall the app"):
        real(fake_slack, None, tmp_path, clock).people()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"scope": "", "users": []}',
        b'{"fetchedAt": 5, "scope": "", "users": []}',
        b'{"fetchedAt": "2026-11-22T11:00:00Z", "scope": "", "users": 5}',
        b'{"fetchedAt": "2026-11-22T11:00:00Z", "scope": "", "users": [5]}',
        b'{"fetchedAt": "2026-11-22T11:00:00Z", "scope": "", "users": [{"id": "U9"}]}',
        b'{"users": [{"id": "U9", "name": "node"}], "timestamp": 1}',
    ],
)
def test_a_file_that_is_not_understood_is_fetched_again(
    path: Path, clock: Clock, content: bytes
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert Directory(Roster(ANN), path, clock).people() == [ANN]
    assert json.loads(path.read_bytes())["users"][0]["id"] == "U1"


def test_a_list_from_the_future_is_fetched_again(path: Path, clock: Clock) -> None:
    """The clock was set back: the list might never grow old."""
    Directory(Roster(ANN), path, clock).people()
    clock.pass_by(days=-3)
    assert Directory(Roster(BOB), path, clock).people() == [BOB]


def test_a_file_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path, clock: Clock) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "data").write_text("")
    roster = Roster(ANN)
    directory = Directory(roster, tmp_path / "data" / "slack-users.json", clock)
    assert [directory.people(), directory.people()] == [[ANN], [ANN]]
    assert roster.asked == 1


def test_a_file_that_another_process_writes_is_left_to_it(path: Path, clock: Clock) -> None:
    path.parent.mkdir()
    with files.lock(path.with_suffix(".lock"), wait=0):
        assert Directory(Roster(ANN), path, clock).people() == [ANN]
    assert not path.exists()


class SlowRoster(Roster):
    """A roster whose answer waits for `go`; `busy` is set once it was asked."""

    def __init__(self, *people: Person) -> None:
        super().__init__(*people)
        self.busy, self.go = threading.Event(), threading.Event()

    def __call__(self) -> list[Person]:
        self.busy.set()
        self.go.wait(10)
        return super().__call__()


def test_threads_that_come_together_ask_slack_once(path: Path, clock: Clock) -> None:
    roster = SlowRoster(ANN)
    directory = Directory(roster, path, clock)
    found: list[list[Person]] = []
    threads = [threading.Thread(target=lambda: found.append(directory.people())) for _ in range(6)]
    for thread in threads:
        thread.start()
    roster.busy.wait(10)
    roster.go.set()
    for thread in threads:
        thread.join()
    assert found == [[ANN]] * 6
    assert roster.asked == 1


def test_nobody_waits_for_a_fetch_while_an_old_list_is_at_hand(path: Path, clock: Clock) -> None:
    Directory(Roster(ANN), path, clock).people()
    clock.pass_by(days=2)
    roster = SlowRoster(BOB)
    directory = Directory(roster, path, clock)
    first = threading.Thread(target=directory.people)
    first.start()
    roster.busy.wait(10)
    assert directory.people() == [ANN]
    roster.go.set()
    first.join()
    assert directory.people() == [BOB]
