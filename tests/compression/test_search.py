from __future__ import annotations

import pytest

from headroom_wrap.compression import markers, search
from headroom_wrap.compression.model import Hints

LONG = "/home/dev/projects/warehouse/server/app/models/order.py"
LOSSLESS = Hints(tool_name="Grep")
ELIDING = Hints(tool_name="Grep", tool_input={"pattern": "total"}, marker=markers.elision)


def grouped(text: str) -> str:
    result = search.compress(text, LOSSLESS)
    assert result is not None
    assert search.expand(result.text) == text
    return result.text


def test_a_path_stands_once_above_its_matches_and_their_context() -> None:
    text = f"{LONG}-6-    # sums\n{LONG}:7:    def total(self):\n{LONG}-8-        return 0\n--\n{LONG}:40:total = 1\n"
    assert grouped(text) == f"{LONG}:\n6-    # sums\n7:    def total(self):\n8-        return 0\n--\n40:total = 1\n"


def test_matches_without_line_numbers_are_indented_below_their_path() -> None:
    text = f"{LONG}:def total(self):\n{LONG}:  total = 1\n{LONG}:\n"
    assert grouped(text) == f"{LONG}:\n  def total(self):\n    total = 1\n  \n"


def test_a_path_with_one_match_keeps_its_line_as_it_was() -> None:
    text = f"{LONG}:1:a\n{LONG}:2:b\nsrc/other.py:9:c\n{LONG}:3:d\n{LONG}:4:e\n"
    assert grouped(text) == f"{LONG}:\n1:a\n2:b\nsrc/other.py:9:c\n{LONG}:\n3:d\n4:e\n"


@pytest.mark.parametrize(
    "path", ["C:\\shop\\order.ts", "/a b/c-7-d/e.py", "data/2024-01-02.csv", "x/[id]/(group)/page.tsx"]
)
def test_odd_paths_group_and_expand(path: str) -> None:
    text = "".join(f"{path}-{n}-    context\n{path}:{n + 1}:    total\n" for n in range(1, 40, 2))
    assert grouped(text).count(path) == 1


@pytest.mark.parametrize(
    "text",
    [
        "11:02:03 INFO started\n11:02:04 INFO stopped\n" * 30,
        "Usage: tool [options]\nNote: this is prose, and not a result.\n" * 20,
        "".join(f"    {n}→    return {n}\n" for n in range(50)),
        "a sentence\n" * 50,
    ],
)
def test_what_is_no_search_result_is_left_alone(text: str) -> None:
    assert search.compress(text, LOSSLESS) is None


def test_a_line_that_would_be_read_as_a_match_of_another_file_stops_the_grouping() -> None:
    text = f"{LONG}:7:a\n{LONG}:8:b\n9:not from that file\n{LONG}:10:c\n{LONG}:11:d\n"
    assert search.compress(text, LOSSLESS) is None


def test_a_text_that_matched_in_thirty_files_is_shown_for_three_of_them() -> None:
    text = "".join(f'locale/{n}/app.po:{n}:msgid "The order could not be placed"\n' for n in range(30))
    result = search.compress(text + "app/views.py:57:        fail(order)\n", ELIDING)
    assert result is not None
    assert result.text.count("could not be placed") == 3
    assert "[headroom: lines 4-30 elided: 27 matches of texts shown above, in other places]" in result.text
    assert "app/views.py:57:        fail(order)" in result.text


def test_of_a_thousand_matches_the_ends_and_what_the_query_names_stay() -> None:
    text = "".join(f"{LONG}:{n}:    value_{n} = compute(total)\n" for n in range(1, 1001))
    hints = Hints(tool_name="Grep", query="Where is value_512 set?", marker=markers.elision)
    result = search.compress(text, hints)
    assert result is not None
    assert all(f"value_{n} =" in result.text for n in (1, 20, 512, 996, 1000))
    assert result.elided == 1000 - 26
    assert len(result.text) < 3000


def test_a_result_of_ordinary_length_loses_no_line_of_context() -> None:
    text = "".join(
        f"{LONG}{':' if n % 40 == 0 else '-'}{n}{':' if n % 40 == 0 else '-'}    line\n" for n in range(1, 500)
    )
    result = search.compress(text, ELIDING)
    assert result is not None
    assert result.elided == 0
