"""Which organization is asked, and the plan that it has."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.claude.organization import choose
from cldmon.domain.asking import Organization
from tests.strategies import JSON

CONSOLE = {"uuid": "c-0", "capabilities": ["api"]}
FREE = {"uuid": "f-1", "capabilities": ["chat"]}
PRO = {"uuid": "p-2", "capabilities": ["chat", "claude_pro"]}
MAX = {
    "uuid": "m-3",
    "capabilities": ["claude_max", "chat"],
    "rate_limit_tier": "default_claude_max_20x",
}
LOOKALIKE = st.lists(
    st.fixed_dictionaries(
        {"uuid": JSON | st.sampled_from(["a-1", "a-2"])},
        optional={
            "capabilities": JSON | st.lists(JSON | st.sampled_from(["chat", "claude_max"])),
            "rate_limit_tier": JSON,
        },
    )
)


def test_an_organization_for_the_api_alone_is_never_chosen() -> None:
    """Wherever it stands: the order of the list means nothing."""
    for answer in ([CONSOLE, FREE], [FREE, CONSOLE]):
        assert choose(answer) == Organization("f-1", "Free")
    assert choose([CONSOLE]) is None


def test_one_that_is_paid_for_is_preferred_to_the_first() -> None:
    assert choose([CONSOLE, FREE, PRO, MAX]) == Organization("p-2", "Pro")
    assert choose([FREE]) == Organization("f-1", "Free")


def test_the_one_last_active_in_the_browser_is_preferred_to_those() -> None:
    assert choose([FREE, PRO, MAX], last_active="m-3") == Organization("m-3", "Max 20x")
    assert choose([FREE, PRO], last_active="f-1") == Organization("f-1", "Free")
    assert choose([CONSOLE, PRO], last_active="c-0") == Organization("p-2", "Pro")
    assert choose([PRO], last_active="gone") == Organization("p-2", "Pro")


def test_a_configured_one_is_the_only_one_taken() -> None:
    """Even one for the API alone; and never another in its place."""
    assert choose([FREE, PRO], configured="f-1", last_active="p-2") == Organization("f-1", "Free")
    assert choose([CONSOLE, PRO], configured="c-0") == Organization("c-0", "Free")
    assert choose([FREE, PRO], configured="gone") is None


@pytest.mark.parametrize(
    ("capabilities", "tier", "plan"),
    [
        (["chat"], "default_claude_max_5x", "Free"),
        (["chat", "claude_pro"], "default_claude_max_5x", "Pro"),
        (["chat", "claude_max"], "default_claude_max_5x", "Max 5x"),
        (["chat", "claude_max"], "default_claude_max_20x", "Max 20x"),
        (["chat", "claude_max"], "something_new", "Max"),
        (["chat", "claude_max"], None, "Max"),
        (["chat", "claude_max"], ["default_claude_max_5x"], "Max"),
        (["chat", "raven"], "x", "Team"),
        (["chat", "raven", "raven_enterprise"], "x", "Enterprise"),
        (["chat", "claude_pro", "claude_max"], None, "Max"),
    ],
)
def test_a_plan_has_the_name_that_people_know(
    capabilities: list[str], tier: object, plan: str
) -> None:
    answer = [{"uuid": "u-1", "capabilities": capabilities, "rate_limit_tier": tier}]
    assert choose(answer) == Organization("u-1", plan)


@pytest.mark.parametrize(
    "uuid", [None, "", 5, "../../secret", "a/b", "a?b", "a b", "é", "-", "x" * 65, "\ud800", ["a"]]
)
def test_what_is_no_uuid_is_never_put_into_a_url(uuid: object) -> None:
    assert choose([{"uuid": uuid, "capabilities": ["chat"]}]) is None
    assert choose([{"uuid": uuid, "capabilities": ["chat"]}, PRO]) == Organization("p-2", "Pro")


@settings(max_examples=60)
@given(JSON | LOOKALIKE, st.none() | st.text(max_size=3), st.none() | st.text(max_size=3))
def test_any_json_at_all_never_raises(
    answer: object, configured: str | None, last_active: str | None
) -> None:
    chosen = choose(answer, configured=configured, last_active=last_active)
    assert chosen is None or chosen.uuid.replace("-", "").isalnum()


def deeper(frames: int, answer: object) -> None:
    """Choose with less room on the stack than the parser had."""
    if frames:
        deeper(frames - 1, answer)
    else:
        choose(answer)


@pytest.mark.parametrize("key", ["capabilities", "rate_limit_tier", "uuid", "name"])
def test_json_as_deep_as_it_can_be_never_raises(key: str) -> None:
    """The parser stops at a depth that nothing behind it may trip over."""
    for depth in range(900, 1000):
        try:
            deep = json.loads("[" * depth + "]" * depth)
        except RecursionError:
            break
        deeper(30, [{**MAX, key: deep}, PRO])
