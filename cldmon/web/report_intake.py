"""Where reports go, and the tokens that are valid now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from cldmon.files import FileCache
from cldmon.reports.store import ReportFiles
from cldmon.reports.tokens import TokensFile, hash_token
from cldmon.web.limits import LOCK_SECONDS

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from cldmon.reports.tokens import Token


class ReportIntake:
    """The files of reports and tokens. Threads may share it."""

    def __init__(self, data_dir: Path) -> None:
        self.files = ReportFiles(data_dir, LOCK_SECONDS)
        self.tokens = TokensFile(data_dir, LOCK_SECONDS)
        self._cache = FileCache(self.tokens.path, self.tokens.load)
        self._uses: dict[str, datetime] = {}
        self._noting = threading.Lock()

    def find(self, token: str) -> Token | None:
        """Return what is known of a token, or None; raises StoreError."""
        return self._cache.value().get(hash_token(token))

    def note_use(self, token: Token, now: datetime) -> None:
        """Note that a token was used. Of many at a time, one thread notes all."""
        if token.is_use_known(now):
            return
        self._uses[token.hash] = now
        if self._noting.acquire(blocking=False):
            try:
                uses, self._uses = self._uses, {}
                self.tokens.mark_used(uses)
            finally:
                self._noting.release()
