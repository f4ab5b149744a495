from __future__ import annotations

import json
import re

import pytest

from headroom_wrap.compression import json_rows, markers
from headroom_wrap.compression.json_rows import rows_of
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


def pods(n_pods: int) -> dict[str, object]:
    noise = [{"manager": "kubelet", "fieldsV1": {f"f:{field}": {} for field in range(40)}}]
    items = [
        {
            "metadata": {"name": f"web-{n}", "managedFields": noise},
            "status": {"phase": "Running", "restarts": n // 39 * 7},
        }
        for n in range(n_pods)
    ]
    return {"kind": "List", "items": items}


def test_bookkeeping_of_kubernetes_goes_where_eliding_is_allowed() -> None:
    text = json.dumps(pods(40), indent=4)
    assert '"f:17"' in compress(text)
    shown = compress(text, ELIDING)
    assert "f:17" not in shown
    first, last = (
        int(number) for number in re.findall(r'managedFields"="\[headroom: chars (\d+)-(\d+) elided', shown)[0]
    )
    assert json.loads(text[first - 1 : last])[0]["manager"] == "kubelet"
    assert '["web-39"]' in shown


def test_members_of_a_map_are_rows_with_their_keys() -> None:
    text = json.dumps({f"u{n}": {"name": f"User {n}", "role": "admin" if n == 50 else "member"} for n in range(200)})
    assert compress(text).split("\n")[2] == '"u0":["User 0","member"]'
    assert expand(compress(text)) == minified(text)
    shown = compress(text, ELIDING)
    assert '"u50":["User 50","admin"]' in shown
    assert '"u40"' not in shown


def test_a_key_that_the_query_names_keeps_its_value() -> None:
    text = json.dumps({f"{n * 7919:08x}-{n}": f"{n * 104729:08x}" for n in range(90)}, indent=1)
    hints = Hints(query=f"What is the value of {50 * 7919:08x}-50?", marker=markers.elision)
    shown = compress(text, hints)
    assert f'"{50 * 104729:08x}"' in shown
    assert f'"{40 * 104729:08x}"' not in shown


def test_a_value_that_follows_from_another_one_stands_in_the_header() -> None:
    rows = [
        {"id": n, "self": f"https://example.com/orders/{n}", "lines": f"https://example.com/orders/{n}/l"}
        for n in range(30)
    ]
    lines = compress(json.dumps(rows)).split("\n")
    spelled = '{"id","self"="https://example.com/orders/"+"id","lines"="https://example.com/orders/"+"id"+"/l"}'
    assert lines[1].endswith(f": {spelled}]")
    assert lines[2] == "[0]"


def test_beginnings_that_stand_many_times_get_a_name() -> None:
    text = json.dumps({f"part{n}": [f"https://example.com/repositories/shop/{n * n}", n] for n in range(9)})
    lines = compress(text).split("\n")
    assert lines[0] == "[headroom: $A below stands for https://example.com/repositories/shop/]"
    assert '"$A64"' in lines[1]
    assert expand("\n".join(lines)) == minified(text)


def test_a_text_with_dollars_gets_another_sign() -> None:
    text = json.dumps({f"part{n}": [f"https://example.com/repositories/shop/{n * n}", "$A"] for n in range(9)})
    assert compress(text).startswith("[headroom: ~A below")
    assert expand(compress(text)) == minified(text)


def test_numbers_in_a_row_keep_ends_and_outliers_and_say_between_what_the_others_are() -> None:
    text = json.dumps({"samples": [20 + n % 5 for n in range(600)] + [9000] + [21] * 300})
    lines = compress(text, ELIDING).split("\n")
    assert "9000" in lines
    assert "[headroom: rows 9-600 elided: all with value 20 to 24]" in lines
    assert "[headroom: rows 602-897 elided: all with value=21]" in lines
    assert rows_of(text) is not None
    assert (rows_of(text) or [])[600] == "9000"


def test_fields_of_one_object_are_no_rows() -> None:
    text = json.dumps({f"setting_{n}": f"value {n}" * 8 if n % 2 else n for n in range(60)}, indent=2)
    assert compress(text, ELIDING) == minified(text)


def test_tables_in_blocks_share_their_keys_and_are_chosen_from_together() -> None:
    groups = [
        {
            "group": g,
            "rules": [
                {
                    "rule": f"{g}-{n}",
                    "state": "firing" if (g, n) == (3, 7) else "ok",
                    "s": n,
                    "text": f"as usual {n} " * 6,
                }
                for n in range(20)
            ],
        }
        for g in range(6)
    ]
    text = json.dumps({"groups": groups})
    assert expand(compress(text)) == minified(text)
    assert compress(text).count("with the keys of rows 1-20]") == 5
    shown = compress(text, ELIDING)
    assert '["3-7","firing",7,' in shown
    assert "[headroom: rows 41-60 elided" in shown
    assert len(shown) < len(text) / 4


def test_a_blob_and_a_long_text_lose_their_middle_and_say_which_characters() -> None:
    body = "It was a quiet day. " * 40 + "Then the cart crashed with an error. " + "Nobody noticed. " * 40
    text = json.dumps({"icon": "iVBORw0KGgo" * 90, "body": body, "id": 17})
    result = json_rows.compress(text, ELIDING)
    assert result is not None
    assert result.unit == "chars"
    assert "Then the cart crashed with an error." in result.text
    gaps = [
        (int(first), int(last)) for first, last in re.findall(r"\[headroom: chars (\d+)-(\d+) elided\]", result.text)
    ]
    assert sum(last - first + 1 for first, last in gaps) == result.elided
    assert all(text[first - 1 : last] in text for first, last in gaps)
    assert result.elided > 0.6 * len(text)


def test_runs_of_links_go_but_those_for_people_stay() -> None:
    repository = {
        f"{name}_url": f"https://example.com/api/{name}" for name in ("html", "keys", "forks", "teams", "hooks", "tags")
    }
    text = json.dumps({"id": 1, **repository, "name": "shop"}, indent=2)
    shown = compress(text, ELIDING)
    assert '"html_url":"https://example.com/api/html"' in shown
    assert "elided: 5 links named *_url]" in shown
    assert "teams" not in shown
    assert "teams" in compress(text)


def test_what_is_wrong_is_found_deep_in_a_row_and_under_a_key_that_says_so() -> None:
    rows: list[dict[str, object]] = [
        {"id": n, "error": None, "meta": {"retries": 0, "zone": "a" if n % 2 else "b"}, "note": "as usual " * 4}
        for n in range(200)
    ]
    rows[90]["error"] = {"code": "E77"}
    rows[120]["meta"] = {"retries": 7, "zone": "a"}
    shown = compress(json.dumps(rows), ELIDING)
    assert "[90," in shown
    assert "[120," in shown
    assert "[100," not in shown


def test_several_documents_with_text_around_them_are_rows_of_one_numbering() -> None:
    documents = "\n".join(json.dumps({"event": n, "state": "done"}, indent=1) for n in range(30))
    text = f"first line\nsecond line\n{documents}\nlast line\n"
    lines = compress(text).split("\n")
    assert (lines[:2], lines[-1]) == (["first line", "second line"], "last line")
    assert rows_of(text) == [f'{{"event":{n},"state":"done"}}' for n in range(30)]
