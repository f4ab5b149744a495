"""Conversations that grow, start again, go back and lose their beginning: what was sent stays, what is said stands."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import markers, numbered
from headroom_wrap.compression.differences import difference
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import Level, Profile, Slot, SlotKind, Verdict, WayBack
from headroom_wrap.store import Store
from tests.compression.outputs import log, python_source

PROFILE = Profile(way_back=WayBack.MCP)
Line = tuple[int | None, str]
"""A line of a file, with its number where the reader's tool gave it one."""


def result(call: int, tool: str, tool_input: Mapping[str, Any], lines: Sequence[str]) -> Slot:
    return Slot(SlotKind.TOOL_RESULT, "\n".join(lines), call, f"c{call}", tool, tool_input, query="fix the parser")


def read(call: int, path: str, lines: Sequence[str], first: int = 0, end: int | None = None) -> Slot:
    """A read of a file, of a range of it if `end` is given; of paths with an `n`, with numbers."""
    tool_input: dict[str, Any] = {"file_path": path}
    if end is not None:
        tool_input |= {"offset": first + 1, "limit": end - first}
    shown = lines[first:end]
    return result(
        call,
        "Read",
        tool_input,
        [f"{n:6d}→{line}" for n, line in enumerate(shown, first + 1)] if "n" in path else shown,
    )


def next_result(source: random.Random, call: int, files: dict[str, list[str]]) -> Slot:
    path = source.choice(["/x/a.py", "/x/n.py", "log"])
    lines = files[path]
    if path == "log":
        lines += log(source).text.split("\n")[: source.randrange(9)]
        return result(call, "Bash", {"command": "kubectl logs x"}, lines)
    if source.random() < 0.3:
        at = source.randrange(len(lines))
        lines[at : at + source.randrange(3)] = [f"    edited_{call} = {n}" for n in range(source.randrange(4))]
    if source.random() < 0.4:
        return read(call, path, lines)
    first = source.randrange(max(1, len(lines) - 30))
    return read(call, path, lines, first, first + source.choice([30, 120, 400]))


def as_read(text: str) -> list[Line]:
    lines = text.split("\n")
    found: list[Line] = [(None, line) for line in lines]
    for run in numbered.runs_of(lines):
        for index in range(run.first, run.last + 1):
            found[index] = (run.number_of(index), run.text_of(lines[index], index))
    return found


def visible(verdict: Verdict) -> set[Line]:
    """The lines of a result that the request shows word for word."""
    if verdict.replacement is not None and markers.tells_of_another(verdict.replacement):
        return set()
    gone = {at for each in markers.elisions(verdict.replacement or "") for at in range(each.first, each.last + 1)}
    return {line for number, line in enumerate(as_read(verdict.slot.text), 1) if number not in gone}


def check_ground(verdicts: Sequence[Verdict]) -> None:
    """What says that an earlier result tells it stands below one that does."""
    for index, verdict in enumerate(verdicts):
        before = verdicts[:index]
        sent = verdict.replacement or ""
        if verdict.compressor == "reference":
            assert any(other.slot.text == verdict.slot.text for other in before)
        elif verdict.compressor == "difference":
            told = tuple(sent.split("\n")[1:])
            found = [other for other in before if not markers.tells_of_another(other.replacement or "")]
            differences = [difference(verdict.slot.text, other.slot.text) for other in found]
            assert any(each is not None and each.lines == told for each in differences)
        elif verdict.compressor == "overlap":
            path = verdict.slot.tool_input["file_path"]
            shown = [visible(other) for other in before if other.slot.tool_input.get("file_path") == path]
            lines = as_read(verdict.slot.text)
            for each in markers.elisions(sent):
                if "an earlier result" in each.what:
                    assert set(lines[each.first - 1 : each.last]) <= set().union(*shown)


@given(st.integers(0, 2**32), st.sampled_from([Level.BALANCED, Level.AGGRESSIVE]))
@settings(max_examples=25)
def test_what_was_sent_is_sent_again_and_what_is_said_of_earlier_results_is_so(
    tmp_path_factory: pytest.TempPathFactory, seed: int, level: Level
) -> None:
    source = random.Random(seed)  # noqa: S311 - no secret
    store = Store(tmp_path_factory.mktemp("store") / "store.sqlite3")
    profile = Profile(level, way_back=WayBack.MCP)
    engine = Engine(store, births_budget_s=1e9)
    files = {"/x/a.py": python_source(source, 40), "/x/n.py": python_source(source, 60)}
    files["log"] = log(source).text.split("\n")
    slots: list[Slot] = []
    sent: dict[str | None, str | None] = {}
    for step in range(12):
        change = source.choice(["grow", "grow", "grow", "restart", "rewind", "compact", "lose one"])
        if change == "restart":
            engine = Engine(store, births_budget_s=1e9)
        elif change != "grow" and len(slots) > 3:
            n_gone = source.randrange(1, 3)
            at = {"rewind": len(slots) - n_gone, "compact": 0, "lose one": source.randrange(len(slots))}[change]
            del slots[at : at + n_gone]
            sent.clear()
        slots += [next_result(source, 2 * step + n, files) for n in range(source.randrange(1, 3))]
        verdicts = engine.process(slots, "anthropic", profile)
        check_ground(verdicts)
        for verdict in verdicts:
            assert sent.setdefault(verdict.slot.call_id, verdict.replacement) == verdict.replacement
        again = Engine(store, births_budget_s=1e9).process(slots, "anthropic", profile)
        assert [verdict.replacement for verdict in again] == [verdict.replacement for verdict in verdicts]
    store.close()


def test_an_overlap_does_not_outlive_what_the_earlier_read_showed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite3")
    engine = Engine(store, births_budget_s=1e9)
    lines = []
    for function in range(13):
        body = [f"    order_{function}_{n} = cart_{n * 7 % 31}[{n}] + price_{function * n}" for n in range(40)]
        lines += [f"def function_{function}(value, other):", *body, ""]
    part, whole, later = (
        read(1, "/x/n.py", lines, 0, 400),
        read(2, "/x/n.py", lines),
        read(3, "/x/n.py", lines, 430, 530),
    )
    first = engine.process([part, whole, later], "anthropic", PROFILE)
    assert [verdict.compressor for verdict in first[1:]] == ["overlap", "overlap"]
    verdicts = engine.process([whole, later], "anthropic", PROFILE)
    assert verdicts[0].compressor == "code"
    assert verdicts[1].compressor != "overlap"
    check_ground(verdicts)
    assert engine.process([part, whole, later], "anthropic", PROFILE)[2].replacement == first[2].replacement
    store.close()
