"""Which organization is asked, and the plan that it has."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.claude.organization import find_candidates
from cldmon.domain.ports import Organization
from cldmon.domain.text import is_printable
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
            "capabilities": JSON
            | st.lists(JSON | st.text() | st.sampled_from(["chat", "claude_max"])),
            "rate_limit_tier": JSON,
            "raven_type": JSON,
            "plan_display_name": JSON | st.text(),
            "plan_display_label": JSON | st.text(),
        },
    )
)


def first(answer: object, **options: str | None) -> Organization | None:
    return next(iter(find_candidates(answer, **options)), None)


def test_an_organization_for_the_api_alone_is_never_chosen() -> None:
    """Wherever it stands: the order of the list means nothing."""
    for answer in ([CONSOLE, FREE], [FREE, CONSOLE]):
        assert first(answer) == Organization("f-1", "Free")
    assert first([CONSOLE]) is None


def test_one_that_is_paid_for_is_preferred_to_the_first() -> None:
    assert first([CONSOLE, FREE, PRO, MAX]) == Organization("p-2", "Pro")
    assert first([FREE]) == Organization("f-1", "Free")


def test_the_one_last_active_in_the_browser_is_preferred_to_those() -> None:
    assert first([FREE, PRO, MAX], last_active="m-3") == Organization("m-3", "Ultra")
    assert first([FREE, PRO], last_active="f-1") == Organization("f-1", "Free")
    assert first([CONSOLE, PRO], last_active="c-0") == Organization("p-2", "Pro")
    assert first([PRO], last_active="gone") == Organization("p-2", "Pro")


def test_a_configured_one_is_the_only_one_taken() -> None:
    """Even one for the API alone; and never another in its place."""
    assert first([FREE, PRO], configured="f-1", last_active="p-2") == Organization("f-1", "Free")
    assert first([CONSOLE, PRO], configured="c-0") == Organization("c-0", "Free")
    assert first([FREE, PRO], configured="gone") is None


def test_candidates_are_tried_from_the_best_on() -> None:
    other = {**PRO, "uuid": "p-9"}
    listed = [CONSOLE, FREE, PRO, MAX, other]
    assert [o.uuid for o in find_candidates(listed)] == ["p-2", "m-3", "p-9", "f-1"]
    assert [o.uuid for o in find_candidates(listed, last_active="m-3")] == [
        "m-3",
        "p-2",
        "p-9",
        "f-1",
    ]
    assert [o.uuid for o in find_candidates([PRO, PRO])] == ["p-2"]
    assert len(find_candidates([{**PRO, "uuid": f"u-{n}"} for n in range(1000)])) == 8


@pytest.mark.parametrize("written", ["AbC-1", "abc-1", "{ABC-1}", "{abc-1}"])
def test_uuids_are_compared_without_case_and_braces(written: str) -> None:
    """The service is asked with its own spelling."""
    for listed in ("abc-1", "ABC-1"):
        entry = {**FREE, "uuid": listed}
        assert find_candidates([PRO, entry], configured=written) == [Organization(listed, "Free")]
        assert find_candidates([PRO, entry], last_active=written)[0] == Organization(listed, "Free")


@pytest.mark.parametrize(
    ("entry", "plan"),
    [
        ({"capabilities": ["chat"], "rate_limit_tier": "default_claude_max_5x"}, "Free"),
        ({"capabilities": ["chat", "claude_pro"]}, "Pro"),
        (
            {
                "capabilities": ["chat", "claude_pro"],
                "rate_limit_tier": "default_claude_max_5x",
            },
            "Pro",
        ),
        (
            {
                "capabilities": ["chat", "claude_max"],
                "rate_limit_tier": "default_claude_max_5x",
            },
            "Max",
        ),
        (
            {
                "capabilities": ["chat", "claude_max"],
                "rate_limit_tier": "default_claude_max_20x",
            },
            "Ultra",
        ),
        ({"capabilities": ["chat", "claude_max"], "rate_limit_tier": "something_new"}, "Max"),
        ({"capabilities": ["chat", "claude_max"], "rate_limit_tier": None}, "Max"),
        ({"capabilities": ["chat", "claude_max"], "rate_limit_tier": ["x"]}, "Max"),
        ({"capabilities": ["chat", "claude_pro", "claude_max"]}, "Max"),
        ({"capabilities": ["chat", "raven"], "rate_limit_tier": "default_raven"}, "Team"),
        (
            {
                "capabilities": ["chat", "raven"],
                "rate_limit_tier": "default_claude_max_5x",
                "raven_type": "team",
            },
            "Team",
        ),
        ({"capabilities": ["chat", "raven"], "raven_type": "enterprise"}, "Enterprise"),
        ({"capabilities": ["chat", "raven", "raven_enterprise"]}, "Enterprise"),
        ({"capabilities": ["chat", "raven"], "raven_type": "public_sector"}, "Public Sector"),
        ({"capabilities": ["chat", "claude_foo"]}, "Foo"),
        ({"capabilities": ["chat", "claude_foo_bar"]}, "Foo Bar"),
        ({"capabilities": ["chat", "claude_", "other", 5, None]}, "Free"),
        ({"capabilities": ["chat", "claude_max"], "plan_display_name": "Ultra"}, "Ultra"),
        ({"capabilities": ["chat", "claude_pro"], "plan_display_label": "Plus"}, "Plus"),
        ({"capabilities": ["chat"], "plan_display_name": "", "plan_display_label": 5}, "Free"),
        ({"capabilities": ["chat", "claude_pro"], "plan_display_name": " \x1b\u202e "}, "Pro"),
    ],
)
def test_a_plan_has_the_name_that_people_know(entry: dict[str, object], plan: str) -> None:
    assert find_candidates([{"uuid": "u-1", **entry}]) == [Organization("u-1", plan)]


@pytest.mark.parametrize("key", ["plan_display_name", "plan_display_label", "raven_type"])
def test_a_plans_name_is_one_short_printable_line(key: str) -> None:
    hostile = "Ul\ntra\x1b[31m \u202e sk-ant-sid01-secret " + "x" * 100_000
    entry = {"uuid": "u-1", "capabilities": ["chat", f"claude_{hostile}"]}
    for organization in find_candidates([entry]) + find_candidates([{**entry, key: hostile}]):
        assert organization.plan.isprintable()
        assert len(organization.plan) <= 40
        assert "secret" not in organization.plan.lower()


@pytest.mark.parametrize(
    "uuid", [None, "", 5, "../../secret", "a/b", "a?b", "a b", "é", "-", "x" * 65, "\ud800", ["a"]]
)
def test_what_is_no_uuid_is_never_put_into_a_url(uuid: object) -> None:
    assert first([{"uuid": uuid, "capabilities": ["chat"]}]) is None
    assert first([{"uuid": uuid, "capabilities": ["chat"]}, PRO]) == Organization("p-2", "Pro")


@settings(max_examples=60)
@given(JSON | LOOKALIKE, st.none() | st.text(max_size=3), st.none() | st.text(max_size=3))
def test_any_json_at_all_never_raises(
    answer: object, configured: str | None, last_active: str | None
) -> None:
    for chosen in find_candidates(answer, configured=configured, last_active=last_active):
        assert chosen.uuid.replace("-", "").isalnum()
        assert chosen.plan
        assert is_printable(chosen.plan)
        assert len(chosen.plan) <= 40


def deeper(frames: int, answer: object) -> None:
    """Choose with less room on the stack than the parser had."""
    if frames:
        deeper(frames - 1, answer)
    else:
        first(answer)


@pytest.mark.parametrize("key", ["capabilities", "rate_limit_tier", "uuid", "name"])
def test_json_as_deep_as_it_can_be_never_raises(key: str) -> None:
    """The parser stops at a depth that nothing behind it may trip over."""
    for depth in range(900, 1000):
        try:
            deep = json.loads("[" * depth + "]" * depth)
        except RecursionError:
            break
        deeper(30, [{**MAX, key: deep}, PRO])
