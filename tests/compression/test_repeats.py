from __future__ import annotations

from headroom_wrap.compression import markers
from headroom_wrap.compression.lines import Sheet
from headroom_wrap.compression.repeats import drop_repeats

BLOCK = [f"    line {n} of a function that is long enough to be worth a marker" for n in range(6)]


def render(lines: list[str], keys: list[str] | None = None) -> str:
    sheet = Sheet.of_terminal("\n".join(lines))
    drop_repeats(sheet, keys or lines, "addresses")
    return sheet.render(markers.elision)[0]


def test_a_block_that_stands_above_becomes_a_reference_to_its_lines() -> None:
    text = render(["test a", *BLOCK, "test b", *BLOCK, "end"])
    assert text.split("\n")[-3:] == ["test b", "[headroom: lines 9-14 elided: 6 that repeat lines 2-7]", "end"]


def test_a_block_that_is_equal_only_but_for_addresses_says_so() -> None:
    other = [line.replace("line", "Line") for line in BLOCK]
    text = render(["a", *BLOCK, "b", *other, "c"], ["a", *BLOCK, "b", *BLOCK, "c"])
    assert "[headroom: lines 9-14 elided: 6 that repeat lines 2-7 but for addresses]" in text


def test_three_lines_are_too_few() -> None:
    lines = ["a", *BLOCK[:3], "b", *BLOCK[:3], "c"]
    assert render(lines) == "\n".join(lines)


def test_what_was_dropped_is_no_source() -> None:
    sheet = Sheet.of_terminal("\n".join([*BLOCK, "between", *BLOCK]))
    sheet.drop(0, 5, "of noise")
    drop_repeats(sheet, sheet.lines, "addresses")
    assert BLOCK[3] in sheet.render(markers.elision)[0]
