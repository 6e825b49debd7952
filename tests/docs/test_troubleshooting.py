"""docs/troubleshooting.md lists every message of cldmon, and no other."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from cldmon import errors
from cldmon.channels.slack.verdicts import ApiResponse, interpret_response
from cldmon.claude import errors as claude_errors
from cldmon.claude import launch
from cldmon.domain.model import FailureKind
from tests.docs.pages import ROOT, read_page

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = read_page("troubleshooting.md")
FIRST_COLUMN = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
QUOTED = [quote for cell in FIRST_COLUMN for quote in re.findall(r"`([^`]+)`", cell)]
SYSTEM_MESSAGES = {"No space left on device", "Connection refused", "Permission denied"}
ERRORS = {name for name in dir(errors) if name.endswith("Error")} | {"StateCorruptError"}
REPORTERS = {*ERRORS, "print_message", "warn", "warning"}
MIN_LETTERS = 8
"""A text with fewer letters only frames another, which is itself on the page."""
NOT_PROBLEMS = {
    "test message sent",
    "Slack message to …: …",
    "serving …",
    "to run the dashboard, too: … enable --now …",
    "to keep passes running while you are logged out: loginctl enable-linger",
    "nothing happened …",
    "a row shows the highest values of …; --format csv shows all",
    "no subscriptions yet: cldmon subscribe SLACK_ID ACCOUNT --hit",
    "no alert settings for …",
    "no tokens yet: cldmon report --token LABEL",
    "the configuration has changed and is now in use",
}
"""Messages that report no problem."""
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def code_strings() -> Iterator[str]:
    """Yield every string of the code, docstrings included, with … for each interpolated value."""
    for path in (ROOT / "cldmon").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(_format_part(value) for value in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield _format_part(node)


def _format_part(value: ast.expr) -> str:
    return re.sub("%[sd]", "…", str(value.value)) if isinstance(value, ast.Constant) else "…"


CODE_STRINGS = list(code_strings())


def is_in_code(quoted: str) -> bool:
    """Return whether one string of the code has the parts of a quoted message, in order."""
    pattern = re.compile(".*".join(map(re.escape, quoted.split("…"))), re.DOTALL)
    return any(pattern.search(text) for text in CODE_STRINGS)


def test_each_message_on_the_page_is_in_the_code() -> None:
    assert [quoted for quoted in {*QUOTED} - SYSTEM_MESSAGES if not is_in_code(quoted)] == []


def is_documented(message: str) -> bool:
    """Return whether a text on the page matches a message or a part of it."""
    for quoted in QUOTED:
        parts = [re.escape(part.strip()) for part in quoted.split("…") if part.strip()]
        if len("".join(parts)) > 5 and re.search(".*".join(parts), message):
            return True
    return False


def test_every_reason_why_an_account_cannot_be_read_is_on_the_page() -> None:
    messages = [claude_errors.AccountError(kind).failure.message for kind in FailureKind]
    assert [message for message in messages if not is_documented(message)] == []


def list_messages() -> Iterator[str]:
    """Yield the literal messages of errors and warnings in the code."""
    for path in sorted((ROOT / "cldmon").rglob("*.py")):
        # In doctor the first argument of these is the name of the check.
        reporters = REPORTERS - {"fail", "warn"} if path.parent.name == "doctor" else REPORTERS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and node.args
                and _get_called_name(node.func) in reporters
            ):
                yield from _literals(node.args[0])


def _get_called_name(called: ast.expr) -> str:
    return str(getattr(called, "id", getattr(called, "attr", ""))).lstrip("_")


def _literals(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.JoinedStr):
        yield "".join(_format_part(each) for each in value.values)
    elif isinstance(value, ast.Constant):
        yield _format_part(value)
    elif isinstance(value, ast.Call) and value.args:
        yield from _literals(value.args[0])


def test_every_error_and_warning_is_on_the_page() -> None:
    messages = [
        message
        for message in {*list_messages()} - NOT_PROBLEMS
        if " " in message and len(re.sub("[^a-z]", "", message)) >= MIN_LETTERS
    ]
    assert [message for message in messages if not is_documented(message)] == []


def slack_codes() -> list[str]:
    """Return every Slack error code in the code."""
    source = (ROOT / "cldmon" / "channels" / "slack" / "verdicts.py").read_text(encoding="utf-8")
    return sorted(set(re.findall(r'"([a-z_]+)"(?=[:,}])', source)))


def test_every_refusal_of_slack_is_on_the_page() -> None:
    answers = [ApiResponse(200, {}, {"ok": False, "error": code}) for code in slack_codes()]
    reasons = [interpret_response(answer, NOW).reason for answer in answers]
    assert [reason for reason in reasons if not is_documented(reason)] == []


def test_every_reason_why_a_browser_does_not_start_is_on_the_page() -> None:
    words = vars(launch)["_REASONS"].values()
    assert [
        text for text in words if text != "it is not a program" and not is_documented(text)
    ] == []


def test_the_page_has_each_message_once() -> None:
    ordered = sorted(QUOTED)
    assert [one for one, next_one in pairwise(ordered) if one == next_one] == []
