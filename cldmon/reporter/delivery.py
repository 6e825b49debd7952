"""One report on its way: its body, the token, and the request or the file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.request import Request

from cldmon import __version__, files
from cldmon.config import network
from cldmon.config.locate import expand_user, find_xdg_folder
from cldmon.config.secrets import read_api_token
from cldmon.domain.headers import parse_retry_after
from cldmon.domain.model import Window
from cldmon.domain.reports import Report, to_json
from cldmon.domain.text import one_line
from cldmon.errors import CldmonError, ReportError, SecretError, UsageError
from cldmon.reporter.options import is_url
from cldmon.reporter.readings import MAX_RETRY
from cldmon.threads import start_thread
from cldmon.urls import describe_failure, opener, read_location

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse

    from cldmon.domain.secret import Secret
    from cldmon.reporter.options import Options
    from cldmon.reporter.state import State

TOKEN_VARIABLE = "CLDMON_REPORT_TOKEN"  # noqa: S105 - its name, not its value
SECONDS = 15.0
"""How long a request may take, name look-up included."""
REFUSED_PAUSE = timedelta(minutes=10)
"""Before the next attempt after a refusal, which lasts until someone acts."""

_MAX_ANSWER = 1 << 14
_LONGEST_REASON = 200
_ENDPOINT = "/api/report"
_ADVICE = {
    401: "the token is not valid, or no longer: ask for a new one",
    403: "the token is of another account: check --account",
    404: "check the address, and --account",
}


class Outcome(NamedTuple):
    """How an attempt ended: `error` is None if the report has arrived; when to try again."""

    error: str | None = None
    pause: timedelta = timedelta()


def format_newest(state: State, options: Options, now: datetime) -> bytes:
    """Return an account's newest reading as a line of JSON; nothing if there is none."""
    progress = state.accounts[options.account]
    reading = progress.newest
    if reading is None or reading.read_at is None:
        return b""
    windows = {each.name: Window(each.utilization, each.resets_at) for each in reading.windows}
    account_hash = progress.account_hash if options.from_cache else None
    report = Report(options.account, state.machine, reading.read_at, now, windows, account_hash)
    return json.dumps(to_json(report)).encode() + b"\n"


def check_server(url: str) -> str:
    """Return the URL to which reports are posted. Raises `UsageError`."""
    try:
        server = network.check_service_url(network.check_url(url))
    except ValueError as error:
        raise UsageError(f"--to: {error}") from None
    return server.removesuffix(_ENDPOINT) + _ENDPOINT


def find_token_file(option: str, env: Mapping[str, str]) -> Path:
    """Return the file with the token: the one of the option, or the usual one."""
    if option:
        return expand_user(option, env).absolute()
    return find_xdg_folder("XDG_CONFIG_HOME", ".config", env) / "cldmon" / "report-token"


def read_token(option: str, env: Mapping[str, str]) -> Secret:
    """Return the token. Raises `SecretError`."""
    file = find_token_file(option, env)
    is_named = bool(option) or not env.get(TOKEN_VARIABLE)
    if is_named and not file.exists():
        raise SecretError(f"no token: write it to {file}, or set {TOKEN_VARIABLE}")
    token = read_api_token(file if is_named else None, env, TOKEN_VARIABLE)
    if token is None:
        raise SecretError(f"{TOKEN_VARIABLE} is empty")
    return token


def deliver(
    body: bytes, to: str, token_file: str, env: Mapping[str, str], seconds: float = SECONDS
) -> Outcome:
    """Send a report to a server, which has so many seconds to answer, or write it to a file."""
    try:
        if not is_url(to):
            _write(Path(to), body)
            return Outcome()
        url, token = check_server(to), read_token(token_file, env)
        return start_thread(lambda: _post(url, token, body, seconds)).result(seconds)
    except CldmonError as error:
        return Outcome(str(error), REFUSED_PAUSE)
    except (OSError, HTTPException, ValueError, RuntimeError) as error:
        # Without the error's own words, which may quote the answer.
        return Outcome(f"the server cannot be reached: {describe_failure(error, seconds)}")


def _write(path: Path, body: bytes) -> None:
    # Root could replace even a device.
    if path.exists() and not path.is_file():
        raise ReportError(f"{path} is not a file: name one in --to")
    files.replace(path, body)


def _post(url: str, token: Secret, body: bytes, seconds: float) -> Outcome:
    headers = {
        "Authorization": f"Bearer {token.reveal()}",
        "Content-Type": "application/json",
        "User-Agent": f"cldmon/{__version__}",
    }
    request = Request(url, body, headers, method="POST")  # noqa: S310 - http(s) as checked
    with opener(is_direct=url.startswith("http:")).open(request, timeout=seconds) as answer:
        return _judge(answer, answer.read(_MAX_ANSWER), token)


def _judge(answer: HTTPResponse, content: bytes, token: Secret) -> Outcome:
    """Return what an answer means; a page instead of JSON is not from cldmon, even with a 200."""

    def quote(text: str) -> str:
        return one_line(token.mask_in(text), _LONGEST_REASON)

    status, said = answer.status, _parse_object(content)
    if status == 200 and said is not None:
        return Outcome()
    reason = f": {said['error']}" if said and isinstance(said.get("error"), str) else ""
    text = quote(f"HTTP {status}{reason}")
    if status == 429 or status >= 500:
        wait, now = answer.headers.get("Retry-After"), datetime.now(UTC)
        pause = parse_retry_after(wait, now, least=timedelta(), most=MAX_RETRY) or timedelta()
        return Outcome(f"the server cannot take the report now ({text})", pause)
    if 300 <= status < 400:
        words = f"it redirects to {quote(read_location(answer))}: if that is right, name it in --to"
        return Outcome(words, REFUSED_PAUSE)
    if said is None:
        advice = "no cldmon answers there: check the address, path included"
    else:
        advice = _ADVICE.get(status, "one of the two is too old: upgrade cldmon here and there")
    return Outcome(f"{advice} ({text})", REFUSED_PAUSE)


def _parse_object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
