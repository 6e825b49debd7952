"""docs/troubleshooting.md: every message on it is one that cldmon has, and none is missing."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from cldmon import errors
from cldmon.channels.slack.verdicts import Answer, verdict
from cldmon.claude import errors as claude_errors
from cldmon.claude import launch
from cldmon.domain.model import FailureKind
from tests.docs.pages import ROOT, read_page

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = read_page("troubleshooting.md")
FIRST_COLUMN = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
QUOTED = [quote for cell in FIRST_COLUMN for quote in re.findall(r"`([^`]+)`", cell)]
OF_THE_SYSTEM = {"No space left on device"}
ERRORS = {name for name in dir(errors) if name.endswith("Error")} | {"StateCorruptError"}
TELLERS = {*ERRORS, "complain", "warn"}
FEW = 8
"""Letters below which a text only frames another, which is on the page itself."""
NEWS = {
    "Slack message to …: …",
    "serving …",
    "to run the dashboard, too: … enable --now …",
    "to keep passes running while you are logged out: loginctl enable-linger",
    "no subscriptions yet: cldmon subscribe SLACK_ID ACCOUNT --hit",
    "the configuration has changed and is now in use",
}
"""What is told, too, without being trouble."""
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def texts() -> Iterator[str]:
    """Yield every text of the code, with … where something is filled in; docstrings too."""
    for path in (ROOT / "cldmon").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(_part(value) for value in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _part(value: ast.expr) -> str:
    return str(value.value) if isinstance(value, ast.Constant) else "…"


TEXTS = list(texts())


@pytest.mark.parametrize("quoted", sorted(set(QUOTED) - OF_THE_SYSTEM))
def test_a_message_on_the_page_is_in_the_code(quoted: str) -> None:
    """Its parts stand in one text of the code, in this order."""
    pattern = re.compile(".*".join(map(re.escape, quoted.split("…"))), re.DOTALL)
    assert any(pattern.search(text) for text in TEXTS), quoted


def known(message: str) -> bool:
    """Return whether the page has a message: as it begins, or a part of it."""
    for quoted in QUOTED:
        parts = [re.escape(part.strip()) for part in quoted.split("…") if part.strip()]
        if len("".join(parts)) > 5 and re.search(".*".join(parts), message):
            return True
    return False


@pytest.mark.parametrize("kind", FailureKind)
def test_every_reason_why_an_account_cannot_be_read_is_on_the_page(kind: FailureKind) -> None:
    assert known(claude_errors.failed(kind).failure.message)


def told() -> Iterator[str]:
    """Yield what the code says in an error or a warning, where it stands there as a text."""
    for path in sorted((ROOT / "cldmon").rglob("*.py")):
        # What doctor says first of a check is its name.
        tellers = TELLERS - {"fail", "warn"} if path.parent.name == "doctor" else TELLERS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and _name(node.func) in tellers:
                yield from _texts(node.args[0])


def _name(called: ast.expr) -> str:
    return str(getattr(called, "id", getattr(called, "attr", ""))).lstrip("_")


def _texts(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.JoinedStr):
        yield "".join(_part(each) for each in value.values)
    elif isinstance(value, ast.Constant):
        yield str(value.value)
    elif isinstance(value, ast.Call) and value.args:
        yield from _texts(value.args[0])


@pytest.mark.parametrize("message", sorted({each for each in told() if " " in each} - NEWS))
def test_every_error_and_warning_is_on_the_page(message: str) -> None:
    words = re.sub("[^a-z]", "", message)
    assert len(words) < FEW or known(message), message


def slack_codes() -> list[str]:
    """Every code of Slack's that the code knows."""
    source = (ROOT / "cldmon" / "channels" / "slack" / "verdicts.py").read_text(encoding="utf-8")
    return sorted(set(re.findall(r'"([a-z_]+)"(?=[:,}])', source)))


@pytest.mark.parametrize("code", slack_codes())
def test_every_refusal_of_slack_is_on_the_page(code: str) -> None:
    receipt = verdict(Answer(200, {}, {"ok": False, "error": code}), NOW)
    assert known(receipt.reason), receipt.reason


def test_every_reason_why_a_browser_does_not_start_is_on_the_page() -> None:
    words = vars(launch)["_REASONS"].values()
    assert [text for text in words if text != "it is not a program" and not known(text)] == []


def test_the_page_says_each_thing_once() -> None:
    ordered = sorted(QUOTED)
    assert [one for one, next_one in pairwise(ordered) if one == next_one] == []
