"""docs/troubleshooting.md: every message on it is one that cldmon has, and none is missing."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from cldmon.domain import answers
from cldmon.domain.model import FailureKind
from cldmon.slack.verdicts import Answer, verdict
from tests.docs.pages import ROOT, page

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = page("troubleshooting.md")
FIRST_COLUMN = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
QUOTED = [quote for cell in FIRST_COLUMN for quote in re.findall(r"`([^`]+)`", cell)]
OF_THE_SYSTEM = {"No space left on device"}
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
    """Tell whether the page has a message: as it begins, or a part of it."""
    for quoted in QUOTED:
        parts = [re.escape(part.strip()) for part in quoted.split("…") if part.strip()]
        if len("".join(parts)) > 5 and re.search(".*".join(parts), message):
            return True
    return False


@pytest.mark.parametrize("kind", FailureKind)
def test_every_reason_why_an_account_cannot_be_read_is_on_the_page(kind: FailureKind) -> None:
    assert known(answers.failed(kind).failure.message)


def slack_codes() -> list[str]:
    """Every code of Slack's that the code knows."""
    source = (ROOT / "cldmon" / "slack" / "verdicts.py").read_text(encoding="utf-8")
    return sorted(set(re.findall(r'"([a-z_]+)"(?=[:,}])', source)))


@pytest.mark.parametrize("code", slack_codes())
def test_every_refusal_of_slack_is_on_the_page(code: str) -> None:
    receipt = verdict(Answer(200, {}, {"ok": False, "error": code}), NOW)
    assert known(receipt.reason), receipt.reason


def test_every_reason_why_a_browser_does_not_start_is_on_the_page() -> None:
    tree = ast.parse((ROOT / "cldmon" / "claude" / "launch.py").read_text(encoding="utf-8"))
    [reasons] = [
        node.value.values
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Dict)
        and "REASONS" in ast.unparse(node.targets[0])
    ]
    words = [ast.literal_eval(value) for value in reasons]
    assert [text for text in words if text != "it is not a program" and not known(text)] == []


def test_the_page_says_each_thing_once() -> None:
    ordered = sorted(QUOTED)
    assert [one for one, next_one in pairwise(ordered) if one == next_one] == []
