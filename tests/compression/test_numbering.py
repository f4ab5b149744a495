"""Numbers of context lines that follow from the one above, left out and put back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.compression.numbering import NOTICE, thicken, thickened, thin, thinned


def test_the_ends_of_a_run_and_matches_and_every_tenth_line_keep_their_numbers() -> None:
    lines = [f"{n}{':' if n == 14 else '-'}    line {n}" for n in range(5, 25)]
    numbered = [line.partition(" ")[0] for line in thin(lines) if line[0].isdigit()]
    assert numbered == ["5-", "10-", "14:", "20-", "24-"]
    assert thicken(thin(lines)) == lines


def test_a_separator_a_heading_or_a_lookalike_is_never_taken_for_context() -> None:
    for middle in ("--", "src/b.py:", "6:x", "src/b.py:6:x", "[headroom: line 6 elided]"):
        assert thicken(["5-a", middle, "7-c"]) == ["5-a", middle, "7-c"]
        assert thin(["5-a", f"6-{middle}", "7-c"]) == ["5-a", f"6-{middle}", "7-c"]


def test_lines_that_are_not_numbered_one_after_the_other_keep_their_numbers() -> None:
    lines = ["5-a", "6-b", "8-c", "9:d", "007-e", "8-f"]
    assert thin(lines) == lines


def test_a_short_text_is_left_as_it_is() -> None:
    assert thinned("5-a\n6-b\n7-c") == "5-a\n6-b\n7-c"


line = st.tuples(
    st.integers(0, 30), st.sampled_from([":", "-"]), st.sampled_from(["", "  x", "--", "7-a", "b.py:", "c"])
)


@given(
    st.lists(
        st.one_of(line.map(lambda t: f"{t[0]}{t[1]}{t[2]}"), st.sampled_from(["", "--", "a.py:", "x"])), max_size=60
    )
)
def test_thinning_is_undone(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert thickened(thinned(text)) == text


@given(st.integers(0, 99), st.lists(st.sampled_from(["", "  x", "--", "7-a", "b.py:", "c"]), min_size=40, max_size=60))
def test_runs_are_thinned_and_come_back(first: int, words: list[str]) -> None:
    text = "\n".join(f"{first + index}-{each}" for index, each in enumerate(words))
    spelled = thinned(text)
    assert thickened(spelled) == text
    assert spelled == text or spelled.startswith(NOTICE)
