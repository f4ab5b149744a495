"""The laws that every compressor keeps, on generated texts: each line of an output is followed back to its origin."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import (
    blame,
    code,
    diffs,
    history,
    json_rows,
    listings,
    logs,
    markers,
    numbered,
    router,
    search,
    tables,
    test_runs,
    yaml_text,
)
from headroom_wrap.compression.json_text import minified
from headroom_wrap.compression.model import Compressed, Compressor, Hints
from tests.compression.tracing import trace, trace_search
from tests.compression.unfolding import expand

LOSSLESS = Hints(tool_name="Bash", query="the parser fails on an empty file")
ELIDING = Hints(tool_name="Bash", query="the parser fails on an empty file", marker=markers.elision)

words = st.sampled_from(
    "error INFO worker 17 0x7f3a failed ok polled 2024-01-02 10:11:12 (a.C.test_x) test_x FAILED é \ud800 ] …".split()
)
plain_line = st.lists(words, max_size=8).map(" ".join)
log_line = st.tuples(
    st.sampled_from(["2024-01-02 10:11:12 INFO", "2024-01-02 10:11:13,5 WARN", "ERROR", "[main] DEBUG", "\tat"]),
    st.sampled_from(["polled {} jobs", "user {} logged in", "cannot open file {}", "a.b.C.run(C.java:{})"]),
    st.integers(0, 99),
).map(lambda parts: f"{parts[0]} {parts[1].format(parts[2])}")
test_line = st.one_of(
    st.integers(0, 30).map(lambda n: f"test_{n} (shop.tests.Orders.test_{n}) ... ok"),
    st.integers(0, 9).map(lambda n: f"test_{n} (shop.tests.Orders.test_{n})\nIt works, mostly: {n}. ... ok"),
    st.integers(0, 9).map(lambda n: f"test_{n} (shop.tests.Old) ... ok"),
    st.integers(0, 30).map(lambda n: f"tests/test_a.py::test_{n} PASSED          [ {n:2d}%]"),
    st.integers(0, 9).map(lambda n: f"tests/test_a.py::test_{n}[a, b] FAILED"),
    st.integers(0, 9).map(lambda n: f"test parser::t{n} ... ok"),
    st.integers(0, 9).map(lambda n: f"    Creating table shop_{n}"),
    st.integers(0, 3).map(
        lambda n: f'  File "/usr/lib/python3.12/unittest/case.py", line {n}, in run\n    self.call()'
    ),
    st.integers(0, 3).map(lambda n: f'  File "/home/dev/shop/tests.py", line {n}, in test\n    self.check()'),
    st.sampled_from(
        [
            "",
            "=================================== FAILURES ===================================",
            "==================================== PASSES ====================================",
            "=============================== warnings summary ===============================",
            "=========================== short test summary info ============================",
            "________________________________ test_checkout _________________________________",
            "_ " * 40,
            "----------------------------- Captured stdout call -----------------------------",
            "    def test_checkout(cart):",
            "        cart.add(1)",
            ">       assert cart.total() == 3",
            "E       assert 2 == 3",
            "tests/test_cart.py:41: AssertionError",
            "/home/dev/.venv/lib/python3.12/site-packages/requests/api.py:59: in get",
            "  /usr/lib/python3/dist-packages/old.py:3: DeprecationWarning: old is old",
            "cart = <Cart object at 0x7f3a2b0c10>",
            "Traceback (most recent call last):",
            "ValueError: no price",
            "\x1b[32mreading\x1b[0m\rreading 50%\rreading done",
            "".join(f"Updating files: {percent:2d}% ({percent}/99)" for percent in (1, 5, 50, 98)),
        ]
    ),
)


def text_of(line: st.SearchStrategy[str], max_size: int = 60) -> st.SearchStrategy[str]:
    """Lines with stretches of the same line and of the same block, as outputs have."""
    stretch = st.tuples(line, st.sampled_from([1, 1, 1, 2, 5, 45])).map(lambda pair: "\n".join([pair[0]] * pair[1]))
    lines = st.lists(stretch, max_size=max_size).map("\n".join)
    return st.tuples(lines, st.integers(1, 3), st.sampled_from(["", "\n"])).map(
        lambda parts: "\n".join([parts[0]] * parts[1]) + parts[2]
    )


terminal_text = st.one_of(text_of(test_line), text_of(log_line), text_of(plain_line), st.text(max_size=300))

path = st.sampled_from(["src/a.py", "src/b-2-c.py", "C:\\w\\x.ts", "/abs/p q/r.txt", "no-suffix", "a:b/c.d"])
search_line = st.one_of(
    st.tuples(path, st.sampled_from(":-"), st.integers(0, 40), plain_line).map(
        lambda parts: f"{parts[0]}{parts[1]}{parts[2]}{parts[1]}{parts[3]}"
    ),
    st.tuples(path, plain_line).map(lambda parts: f"{parts[0]}:{parts[1]}"),
    st.tuples(st.integers(0, 40), st.sampled_from(":-"), plain_line).map(lambda p: f"{p[0]}{p[1]}{p[2]}"),
    st.sampled_from(["--", "", "  indented", "src/a.py:", "12:src/a.py:", "Binary file x matches"]),
    path,
)

scalar = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**30, 10**31),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["open", "closed", "fatal error", "\ud800", "a,b", "[", "]]", '"', "\\"]),
)
value = st.recursive(
    scalar,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "c d", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)
key = st.sampled_from(["id", "name", "state", "user", 'q"uote', "é", ""])
row = st.dictionaries(key, value, max_size=5)
rows = st.one_of(
    st.lists(row, min_size=3, max_size=12),
    st.tuples(
        st.lists(key, min_size=1, max_size=4, unique=True), st.lists(st.lists(value, min_size=4), min_size=3)
    ).map(lambda parts: [dict(zip(parts[0], values, strict=False)) for values in parts[1]]),
)
indent = st.sampled_from([None, 0, 2, "\t"])


def check(text: str, compressor: Compressor, follow: Callable[[str, Compressed], object]) -> None:
    for hints in (LOSSLESS, ELIDING):
        result = compressor(text, hints)
        assert result == compressor(text, hints)
        if result is None:
            continue
        assert len(result.text) < len(text)
        follow(text, result)
        if hints.marker is None:
            assert result.elided == 0
            assert "elided" not in result.text or "elided" in text


@given(terminal_text)
@settings(max_examples=120)
def test_what_a_test_run_becomes_is_its_own_lines_in_order_and_true_markers(text: str) -> None:
    check(text, test_runs.compress, trace)


@given(terminal_text)
@settings(max_examples=120)
def test_what_a_log_becomes_is_its_own_lines_in_order_and_true_markers(text: str) -> None:
    check(text, logs.compress, trace)


@given(st.one_of(text_of(search_line), text_of(plain_line)))
@settings(max_examples=150)
def test_grouped_search_results_expand_to_the_original(text: str) -> None:
    check(text, search.compress, trace_search)
    grouped = search.compress(text, LOSSLESS)
    if grouped is not None:
        assert search.expand(grouped.text) == text


@given(
    st.lists(
        st.sampled_from(["src/a.py", "src/b.py", "src/x/y.ts", "src/", "top", "a b/c", "/r"]), min_size=70, max_size=90
    )
)
@settings(max_examples=60)
def test_grouped_listings_expand_to_the_original(lines: list[str]) -> None:
    text = "\n".join(lines)
    result = listings.compress(text, ELIDING)
    if result is not None:
        assert len(result.text) < len(text)
        assert listings.expand(result.text) == text


@given(rows, indent, st.sampled_from(["", "items"]))
@settings(max_examples=200)
def test_json_rows_expand_to_the_same_json_with_every_number_as_it_was_spelled(
    table: list[dict[str, object]], step: int | str | None, name: str
) -> None:
    text = json.dumps({"total": 3, name: table, "next": None} if name else table, indent=step)
    result = json_rows.compress(text, LOSSLESS)
    if result is not None:
        assert len(result.text) < len(text)
        assert expand(result.text) == minified(text)


@given(st.lists(row, min_size=3, max_size=12))
@settings(max_examples=80)
def test_lines_of_json_expand_to_the_same_lines(table: list[dict[str, object]]) -> None:
    text = "".join(json.dumps(each) + "\n" for each in table)
    result = json_rows.compress(text, LOSSLESS)
    if result is not None:
        assert expand(result.text) == "".join(map(minified, text.splitlines()))


@given(st.one_of(terminal_text, text_of(search_line)))
@settings(max_examples=60)
def test_an_output_is_never_compressed_again_to_something_else_that_elides(text: str) -> None:
    outcome = router.compress(text, ELIDING)
    if outcome is not None and outcome[1].elided:
        assert router.compress(outcome[1].text, ELIDING) is None


@pytest.mark.parametrize(
    "compressor",
    [
        blame.compress,
        code.compress,
        diffs.compress,
        history.compress,
        json_rows.compress,
        listings.compress,
        logs.compress,
        numbered.compress,
        search.compress,
        tables.compress,
        test_runs.compress,
        yaml_text.compress,
    ],
)
def test_a_text_that_carries_our_marker_is_left_alone(compressor: Compressor) -> None:
    text = (
        '[\n {"a": 1}\n]\nID  NAME  AGE\n'
        + "src/a.py:1:x\n" * 90
        + markers.elision(3, 4, "")
        + "\n"
        + '{"a": 1}\n' * 90
        + "1234567 Fix\n" * 900
    )
    assert compressor(text, ELIDING) is None


_CORPUS_HASH = """
import hashlib
from tests.compression.test_golden import CASES, render
print(hashlib.sha256("".join(render(case, may_elide=True) for case in CASES).encode()).hexdigest())
"""


def test_outputs_do_not_depend_on_the_seed_of_hashes() -> None:
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run([sys.executable, "-c", _CORPUS_HASH], env=environment, capture_output=True, check=True)
        found.add(run.stdout)
    assert len(found) == 1
    assert hashlib.sha256().digest_size * 2 == len(found.pop().strip())
