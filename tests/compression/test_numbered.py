"""Reads with numbered lines: what is shown, that it can be undone, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import markers, numbered, router
from headroom_wrap.compression.model import Hints, Level

READ = Hints("Read", {"file_path": "/src/shop/cart.py"}, "why is the cart empty?", marker=markers.elision)
NOTE = "\n[Showing 20 lines starting at line 88. Use 'offset' to read more.]\n<system-reminder>x</system-reminder>"


def numbered_by(style: str, texts: list[str], start: int = 1) -> str:
    return "\n".join(style.format(number) + text for number, text in enumerate(texts, start))


texts = st.lists(
    st.one_of(
        st.text(st.characters(exclude_characters="\n"), max_size=12),
        st.sampled_from(["", "    return 1", "9: x", " 12→y", "7\tz", "17| b", "3. item", "\r", "\ud800"]),
        st.integers(0, 120).map(lambda n: f"{n}: int"),
    ),
    max_size=60,
)
styles = st.sampled_from(
    ["{:6d}→", "{:6d}\t", "{}\t", "{}→", "{:05d}| ", "{} | ", "{:4d} | ", "{}|", "{}: ", "{}:", "{:3d}. "]
)
starts = st.sampled_from([0, 1, 2, 7, 96, 990, 9996])


@given(
    styles, texts, starts, st.sampled_from(["", "\n", NOTE, "\n\n12\n5→"]), st.sampled_from(["", "<file>\n", "a\n\n"])
)
@settings(max_examples=300)
def test_a_spelled_read_expands_to_the_original(style: str, lines: list[str], start: int, end: str, head: str) -> None:
    text = head + numbered_by(style, lines, start) + end
    for level in (Level.SAFE, Level.AGGRESSIVE):
        result = numbered.compress(text, Hints("Read", level=level))
        if result is not None:
            assert numbered.expand(result.text) == text
            assert len(result.text) < len(text)
            assert result.elided == 0
            assert set(lines) - {""} <= set(_texts_in(result.text))


def _texts_in(spelled: str) -> list[str]:
    """Every tail of a line that could be its text: what a search for exact text would find."""
    lines = spelled.split("\n")
    return lines + [line[at:] for line in lines for at in range(16)]


@given(st.lists(texts, min_size=2, max_size=3), styles)
@settings(max_examples=80)
def test_several_files_in_one_output_expand_to_the_original(files: list[list[str]], style: str) -> None:
    text = "\n".join(f"==> f{index}.py <==\n{numbered_by(style, each)}" for index, each in enumerate(files))
    result = numbered.compress(text, Hints("Read"))
    assert result is None or numbered.expand(result.text) == text


def test_the_number_stands_on_the_first_every_fifth_and_the_last_line() -> None:
    result = numbered.compress(numbered_by("{:6d}→", ["    total = 0"] * 27, 88), READ)
    assert result is not None
    assert result.text.split("\n") == [
        "[headroom: line numbers stand at least at every 5th line; no line is left out]",
        "    88→    total = 0",
        "    total = 0",
        "90→    total = 0",
        *["    total = 0"] * 4,
        "95→    total = 0",
        *["    total = 0"] * 4,
        "100→    total = 0",
        *["    total = 0"] * 4,
        "105→    total = 0",
        *["    total = 0"] * 4,
        "110→    total = 0",
        *["    total = 0"] * 3,
        "114→    total = 0",
    ]


def test_a_line_that_could_be_taken_for_a_numbered_one_keeps_its_number() -> None:
    result = numbered.compress(numbered_by("{:6d}→", ["x = {", "    3: 1,", "    4: 2,", "}"] * 5), READ)
    assert result is not None
    assert "\n3→    4: 2,\n" in result.text


def test_notes_of_the_tool_keep_their_bytes() -> None:
    text = numbered_by("{:6d}→", ["    total += price * count"] * 20, 88) + NOTE
    result = numbered.compress(text, READ)
    assert result is not None
    assert result.text.endswith(NOTE)


def test_numbers_from_a_thousand_on_stay_unless_the_level_is_aggressive() -> None:
    text = numbered_by("{:6d}→", ["    total += price * count"] * 40, 980)
    safe = numbered.compress(text, Hints("Read", level=Level.SAFE))
    assert safe is not None
    assert "\n1003→" in safe.text
    assert "\n983→" not in safe.text
    aggressive = numbered.compress(text, Hints("Read", level=Level.AGGRESSIVE))
    assert aggressive is not None
    assert "\n1003→" not in aggressive.text


@pytest.mark.parametrize("style", ["{} | ", "{:05d}| ", "{}: "])
def test_an_unusual_spelling_is_named_once(style: str) -> None:
    result = numbered.compress(numbered_by(style, ["    total += price * count"] * 70), READ)
    assert result is not None
    assert "(N" in result.text.split("\n")[0]


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        (numbered_by("{}\t", ["apple\t3", "pear\t4"] * 10), Hints("Bash", {"command": "cat stock.tsv"})),
        (numbered_by("{}\t", ["apple\t3", "pear\t4"] * 10), Hints("Read", {"file_path": "stock.tsv"})),
        ("A list\n\n" + numbered_by("{}. ", ["apple", "pear"] * 5) + "\n\nprose" * 9, READ),
        ("\n".join(f"{number:6d}→x" for number in range(1, 200, 2)), READ),
        (numbered_by("{:6d}→", ["x"] * 5), READ),
        ("", READ),
    ],
)
def test_numbers_of_the_file_itself_lists_and_gaps_are_left_alone(text: str, hints: Hints) -> None:
    assert numbered.compress(text, hints) is None


@pytest.mark.parametrize("command", ["cat -n a.py", "nl -ba a.py", "cat -A -n a.py", "awk '{print NR\"\\t\"$0}' a.py"])
def test_commands_that_number_lines_are_known(command: str) -> None:
    text = numbered_by("{:6d}\t", ["    total += price * count"] * 60)
    outcome = router.compress(text, Hints("Bash", {"command": command}))
    assert outcome is not None
    assert outcome[0] == "numbered"


def test_the_views_of_an_editor_are_reads_and_no_commands() -> None:
    head = "Here's the result of running `cat -n` on /src/shop/cart.py:\n"
    text = head + numbered_by("{:6d}\t", ["    total += price * count"] * 60)
    outcome = router.compress(text, Hints("str_replace_based_edit_tool", {"command": "view", "path": "/src/cart.py"}))
    assert outcome is not None
    assert outcome[0] == "numbered"


def test_an_edit_from_exact_text_still_finds_its_lines() -> None:
    source = [f"    total_{number} = price_{number} * count" for number in range(60)]
    outcome = router.compress(numbered_by("{:6d}→", source), READ)
    assert outcome is not None
    for line in source:
        assert line in outcome[1].text


@pytest.mark.parametrize(
    "unit", ["     1→", "1\t", "1: ", " ", "0", "1:\n", "     1→x\n", "2→x\n3→y\n", "\0", "9" * 99 + "\n"]
)
def test_units_repeated_for_ever_are_done_in_time(unit: str) -> None:
    result = numbered.compress(unit * (400_000 // len(unit)), READ)
    assert result is None or result.elided == 0
