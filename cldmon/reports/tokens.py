"""report-tokens.json: who may report for which account. Only hashes of the tokens are stored.

A token is 256 random bits, so a plain SHA-256 does not help to find it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.domain import json_types
from cldmon.domain.secret import REPORT_TOKEN, Secret
from cldmon.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

_BYTES = 32
_ID_DIGITS = 8
_USED_STEP = timedelta(minutes=10)
"""The last use is kept this exactly, so that not every report rewrites the file."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was handed out for an account: its hash, and a name for people."""

    hash: str
    account: str
    name: str
    created_at: datetime
    last_used_at: datetime | None = None

    @property
    def id(self) -> str:
        """What people name it by; it says nothing about the token."""
        return self.hash[:_ID_DIGITS]

    def is_use_known(self, now: datetime) -> bool:
        """Return whether a use was noted a short time ago."""
        used_at = self.last_used_at
        return used_at is not None and timedelta(0) <= now - used_at < _USED_STEP


class TokensFile:
    """report-tokens.json in a data_dir; changed under a lock, by `report`, `serve` and passes.

    `patience` is how many seconds a change may wait for the lock. Methods raise StoreError, and
    BusyError where others hold the lock for too long.
    """

    def __init__(self, data_dir: Path, patience: float = 30.0) -> None:
        self.path = data_dir / "report-tokens.json"
        self._lock = data_dir / "report-tokens.lock"
        self._patience = patience

    def load(self) -> dict[str, Token]:
        """Return the tokens by hash, oldest first."""
        text = files.read(self.path)
        if text is None:
            return {}
        try:
            tokens = [json_types.from_json(Token, each) for each in json.loads(text)["tokens"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise StoreError(
                f"{self.path} is not what cldmon writes: move it away, and create new tokens"
            ) from None
        return {token.hash: token for token in tokens}

    def create(self, account: str, name: str, now: datetime) -> Secret:
        """Return a new token, which nothing can show again."""
        text = REPORT_TOKEN + secrets.token_urlsafe(_BYTES)
        with self._editing() as tokens:
            token = Token(hash_token(text), account, name, now)
            tokens[token.hash] = token
        return Secret(text)

    def revoke(self, token_id: str) -> Token:
        """Remove a token by its id and return it; raises UsageError if there is none."""
        with self._editing() as tokens:
            for token in tokens.values():
                if token.id == token_id:
                    del tokens[token.hash]
                    return token
        raise UsageError(f"no token {token_id!r}: `cldmon report --tokens` lists them")

    def mark_used(self, uses: Mapping[str, datetime]) -> None:
        """Note when tokens were used (hash → UTC), except those that were revoked since."""
        with self._editing() as tokens:
            for hash_ in uses.keys() & tokens.keys():
                tokens[hash_] = replace(tokens[hash_], last_used_at=uses[hash_])

    def keep_only(self, accounts: Collection[str]) -> set[str]:
        """Remove the tokens of all other accounts; return the labels of those."""
        others = {token.account for token in self.load().values()}.difference(accounts)
        if others:
            with self._editing() as tokens:
                for token in [*tokens.values()]:
                    if token.account in others:
                        del tokens[token.hash]
        return others

    @contextmanager
    def _editing(self) -> Iterator[dict[str, Token]]:
        """Hand out the tokens under the lock, and replace the file if they were changed."""
        files.create_private_dir(self.path.parent)
        with files.lock(self._lock, wait=self._patience):
            before = self.load()
            tokens = dict(before)
            yield tokens
            if tokens != before:
                body = {"version": 1, "tokens": [*map(json_types.to_json, tokens.values())]}
                text = json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"
                files.replace(self.path, text)


def compute_id(token: Secret) -> str:
    """Return the id of a token, as `Token.id`."""
    return hash_token(token.reveal())[:_ID_DIGITS]


def hash_token(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def describe(token: Token) -> dict[str, Any]:
    """Return a token as `--tokens --json` shows it: without its hash."""
    body = json_types.to_json(token)
    del body["hash"]
    return {"id": token.id, **body}
