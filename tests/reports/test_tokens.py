"""report-tokens.json: what is stored of a token, and how it ends."""

from __future__ import annotations

import hashlib
import json
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.secret import mask_secrets
from cldmon.errors import StoreError, UsageError
from cldmon.reports.tokens import Token, TokensFile, describe
from tests.fakes import NOON

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tokens(tmp_path: Path) -> TokensFile:
    return TokensFile(tmp_path)


def test_only_its_hash_is_stored(tokens: TokensFile) -> None:
    text = tokens.create("alice", "laptop", NOON).reveal()
    assert json.loads(tokens.path.read_bytes()) == {
        "version": 1,
        "tokens": [
            {
                "hash": hashlib.sha256(text.encode()).hexdigest(),
                "account": "alice",
                "name": "laptop",
                "createdAt": "2026-11-22T12:00:00.000Z",
                "lastUsedAt": None,
            }
        ],
    }
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600


def test_it_has_256_bits_and_is_masked_where_it_should_not_be(tokens: TokensFile) -> None:
    made = {tokens.create("alice", "", NOON).reveal() for _ in range(10)}
    assert {len(text.removeprefix("cldmon-report-")) for text in made} == {43}
    assert len(made) == 10
    assert mask_secrets(f"token {next(iter(made))}!") == "token **********!"


def test_an_account_may_have_several_and_each_ends_alone(tokens: TokensFile) -> None:
    for name in ("laptop", "desktop"):
        tokens.create("alice", name, NOON)
    first, second = tokens.load().values()
    assert tokens.revoke(first.id) == first
    assert [*tokens.load().values()] == [second]
    with pytest.raises(UsageError, match="no token '1234'"):
        tokens.revoke("1234")


def test_a_revoked_one_is_not_brought_back_by_its_use(tokens: TokensFile) -> None:
    tokens.create("alice", "", NOON)
    [token] = tokens.load().values()
    tokens.revoke(token.id)
    tokens.mark_used({token.hash: NOON})
    assert tokens.load() == {}


def test_those_of_removed_accounts_go(tokens: TokensFile) -> None:
    for account in ("alice", "bob", "bob"):
        tokens.create(account, "", NOON)
    assert tokens.keep_only(["alice", "carol"]) == {"bob"}
    assert [token.account for token in tokens.load().values()] == ["alice"]
    assert tokens.keep_only(["alice"]) == set()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"tokens": [{}]}', '{"tokens": [[]]}'])
def test_a_broken_file_is_reported_and_left_alone(tokens: TokensFile, text: str) -> None:
    tokens.path.write_text(text)
    with pytest.raises(StoreError, match="move it away, and create new tokens"):
        tokens.create("alice", "", NOON)
    assert tokens.path.read_text() == text


def test_the_list_shows_no_hash() -> None:
    token = Token("ab" * 32, "alice", "laptop", NOON, NOON + timedelta(hours=1))
    assert describe(token) == {
        "id": "abababab",
        "account": "alice",
        "name": "laptop",
        "createdAt": "2026-11-22T12:00:00.000Z",
        "lastUsedAt": "2026-11-22T13:00:00.000Z",
    }
