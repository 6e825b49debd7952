"""Cookies that cannot be forged, and the list of those that were revoked."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.secret import Secret
from cldmon.errors import StoreError
from cldmon.web.revocations import LIFETIME, MAX_REVOKED, Revocations
from cldmon.web.sessions import CookieScope, Sessions, load_session_secret
from tests import damage
from tests.fakes import Clock
from tests.limits import forbid_files
from tests.web.in_process import COOKIE, SCOPE

if TYPE_CHECKING:
    from tests.damage import Damage

SECRET = Secret("a-secret-that-nobody-guesses")


DAMAGES = {**damage.CONTENTS, **damage.PLACES, "gone": os.unlink}


def make_sessions(data_dir: Path, clock: Clock, secret: Secret = SECRET) -> Sessions:
    return Sessions(secret, Revocations(data_dir, clock), clock)


def cookie(sessions: Sessions, scope: CookieScope = SCOPE) -> str:
    return sessions.set_cookie(sessions.open("U1", "Chloé 🦊"), scope).partition(";")[0]


def test_a_cookie_carries_the_session(tmp_path: Path, clock: Clock) -> None:
    sessions = make_sessions(tmp_path, clock)
    found = sessions.read(cookie(sessions), SCOPE)
    assert found
    assert (found.user, found.name, found.is_guest, found.proved) == (
        "U1",
        "Chloé 🦊",
        False,
        False,
    )
    assert found.expires == clock() + LIFETIME


def test_another_secret_signs_nothing_of_ours(tmp_path: Path, clock: Clock) -> None:
    foreign = make_sessions(tmp_path, clock, Secret("another"))
    assert make_sessions(tmp_path, clock).read(cookie(foreign), SCOPE) is None


def test_the_good_one_of_several_cookies_counts(tmp_path: Path, clock: Clock) -> None:
    """Another path or program on this host may have set a cookie with that name."""
    sessions = make_sessions(tmp_path, clock)
    assert sessions.read(f"{COOKIE}=x.y; a=b; {cookie(sessions)}", SCOPE)


def test_a_cookie_of_one_scope_is_none_in_another(tmp_path: Path, clock: Clock) -> None:
    """Servers on two ports do not log each other out, nor accept each other's cookies.

    One does not know about the other's logouts, and may require less for a login.
    """
    sessions = make_sessions(tmp_path, clock)
    scopes = [CookieScope(3000), CookieScope(3001), CookieScope(3000, secure=True)]
    cookies = [cookie(sessions, scope) for scope in scopes]
    found = [sessions.read("; ".join(cookies), scope) for scope in scopes]
    assert len({session.id for session in found if session}) == 3
    for scope, other in permutations(range(3), 2):
        renamed = cookies[other].replace(scopes[other].name, scopes[scope].name)
        assert sessions.read(renamed, scopes[scope]) is None


@pytest.mark.parametrize("backwards", [False, True])
def test_a_planted_cookie_does_not_hide_the_users_own(
    tmp_path: Path, clock: Clock, *, backwards: bool
) -> None:
    """In any position: guests rank lowest, then sessions without a code, then older ones."""
    sessions = make_sessions(tmp_path, clock)
    older = sessions.open("U2", proved=True)
    clock.tick(timedelta(seconds=1))
    own = sessions.open("U1", proved=True)
    clock.tick(timedelta(seconds=1))
    planted = [older, sessions.open(), sessions.open("U3")]
    for other in planted:
        pair = [sessions.set_cookie(each, SCOPE).partition(";")[0] for each in (other, own)]
        header = "; ".join(reversed(pair) if backwards else pair)
        found = sessions.read(header, SCOPE)
        assert found
        assert found.id == own.id


@given(st.text(max_size=60))
def test_no_text_is_a_session(text: str) -> None:
    sessions = make_sessions(Path("/nonexistent"), Clock())
    assert sessions.read(f"{COOKIE}={text}", SCOPE) is None


def test_an_end_is_remembered_until_no_cookie_can_be_valid(tmp_path: Path, clock: Clock) -> None:
    sessions = make_sessions(tmp_path, clock)
    old = sessions.open("U1")
    sessions.end(old)
    clock.tick(LIFETIME + timedelta(hours=1))
    new = sessions.open()
    sessions.end(new)
    file = tmp_path / "revoked-sessions.json"
    assert list(json.loads(file.read_bytes())) == [new.id]
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_end_that_another_process_wrote_is_seen(tmp_path: Path, clock: Clock) -> None:
    here, there = make_sessions(tmp_path, clock), make_sessions(tmp_path, clock)
    given_ = cookie(here)
    session = there.read(given_, SCOPE)
    assert session
    assert here.read(given_, SCOPE)
    there.end(session)
    assert here.read(given_, SCOPE) is None


def test_a_flood_of_guests_does_not_bring_a_users_session_back(
    tmp_path: Path, clock: Clock
) -> None:
    sessions = make_sessions(tmp_path, clock)
    user = sessions.open("U1")
    sessions.end(user)
    later = int((clock() + timedelta(days=30)).timestamp() * 1000)
    file = tmp_path / "revoked-sessions.json"
    ends = {**json.loads(file.read_bytes()), **{f"g{n}": later for n in range(MAX_REVOKED)}}
    file.write_text(json.dumps(ends))
    sessions.end(sessions.open())
    assert user.id in json.loads(file.read_bytes())
    assert len(json.loads(file.read_bytes())) == MAX_REVOKED


@pytest.mark.parametrize("harm", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("restarted", [False, True])
def test_without_the_revocations_everyone_has_to_log_in_again(
    tmp_path: Path,
    clock: Clock,
    harm: Damage,
    restarted: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sessions = Sessions(SECRET, Revocations(tmp_path, clock), clock)
    ended, other = cookie(sessions), cookie(sessions)
    session = sessions.read(ended, SCOPE)
    assert session
    sessions.end(session)
    assert sessions.read(other, SCOPE)
    harm(tmp_path / "revoked-sessions.json")
    clock.tick(timedelta(minutes=1))
    if restarted:
        sessions = Sessions(SECRET, Revocations(tmp_path, clock), clock)
    assert (sessions.read(ended, SCOPE), sessions.read(other, SCOPE)) == (None, None)
    again = cookie(sessions)
    assert sessions.read(again, SCOPE)
    clock.tick(timedelta(minutes=1))
    assert sessions.read(again, SCOPE)
    assert sessions.read(ended, SCOPE) is None
    assert len(caplog.messages) <= 1
    if caplog.messages:
        assert "revoked-sessions.json" in caplog.messages[0]
        assert "everyone has to log in again" in caplog.messages[0]


def test_revocations_that_cannot_be_replaced_end_sessions_only_once(
    tmp_path: Path, clock: Clock
) -> None:
    """A logout then reports that it failed."""
    (tmp_path / "revoked-sessions.json").mkdir()
    sessions = make_sessions(tmp_path, clock)
    given_ = cookie(sessions)
    clock.tick(timedelta(minutes=1))
    session = sessions.read(given_, SCOPE)
    assert session
    with pytest.raises(StoreError):
        sessions.end(session)
    assert sessions.read(given_, SCOPE)


def test_trouble_that_passes_ends_no_session(tmp_path: Path, clock: Clock) -> None:
    sessions = make_sessions(tmp_path, clock)
    given_ = cookie(sessions)
    with forbid_files(), pytest.raises(StoreError, match="Too many open files"):
        make_sessions(tmp_path, clock).read(given_, SCOPE)
    assert sessions.read(given_, SCOPE)


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    first = load_session_secret(data_dir)
    assert first == load_session_secret(data_dir)
    assert len(first.reveal()) >= 32
    assert (data_dir / "session-secret").stat().st_mode & 0o777 == 0o600
    assert data_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("harm", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_secret_is_replaced(
    tmp_path: Path, harm: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    """What is left of it, or is in its place, might be guessed."""
    path = tmp_path / "session-secret"
    first = load_session_secret(tmp_path)
    harm(path)
    if path.is_dir():  # which cannot be replaced
        with pytest.raises(StoreError, match="session-secret"):
            load_session_secret(tmp_path)
        return
    second = load_session_secret(tmp_path)
    assert first != second
    assert len(second.reveal()) >= 32
    assert second == load_session_secret(tmp_path)
    assert len(caplog.messages) <= 1
