"""GET requests to a running `cldmon serve`, bounded in time and size.

What comes back may be from anything that listens there: it is checked like any text from outside.
"""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.request import Request

from cldmon import __version__
from cldmon.domain.text import one_line
from cldmon.errors import ServerError, ServerRefusedError
from cldmon.threads import start_thread
from cldmon.urls import describe_failure, opener, read_location

if TYPE_CHECKING:
    from http.client import HTTPResponse

    from cldmon.domain.secret import Secret

SECONDS = 10.0
"""How long an answer may take, name look-up included."""
HISTORY_SECONDS = 120.0
MAX_BYTES = 1 << 24
"""Of an answer other than history: ten thousand accounts."""
MAX_HISTORY_BYTES = 1 << 27
"""100 accounts read every minute make 10 MB a day."""
NOT_OURS = "it does not answer as `cldmon serve` of this version: check the address, or upgrade"

_CHECK = "check the address, and that `cldmon serve` runs there"
_BLOCK = 1 << 16
_LONGEST_REASON = 200
_GZIP = 31
"""zlib's window bits for a gzip header."""


class Client:
    """A server at `url`, which ends in a slash; `token` is its `api_token`, if it wants one.

    `is_direct`: no proxy is used.
    """

    def __init__(self, url: str, token: Secret | None, *, is_direct: bool) -> None:
        self.url = url
        self._token = token
        self._opener = opener(is_direct=is_direct)

    def get_json(self, path: str) -> Any:
        """Return the JSON at a path below the URL; raises ServerError."""
        body = self.get(path, SECONDS, MAX_BYTES)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise self.refusal(NOT_OURS) from None

    def get(self, path: str, seconds: float, most: int) -> bytes:
        """Return the answer at a path below the URL; raises ServerError unless it is a 200.

        It may take so many seconds, and have at most so many bytes, uncompressed.
        """
        try:
            return start_thread(lambda: self._get(path, seconds, most)).result(seconds)
        # Without their causes, which may quote the answer.
        except RuntimeError:
            raise self.error("no thread can be started") from None
        except (HTTPException, ValueError, zlib.error):
            raise self.error(f"its answer is not HTTP, or breaks off; {_CHECK}") from None
        except OSError as error:
            reason = describe_failure(error, seconds)
            raise self.error(f"{reason}; {_CHECK}") from None

    def error(self, reason: str) -> ServerError:
        """Return an error of this server, to be raised."""
        return ServerError(f"{self.url}: {reason}")

    def refusal(self, reason: str) -> ServerRefusedError:
        """Return an error that lasts until someone acts, to be raised."""
        return ServerRefusedError(f"{self.url}: {reason}")

    def _get(self, path: str, seconds: float, most: int) -> bytes:
        headers = {"User-Agent": f"cldmon/{__version__}", "Accept-Encoding": "gzip"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        request = Request(f"{self.url}{path}", headers=headers)  # noqa: S310 - http(s) as checked
        with self._opener.open(request, timeout=seconds) as answer:
            if answer.status != 200:
                raise self._explain_status(answer)
            return self._read(answer, most)

    def _read(self, answer: HTTPResponse, most: int) -> bytes:
        """Return the whole body, decompressed; raises ServerError if it is too large."""
        is_gzip = answer.headers.get("Content-Encoding", "").lower() == "gzip"
        unzip = zlib.decompressobj(_GZIP) if is_gzip else None
        body = bytearray()
        while block := answer.read(_BLOCK):
            # One byte more than fits shows that it is too large.
            body += unzip.decompress(block, most + 1 - len(body)) if unzip else block
            if len(body) > most:
                raise self.error(f"its answer is larger than {most >> 20} MiB")
            if unzip and unzip.eof:
                break  # zlib would keep all that follows
        return bytes(body)

    def _explain_status(self, answer: HTTPResponse) -> ServerError:
        status = answer.status
        if 300 <= status < 400:
            words = f"it redirects to {read_location(answer)}, and redirects are not followed"
            return self.refusal(self._quote(words))
        if status == 401:
            return self.refusal(
                "the server rejects the token: compare it with `api_token` in its configuration"
                if self._token
                else "an API token is required, `api_token` in the server's configuration:"
                " set CLDMON_API_TOKEN, or name a --token-file"
            )
        if status == 404:
            return self.refusal("HTTP 404: check the address, path included")
        reason = f"HTTP {status}"
        with suppress(ValueError, LookupError, TypeError, RecursionError, ServerError):
            reason += f": {json.loads(self._read(answer, _BLOCK))['error']}"
        return self.error(self._quote(reason))

    def _quote(self, text: str) -> str:
        """Return what a server says as one line, without the token that it was sent."""
        return one_line(self._token.mask_in(text) if self._token else text, _LONGEST_REASON)
