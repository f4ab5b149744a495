"""Retrieval: exact lines, exact rows, and a bounded time for every pattern."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.mcp.retrieve import retrieve
from headroom_wrap.store import Store

LINES = [f"line {number}" for number in range(1, 101)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.sqlite3")
    yield store
    store.close()


def parts(text: str) -> tuple[str, list[str]]:
    head, _, rest = text.partition("\n")
    return head, rest.split("\n")


@pytest.mark.parametrize(
    ("lines", "said", "expected"),
    [
        (None, "lines 1-100 of 100", LINES),
        ("40-42", "lines 40-42 of 100", LINES[39:42]),
        ("7", "lines 7 of 100", LINES[6:7]),
        ("99-", "lines 99-100 of 100", LINES[98:]),
        ("-2", "lines 1-2 of 100", LINES[:2]),
        ("1-2, 5,99-400", "lines 1-2,5,99-100 of 100", [*LINES[:2], LINES[4], *LINES[98:]]),
    ],
)
def test_lines_come_back_exactly(store: Store, lines: str | None, said: str, expected: list[str]) -> None:
    id_ = store.put_original("\n".join(LINES) + "\n")
    head, body = parts(retrieve(store, id_, lines=lines))
    assert head == f"[headroom original {id_}: {said}]"
    assert body == expected


@given(text=st.text(min_size=1, max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_the_whole_original_is_under_its_head(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path / "store.sqlite3")
    whole = retrieve(store, store.put_original(text))
    store.close()
    assert whole.partition("\n")[2] == text.removesuffix("\n") if "\n" in text else whole.partition("\n")[2] == text


@pytest.mark.parametrize("lines", ["x", "1-2-3", "-", ",", "101", "5-4", "0"])
def test_what_is_no_range_of_it_is_refused_with_what_would_be(store: Store, lines: str) -> None:
    with pytest.raises(HeadroomError) as caught:
        retrieve(store, store.put_original("\n".join(LINES)), lines=lines)
    assert caught.value.code is Code.BAD_REQUEST
    assert caught.value.hint


def test_a_pattern_gives_matching_lines_with_their_numbers(store: Store) -> None:
    id_ = store.put_original("\n".join(LINES))
    head, body = parts(retrieve(store, id_, grep=r"line \d5$", lines="1-50"))
    assert head == f"[headroom original {id_}: lines 1-50 of 100, 4 match 'line \\\\d5$']"
    assert body == ["15: line 15", "25: line 25", "35: line 35", "45: line 45"]


def test_a_pattern_that_is_none_is_taken_as_plain_text(store: Store) -> None:
    assert parts(retrieve(store, store.put_original("a (b\nc"), grep="(b"))[1] == ["1: a (b"]


def test_a_catastrophic_pattern_ends_with_a_sentence(store: Store) -> None:
    with pytest.raises(HeadroomError) as caught:
        retrieve(store, store.put_original("a" * 5000), grep=r"(a+)+$b")
    assert "too long" in caught.value.message


def test_rows_are_the_objects_of_the_array(store: Store) -> None:
    objects = [{"n": number, "big": 12345678901234567890, "s": "é"} for number in range(1, 51)]
    id_ = store.put_original(json.dumps(objects))
    head, body = parts(retrieve(store, id_, rows="7-8"))
    assert head == f"[headroom original {id_}: rows 7-8 of 50]"
    assert [json.loads(row) for row in body] == objects[6:8]


def test_rows_of_what_has_none_are_refused(store: Store) -> None:
    with pytest.raises(HeadroomError) as caught:
        retrieve(store, store.put_original("no json\nat all"), rows="1")
    assert "lines" in caught.value.hint


def test_a_long_answer_is_cut_and_says_how_to_get_the_rest(store: Store) -> None:
    _, body = parts(retrieve(store, store.put_original("\n".join(LINES)), lines="10-90", max_chars=100))
    assert body[-1] == f"[headroom: cut here, the answer would be too long; the rest: lines={9 + len(body)}-90]"
    assert body[:-1] == LINES[9 : 8 + len(body)]


def test_an_unknown_id_is_an_error_that_says_where_ids_come_from(store: Store) -> None:
    with pytest.raises(HeadroomError) as caught:
        retrieve(store, "h000000000000")
    assert caught.value.code is Code.ORIGINAL_NOT_FOUND
    assert "marker" in caught.value.hint
