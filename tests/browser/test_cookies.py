"""What is kept between passes: Cloudflare's clearance, for one account and one key alone."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from cldmon.claude.cookie_store import CookieStore
from cldmon.domain.ports import ReadRequest, ReadResult
from cldmon.domain.secret import Secret
from tests.browser.account_reader import AccountReader
from tests.env import key_of
from tests.simulation import faults
from tests.simulation.claude import FakeClaude, challenge, expired

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cldmon.domain.model import Failure
    from tests.simulation.faults import Fault

LABELS = (
    "plain",
    "other",
    "short",
    "partitioned",
    "host-only",
    "expires",
    "challenged",
    "down",
    "torn",
    "foreign",
    "refused",
    "moved",
)
NEW_KEY = key_of("moved-new")


def clearance(label: str) -> Fault:
    """The service hands out a clearance that tells whose it is."""
    value = f"cf_clearance={label}; Path=/; HttpOnly"
    more = {
        "short": "; Max-Age=1800",
        "partitioned": "; Max-Age=86400; Secure; SameSite=None; Partitioned",
    }.get(label, "; Max-Age=86400")
    others = ("__Host-id=1; Secure; Path=/", "__cf_bm=session; Path=/; Secure; SameSite=None")
    return faults.set_cookie(value + more, *(others if label == "host-only" else ()))


class Passes(NamedTuple):
    """Three passes: what became of each account, and the Cookie header of its first request."""

    results: list[dict[str, ReadResult | Failure]]
    sent: list[dict[str, str]]

    def clearance(self, number: int, label: str) -> str | None:
        """Return the clearance that an account sent in a pass."""
        cookies = dict(pair.split("=", 1) for pair in self.sent[number][label].split("; "))
        return cookies.get("cf_clearance")


@pytest.fixture(scope="module")
def passes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passes]:
    """A pass that gets clearances; one an hour later that meets trouble; one after it."""
    with FakeClaude() as claude:
        reader = AccountReader(claude, tmp_path_factory.mktemp("cookies") / "browser")
        questions = [reader.add_account(label, clearance(label)) for label in LABELS]
        reader.add_account("moved-new")
        done = [reader.read(*questions)]
        sent = [headers(reader, questions)]

        for question in questions:
            claude.heal(question.key.reveal())
        claude.fail(key_of("expires"), expired())
        claude.fail(key_of("challenged"), challenge())
        claude.fail(key_of("down"), faults.status(503))
        spoil(reader.folder)
        questions[-1] = ReadRequest("moved", Secret(NEW_KEY))
        reader.ahead = timedelta(hours=1)
        for _ in range(2):
            done.append(reader.read(*questions))
            sent.append(headers(reader, questions))
            for label in ("expires", "challenged", "down"):
                claude.heal(key_of(label))
        yield Passes(done, sent)


def headers(reader: AccountReader, questions: list[ReadRequest]) -> dict[str, str]:
    return {
        question.label: reader.requests_of(question.label, question.key.reveal())[0].headers[
            "cookie"
        ]
        for question in questions
    }


def jar_of(folder: Path, label: str) -> Path:
    CookieStore(folder, label, Secret(key_of(label))).save(())
    return max(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)


def spoil(folder: Path) -> None:
    """Do to the jars what disks, hands and other versions do."""
    refused = {"domain": "127.0.0.1", "path": "/", "expires": -1, "sameSite": "Lax"}
    cookie = {**refused, "name": "a\nb", "value": "c\nd", "httpOnly": True, "secure": False}
    jar_of(folder, "torn").write_bytes(b'{"key": "12')
    jar_of(folder, "foreign").write_text('[{"cookies": [1, {"name": 5}]}]')
    path = jar_of(folder, "refused")
    path.write_text(json.dumps({**json.loads(path.read_text()), "cookies": [cookie]}))


def test_a_clearance_is_sent_again_by_the_next_pass(passes: Passes) -> None:
    assert passes.clearance(0, "plain") is None
    assert passes.clearance(1, "plain") == "plain"
    assert passes.clearance(2, "plain") == "plain"


def test_two_accounts_never_share_cookies(passes: Passes) -> None:
    for sent in passes.sent:
        for label, header in sent.items():
            assert header.count("sessionKey=") == 1
            named = {other for other in LABELS if f"cf_clearance={other};" in f"{header};"}
            assert named <= {label}


def test_a_partitioned_clearance_is_kept_as_such(passes: Passes) -> None:
    assert passes.clearance(1, "partitioned") == "partitioned"


def test_session_cookies_and_host_only_cookies_are_kept(passes: Passes) -> None:
    assert "__cf_bm=session" in passes.sent[1]["host-only"]
    assert "__Host-id=1" in passes.sent[1]["host-only"]


def test_a_cookie_that_has_expired_is_not_sent(passes: Passes) -> None:
    assert passes.clearance(1, "short") is None


@pytest.mark.parametrize("label", ["expires", "challenged"])
def test_after_a_refusal_the_cookies_are_forgotten(passes: Passes, label: str) -> None:
    assert passes.clearance(1, label) == label
    assert passes.clearance(2, label) is None
    assert isinstance(passes.results[2][label], ReadResult)


def test_trouble_of_the_service_costs_no_clearance(passes: Passes) -> None:
    assert passes.clearance(2, "down") == "down"


@pytest.mark.parametrize("label", ["torn", "foreign", "refused"])
def test_a_damaged_cookie_store_counts_as_empty(passes: Passes, label: str) -> None:
    assert isinstance(passes.results[1][label], ReadResult)
    assert passes.sent[1][label] == f"sessionKey={key_of(label)}"


def test_another_key_finds_the_cookie_store_empty(passes: Passes) -> None:
    assert passes.sent[1]["moved"] == f"sessionKey={NEW_KEY}"
