from __future__ import annotations

import pytest

from headroom_wrap.compression import markers, tables
from headroom_wrap.compression.model import Hints
from headroom_wrap.compression.table_shapes import csv_table, text_tables

LOSSLESS = Hints()
ELIDING = Hints(query="why is the cart empty?", marker=markers.elision)
PODS = "NAME     READY   STATUS             RESTARTS   NOMINATED NODE   NODE\n" + "".join(
    f"web-{n:<4d} {'0/1' if n == 30 else '1/1'}     {'ImagePullBackOff' if n == 30 else 'Running':18s} "
    f"{'3 (2m ago)' if n == 41 else '0':10s} <none>           node-{n % 2}.example.com\n"
    for n in range(60)
)


def compress(text: str, hints: Hints = LOSSLESS) -> list[str]:
    result = tables.compress(text, hints)
    assert result is not None
    return result.text.split("\n")


def test_padding_goes_and_what_all_rows_share_is_said_once() -> None:
    lines = compress(PODS)
    assert lines[0] == "[headroom: 60 rows; in every row NOMINATED NODE=<none>]"
    assert lines[1] == "NAME\tREADY\tSTATUS\tRESTARTS\tNODE"
    assert lines[32] == "web-30\t0/1\tImagePullBackOff\t0\tnode-0.example.com"
    assert len(lines) == 63


def test_rows_that_are_not_ready_or_unlike_the_others_stay_and_all_are_counted() -> None:
    lines = compress(PODS, ELIDING)
    assert "READY: 59 1/1, 1 0/1; STATUS: 59 Running, 1 ImagePullBackOff" in lines[0]
    assert "web-30\t0/1\tImagePullBackOff\t0\tnode-0.example.com" in lines
    assert "web-41\t1/1\tRunning\t3 (2m ago)\tnode-1.example.com" in lines
    assert "[headroom: lines 33-42 elided: all with READY=1/1, STATUS=Running, RESTARTS=0]" in lines


def test_a_ruler_says_where_columns_begin() -> None:
    text = "Package    Version Location of it\n---------- ------- --------------\n" + "".join(
        f"package-{n:<2d} 1.{n}.0{'   /srv/one' if n == 4 else ''}\n" for n in range(9)
    )
    (table,) = text_tables(text.split("\n"))
    assert table.head is not None
    assert table.head.cells == ("Package", "Version", "Location of it")
    assert table.rows[4].cells == ("package-4", "1.4.0", "/srv/one")
    assert table.rows[0].cells == ("package-0", "1.0.0", "")


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (
            "+----+-------+\n| id | name  |\n+----+-------+\n" + "|  1 | a b c |\n" * 7 + "+----+-------+\n",
            ("1", "a b c"),
        ),
        (" id | name\n----+-------\n" + "  1 | a b c\n" * 7 + "(7 rows)\n", ("1", "a b c")),
        ("| id | name |\n|---:|:---|\n" + "| 1 | a b c |\n" * 7, ("1", "a b c")),
        (
            "┌────┬───────┐\n│ id │ name  │\n├────┼───────┤\n" + "│ 1  │ a b c │\n" * 7 + "└────┴───────┘\n",
            ("1", "a b c"),
        ),
    ],
)
def test_drawn_tables_are_read_with_their_cells(text: str, row: tuple[str, ...]) -> None:
    (table,) = text_tables(text.split("\n"))
    assert table.head is not None
    assert table.head.cells == ("id", "name")
    assert {each.cells for each in table.rows} == {row}
    assert len(table.rows) == 7


def test_events_at_the_end_of_a_description_are_a_table_of_their_own() -> None:
    text = "Name:    web-1\nLabels:  app=web\nEvents:\n  Type     Reason   Age  From     Message\n"
    text += "  ----     ------   ---  ----     -------\n"
    text += "".join(f"  Normal   Pulled   {n}m   kubelet  Container image of the web present\n" for n in range(9))
    text += "  Warning  BackOff  2m   kubelet  Back-off restarting failed container\n"
    lines = compress(text)
    assert lines[:3] == ["Name:    web-1", "Labels:  app=web", "Events:"]
    assert lines[4] == "  Type\tReason\tAge\tMessage"
    assert lines[-2] == "  Warning\tBackOff\t2m\tBack-off restarting failed container"


def test_separated_values_keep_their_lines_and_their_line_numbers() -> None:
    text = "id,name,state\n" + "".join(
        f'{n},"Ann, the {n}th\nof many",{"lost" if n == 50 else "open"}\n' for n in range(99)
    )
    lines = compress(text, ELIDING)
    assert '50,"Ann, the 50th' in lines
    assert 'of many",lost' in lines
    gap = next(line for line in lines if line.startswith("[headroom: lines"))
    assert gap.endswith("-101 elided: all with state=open, id 8 to 49]") or "all with state=open" in gap
    result = tables.compress(text, ELIDING)
    assert result is not None
    assert (result.total, result.unit) == (199, "lines")


@pytest.mark.parametrize(
    "text",
    [
        'a,b,c\n1,"2,3\n' * 40,
        "a,b,c\n" + "1,2\n" * 40,
        "one, two, three\nand then, after that, more, of it\n" * 20,
        "".join(f"    if value_{n} == {n}:\n        return other_{n}\n" for n in range(40)),
        "The quick brown fox jumps over the lazy dog.\n" * 30,
        "key: value\nother: thing\n" * 30,
        "",
        "\n" * 50,
    ],
)
def test_what_is_no_table_is_left_alone(text: str) -> None:
    assert tables.compress(text, ELIDING) is None


def test_unbalanced_quotes_are_no_separated_values() -> None:
    assert csv_table("a,b,c\n" + '1,"2,3\n' * 9) is None


def test_a_head_in_small_letters_needs_a_command_that_prints_tables() -> None:
    text = "".join(f"web-{n:<6d}  running   {n % 3}   berlin\n" for n in range(40))
    assert tables.compress(text, LOSSLESS) is None
    assert tables.compress(text, Hints("Bash", {"command": "sudo docker ps | head -60"})) is not None


def test_very_long_cells_lose_their_middle() -> None:
    text = "PID   USER   COMMAND\n" + "".join(
        f"{n:<5d} shop   /bin/cart {'--flag ' * 200 if n == 5 else ''}\n" for n in range(12)
    )
    result = tables.compress(text, ELIDING)
    assert result is not None
    assert result.unit == "chars"
    assert "[headroom: chars " in result.text
    assert result.elided > 700
