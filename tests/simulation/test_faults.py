"""Faults as a client meets them on a real socket: those that no test of cldmon would miss."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.claude import SimAccount, SimOrganization
from tests.simulation import faults
from tests.simulation.http_client import Got, ask, connect
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from tests.simulation.claude import FakeClaude
    from tests.simulation.faults import Fault

KEY = "sk-ant-sid02-faulty"
PATH = "/api/organizations"
GENUINE = [{"uuid": "o-1", "name": "Example"}]


@pytest.fixture
def claude(fake_claude: FakeClaude) -> FakeClaude:
    fake_claude.add(SimAccount(KEY, (SimOrganization("o-1"),), usage()))
    return fake_claude


def met(claude: FakeClaude, fault: Fault) -> Got:
    claude.fail(KEY, fault)
    return ask(claude.url, PATH, KEY)


def test_bytes_that_are_no_http_come_as_they_are(claude: FakeClaude) -> None:
    claude.fail(KEY, faults.raw([b"SSH-2.0-", b"Other\r\n"]))
    with pytest.raises(BadStatusLine, match="SSH-2"):
        ask(claude.url, PATH, KEY)


def test_a_head_can_come_for_ever(claude: FakeClaude) -> None:
    claude.fail(KEY, faults.slow_head(0.01))
    with closing(connect(claude.url)) as connection:
        connection.request("GET", PATH, headers={"Cookie": f"sessionKey={KEY}"})
        head = b"".join(connection.sock.recv(100) for _ in range(10))
    assert head.startswith(b"HTTP/1.1 200 OK\r\nX-Slow: xx")


def test_json_can_hold_bytes_that_are_not_utf_8(claude: FakeClaude) -> None:
    got = met(claude, faults.invalid_utf8())
    assert got.header("Content-Type") == "application/json"
    with pytest.raises(UnicodeDecodeError):
        got.body.decode()


@pytest.mark.parametrize("stated", [True, False])
def test_a_huge_body_comes_with_or_without_its_length(claude: FakeClaude, stated: bool) -> None:
    got = met(claude, faults.huge(3_000_000, stated=stated))
    assert len(got.body) >= 3_000_000
    assert (got.header("Content-Length") is not None) is stated


def test_a_huge_body_is_the_same_piece_again_and_again() -> None:
    reply = faults.huge(50_000_000).act(lambda: pytest.fail("the work was done"))
    assert len({id(piece) for piece in reply.pieces}) == 1  # type: ignore[attr-defined]


def test_an_answer_shorter_than_the_cut_still_breaks_its_promise(claude: FakeClaude) -> None:
    with pytest.raises(IncompleteRead):
        met(claude, faults.truncated(kept=1_000_000))


def test_a_reset_is_a_tcp_reset(claude: FakeClaude) -> None:
    with pytest.raises(ConnectionResetError) as error:
        met(claude, faults.hang_up(reset=True))
    assert not isinstance(error.value, RemoteDisconnected)


def test_a_client_gives_up_on_a_hang_and_is_served_once_it_is_repaired(claude: FakeClaude) -> None:
    claude.fail(KEY, faults.hang(3600))
    with closing(connect(claude.url)) as impatient:
        impatient.timeout = 0.05
        impatient.request("GET", PATH, headers={"Cookie": f"sessionKey={KEY}"})
        with pytest.raises(TimeoutError):
            impatient.getresponse()
    claude.heal(KEY)
    assert ask(claude.url, PATH, KEY).status == 200


@pytest.mark.parametrize("fault", [faults.drip(0.0001), faults.slow(0.01)], ids=lambda f: f.name)
def test_a_slow_answer_is_complete_in_the_end(claude: FakeClaude, fault: Fault) -> None:
    whole = ask(claude.url, PATH, KEY).json
    assert met(claude, fault).json == whole


def test_set_cookie_lines_ride_on_the_genuine_answer_one_by_one(claude: FakeClaude) -> None:
    cookies = ("cf_clearance=abc; Path=/; HttpOnly", "lastActiveOrg=o-1; Path=/")
    got = met(claude, faults.set_cookie(*cookies))
    assert (got.status, got.all("Set-Cookie")) == (200, list(cookies))
    assert got.json[0]["uuid"] == "o-1"


def test_an_attachment_asks_to_be_saved(claude: FakeClaude) -> None:
    got = met(claude, faults.attachment("u.json"))
    assert got.header("Content-Disposition") == 'attachment; filename="u.json"'
    assert json.loads(got.body)[0]["uuid"] == "o-1"
