"""Markers: their words, and where they are recognised."""

from __future__ import annotations

import pytest

from headroom_wrap.compression import markers
from headroom_wrap.compression.model import Profile, WayBack

MCP, SHELL = Profile(way_back=WayBack.MCP), Profile(way_back=WayBack.SHELL, command="/opt/bin/headroom retrieve")


def test_a_header_names_what_is_missing_and_the_exact_call() -> None:
    told = "[headroom h1: 3 of 9 rows elided where marked; original intact, to read: "
    assert markers.header("h1", 3, 9, "rows", MCP) == told + 'headroom_retrieve(id="h1", rows="A-B")]'
    assert markers.header("h1", 3, 9, "lines", SHELL).endswith("to read: /opt/bin/headroom retrieve h1 --lines A-B]")


def test_an_elision_names_its_range_and_what_stood_there() -> None:
    assert markers.elision(3, 9, "7 × INFO") == "[headroom: lines 3-9 elided: 7 × INFO]"
    assert markers.elision(3, 3, "", "rows") == "[headroom: row 3 elided]"


def test_one_marker_names_lines_in_several_places() -> None:
    line = markers.gathered(markers.elision, [(3, 9), (12, 12)], "context")
    assert line == "[headroom: lines 3-9, 12 elided: context]"
    assert markers.carries_marker(line)


@pytest.mark.parametrize("what", ["", "7 × INFO", "12 [of] them: all] with", "a: b"])
@pytest.mark.parametrize(("first", "last", "unit"), [(3, 9, "lines"), (3, 3, "rows"), (1, 1, "lines")])
def test_an_elision_can_be_read_back(first: int, last: int, what: str, unit: str) -> None:
    text = f"[headroom h1: 7 of 9 lines elided where marked]\na\n{markers.elision(first, last, what, unit)}\nb"
    assert markers.elisions(text) == [markers.Elision(2, first, last, what, unit)]
    assert markers.elisions("[headroom: the line above stands 3 times, lines 2-4]") == []


def test_a_marker_for_several_places_is_read_back_place_by_place() -> None:
    found = markers.elisions(markers.gathered(markers.elision, [(3, 9), (12, 12)], "context"))
    assert [(each.first, each.last, each.what) for each in found] == [(3, 9, "context"), (12, 12, "context")]


def test_a_reference_carries_its_own_way_back() -> None:
    line = markers.reference("h1", "Bash (ls)", 1, MCP)
    assert line.startswith("[headroom h1: the same 1 line as the earlier result of Bash (ls); original intact")


@pytest.mark.parametrize(
    "text",
    ["[headroom: line 1 elided]", "a\n[headroom h1: x]", '{"text":"[headroom original h1: x', 'a "b\\n[headroom h1: x'],
)
def test_lines_of_ours_are_recognised_also_inside_json(text: str) -> None:
    assert markers.carries_marker(text)


@pytest.mark.parametrize("text", ["", "headroom", "see [headroom](https://x)", "a [headroom: x]", "[headroomy]"])
def test_other_texts_are_not(text: str) -> None:
    assert not markers.carries_marker(text)
