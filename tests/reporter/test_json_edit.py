"""A member of a JSON object is changed in its text, and the rest stays as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.reporter.json_edit import remove_member, set_member
from tests.strategies import TEXT

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=5)
INDENTS = st.sampled_from([None, 1, 2, 4, "\t"])


@given(OBJECTS, TEXT, VALUES, INDENTS)
def test_a_member_is_set(body: dict[str, object], key: str, value: object, indent: int) -> None:
    text = json.dumps(body, indent=indent)
    changed = set_member(text, key, value)
    assert json.loads(changed) == {**body, key: value}
    assert list(json.loads(changed)) == list({**body, key: value})


@given(OBJECTS, TEXT, VALUES, INDENTS)
def test_a_new_member_that_is_removed_leaves_no_trace(
    body: dict[str, object], key: str, value: object, indent: int
) -> None:
    body.pop(key, None)
    text = json.dumps(body, indent=indent) + "\n"
    back = remove_member(set_member(text, key, value), key)
    assert json.loads(back) == body
    if body:
        assert back == text


@given(OBJECTS, INDENTS, st.data())
def test_a_member_is_removed(body: dict[str, object], indent: int, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(body)) if body else TEXT)
    changed = remove_member(json.dumps(body, indent=indent), key)
    assert json.loads(changed) == {k: v for k, v in body.items() if k != key}


def test_the_formatting_is_kept() -> None:
    text = '{\n    "a" : 1,   "b":[1,\n2],\n\n    "c": {"d": null}\n}\n'
    assert set_member(text, "b", 7) == text.replace("[1,\n2]", "7")
    added = '    "c": {"d": null},\n    "e": {\n        "f": 1\n    }\n}\n'
    assert set_member(text, "e", {"f": 1}) == text.replace('    "c": {"d": null}\n}\n', added)
    assert remove_member(text, "c") == text.replace(',\n\n    "c": {"d": null}', "")


@pytest.mark.parametrize("text", ["", "[]", "7", '{"a": 1', '{"a": 1} x', "{'a': 1}", "// {}"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        set_member(text, "a", 1)
