"""The laws that hold whatever a text is and whoever compresses it, on outputs of every kind, sound and spoiled."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import markers, retrieval, router
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.json_rows import rows_of
from headroom_wrap.compression.model import Level, Profile, Slot, SlotKind, WayBack
from headroom_wrap.store import Store
from tests.compression.laws import FOLLOWERS, QUERY, check_laws, hints_for
from tests.compression.outputs import KINDS, Output, output_of

LEVELS = ("safe", "balanced", "aggressive")
_HEADER = re.compile(r"\[headroom (h\w+): (\d+) of (\d+) (lines|rows|chars) elided where marked; original intact")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.sqlite3")
    yield store
    store.close()


def slot_of(output: Output, place: int = 0) -> Slot:
    return Slot(
        SlotKind.TOOL_RESULT, output.text, place, f"toolu_{place}", output.tool_name, output.tool_input, query=QUERY
    )


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**20), is_spoiled=st.booleans(), level=st.sampled_from(LEVELS))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_laws_hold_for_every_kind_of_output(kind: str, seed: int, is_spoiled: bool, level: str) -> None:  # noqa: FBT001
    output = output_of(kind, seed, is_spoiled=is_spoiled)
    check_laws(output.text, hints_for(output, level))


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=2000), st.sampled_from(LEVELS))
@settings(max_examples=60, deadline=None)
def test_the_laws_hold_for_any_characters(text: str, level: str) -> None:
    for tool_name, command in (("Bash", "pytest; grep x; kubectl get y; git diff; cat z"), ("Read", ""), ("", "")):
        check_laws(text * 4, hints_for(Output("any", text, tool_name, {"command": command}), level))


def test_the_outputs_reach_every_compressor() -> None:
    reached = set()
    for kind in KINDS:
        for seed in range(8):
            output = output_of(kind, seed)
            outcome = router.compress(output.text, hints_for(output, "aggressive"))
            reached.add("" if outcome is None else outcome[0])
    assert set(FOLLOWERS) | {"mixed"} <= reached | {"terminal", "sections"}


_CORPUS_HASH = """
import hashlib
from headroom_wrap.compression import router
from tests.compression.laws import hints_for
from tests.compression.outputs import KINDS, output_of
digest = hashlib.sha256()
for kind in KINDS:
    for seed in range(3):
        for level in ("safe", "aggressive"):
            output = output_of(kind, seed, is_spoiled=seed == 2)
            outcome = router.compress(output.text, hints_for(output, level))
            digest.update(repr(outcome).encode())
print(digest.hexdigest())
"""


def test_no_compressor_depends_on_the_seed_of_hashes() -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _CORPUS_HASH],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
        )
        for seed in ("1", "2")
    ]
    found = [each.communicate()[0] for each in running]
    assert [each.returncode for each in running] == [0, 0]
    assert found[0] == found[1]
    assert found[0].strip()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [Level.BALANCED, Level.AGGRESSIVE])
def test_what_was_elided_comes_back_to_the_letter(kind: str, level: Level, store: Store) -> None:
    outputs = [output_of(kind, seed, is_spoiled=seed > 2) for seed in range(5)]
    slots = [slot_of(output, place) for place, output in enumerate(outputs)]
    profile = Profile(level, way_back=WayBack.MCP)
    for slot, verdict in zip(slots, Engine(store).process(slots, "anthropic", profile), strict=True):
        header = _HEADER.match(verdict.replacement or "")
        if header is None:
            continue
        original = store.original(header[1])
        assert original is not None
        assert original.text == slot.text
        check_ranges(store, slot.text, verdict.replacement or "", header)


def check_ranges(store: Store, text: str, rendered: str, header: re.Match[str]) -> None:
    id_, n_elided, total, unit = header[1], int(header[2]), int(header[3]), header[4]
    lines = text.split("\n")
    found = markers.elisions(rendered)
    if unit != "chars":
        assert sum(each.last - each.first + 1 for each in found if each.unit == unit) == n_elided <= total
    for each in found[:20]:
        span = f"{each.first}-{each.last}"
        if each.unit == "lines":
            expected = "\n".join(lines[each.first - 1 : each.last])
            answer = retrieval.retrieve(store, id_, lines=span, max_chars=10**9)
        elif each.unit == "rows":
            expected = "\n".join((rows_of(text) or ())[each.first - 1 : each.last])
            answer = retrieval.retrieve(store, id_, rows=span, max_chars=10**9)
        else:
            expected = text[each.first - 1 : each.last]
            answer = retrieval.retrieve(store, id_, chars=span, max_chars=10**9)
        # What ends with the text's last line break has no further, empty line.
        assert answer.partition("\n")[2].rstrip("\n") == expected.rstrip("\n")
