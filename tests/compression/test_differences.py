"""What tells a result from an earlier one: with the earlier one at hand, it gives the result back word for word."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import markers
from headroom_wrap.compression.differences import difference
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import Level, Profile, Slot, SlotKind, WayBack
from headroom_wrap.store import Store

MCP = Profile(Level.BALANCED, way_back=WayBack.MCP)
SOURCE = "\n".join(f"def price_{number}(cart):\n    return cart.total * {number}\n" for number in range(80))

_SPAN = re.compile(r"lines? (\d+)(?:-(\d+))?")


def rebuilt(told: tuple[str, ...], earlier: list[str], first_number: int = 1) -> list[str]:
    """Do what the headings say to the earlier lines."""
    gone: dict[int, int] = {}
    new: list[tuple[int, list[str]]] = []
    index = 0
    while index < len(told):
        spans = [(int(first), int(last or first)) for first, last in _SPAN.findall(told[index])]
        if "without its" in told[index] or "in place of its" in told[index]:
            first, last = spans[-1]
            gone[first - first_number] = last - first_number
        index += 1
        if "without its" not in told[index - 1]:
            first, last = spans[0]
            new.append((first - first_number, list(told[index : index + last - first + 1])))
            index += last - first + 1
    kept = [line for at, line in enumerate(earlier) if not any(first <= at <= last for first, last in gone.items())]
    for first, lines in new:
        kept[first:first] = lines
    return kept


lines_of_text = st.lists(
    st.sampled_from(["a = 1", "", "b = 2", "return a", "}", "    x", "é"]), min_size=1, max_size=40
)


@given(lines_of_text, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4), lines_of_text), max_size=3))
@settings(max_examples=300)
def test_the_difference_and_the_earlier_result_give_the_result(
    earlier: list[str], edits: list[tuple[int, int, list[str]]]
) -> None:
    lines = [*earlier, "the end"]
    for at, n_gone, new in edits:
        lines[at : at + n_gone] = new
    found = difference("\n".join(lines), "\n".join([*earlier, "the end"]))
    if found is not None:
        body = lines[:-1] if len(lines) > 1 and lines[-1] == "" else lines
        assert rebuilt(found.lines, [*earlier, "the end"]) == body
        assert found.total == len(body)


def numbered(text: str, first: int = 1) -> str:
    return "\n".join(f"{number:6d}→{line}" for number, line in enumerate(text.split("\n"), first))


def test_numbered_lines_are_compared_by_their_text_and_named_by_their_numbers() -> None:
    edited = SOURCE.replace("def price_3(cart):", "# checked\ndef price_3(cart):")
    found = difference(numbered(edited, 200), numbered(SOURCE, 200))
    assert found is not None
    assert found.lines == (f"{markers.PREFIX}: new, line 209:]", "# checked")
    assert found.n_same == found.total - 1


def test_two_results_that_share_little_have_no_difference_worth_telling() -> None:
    assert difference(SOURCE, SOURCE.replace("cart", "basket")) is None


def test_a_huge_stretch_of_changes_is_not_looked_into() -> None:
    old = "\n".join(f"old {number}" for number in range(5000))
    assert difference(old.replace("old", "new") + SOURCE, old + SOURCE) is None


def read(text: str, call_id: str, path: str = "cart.py", **more: object) -> Slot:
    return Slot(SlotKind.TOOL_RESULT, text, call_id, call_id, "Read", {"file_path": path, **more})


EDITED = SOURCE.replace("total * 40", "total * 41 + 1")


@pytest.fixture
def engine(store: Store) -> Engine:
    return Engine(store)


def replacement(engine: Engine, *slots: Slot) -> str | None:
    return engine.process(slots, "anthropic", MCP)[-1].replacement


def test_a_file_read_again_after_an_edit_becomes_its_difference_with_a_way_back(engine: Engine, store: Store) -> None:
    told = replacement(engine, read(SOURCE, "one"), read(EDITED, "two"))
    assert told is not None
    head, *lines = told.split("\n")
    assert "238 of 239 lines stand in the earlier result of Read (cart.py), the others below" in head
    assert lines == [f"{markers.PREFIX}: line 122, in place of its line 122:]", "    return cart.total * 41 + 1"]
    id_ = head.removeprefix(f"{markers.PREFIX} ").partition(":")[0]
    original = store.original(id_)
    assert original is not None
    assert original.text == EDITED


def test_another_file_another_range_and_a_reader_without_a_way_back_get_no_difference(engine: Engine) -> None:
    for other in (read(EDITED, "two", path="b.py"), read(EDITED, "two", offset=5)):
        told = replacement(engine, read(SOURCE, "one"), other)
        assert told is None or not markers.tells_of_another(told)
    alone = engine.process([read(SOURCE, "one"), read(EDITED, "two")], "anthropic", Profile(Level.SAFE))
    assert alone[1].replacement is None or not markers.tells_of_another(alone[1].replacement)


def test_a_difference_stands_on_a_result_that_is_there_itself(engine: Engine) -> None:
    again = EDITED.replace("total * 70", "total * 71")
    told = replacement(engine, read(SOURCE, "one"), read(EDITED, "two"), read(again, "three"))
    assert told is not None
    assert "line 122, in place of its line 122" in told
    assert "line 212, in place of its line 212" in told


def test_a_difference_whose_ground_is_gone_becomes_a_decision_of_its_own(store: Store) -> None:
    told = replacement(Engine(store), read(SOURCE, "one"), read(EDITED, "two"))
    assert told is not None
    assert markers.tells_of_another(told)
    again = Engine(store)
    alone = replacement(again, read(EDITED, "two"))
    assert alone is None or not markers.tells_of_another(alone)
    assert replacement(again, read(SOURCE, "one"), read(EDITED, "two")) == told


def test_a_command_run_again_becomes_what_came_out_differently(engine: Engine) -> None:
    def run(output: str, call_id: str, **more: object) -> Slot:
        return Slot(SlotKind.TOOL_RESULT, output, call_id, call_id, "Bash", {"command": "make check", **more})

    output = "\n".join(f"check {number} of the house: fine, took a while" for number in range(60))
    told = replacement(
        engine,
        run(output, "one"),
        run(output.replace("check 7 of the house: fine", "check 7: broken"), "two", timeout=5),
    )
    assert told is not None
    assert told.endswith("check 7: broken, took a while")
