"""What no program should print: each text comes to an end in time, and stays or becomes shorter."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import pytest

from headroom_wrap.compression import markers, router
from headroom_wrap.compression.model import Hints

pytestmark = pytest.mark.timeout(20)

_CALLS = [
    ("", {}),
    ("Bash", {"command": "pytest -v; grep -rn x; kubectl get z -o yaml; ps aux; kubectl logs y"}),
    ("Bash", {"command": "git log -p"}),
    ("Bash", {"command": "cat a.cpp"}),
    ("Bash", {"command": "cat a.csv"}),
    ("Read", {"file_path": "a.ts"}),
]


def _random(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secret


def _garbage(n_lines: int) -> str:
    source = _random(5)
    return "\n".join("".join(source.choices(string.printable[:95], k=source.randint(0, 60))) for _ in range(n_lines))


def _sources_then_garbage() -> str:
    return "".join(f"def f{n}(a):\n    return a + {n}\n\n" for n in range(2000)) + _garbage(12_000)


def _ids(n: int, line: Callable[[int], str]) -> str:
    return "".join(line(number) for number in range(n))


TEXTS: dict[str, Callable[[], str]] = {
    "nulls": lambda: "\0" * 1_000_000,
    "binary": lambda: _random(2).randbytes(1_000_000).decode("latin-1"),
    "invalid UTF-8": lambda: _random(3).randbytes(600_000).decode("utf-8", "surrogateescape"),
    "lone surrogates": lambda: "\ud800\n" * 150_000,
    "a line of 20 MB": lambda: "ab " * 6_700_000,
    "two million short lines": lambda: "a\n" * 2_000_000,
    "many short lines": lambda: "a\n" * 199_000,
    "many distinct short lines": lambda: _ids(190_000, lambda n: f"a{n}\n"),
    "brackets": lambda: "[" * 100_000 + "]" * 100_000,
    "objects in objects": lambda: '{"a":' * 100_000 + "1" + "}" * 100_000,
    "parentheses": lambda: "(" * 100_000 + ")" * 100_000,
    "an object of many keys": lambda: "{" + ",".join(f'"k{n}":{n}' for n in range(100_000)) + "}",
    "rows of one key each": lambda: "[" + ",".join(f'{{"k{n}":{n}}}' for n in range(50_000)) + "]",
    "wide separated values": lambda: "\n".join(",".join(str(n * m) for n in range(10_000)) for m in range(1, 20)),
    "an open quote": lambda: 'a,b,c\n"' + "x,y,z\n" * 100_000,
    "an open fence": lambda: "```python\n" + "x = 1\n" * 100_000,
    "fences": lambda: _ids(20_000, lambda n: "`" * (3 + n % 300) + "\n"),
    "JSON that never ends": lambda: "{\n" * 100_000,
    "a string that never ends": lambda: '["' + "\\" * 1_000_000,
    "hunks that count wrongly": lambda: (
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,99999 @@\n+a\n-b\n c\n" * 20_000
    ),
    "hunks without lines": lambda: "@@ -1 +1 @@\n" * 60_000,
    "garbage": lambda: _garbage(30_000),
    "a source that turns to garbage": _sources_then_garbage,
    "words without sense": lambda: _ids(40_000, lambda n: f"{'abcdefgh'[n % 8]} {'ijklmnop'[n * n % 8]} q\n"),
    "deep YAML": lambda: _ids(1500, lambda n: " " * n + "a:\n"),
    "colour codes cut short": lambda: "\x1b[" * 400_000,
    "carriage returns": lambda: "a\r" * 400_000,
    "tables of bars": lambda: ("|" * 200 + "\n") * 3000,
    "tags": lambda: "<div a='b'>" * 100_000,
    "tags cut short": lambda: "<" * 500_000,
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("call", range(len(_CALLS)), ids=lambda at: f"{_CALLS[at][0]}-{at}")
def test_a_hostile_text_is_done_in_time_and_never_grows(name: str, call: int) -> None:
    text = TEXTS[name]()
    tool_name, arguments = _CALLS[call]
    hints = Hints(tool_name, arguments, "find the error in module_a of 17", marker=markers.elision)
    outcome = router.compress(text, hints)
    if outcome is not None:
        _, result = outcome
        assert len(result.text) < len(text)
        assert 0 <= result.elided <= result.total


_RUNS = [
    *string.punctuation,
    " ",
    "\t",
    "a",
    "A",
    "1",
    "0x",
    "a.",
    "a/",
    "1:",
    "é",
    "[1",
    "a-1-",
    "ab_",
    "\x1b]",
    "=-",
    "a=b ",
]


@pytest.mark.parametrize("unit", _RUNS)
def test_long_runs_of_what_patterns_repeat_take_no_square_of_their_length(unit: str) -> None:
    line = unit * (30_000 // len(unit)) + "!\n"
    prefixes = ["", "  File ", "ERROR ", "@@ -1 ", "commit ", "a.py:1:", "2024-01-02 ", "| ", "diff --git ", "<", "E  "]
    text = "".join(prefix + line for prefix in prefixes)
    for tool_name, arguments in _CALLS[:3]:
        hints = Hints(tool_name, arguments, "find the error", marker=markers.elision)
        outcome = router.compress(text, hints)
        assert outcome is None or len(outcome[1].text) < len(text)
