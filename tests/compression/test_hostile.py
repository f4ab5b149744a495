"""Texts that nobody should print: each comes back in time, as it was or as a valid result."""

from __future__ import annotations

import csv
import io
import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from headroom_wrap.compression import markers, router
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import Hints, Level, Profile, Slot, SlotKind, WayBack
from headroom_wrap.store import Store
from tests.compression.laws import check_elisions, check_size

SIZE = 30_000
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "no tool": ("", {}),
    "script": ("Bash", {"command": "./x"}),
    "tests": ("Bash", {"command": "pytest -v"}),
    "search": ("Grep", {"pattern": "a"}),
    "log": ("Bash", {"command": "kubectl logs y"}),
    "source": ("Read", {"file_path": "a.js"}),
    "history": ("Bash", {"command": "git log --stat -p"}),
    "blame": ("Bash", {"command": "git blame a"}),
    "yaml": ("Bash", {"command": "kubectl get pods -o yaml"}),
    "table": ("Bash", {"command": "ps aux"}),
    "page": ("WebFetch", {"url": "https://shop.test"}),
}
UNITS = [
    " ", "1", "a", "-", "=", "_", ".", "<", ">", '"', "'", "`", "(", "[", "{", "}", "/", "\\", "|", ":", ",", "\t",
    "\r", "\0", "\x1b", "\x1b[", "\x1b]", "\ud800", "…", "│",
    "```\n", "```a\n", "~~~\n", "=== test session starts ===\n", "=== in 1 ", "=== in 1 s ===x\n",
    "diff --git a/x b/x\n",
    "{\n", "[1\n", '{"a":\n', "- - ", "a: \n", "'a':", "a-1-", "a.b:1:", "/a", "a/b\n", "at a.b(c:1)\n",
    "Traceback (most recent call last):\n", "> a\n", "___ a ___\n", "PASSED ", "1/1 Test #1: a Passed ",
    "commit abcdef1\n",
    "abcdef1 ", " a | 1 +\n", "M a/", "* | ", "@@ -1 +1 @@\n",
    "GIT binary patch\nliteral 1\nzabcdefg\n", "1→a\n", "1. a\n",
    "<a>", "<a\n", "</a>", "<!--", "<td>", "<script>", "<nav", "<nav>", "&lt;", "**", "# a\n", "| a |", "|---|---|\n",
    "A  B  C\n", "--- --- ---\n", '"a,b",c\n', "a,b,c\n", "2024-01-01 00:00:00 INFO a\n", "error: ", "0x7f3a ",
    "abcdef0123456789 ", "a... 1% (", "a: [1%]", "1.2.3.", "1e", "def a():\n", "function a(){\n", "async def ",
    '"""\n', "`${", "export default ", 'a_url":"b","', "cat a.py && ", "a. ", "A. B. ", "http://a/b ", "[a](b) ", "\n",
    "\r\n", "\u2028", "not ok 1 a\n", "a.c:1:2: error: b\n", "Title\n=====\n",
]  # fmt: skip
MOST_CPU_S = 4.0
"""Far more than these take on a good day: only work that grows with the square comes near it."""


def compressed(text: str, call: str, level: Level = Level.BALANCED) -> None:
    """Compress, within bounds; hold what comes out against the laws of size and of places."""
    tool_name, tool_input = CALLS[call]
    hints = Hints(tool_name, tool_input, "why does a.b fail", marker=markers.elision, level=level)
    started = time.process_time()
    outcome = router.compress(text, hints)
    assert time.process_time() - started < MOST_CPU_S
    if outcome is not None:
        check_size(text, outcome[1])
        check_elisions(text, outcome[1], hints)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_repeated_in_one_line_and_in_many_is_done_in_time(unit: str) -> None:
    shapes = {unit * (SIZE // len(unit)), "x" + unit * (SIZE // len(unit)) + "\nx"}
    if "\n" not in unit:
        shapes.add(((unit * 80)[:80] + "\n") * (SIZE // 81))
    for text in sorted(shapes):
        for call in CALLS:
            compressed(text, call, Level.AGGRESSIVE if call == "page" else Level.BALANCED)


def binary() -> str:
    return random.Random(2).randbytes(SIZE).decode("utf-8", "surrogateescape")  # noqa: S311 - no secret


def wide_csv() -> str:
    out = io.StringIO()
    for row in range(12):
        csv.writer(out).writerow([f"{row}.{column}" for column in range(10_000)])
    return out.getvalue()


def deep_paths() -> str:
    return "".join("/".join(f"d{n % 7}" for n in range(depth)) + "/file.py\n" for depth in range(1, 400))


DIFF_THAT_MISCOUNTS = (
    "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n" + " context\n" * 40 + "-gone\n+new\n" + " after\n" * 40
) * 30
HOSTILE: dict[str, Callable[[], str]] = {
    "binary": binary,
    "replaced": lambda: binary().encode("utf-8", "replace").decode("utf-8", "replace"),
    "nuls": lambda: "a\0b\n" * 20_000,
    "brackets": lambda: "[" * 100_000,
    "closed brackets": lambda: "[" * 50_000 + "]" * 50_000,
    "braces": lambda: '{"a":' * 50_000 + "1" + "}" * 50_000,
    "parentheses": lambda: "function a" + "(" * 100_000,
    "many keys": lambda: json.dumps({f"key_{n}": n for n in range(100_000)}),
    "wide csv": wide_csv,
    "an open quote": lambda: 'a,b,c\n"open,' + "1,2,3\n" * 20_000,
    "an open fence": lambda: "text\n```python\n" + "x = 1\n" * 20_000,
    "open tags": lambda: "<!doctype html><html><body>" + "<nav><div class='" * 8_000,
    "a diff that miscounts": lambda: DIFF_THAT_MISCOUNTS,
    "deep paths": deep_paths,
    "one character in a log": lambda: "2026-01-01 00:00:00 INFO " + "x" * SIZE + "\n" + "2026-01-01 00:00:01 x\n" * 50,
    "lone surrogates": lambda: "\ud800 \udfff x\n" * 9_000,
    "carriage returns": lambda: "at 1%\rat 2%\r" * 9_000,
    "colours that never end": lambda: "\x1b[38;5;" * 15_000,
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", HOSTILE)
def test_what_nobody_should_print_comes_back_valid(name: str) -> None:
    text = HOSTILE[name]()
    for call in CALLS:
        compressed(text, call)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("text", ["x" * 20_000_000, "ab\n" * 2_000_000], ids=["one line", "many lines"])
def test_what_is_too_long_is_left_without_being_looked_at(store: Store, text: str) -> None:
    def no_router(text: str, _hints: Hints) -> None:
        raise AssertionError(len(text))

    slot = Slot(SlotKind.TOOL_RESULT, text, 0, "c1", "Bash", {"command": "./x"})
    engine = Engine(store, compress=no_router)
    (verdict,) = engine.process([slot], "anthropic", Profile(way_back=WayBack.MCP))
    assert (verdict.replacement, verdict.reason) == (None, "too long")
    # Also past the engine nobody reads it whole.
    compressed(text, "script")


def test_a_diff_that_miscounts_loses_none_of_its_changes() -> None:
    hints = Hints("Bash", {"command": "git diff"}, marker=markers.elision)
    outcome = router.compress(DIFF_THAT_MISCOUNTS, hints)
    shown = DIFF_THAT_MISCOUNTS if outcome is None else outcome[1].text
    assert (shown.count("-gone"), shown.count("+new")) == (30, 30)
