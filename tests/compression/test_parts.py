"""A part of a text names places of the whole: what is said of it alone, moved by what stands above."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from headroom_wrap.compression import markers, mixed
from headroom_wrap.compression.model import Compressed, Hints, Level
from tests.compression.test_golden import AGGRESSIVE, CALLS, CASES, COMPRESSORS, GOLDEN, read

ABOVE = "Some words.\n```\n" + "make test\n" * 20 + "```\n"
N_PARTS = 3
"""Words, the fenced block, and the part that is looked at."""
_OURS = re.compile(r"\[headroom: (?!line numbers)[^\n]*")
_SPANS = re.compile(r"\b(lines?|rows) (\d+(?:-\d+)?(?:, \d+(?:-\d+)?)*)")
_CHARS = re.compile(r"(?<=\[headroom: chars )\d+-\d+(?:, \d+-\d+)*")
_EXTRA = {
    "terminal": "2024-01-02 10:11:12 INFO up\n"
    + "the same line of thirty or more characters\n" * 40
    + "done, a b c d\n",
    "test_runs": (
        "=================================== FAILURES ===================================\n"
        + "".join(
            f"_______ test_{name} _______\n\n    def test(cart):\n        cart.add(1)\n        cart.pay()\n"
            "        cart.audit('the whole of it, again and again')\n        cart.empty('before the next one comes')\n"
            "        cart.check('that nothing of it remains, nowhere')\n>       assert cart.total() == 3\n"
            f"E       assert 2 == 3\n\ntests/test_cart.py:4{name}: AssertionError\n"
            for name in range(9)
        )
    ),
    "yaml_text": "".join(
        f"service_{name}:\n  image: shop/{name}:1.4\n  healthcheck:\n    test: curl -f http://localhost/up || exit 1\n"
        "    interval: 30s and no longer than that\n    timeout: 10s and no longer than that\n    retries: 3\n"
        "    start_period: 40s, as it is slow to start\n"
        for name in range(7)
    ),
    "diffs": "".join(
        f"diff --git a/f{name}.py b/f{name}.py\nindex 1234567..89abcde 100644\n--- a/f{name}.py\n+++ b/f{name}.py\n"
        "@@ -1,3 +1,3 @@\n import os\n-import a_name_that_is_long_enough_to_pay_for_itself\n"
        "+import another_name_that_is_long_enough_to_pay_for_itself\n import re\n"
        for name in range(40)
    ),
}
TEXTS = {
    **{case: read(GOLDEN / f"{case}.in") for case in CASES},
    **{f"{name}.short": text for name, text in _EXTRA.items()},
}


def moved(spelled: str, n_lines: int, n_chars: int) -> str:
    """An output whose marks name places further down."""

    def add(span: re.Match[str]) -> str:
        return f"{span[1]} " + re.sub(r"\d+", lambda number: str(int(number[0]) + n_lines), span[2])

    spelled = _OURS.sub(lambda ours: _SPANS.sub(add, ours[0]), spelled)
    return _CHARS.sub(lambda spans: re.sub(r"\d+", lambda number: str(int(number[0]) + n_chars), spans[0]), spelled)


def _is_one_part(text: str) -> bool:
    return len(text) >= mixed.MIN_PART_CHARS and len(mixed.parts((ABOVE + text).split("\n"))) == N_PARTS


@pytest.mark.parametrize("case", [case for case, text in TEXTS.items() if _is_one_part(text)])
def test_a_part_names_lines_and_characters_of_the_whole(case: str) -> None:
    name = case.partition(".")[0]
    tool_name, tool_input = CALLS.get(case, ("Bash", {}))
    level = Level.AGGRESSIVE if name in AGGRESSIVE else Level.BALANCED
    hints = Hints(tool_name, tool_input, "why is the cart empty?", marker=markers.elision, level=level)

    def only(text: str, told: Hints) -> tuple[str, Compressed] | None:
        result = COMPRESSORS[name](text, told) if told.offset else None
        # Rows are numbered through a whole text, and so no part of one is spelled by them.
        return None if result is None else (name, replace(result, unit="lines"))

    alone = COMPRESSORS[name](TEXTS[case], hints)
    assert alone is not None
    if case == "code.read":
        # Its numbers are those of its lines: further down, they are to be named besides.
        alone = replace(alone, text=re.sub(r"(lines ([\d-]+) elided: [^]\n]*)", r"\1, numbered \2", alone.text))
    whole = mixed.compress(ABOVE + TEXTS[case], hints, only)
    assert whole is not None
    assert whole.text == ABOVE + moved(alone.text, ABOVE.count("\n"), len(ABOVE))
    assert whole.elided == alone.elided


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("terminal.short", "the line above stands 40 times, lines 25-64]"),
        ("test_runs.short", "that repeat lines 27-34]"),
        ("yaml_text.short", "the same as lines 27-"),
        ("diffs.short", "hunks with the same changes as lines 29-"),
    ],
)
def test_words_that_name_other_lines_name_them_in_the_whole(case: str, words: str) -> None:
    name = case.partition(".")[0]
    hints = Hints("Bash", marker=markers.elision)
    found = mixed.compress(
        ABOVE + TEXTS[case], hints, lambda text, told: (name, made) if (made := COMPRESSORS[name](text, told)) else None
    )
    assert found is not None
    assert words in found.text
