"""Splicing: what is not replaced keeps its bytes; what is no JSON is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.wire.spans import Cursor, MalformedError, Span, splice

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def _strings(cursor: Cursor, found: list[tuple[str, Span]]) -> None:
    if cursor.peek() == "{":
        for _ in cursor.members():
            _strings(cursor, found)
    elif cursor.peek() == "[":
        for _ in cursor.elements():
            _strings(cursor, found)
    else:
        value, span = cursor.spanned()
        if isinstance(value, str):
            found.append((value, span))


@given(value=_JSON, indent=st.sampled_from([None, 0, 3]), ascii_only=st.booleans())
def test_every_string_is_found_and_put_back_where_it_stood(
    value: object, *, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    cursor = Cursor(text)
    found: list[tuple[str, Span]] = []
    _strings(cursor, found)
    assert cursor.at_end()
    replaced = json.loads(splice(text, {span: f"<{string}>" for string, span in found}))
    assert [string for string, _ in found] == [string[1:-1] for string in _leaves(replaced)]


def _leaves(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [leaf for item in inner for leaf in _leaves(item)]


@given(text=st.text(st.characters(codec=None), max_size=50))
def test_a_new_text_is_written_so_that_it_reads_back_the_same(text: str) -> None:
    body = '{"a": "old", "b": 1E5}'
    rendered = splice(body, {Span(6, 11): text})
    assert json.loads(rendered)["a"] == text
    assert rendered.endswith(b', "b": 1E5}')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1,",
        '{"a"}',
        '{"a":1,}',
        "[1,]",
        '{"a":1 "b":2}',
        "{1:2}",
        '{"a":1,"a":2}',
        "[" * 100_000,
        '{"a":"\n"}',
    ],
)
def test_what_is_no_json_is_malformed(text: str) -> None:
    def walk() -> None:
        cursor = Cursor(text)
        if cursor.peek() == "{":
            for _ in cursor.members():
                cursor.value()
        else:
            for _ in cursor.elements():
                cursor.value()

    with pytest.raises(MalformedError):
        walk()
