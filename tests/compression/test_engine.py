"""The engine's laws: decided at birth, replayed for ever, never a marker without a way back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import markers
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import RETRIEVE_COMMAND, Compressed, Hints, Level, Profile, Slot, SlotKind, WayBack
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.store import Decision, Store

MCP = Profile(Level.BALANCED, way_back=WayBack.MCP)
TEXT = "\n".join(f"line {number} of a result that is long enough" for number in range(60))


def halve(text: str, hints: Hints) -> tuple[str, Compressed] | None:
    """Keep the first half of the lines, or, where nothing may go, drop trailing space."""
    lines = text.split("\n")
    half = len(lines) // 2
    if hints.marker is None:
        return "strip", Compressed("\n".join(line.rstrip() for line in lines), "spaces removed")
    marker = hints.marker(half + 1, len(lines), "the second half")
    return "halve", Compressed("\n".join([*lines[:half], marker]), "halved", len(lines) - half, len(lines))


class Counting:
    """A router that counts its calls."""

    def __init__(self, inner: Callable[[str, Hints], tuple[str, Compressed] | None] = halve) -> None:
        self.inner = inner
        self.calls = 0

    def __call__(self, text: str, hints: Hints) -> tuple[str, Compressed] | None:
        self.calls += 1
        return self.inner(text, hints)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    store = Store(file)
    yield store
    store.close()


def slot(text: str = TEXT, call_id: str = "toolu_1", name: str = "Bash", place: int = 0) -> Slot:
    return Slot(SlotKind.TOOL_RESULT, text, place, call_id, name, {"command": "make test"})


def replacements(engine: Engine, slots: list[Slot], profile: Profile = MCP) -> list[str | None]:
    return [verdict.replacement for verdict in engine.process(slots, "anthropic", profile)]


def test_a_block_is_compressed_once_and_replayed_from_memory_and_after_a_restart(store: Store, file: Path) -> None:
    router = Counting()
    engine = Engine(store, compress=router)
    (first,) = replacements(engine, [slot()])
    assert first is not None
    assert replacements(engine, [slot()]) == [first]
    assert router.calls == 1
    reopened = Store(file)
    changed = Engine(reopened, compress=lambda _text, _hints: None)
    assert replacements(changed, [slot()]) == [first]
    reopened.close()


def test_left_as_it_is_is_a_decision_too(store: Store) -> None:
    assert replacements(Engine(store, compress=lambda _text, _hints: None), [slot()]) == [None]
    assert replacements(Engine(store, compress=halve), [slot()]) == [None]


def test_a_compressor_that_raises_costs_only_its_own_block(store: Store) -> None:
    def broken(text: str, hints: Hints) -> tuple[str, Compressed] | None:
        if "boom" in text:
            raise RecursionError
        return halve(text, hints)

    first, second = replacements(Engine(store, compress=broken), [slot("boom\n" * 300), slot(call_id="toolu_2")])
    assert first is None
    assert second is not None


def test_a_compressor_that_grows_the_text_is_not_believed(store: Store) -> None:
    engine = Engine(store, compress=lambda text, _: ("grow", Compressed(text + "more", "grown")))
    assert replacements(engine, [slot()]) == [None]


def test_time_that_runs_out_is_a_decision_too(store: Store) -> None:
    seconds = iter(range(0, 1000, 4))
    engine = Engine(store, compress=halve, clock=lambda: float(next(seconds)))
    slots = [slot(TEXT + str(number), f"toolu_{number}") for number in range(3)]
    outcome = replacements(engine, slots)
    assert [text is None for text in outcome] == [False, True, True]
    assert replacements(Engine(store, compress=halve), slots) == outcome


def test_an_elided_text_names_its_original_which_is_in_the_store_word_for_word(store: Store) -> None:
    (verdict,) = Engine(store, compress=halve).process([slot()], "anthropic", MCP)
    assert verdict.replacement is not None
    assert verdict.original_id is not None
    assert verdict.replacement.startswith(f"{markers.PREFIX} {verdict.original_id}: 30 of 60 lines elided where marked")
    assert f'{markers.RETRIEVE_TOOL}(id="{verdict.original_id}", lines="A-B")' in verdict.replacement
    original = store.original(verdict.original_id)
    assert original is not None
    assert original.text == TEXT


@pytest.mark.parametrize(
    "profile",
    [replace(MCP, way_back=WayBack.NONE), replace(MCP, level=Level.SAFE), Profile(Level.AGGRESSIVE)],
)
def test_without_a_way_back_or_at_level_safe_nothing_is_elided(store: Store, profile: Profile) -> None:
    (text,) = replacements(Engine(store, compress=halve), [slot(TEXT.replace("\n", " \t" * 12 + "\n"))], profile)
    assert text == TEXT


def test_no_reference_without_a_way_back(store: Store) -> None:
    slots = [slot(), slot(call_id="toolu_2")]
    engine = Engine(store, compress=lambda _text, _hints: None)
    assert replacements(engine, slots, Profile(Level.BALANCED)) == [None, None]


def test_a_repeated_result_becomes_a_reference_that_stands_only_while_the_first_does(store: Store) -> None:
    engine = Engine(store, compress=halve)
    first, second = slot(), slot(call_id="toolu_2")
    reference = replacements(engine, [first, second])[1]
    assert reference is not None
    assert "the same 60 lines as the earlier result of Bash (make test)" in reference
    assert "lines=" in reference
    (alone,) = replacements(engine, [second])
    assert alone is not None
    assert "line 3 of" in alone
    assert replacements(engine, [second]) == [alone]
    assert replacements(engine, [first, second])[1] == reference
    assert replacements(Engine(store, compress=lambda _text, _hints: None), [second]) == [alone]


def test_equal_texts_of_one_call_have_decisions_of_their_own(store: Store) -> None:
    texts = replacements(Engine(store, compress=halve), [slot(), slot(place=1)])
    assert texts[0] is not None
    assert texts[1] is not None
    assert texts[0] != texts[1]


def test_a_conversation_keeps_the_profile_that_it_began_with(store: Store) -> None:
    begun = replacements(Engine(store, compress=halve), [slot()])
    harder = replace(MCP, level=Level.SAFE, excluded_tools=("Bash",))
    later = Engine(store, compress=halve)
    assert replacements(later, [slot(), slot(TEXT + "!", "toolu_9")], harder)[0] == begun[0]
    assert replacements(Engine(store, compress=halve), [slot("other\n" * 200, "toolu_x")], harder) == [None]


def test_another_way_back_is_another_profile(store: Store) -> None:
    engine = Engine(store, compress=halve)
    (by_tool,) = replacements(engine, [slot()])
    (by_shell,) = replacements(engine, [slot()], replace(MCP, way_back=WayBack.SHELL))
    assert by_tool is not None
    assert by_shell is not None
    assert f"{RETRIEVE_COMMAND} h" in by_shell
    assert replacements(engine, [slot()]) == [by_tool]


@pytest.mark.parametrize(
    "left",
    [
        slot("short"),
        slot(name="mcp__headroom__headroom_retrieve"),
        slot(f"{markers.SENTINEL}h0123456789ab: lines 1-60 of 60]\n{TEXT}"),
        slot(f"{TEXT}\n[headroom: lines 1-2 elided: x]\n{TEXT}"),
        slot(json.dumps({"content": [{"text": f"{markers.SENTINEL}h0: lines 1-60 of 60]\n{TEXT}"}]})),
        slot(json.dumps({"output": f"first\n{markers.SENTINEL}h0: lines 1-60 of 60]\n{TEXT}"})),
    ],
)
def test_short_retrieved_and_marked_texts_are_never_slots(store: Store, left: Slot) -> None:
    router = Counting()
    assert replacements(Engine(store, compress=router), [left]) == [None]
    assert router.calls == 0


def test_excluded_tools_and_level_off_are_left(store: Store) -> None:
    router = Counting()
    engine = Engine(store, compress=router)
    assert replacements(engine, [slot()], replace(MCP, excluded_tools=("Bash",))) == [None]
    assert replacements(engine, [slot(call_id="b")], replace(MCP, level=Level.OFF)) == [None]
    assert router.calls == 0


def test_an_excluded_result_stays_as_it_went_out_when_the_exclusion_is_gone(store: Store) -> None:
    assert replacements(Engine(store, compress=halve), [slot()], replace(MCP, excluded_tools=("Bash",))) == [None]
    assert replacements(Engine(store, compress=halve), [slot()]) == [None]


def test_a_store_that_fails_is_an_error_and_not_a_marker_without_original(store: Store) -> None:
    store.close()
    with pytest.raises(HeadroomError):
        Engine(store, compress=halve).process([slot()], "anthropic", MCP)


def test_while_the_store_cannot_be_written_what_was_sent_stays_so_and_what_is_new_is_left_for_good(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> dict[str, Decision]:
        raise HeadroomError(Code.STORE_FAILED, "database or disk is full")

    engine = Engine(store, compress=halve)
    slots = [slot(TEXT + str(number), f"toolu_{number}", place=number) for number in range(3)]
    (first,) = replacements(engine, slots[:1])
    with monkeypatch.context() as patch:
        patch.setattr(store, "decide", full)
        assert replacements(engine, slots[:2]) == [first, None]
    assert replacements(engine, slots[:2]) == [first, None]
    assert replacements(engine, slots[:2]) == [first, None]
    *before, third = replacements(engine, slots)
    assert first is not None
    assert third is not None
    assert before == [first, None]
    assert replacements(Engine(store, compress=halve), slots) == [first, None, third]


@given(turns=st.lists(st.sampled_from(["a", "b", "c", "new"]), min_size=1, max_size=8), restart=st.integers(0, 8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_what_went_out_once_goes_out_again_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, turns: list[str], restart: int
) -> None:
    store = Store(tmp_path_factory.mktemp("law") / "store.sqlite3")
    engine = Engine(store, compress=halve)
    slots: list[Slot] = []
    sent: list[str | None] = []
    for number, name in enumerate(turns):
        if number == restart:
            engine = Engine(store, compress=lambda _text, _hints: None)
        text = TEXT + (str(number) if name == "new" else name)
        slots.append(slot(text, f"toolu_{number}", place=number))
        now = replacements(engine, slots)
        assert now[: len(sent)] == sent
        sent = now
    store.close()
