"""Texts made to be slow: every compressor must come to its end, which it would not if its work grew with the square."""

from __future__ import annotations

import random

import pytest

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
from headroom_wrap.compression.model import Compressor, Hints

SIZE = 400_000
COMPRESSORS: list[Compressor] = [
    blame.compress, diffs.compress, history.compress, json_rows.compress, listings.compress, logs.compress,
    numbered.compress, search.compress, tables.compress, test_runs.compress, yaml_text.compress,
]  # fmt: skip
HINTS = Hints(
    "Bash",
    {"command": "pytest -v; grep -rn x; kubectl logs y; kubectl get z -o yaml; ps aux"},
    "find the error in module_a of 17",
    marker=markers.elision,
)
UNITS = [
    "a", " ", "1", "abcde1", "=", "= ", "_ ", '"', "\x1b]", "\x1b[", "a\r", "a\n", " PASSED", "::", "a.b:1:x\n",
    "a.b-1-", "ab/", '  File "x", line 1\n    a\n', "[", '{"a":', "abcdef12-", ".", "test_a (", " > ",
    "reading sources... [ 10%] ", "\n   at x.y(", "E   x\n", "=== a ===\n", "> x\n/a/b.py:1: E\n_ _ _\n", "é", "%",
    "Updating files: 5% (1/2)", "- ",
    "diff --git a/x b/x\n", "--- a\n+++ b\n@@ -1,9999999 +1,9999999 @@\n", "@@ -1,9 +1,9 @@\n", "+", "-a\n", " \n", "(",
    "abcdef12 (", "abcdef12 (a 1) b\n", "commit abcdef12\nAuthor: x\n", "* | commit ", " a/b | 1 +\n", " a |",
    "diff --git a/dist/dist/", "diff --cc x\n@@@ -1,9 -1,9 +1,9 @@@\n", "GIT binary patch\nliteral 9\n", "abcdef1 x\n",
    "a,b,c\n", 'a,"b\nc",d\n', '1,"2,3\n', "a  b  c\n", "  a b  c ", "-+-|-\n", "a|b|c\n", "- a: 1\n  b:\n    c: 2\n",
    "a:\n",
    "[\n", "{\n", '{"a":1}\n', '{"a":"b","c":[1,2]},', '["a"],', '"x_url":"y",', "[NaN,", "\0", "\ud800", "[1,", "2,",
    "FAILED ", "0x", "1.", "1:", "{", "\\", '\\"', "…", "a{", "test_1 (a.b.C.test_1) ... ok\n",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_repeated_for_ever_is_done_in_time_and_never_grows(unit: str) -> None:
    text = unit * (SIZE // len(unit))
    for compressor in COMPRESSORS:
        result = compressor(text, HINTS)
        assert result is None or len(result.text) < len(text)
    for suffix in ("py", "go", "cpp"):
        assert code.compress(text, Hints("Read", {"path": f"a.{suffix}"}, marker=markers.elision)) is None
    router.route(text, HINTS)


def test_ten_thousand_different_lines_are_done_in_time() -> None:
    source = random.Random(1)  # noqa: S311 - no secret
    text = "".join("".join(source.choices("abcdefghij ", k=40)) + "\n" for _ in range(10_000))
    assert logs.compress(text, HINTS) is None or len(text)


def test_ten_thousand_rows_are_done_in_time() -> None:
    text = "[" + ",".join(f'{{"a":{n},"b":"x{n}","c":{{"d":[{n}]}}}}' for n in range(10_000)) + "]"
    result = json_rows.compress(text, HINTS)
    assert result is not None
    assert result.elided > 9000


def test_binary_is_left_alone_or_shortened_without_an_error() -> None:
    text = random.Random(2).randbytes(200_000).decode("latin-1")  # noqa: S311 - no secret
    for compressor in COMPRESSORS:
        result = compressor(text, HINTS)
        assert result is None or len(result.text) < len(text)
