"""Law 1 on conversations that grow, restart, rewind and compact: replayed to the byte, nothing points nowhere."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from headroom_wrap.compression import markers
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import Level, Profile, Slot, SlotKind, Verdict, WayBack
from headroom_wrap.store import Store
from tests.compression.outputs import KINDS, output_of, python_source

PROFILE = Profile(Level.BALANCED, way_back=WayBack.MCP)
FILE = python_source(random.Random(7), 50)  # noqa: S311 - no secret
_EARLIER = re.compile(r"the earlier result of (.*?)(?:, the others below)?; original intact")


def read(first: int, last: int, call_id: str, text: list[str] | None = None) -> Slot:
    """A read of some lines of a file, as an agent's tool prints it."""
    lines = text or FILE
    numbers = "\n".join(f"{number:6d}→{lines[number - 1]}" for number in range(first, min(last, len(lines)) + 1))
    arguments = {"file_path": "src/cart.py", "offset": first, "limit": last - first + 1}
    return Slot(SlotKind.TOOL_RESULT, numbers, call_id, call_id, "Read", arguments)


def shell(kind: str, seed: int, call_id: str) -> Slot:
    """A command's output; run again after something changed, it is nearly the same."""
    output = output_of(kind, seed)
    return Slot(SlotKind.TOOL_RESULT, output.text, call_id, call_id, output.tool_name, output.tool_input)


def conversation(source: random.Random) -> list[Slot]:
    slots: list[Slot] = []
    for number in range(source.randint(4, 12)):
        call_id = f"toolu_{number}"
        first = source.randint(1, 200)
        match source.randint(0, 3):
            case 0:
                slots.append(shell(source.choice(list(KINDS)), source.randint(0, 2), call_id))
            case 1 if slots:
                slots.append(again(source.choice(slots), call_id, source))
            case _:
                slots.append(read(first, first + source.choice([30, 90, 150]), call_id))
    return slots


def again(slot: Slot, call_id: str, source: random.Random) -> Slot:
    """The same call; its result is the same or has one line changed."""
    lines = slot.text.split("\n")
    if source.random() < 0.5:
        lines[source.randrange(len(lines))] += " # edited"
    return Slot(SlotKind.TOOL_RESULT, "\n".join(lines), call_id, call_id, slot.tool_name, slot.tool_input)


def check_request(slots: list[Slot], verdicts: list[Verdict]) -> None:
    """Whatever a replacement says of earlier results is so in this very request."""
    for index, verdict in enumerate(verdicts):
        rendered = verdict.replacement
        if verdict.compressor == "reference":
            assert any(slot.text == verdict.slot.text for slot in slots[:index])
        elif verdict.compressor == "difference":
            assert rendered is not None
            assert _EARLIER.search(rendered)
            assert any(
                slot.tool_name == verdict.slot.tool_name and slot.tool_input == verdict.slot.tool_input
                for slot in slots[:index]
            )
        elif verdict.compressor == "overlap":
            assert rendered is not None
            shown = {key for each in verdicts[:index] for key in visible(each)}
            lines = keys(verdict.slot.text)
            for gap in markers.elisions(rendered):
                assert set(lines[gap.first - 1 : gap.last]) <= shown, gap


def keys(text: str) -> list[str]:
    """The lines of a read with their numbers, without padding."""
    return [line.lstrip(" ") for line in text.split("\n")]


def visible(verdict: Verdict) -> set[str]:
    """The lines of a read that stand in the request, word for word."""
    lines = keys(verdict.slot.text)
    if verdict.replacement is None:
        return set(lines)
    if markers.tells_of_another(verdict.replacement) or verdict.compressor not in ("code", "numbered", "overlap"):
        return set()
    hidden = {at for gap in markers.elisions(verdict.replacement) for at in range(gap.first, gap.last + 1)}
    return {line for at, line in enumerate(lines, 1) if at not in hidden}


def replacements(verdicts: list[Verdict]) -> list[str | None]:
    return [verdict.replacement for verdict in verdicts]


@pytest.mark.parametrize("seed", range(40))
def test_a_conversation_that_grows_restarts_and_rewinds_is_replayed_to_the_byte(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)  # noqa: S311 - no secret
    slots = conversation(source)
    store = Store(tmp_path / "store.sqlite3")
    engine = Engine(store)
    before: list[str | None] = []
    for end in range(1, len(slots) + 1):
        if source.random() < 0.3:
            store.close()
            store = Store(tmp_path / "store.sqlite3")
            engine = Engine(store)
        verdicts = engine.process(slots[:end], "anthropic", PROFILE)
        check_request(slots[:end], verdicts)
        assert replacements(verdicts)[:-1] == before
        before = replacements(verdicts)
        if source.random() < 0.3:
            rewound = engine.process(slots[: source.randint(1, end)], "anthropic", PROFILE)
            assert replacements(rewound) == before[: len(rewound)]
    store.close()


@pytest.mark.parametrize("seed", range(40))
def test_a_compacted_conversation_points_to_nothing_that_is_gone_and_is_stable_from_then_on(
    seed: int, tmp_path: Path
) -> None:
    source = random.Random(seed)  # noqa: S311 - no secret
    slots = conversation(source)
    store = Store(tmp_path / "store.sqlite3")
    engine = Engine(store)
    whole = replacements(engine.process(slots, "anthropic", PROFILE))
    for _ in range(6):
        left = [slot for slot in slots if source.random() < 0.6]
        verdicts = engine.process(left, "anthropic", PROFILE)
        check_request(left, verdicts)
        assert replacements(Engine(store).process(left, "anthropic", PROFILE)) == replacements(verdicts)
        more = [*left, read(3, 60, "toolu_new")]
        grown = engine.process(more, "anthropic", PROFILE)
        check_request(more, grown)
        assert replacements(grown)[:-1] == replacements(verdicts)
    assert replacements(engine.process(slots, "anthropic", PROFILE)) == whole
    store.close()


def test_lines_shown_by_a_read_that_stood_on_another_are_not_counted_on_when_that_is_gone(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite3")
    engine = Engine(store)
    slots = [read(1, 120, "toolu_1"), read(60, 200, "toolu_2"), read(150, 260, "toolu_3")]
    verdicts = engine.process(slots, "anthropic", PROFILE)
    assert [verdict.compressor for verdict in verdicts[1:]] == ["overlap", "overlap"]
    check_request(slots, verdicts)
    check_request(slots[1:], engine.process(slots[1:], "anthropic", PROFILE))
    store.close()


def test_an_overlap_stands_on_whatever_the_blocks_it_counts_on_stand_on(tmp_path: Path) -> None:
    text = python_source(random.Random(3), 110)  # noqa: S311 - no secret
    whole = replace(read(1, len(text), "toolu_2", text), tool_input={"file_path": "src/cart.py"})
    n_lines = len(text)
    slots = [read(1, n_lines - 200, "toolu_1", text), whole, read(n_lines - 190, n_lines - 60, "toolu_3", text)]
    store = Store(tmp_path / "store.sqlite3")
    engine = Engine(store)
    verdicts = engine.process(slots, "anthropic", PROFILE)
    assert [verdict.compressor for verdict in verdicts[1:]] == ["overlap", "overlap"]
    check_request(slots, verdicts)
    # Without the first read, the second one loses bodies that the third counted on.
    left = engine.process(slots[1:], "anthropic", PROFILE)
    assert left[0].compressor == "code"
    check_request(slots[1:], left)
    store.close()
