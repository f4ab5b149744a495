from __future__ import annotations

import pytest

from headroom_wrap.compression import markers
from headroom_wrap.compression.lines import MAX_LINES, Sheet, is_alarming, may_try, plain, tally


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m and \x1b]8;;http://a.b\x07link\x1b]8;;\x07", "red and link"),
        ("downloading 1%\rdownloading 99%\rdone   ", "done"),
        ("windows\r", "windows"),
        ("trailing spaces stay  \r", "trailing spaces stay  "),
        ("\r\r", ""),
        (
            "Updating files: 1% (1/9)Updating files: 5% (5/9)Updating files: 9% (9/9)%, done.",
            "Updating files: 9% (9/9)%, done.",
        ),
        ("error: 10% (1/9) error: 20% (2/9) left %, right %", "error: 20% (2/9) left %, right %"),
        ("a 10% b 20% c 30% d 40%", "a 10% b 20% c 30% d 40%"),
    ],
)
def test_a_line_is_shown_as_a_terminal_leaves_it(line: str, shown: str) -> None:
    assert plain(line) == shown


def test_a_failure_that_a_carriage_return_overwrote_stays() -> None:
    line = "download failed: no route\rretrying 10%\rretrying 20%"
    assert plain(line) == line


def test_a_gap_becomes_a_marker_with_its_range_and_its_counts() -> None:
    sheet = Sheet.of_terminal("\n".join(["first", *["x" * 60] * 4, "", *["y" * 60] * 2, "last", ""]))
    sheet.drop(1, 4, "of noise", weight=4)
    sheet.drop(6, 6, "of set-up")
    sheet.drop(7, 7, "of noise")
    text, elided = sheet.render(markers.elision)
    assert text == "first\n[headroom: lines 2-8 elided: 5 of noise, 1 of set-up]\nlast\n"
    assert (elided, sheet.total) == (7, 9)


def test_a_gap_that_is_shorter_than_its_marker_stays() -> None:
    sheet = Sheet.of_terminal("first\nshort\nlast")
    sheet.drop(1, 1, "of noise")
    assert sheet.render(markers.elision) == ("first\nshort\nlast", 0)


def test_without_a_marker_nothing_is_dropped() -> None:
    text = "\n".join(["first", *[str(n) * 60 for n in range(9)], "last"])
    sheet = Sheet.of_terminal(text)
    sheet.drop(1, 9, "of noise")
    assert sheet.render(None) == (text, 0)


def test_a_run_of_equal_lines_folds_to_its_first_line_and_a_true_count() -> None:
    sheet = Sheet.of_terminal("start\n" + "waiting for the lock\n" * 30 + "done")
    text, elided = sheet.render(None)
    assert text == "start\nwaiting for the lock\n[headroom: the line above stands 30 times, lines 2-31]\ndone"
    assert elided == 0


def test_what_is_tallied_fits() -> None:
    assert tally([("of set-up", 30), ("passed", 2)]) == "30 of set-up, 2 passed"
    assert tally([("passed", 0)]) == ""
    assert len(tally([("x" * 300, 1)])) == 120
    assert tally([("a" * 100, 9), ("b" * 100, 1)]).endswith("…")


@pytest.mark.parametrize("line", ["ERROR x", "Segfault", "exit code 3", "Permission denied", "nothing was not found"])
def test_words_of_failure_alarm(line: str) -> None:
    assert is_alarming(line)


def test_texts_beyond_the_bounds_are_not_tried() -> None:
    assert not may_try("\n" * (MAX_LINES + 1))
    assert not may_try("x" * 2_000_001)
    assert may_try("x")
