"""The laws of the whole engine on outputs of every kind: what the router, the engine and retrieval promise together."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import markers, mixed, router
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.json_rows import rows_of
from headroom_wrap.compression.model import Hints, Profile, Slot, SlotKind, WayBack
from headroom_wrap.compression.retrieval import retrieve
from headroom_wrap.store import Store
from tests.compression.laws import HINTS, check_laws, hints_for
from tests.compression.outputs import KINDS, Output, output_of
from tests.compression.sayings import check_sayings

outputs = st.builds(output_of, st.sampled_from(sorted(KINDS)), st.integers(0, 2**32), is_spoiled=st.booleans())
levels = st.sampled_from(sorted(HINTS))
ERRORS = [
    "ERROR order.Queue: cannot open /var/lib/queue-{}.db",
    "panic: runtime error: index out of range [{}]",
    "make[2]: *** [cart.o] Error {} exit status 2",
    "ValueError: order {} has no price",
    "FATAL 53300 too many connections: {}",
    "connect ECONNREFUSED 10.0.0.{}",
    "Segmentation fault at 0x{}a",
]


@given(outputs, levels)
@settings(max_examples=250)
def test_every_output_keeps_the_laws_at_every_level(output: Output, level: str) -> None:
    check_laws(output.text, hints_for(output, level))


@given(outputs, levels)
@settings(max_examples=60)
def test_what_carries_a_line_of_ours_is_left_alone(output: Output, level: str) -> None:
    text = output.text + "\n" + markers.elision(3, 4, "") + "\n" + output.text
    assert router.compress(text, hints_for(output, level)) is None


@given(st.integers(0, 2**32), st.sampled_from(["log", "pytest_run", "unittest_run", "install"]), st.integers(1, 7))
@settings(max_examples=120)
def test_each_distinct_error_stays_wherever_it_stands(seed: int, kind: str, n_errors: int) -> None:
    source = random.Random(seed)  # noqa: S311 - no secret
    output = output_of(kind, seed)
    lines = output.text.split("\n")
    planted = [ERRORS[number].format(source.randrange(1, 99)) for number in range(n_errors)]
    for line in planted:
        lines.insert(source.randrange(2, max(3, len(lines) - 1)), line)
    text = "\n".join(lines)
    outcome = router.compress(text, hints_for(output, "balanced"))
    if outcome is not None:
        shown = outcome[1].text.split("\n")
        assert [line for line in planted if not any(line in each for each in shown)] == []


@given(outputs, st.sampled_from([WayBack.MCP, WayBack.SHELL]))
@settings(max_examples=100)
def test_an_elided_output_comes_back_byte_for_byte_whole_and_by_the_places_that_its_markers_name(
    tmp_path_factory: pytest.TempPathFactory, output: Output, way_back: WayBack
) -> None:
    store = Store(tmp_path_factory.mktemp("store") / "store.sqlite3")
    try:
        slot = Slot(SlotKind.TOOL_RESULT, output.text, 0, "c1", output.tool_name, output.tool_input)
        (verdict,) = Engine(store, births_budget_s=1e9).process([slot], "anthropic", Profile(way_back=way_back))
        if verdict.replacement is None:
            return
        assert verdict.original_id is not None
        kept = store.original(verdict.original_id)
        assert kept is not None
        assert kept.text == output.text
        for each in markers.elisions(verdict.replacement):
            if each.unit == "chars":
                continue
            items = output.text.split("\n") if each.unit == "lines" else rows_of(output.text)
            assert items is not None
            span: dict[str, Any] = {each.unit: f"{each.first}-{each.last}"}
            _, _, body = retrieve(store, verdict.original_id, max_chars=10**9, **span).partition("\n")
            wanted = "\n".join(items[each.first - 1 : each.last])
            # A text that ends with a line break has no further line that could be asked for.
            assert body in (wanted, wanted.removesuffix("\n"))
    finally:
        store.close()


BLOCK = "".join(f"  the cart of customer_{n} holds order_{n}, which nobody has paid for until now\n" for n in range(9))
DIFF = "diff --git a/cart.py b/cart.py\nindex 1234567..89abcde 100644\n--- a/cart.py\n+++ b/cart.py\n" + "".join(
    f"@@ -{n}0,9 +{n}0,9 @@ def order_{n}():\n"
    + "".join(f"     kept_{n}_{at} = price_{n}\n" for at in range(4))
    + "-    total = old_total(cart)\n+    total = new_total(cart)\n"
    + "".join(f"     rest_{n}_{at} = price_{n}\n" for at in range(4))
    for n in range(1, 9)
)
SESSION = (
    "=== test session starts ===\n" + "waiting for the lock of the queue\n" * 40 + BLOCK + "FAILED a\n" + BLOCK
    + "=== 1 failed in 2.1s ===\n"
)  # fmt: skip
PRELUDE = "".join(f"line {n} of what was printed before anything else\n" for n in range(30))


@pytest.mark.parametrize("part", [SESSION, DIFF * 2], ids=["folds and repeats", "hunks alike"])
def test_in_an_output_of_several_kinds_all_places_are_those_of_the_whole(part: str) -> None:
    text = PRELUDE + part + PRELUDE
    hints = Hints("Bash", {"command": "./all.sh"}, marker=markers.elision)
    result = mixed.compress(text, hints, router._named_best)  # noqa: SLF001
    assert result is not None
    assert check_sayings(text, result.text) > 0
    alone = router._named_best(part.rstrip("\n"), hints)  # noqa: SLF001
    assert alone is not None
    assert check_sayings(part, alone[1].text) > 0


def digest() -> str:
    """Of what becomes of a fixed set of outputs."""
    found = hashlib.sha256()
    for kind in sorted(KINDS):
        for seed in range(2):
            output = output_of(kind, seed)
            for level in sorted(HINTS):
                found.update(repr(router.compress(output.text, hints_for(output, level))).encode("utf-8", "replace"))
    return found.hexdigest()


def test_no_outcome_depends_on_the_seed_of_hashes() -> None:
    command = "from tests.compression.test_router_laws import digest; print(digest())"
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, check=True)
        found.add(run.stdout)
    assert len(found) == 1
    assert len(found.pop().strip()) == hashlib.sha256().digest_size * 2


def test_the_rows_of_what_is_json_only_in_part_are_none_and_no_accident(store: Store) -> None:
    text = '{"a": "' + "x" * 300 + '"}\n12" wide, 10" high\n'
    assert rows_of(text) is None
    assert rows_of("[1, 2]\nand more") is None
    assert retrieve(store, store.put_original('[{"n": 1}, {"n": 2}]'), rows="2").endswith('\n{"n":2}')
