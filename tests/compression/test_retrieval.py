"""Retrieval: exact lines, exact rows, and a bounded time for every pattern."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import markers
from headroom_wrap.compression.retrieval import retrieve
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.store import Store

LINES = [f"line {number}" for number in range(1, 101)]
LONG = "x" * 50_000 + "NEEDLE" + "y" * 50_000
CUT = re.compile(r"\[headroom: cut here, the answer would be too long; the rest: (.*)\]")


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


@given(text=st.text(st.characters(codec=None), min_size=1, max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_the_whole_original_stands_under_its_head(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path / "laws.sqlite3")
    head, _, body = retrieve(store, store.put_original(text)).partition("\n")
    store.close()
    assert head.startswith(markers.SENTINEL)
    assert body == text or body + "\n" == text


@given(
    lines=st.lists(st.text("ab\r\u2028é", max_size=30), min_size=1, max_size=30),
    max_chars=st.integers(min_value=5, max_value=200),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_following_the_cuts_reads_the_whole_original(tmp_path: Path, lines: list[str], max_chars: int) -> None:
    text = "\n".join([*lines, "end"])
    store = Store(tmp_path / "laws.sqlite3")
    id_ = store.put_original(text)
    read: str | None = None
    asked: list[dict[str, Any]] = [{"lines": "1-"}]
    while asked:
        span = asked.pop(0)
        body = retrieve(store, id_, **span, max_chars=max_chars).partition("\n")[2]
        cut = CUT.search(body)
        if cut is not None:
            body = body[: cut.start()].removesuffix("\n")
            rest = dict(part.split("=") for part in cut[1].split(", then "))
            asked = [{name: value} for name, value in rest.items()] + asked
        # A line that was cut goes on where it stopped; everything else begins a line.
        read = body if read is None else read + ("" if "chars" in span else "\n") + body
    store.close()
    assert read == text


@pytest.mark.parametrize("lines", ["x", "1-2-3", "-", ",", "101", "5-4", "0", "9" * 5000, "1e3", "\u0663"])
def test_what_is_no_range_of_it_is_refused_with_what_would_be(store: Store, lines: str) -> None:
    with pytest.raises(HeadroomError) as caught:
        retrieve(store, store.put_original("\n".join(LINES)), lines=lines)
    assert caught.value.code is Code.BAD_REQUEST
    assert caught.value.hint


@pytest.mark.parametrize(
    "asked", [{"lines": "1", "rows": "1"}, {"lines": "1", "chars": "1"}, {"grep": "x", "chars": "1"}]
)
def test_an_original_is_not_cut_in_two_ways_at_once(store: Store, asked: dict[str, Any]) -> None:
    with pytest.raises(HeadroomError) as caught:
        retrieve(store, store.put_original("\n".join(LINES)), **asked)
    assert caught.value.code is Code.BAD_REQUEST


def test_a_pattern_gives_matching_lines_with_their_numbers(store: Store) -> None:
    id_ = store.put_original("\n".join(LINES))
    head, body = parts(retrieve(store, id_, grep=r"line \d5$", lines="1-50"))
    assert head == f"[headroom original {id_}: lines 1-50 of 100, 4 match 'line \\\\d5$']"
    assert body == ["15: line 15", "25: line 25", "35: line 35", "45: line 45"]


def test_context_shows_the_neighbours_of_a_match_once_and_only_those_asked_for(store: Store) -> None:
    id_ = store.put_original("\n".join(LINES))
    _, body = parts(retrieve(store, id_, grep="line (1|2|20)$", lines="1-20", context=1))
    assert body == ["1: line 1", "2: line 2", "3- line 3", "19- line 19", "20: line 20"]


def test_a_pattern_that_matches_nothing_says_so(store: Store) -> None:
    id_ = store.put_original("\n".join(LINES))
    assert retrieve(store, id_, grep="nowhere") == f"[headroom original {id_}: lines 1-100 of 100, 0 match 'nowhere']"


@pytest.mark.parametrize("pattern", ["(b", "(" * 20_000 + "b", "b{99999999999999999999}"])
def test_a_pattern_that_is_none_is_taken_as_plain_text(store: Store, pattern: str) -> None:
    id_ = store.put_original(f"a {pattern}\nc")
    assert parts(retrieve(store, id_, grep=pattern))[1][0].startswith("1")


@pytest.mark.parametrize("pattern", [r"(a+)+$b", r"(?:aa?){0,400}b", r"a*a*a*a*a*b"])
def test_a_catastrophic_pattern_ends_with_a_sentence(
    store: Store, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headroom_wrap.compression.retrieval.GREP_CPU_S", 0.2)
    began = time.process_time()
    with pytest.raises(HeadroomError) as caught:
        retrieve(store, store.put_original("a" * 30_000), grep=pattern)
    assert "too long" in caught.value.message
    assert time.process_time() - began < 20


def test_a_match_in_a_very_long_line_is_shown_with_its_surroundings_and_place(store: Store) -> None:
    id_ = store.put_original(f"first\n{LONG}\nlast")
    (shown,) = parts(retrieve(store, id_, grep="NEEDLE"))[1]
    found = re.fullmatch(r"2 \(chars (\d+-\d+)\): (.*)", shown)
    assert found is not None
    assert "NEEDLE" in found[2]
    assert len(found[2]) < 1000
    assert parts(retrieve(store, id_, chars=found[1]))[1] == [found[2]]


def test_more_matches_in_a_very_long_line_are_not_concealed(store: Store) -> None:
    id_ = store.put_original(" ".join(f"{number:05d} NEEDLE" for number in range(2000)))
    body = parts(retrieve(store, id_, grep="NEEDLE"))[1]
    assert re.fullmatch(r"\[headroom: line 1 has more matches, from chars=\d+ on\]", body[-1])


def test_rows_are_the_objects_of_the_array(store: Store) -> None:
    objects = [{"n": number, "big": 12345678901234567890, "s": "é"} for number in range(1, 51)]
    id_ = store.put_original(json.dumps(objects))
    head, body = parts(retrieve(store, id_, rows="7-8"))
    assert head == f"[headroom original {id_}: rows 7-8 of 50]"
    assert [json.loads(row) for row in body] == objects[6:8]
    assert parts(retrieve(store, id_, rows="1-", grep='"n":(9|17),'))[1] == [
        '9: {"n":9,"big":12345678901234567890,"s":"\\u00e9"}',
        '17: {"n":17,"big":12345678901234567890,"s":"\\u00e9"}',
    ]


def test_rows_of_what_has_none_are_refused(store: Store) -> None:
    with pytest.raises(HeadroomError) as caught:
        retrieve(store, store.put_original("no json\nat all"), rows="1")
    assert "lines" in caught.value.hint


def test_a_long_answer_is_cut_and_says_how_to_get_the_rest(store: Store) -> None:
    _, body = parts(retrieve(store, store.put_original("\n".join(LINES)), lines="10-90", max_chars=100))
    assert body[-1] == f"[headroom: cut here, the answer would be too long; the rest: lines={9 + len(body)}-90]"
    assert body[:-1] == LINES[9 : 8 + len(body)]


def test_a_long_list_of_matches_is_cut_and_says_how_to_go_on(store: Store) -> None:
    id_ = store.put_original("\n".join(LINES))
    _, body = parts(retrieve(store, id_, grep="line", lines="10-", max_chars=100))
    rest = CUT.fullmatch(body[-1])
    assert rest is not None
    assert rest[1] == f"the same grep with lines={9 + len(body)}-100"


def test_no_answer_is_longer_than_its_limit_by_more_than_our_own_lines(store: Store) -> None:
    id_ = store.put_original(f"{LONG}\n{LONG}")
    everything: tuple[dict[str, Any], ...] = ({}, {"lines": "2"}, {"chars": "5-"}, {"grep": "x"})
    for asked in everything:
        assert len(retrieve(store, id_, max_chars=1000, **asked)) < 2500


def test_an_unknown_id_is_an_error_that_says_where_ids_come_from(store: Store) -> None:
    with pytest.raises(HeadroomError) as caught:
        retrieve(store, "h000000000000")
    assert caught.value.code is Code.ORIGINAL_NOT_FOUND
    assert "marker" in caught.value.hint


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("$.items[0].n", ["1.10"]),
        ("items[1]", ['{"n":12345678901234567890}']),
        ("$..n", ["$['items'][0]['n']: 1.10", "$['items'][1]['n']: 12345678901234567890"]),
    ],
)
def test_a_json_path_gives_values_as_they_are_spelled(store: Store, path: str, body: list[str]) -> None:
    id_ = store.put_original('{"items": [ {"n": 1.10}, {"n": 12345678901234567890} ]}')
    assert parts(retrieve(store, id_, path=path))[1] == body


@pytest.mark.parametrize("part", [{"path": "$["}, {"path": "$.a", "lines": "1"}, {"query": "x", "grep": "y"}])
def test_a_path_that_is_none_or_two_ways_at_once_are_refused(store: Store, part: dict[str, str]) -> None:
    with pytest.raises(HeadroomError):
        retrieve(store, store.put_original('{"a": 1}'), **part)  # type: ignore[arg-type]


def test_a_question_gives_the_passages_that_speak_of_it(store: Store) -> None:
    text = "\n".join([*LINES[:50], "", "the database was locked", "", *LINES[50:]])
    head, body = parts(retrieve(store, store.put_original(text), query="why is the database locked?"))
    assert "1 passages nearest" in head
    assert body == ["52: the database was locked"]
