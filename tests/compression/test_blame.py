from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import blame
from headroom_wrap.compression.model import Hints

ABOUT = {
    "^a6d3a52": " (Ada Moreau   2025-03-01 10:13:00 +0100",
    "93a96e6f": " (Bo Lindqvist 2025-03-02 10:13:00 +0100",
    "00000000": " (Not Committed Yet 2025-03-04 09:00:00 +0100",
    "8394fefc": " shop/old name.py (<bo@example.org> 3 weeks ago",
}
code = st.sampled_from(
    ["x = 1", "", "  7) y", "(a (b) 12) c", "93a96e6f  3) z", "^a6d3a52 (A 2025 4) q", "é\ud800\t", "\r"]
)
line = st.tuples(st.sampled_from(sorted(ABOUT)), code)


def blamed(rows: list[tuple[str, str]]) -> str:
    width = len(str(len(rows)))
    return "".join(f"{sha}{ABOUT[sha]} {n:{width}d}) {text}\n" for n, (sha, text) in enumerate(rows, 1))


@given(st.lists(st.tuples(line, st.integers(1, 5)).map(lambda run: [run[0]] * run[1]), max_size=40), st.booleans())
@settings(max_examples=150)
def test_a_blame_comes_back_to_the_letter(runs: list[list[tuple[str, str]]], ends: bool) -> None:  # noqa: FBT001
    text = blamed([row for run in runs for row in run])
    text = text if ends else text[:-1]
    result = blame.compress(text, Hints())
    if result is not None:
        assert len(result.text) < len(text)
        assert result.elided == 0
        assert blame.expand(result.text) == text


def test_a_commit_is_told_of_once_and_named_once_per_run() -> None:
    text = blamed([("^a6d3a52", "a = 1"), ("^a6d3a52", "b = 1"), ("93a96e6f", "c = 1"), ("^a6d3a52", "d = 1")] * 5)
    result = blame.compress(text, Hints())
    assert result is not None
    assert result.text.split("\n")[1:7] == [
        "^a6d3a52 (Ada Moreau   2025-03-01 10:13:00 +0100  1) a = 1",
        "  2) b = 1",
        "93a96e6f (Bo Lindqvist 2025-03-02 10:13:00 +0100  3) c = 1",
        "^a6d3a52  4) d = 1",
        "  5) a = 1",
        "  6) b = 1",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1234567 a commit (with a note 12) of this\n" * 3,
        "1234567 Fix the parser\n" * 40,
        blamed([("93a96e6f", "x = 1")] * 20) + "fatal: no such path\n",
        "deadbeef (" * 2000,
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert blame.compress(text, Hints()) is None
