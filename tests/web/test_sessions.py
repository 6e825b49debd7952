"""Cookies that cannot be forged, and the memory of those that were ended."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.secret import Secret
from cldmon.web.api import respond
from cldmon.web.message import Request
from cldmon.web.sessions import LIFETIME, MOST_REVOKED, Revocations, Sessions, session_secret
from tests.fakes import Clock
from tests.web.house import COOKIE, NEVER_JUST_NOW

if TYPE_CHECKING:
    from tests.web.house import House

SECRET = Secret("a-secret-that-nobody-guesses")


def made(data_dir: Path, clock: Clock, secret: Secret = SECRET, name: str = COOKIE) -> Sessions:
    return Sessions(secret, Revocations(data_dir, NEVER_JUST_NOW), name, clock)


def cookie(sessions: Sessions) -> str:
    return sessions.cookie(sessions.open("U1", "Chloé 🦊"), secure=False).partition(";")[0]


def test_a_cookie_carries_the_session(tmp_path: Path, clock: Clock) -> None:
    sessions = made(tmp_path, clock)
    found = sessions.read(cookie(sessions))
    assert found
    assert (found.user, found.name, found.guest, found.proved) == ("U1", "Chloé 🦊", False, False)
    assert found.expires == clock() + LIFETIME


def test_another_secret_signs_nothing_of_ours(tmp_path: Path, clock: Clock) -> None:
    foreign = made(tmp_path, clock, Secret("another"))
    assert made(tmp_path, clock).read(cookie(foreign)) is None


def test_the_good_one_of_several_cookies_counts(tmp_path: Path, clock: Clock) -> None:
    """Another path or program on this host may have set one of that name."""
    sessions = made(tmp_path, clock)
    assert sessions.read(f"{COOKIE}=x.y; a=b; {cookie(sessions)}")


def test_servers_on_two_ports_do_not_log_each_other_out(tmp_path: Path, clock: Clock) -> None:
    here, there = made(tmp_path, clock), made(tmp_path, clock, name="cldmon-sid-3001")
    both = f"{cookie(here)}; {cookie(there)}"
    assert here.read(both) != there.read(both)


def test_a_session_of_another_server_is_none_here_though_it_has_the_same_secret(
    tmp_path: Path, clock: Clock
) -> None:
    """It knows nothing of our logouts, and may ask for less at a login."""
    there = cookie(made(tmp_path / "other", clock, name="cldmon-sid-3001"))
    renamed = there.replace("cldmon-sid-3001", COOKIE)
    assert made(tmp_path, clock).read(renamed) is None


@given(st.text(max_size=60))
def test_no_text_is_a_session(text: str) -> None:
    sessions = made(Path("/nonexistent"), Clock())
    assert sessions.read(f"{COOKIE}={text}") is None


def test_an_end_is_remembered_until_the_session_would_have_expired(
    tmp_path: Path, clock: Clock
) -> None:
    sessions = made(tmp_path, clock)
    old = sessions.open("U1")
    sessions.end(old)
    clock.advance(LIFETIME)
    new = sessions.open()
    sessions.end(new)
    file = tmp_path / "revoked-sessions.json"
    assert list(json.loads(file.read_bytes())) == [new.id]
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_end_that_another_process_wrote_is_seen(tmp_path: Path, clock: Clock) -> None:
    here, there = made(tmp_path, clock), made(tmp_path, clock)
    given_ = cookie(here)
    session = there.read(given_)
    assert session
    assert here.read(given_)
    there.end(session)
    assert here.read(given_) is None


def test_a_flood_of_guests_does_not_bring_a_users_session_back(
    tmp_path: Path, clock: Clock
) -> None:
    sessions = made(tmp_path, clock)
    user = sessions.open("U1")
    sessions.end(user)
    later = int((clock() + timedelta(days=30)).timestamp() * 1000)
    file = tmp_path / "revoked-sessions.json"
    ends = {**json.loads(file.read_bytes()), **{f"g{n}": later for n in range(MOST_REVOKED)}}
    file.write_text(json.dumps(ends))
    sessions.end(sessions.open())
    assert user.id in json.loads(file.read_bytes())
    assert len(json.loads(file.read_bytes())) == MOST_REVOKED


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"u1":"x"}', "\xff"])
def test_a_damaged_memory_of_ends_is_begun_anew(tmp_path: Path, clock: Clock, damage: str) -> None:
    (tmp_path / "revoked-sessions.json").write_bytes(damage.encode("latin-1"))
    sessions = made(tmp_path, clock)
    given_ = cookie(sessions)
    session = sessions.read(given_)
    assert session
    sessions.end(session)
    assert sessions.read(given_) is None


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    first = session_secret(data_dir)
    assert first == session_secret(data_dir)
    assert len(first.reveal()) >= 32
    assert (data_dir / "session-secret").stat().st_mode & 0o777 == 0o600


def test_an_empty_secret_is_none(tmp_path: Path) -> None:
    (tmp_path / "session-secret").write_text("\n")
    assert session_secret(tmp_path).reveal()


@pytest.mark.parametrize(("peer", "secure"), [("127.0.0.1", True), ("192.0.2.1", False)])
def test_only_a_proxy_on_this_machine_says_that_there_is_tls(
    house: House, peer: str, secure: bool
) -> None:
    headers = {"host": "localhost", "x-forwarded-proto": "https"}
    response = respond(Request("GET", "/api/session", headers=headers, peer=peer), house.services)
    assert ("Secure" in dict(response.headers)["Set-Cookie"]) is secure
