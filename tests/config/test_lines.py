"""The line finder, against tomllib: what the one reads, the other has to find."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import tomlkit
from hypothesis import assume, given
from hypothesis import strategies as st

from cldmon.config.lines import find_line, find_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.config.lines import KeyPath

KEYS = st.one_of(
    st.sampled_from(["a", "b", "a-b", "1", "accounts"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4),
)
LINES = st.sampled_from(
    [
        "a = 1",
        "b.c = 'x # y'",
        'd."e.f" = "[g]"',
        "h = [1, [2, 3], # no ]",
        "  4,",
        "]",
        "i = { j = [1], k.l = { } }",
        's = """',
        "[[t]]",
        '"""',
        "[t]",
        "[ t . 'u v' ]",
        "[[w]]",
        "[w.x]",
        "[[w.y]]",
        'z = """a""""',
        "q = ''''a'''",
        "m = 2020-01-01 10:00:00.5+01:00",
        "n = [2020-01-01,10:00:00]",
        "",
        "\t# comment [a] = 1",
        'o = "\\"" # "',
        "p = [{ a = 1 }, { a = 2 },]",
    ]
)


def paths(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the path of everything in a parsed document."""
    if path:
        yield path, value
    inside = dict(enumerate(value)) if isinstance(value, list) else value
    for key, inner in inside.items() if isinstance(inside, dict) else ():
        yield from paths(inner, (*path, key))


@given(st.lists(LINES, max_size=12))
def test_every_key_of_a_valid_document_is_found(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    assert set(find_lines(text)) == {path for path, _ in paths(data)}


@given(
    st.recursive(
        st.dictionaries(KEYS, st.none(), max_size=3),
        lambda inner: st.dictionaries(KEYS, inner | st.lists(inner, min_size=1, max_size=3)),
        max_leaves=10,
    )
)
def test_a_value_is_found_on_its_line(shape: dict[str, Any]) -> None:
    """Each leaf is a number of its own, so that a search of the text knows the line, too."""
    text = tomlkit.dumps(number_keys(shape, iter(range(700_000, 800_000))))
    for path, value in paths(tomllib.loads(text)):
        if isinstance(value, int):
            assert find_line(text, path) == text.count("\n", 0, text.index(str(value))) + 1


def number_keys(shape: Any, numbers: Iterator[int]) -> Any:
    if isinstance(shape, dict):
        return {key: number_keys(inner, numbers) for key, inner in shape.items()}
    if isinstance(shape, list):
        return [number_keys(inner, numbers) for inner in shape]
    return next(numbers)


def test_a_missing_key_is_placed_at_the_table_that_lacks_it() -> None:
    text = "a = 1\n\n[[accounts]]\nx = 1\n[[accounts]]\n"
    assert find_line(text, ("accounts", 1, "label")) == 5
    assert find_line(text, ("port",)) is None


def test_the_items_of_a_long_list_are_found_on_their_lines() -> None:
    account = '  { label = "somebody", session_key_file = "/etc/cldmon/somebody.key" },  # [1]'
    text = "\n".join(['"acc[ounts" = [ # all', *[account] * 1000, "]", "port = 1"])
    assert find_line(text, ("acc[ounts", 0, "label")) == 2
    assert find_line(text, ("acc[ounts", 999, "label")) == 1001
    assert find_line(text, ("port",)) == 1003


def test_a_key_after_a_long_line_is_found() -> None:
    hosts = ", ".join(["'example.com'"] * 1000)
    assert find_line(f"allowed_hosts = [{hosts}]\nport = 1", ("port",)) == 2


@given(st.text())
def test_text_that_is_no_toml_does_no_harm(text: str) -> None:
    find_lines(text)
