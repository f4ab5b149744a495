from __future__ import annotations

import json

import pytest

from headroom_wrap.compression import json_rows, markers
from headroom_wrap.compression.json_text import minified
from headroom_wrap.compression.model import Hints
from tests.compression.unfolding import expand

LOSSLESS = Hints()
ELIDING = Hints(query="why is the cart empty?", marker=markers.elision)


def compress(text: str, hints: Hints = LOSSLESS) -> str:
    result = json_rows.compress(text, hints)
    assert result is not None
    return result.text


def test_keys_and_constants_stand_once_and_each_row_has_a_line() -> None:
    text = json.dumps([{"id": n, "type": "User", "name": f"n{n}"} for n in range(8)], indent=2)
    lines = compress(text).split("\n")
    assert lines[0] == "["
    assert lines[1].endswith(': {"id","type"="User","name"}]')
    assert lines[2:4] == ['[0,"n0"]', '[1,"n1"]']
    assert lines[-1] == "]"


def test_nested_objects_and_arrays_of_objects_have_schemas_of_their_own() -> None:
    rows = [{"user": {"id": n, "kind": "x"}, "tags": [{"t": "a"}, {"t": f"{n}"}], "seen": [n]} for n in range(9)]
    text = json.dumps({"items": rows})
    lines = compress(text).split("\n")
    assert lines[1].endswith(': {"user"{"id","kind"="x"},"tags"[{"t"}],"seen"}]')
    assert lines[2] == '[[0],[["a"],["0"]],[0]]'
    assert expand("\n".join(lines)) == minified(text)


@pytest.mark.parametrize(
    "spelling", ["1E5", "1.0", "-0", "12345678901234567890123", "0.10", '"\\ud800"', '"\\u00e9\\/"']
)
def test_values_keep_the_spelling_of_the_source(spelling: str) -> None:
    text = "[" + ", ".join(f'{{"number": {n}, "value": {spelling if n else 1}}}' for n in range(30)) + "]"
    assert f"[1,{spelling}]" in compress(text).split("\n")
    assert expand(compress(text)) == minified(text)


def test_a_missing_key_is_an_empty_place() -> None:
    rows: list[dict[str, object]] = [
        {"first_number": n, "second_number": n * n, "third_number": n % 7} for n in range(9)
    ]
    del rows[4]["second_number"], rows[8]["third_number"]
    text = json.dumps(rows)
    lines = compress(text).split("\n")
    assert (lines[6], lines[10]) == ("[4,,4]", "[8,64,]")
    assert expand("\n".join(lines)) == minified(text)


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1, "a": 2}, {"a": 3}, {"a": 4}]',
        '[{"a": 1, "b": {"c": 1, "c": 2}}, {"a": 3, "b": 1}, {"a": 4, "b": 1}]',
        '[{"a": 1, "\\u0061": 2}, {"a": 3}, {"a": 4}]',
        '[{"a": NaN}, {"a": NaN}, {"a": NaN}, {"a": NaN}]',
        '[{"a": 1}, {"a": 2}, {"a": 3}',
        '[{"a": 1},, {"a": 2}, {"a": 3}]',
        '[{"a": 1} {"a": 2} {"a": 3}]',
        "[{'a': 1}, {'a': 2}, {'a': 3}]",
        '[{"a": 01}, {"a": 2}, {"a": 3}]',
        '[{"a": "tab\t"}, {"a": 2}, {"a": 3}]',
        "[" * 100_000,
        '{"a":' * 100_000,
        "[]",
        "",
        "no JSON",
    ],
)
def test_what_is_no_plain_json_is_left_alone(text: str) -> None:
    assert json_rows.compress(text, LOSSLESS) is None


@pytest.mark.parametrize(
    "text",
    ['[{"a": 1, "b": 2}, {"b": 1, "a": 2}, {"a": 1, "b": 2}]', '[{"a": 1}, 2, {"a": 3}]', '{"a": 1, "b": "t w o"}'],
)
def test_what_has_no_schema_loses_its_white_space(text: str) -> None:
    assert compress(text) == minified(text)


def test_a_banner_and_a_last_line_stay() -> None:
    rows = json.dumps([{"identifier": n, "state": "running"} for n in range(20)])
    lines = compress(f"Found 20 pods in the cluster:\n{rows}\n[exit code 0]\n").split("\n")
    assert lines[0] == "Found 20 pods in the cluster:"
    assert lines[-1] == "[exit code 0]"


def test_lines_of_json_are_rows_too() -> None:
    text = "".join(json.dumps({"level": "info", "milliseconds": n}) + "\n" for n in range(20))
    result = json_rows.compress(text, LOSSLESS)
    assert result is not None
    assert (result.unit, result.total) == ("lines", 20)
    assert result.text.split("\n")[1] == "[0]"


def rows_with(odd: dict[int, dict[str, object]]) -> str:
    rows = [
        {"id": n, "state": "open", "title": f"Order number {n} of the day", "price": 10 + n % 7, "note": "as usual"}
        for n in range(300)
    ]
    return json.dumps([{**row, **odd.get(row["id"], {})} for row in rows])  # type: ignore[call-overload]


def test_of_many_rows_errors_outliers_rare_values_and_the_query_stay() -> None:
    text = rows_with(
        {
            70: {"title": "Fatal error in the payment"},
            130: {"price": 98_000},
            180: {"state": "lost"},
            230: {"title": "The cart is empty"},
        }
    )
    shown = compress(text, ELIDING)
    assert all(word in shown for word in ("Fatal error in the payment", "98000", '"lost"', "The cart is empty"))
    assert all(f"Order number {n} of" in shown for n in (0, 7, 296, 299))
    assert "Order number 100 of" not in shown
    assert len(shown) < len(text) / 10


def test_gaps_name_their_rows_and_what_all_of_them_hold() -> None:
    result = json_rows.compress(rows_with({180: {"state": "lost"}}), ELIDING)
    assert result is not None
    marks = [line for line in result.text.split("\n") if line.startswith("[headroom: rows")]
    assert marks[1] == '[headroom: rows 9-180 elided: all with "state"="open", "id" 8 to 179, "price" 10 to 16]'
    assert result.elided == 300 - 8 - 1 - 4
    assert (result.unit, result.total) == ("rows", 300)
