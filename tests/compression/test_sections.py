"""Long documents and manuals: the headings and what is asked for stay, and all else is named line by line."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import headings, markers, router, sections
from headroom_wrap.compression.model import Compressed, Hints
from tests.compression.test_golden import GOLDEN, read

GUIDE = Hints("Bash", {"command": "cat docs/guide.md"}, "why is the cart empty?", marker=markers.elision)
MANUAL = replace(GUIDE, tool_input={"command": "man cartd"})
NAMES = ["order", "stock", "coupon", "price", "session"]

words = st.lists(
    st.sampled_from([*NAMES, "is", "kept", "written", "full", "deprecated", "`x_y`"]), min_size=4, max_size=30
)
line = st.one_of(
    words.map(" ".join),
    words.map(lambda parts: f"## {' '.join(parts[:3])}"),
    words.map(lambda parts: f"       --{parts[0]}\n{' ' * 15}{' '.join(parts)}"),
    words.map(lambda parts: f"{parts[0].upper()}\n       {' '.join(parts)}"),
    st.sampled_from(
        ["", "", "```", "~~~", "# x", "- [a](#a)", "| a | b |", "Title\n=====", "N\bNA\bA", "\ttab", "\ud800"]
    ),
)
document = st.tuples(st.lists(line, max_size=40), st.integers(8, 60), st.integers(0, 2000)).map(
    lambda parts: asked_at("\n".join(parts[0] * parts[1]).split("\n"), parts[2])
)


def asked_at(lines: list[str], at: int) -> str:
    """The lines with one section, which is also an entry of a manual, that speaks of the cart."""
    return "\n".join([*lines[:at], "", "## The cart", "", "    --cart", "          empties the cart", "", *lines[at:]])


def follow(text: str, result: Compressed) -> None:
    """What is not named by a marker stands there, in order; each marker stands where its first line stood."""
    lines = sections.without_overstrikes(text.split("\n"))
    gone: set[int] = set()
    begins: dict[int, int] = {}
    for found in markers.elisions(result.text):
        span = set(range(found.first - 1, found.last))
        assert span
        assert not span & gone
        begins.setdefault(found.index, found.first - 1)
        gone |= span
    out = result.text.split("\n")
    assert [each for index, each in enumerate(out) if index not in begins] == [
        each for index, each in enumerate(lines) if index not in gone
    ]
    for n_markers, (index, first) in enumerate(begins.items()):
        assert index - n_markers == first - sum(each < first for each in gone)
    assert len(gone) == result.elided
    assert result.total == len(lines) - (lines[-1] == "")


@given(document, st.sampled_from([GUIDE, MANUAL, replace(GUIDE, tool_name="fetch", tool_input={})]))
@settings(max_examples=120, deadline=None)
def test_what_stays_is_the_documents_own_in_order_and_the_markers_are_true(text: str, hints: Hints) -> None:
    result = sections.compress(text, hints)
    assert result == sections.compress(text, hints)
    if result is not None:
        assert len(result.text) < len(text)
        follow(text, result)
        assert sections.compress(result.text, hints) is None


@given(document)
@settings(deadline=None)
def test_units_are_all_lines_in_order(text: str) -> None:
    lines = text.split("\n")
    for units in (headings.of_document(lines), headings.of_manual(lines)):
        at = 0
        for unit in units:
            assert unit.head == at
            assert unit.head <= unit.body <= unit.end
            at = unit.end
        assert at == len(lines)


@pytest.mark.parametrize(("name", "hints"), [("sections.guide", GUIDE), ("sections.manual", MANUAL)])
def test_every_heading_stays_and_the_answer_and_what_warns(name: str, hints: Hints) -> None:
    text = read(GOLDEN / f"{name}.in")
    result = sections.compress(text, hints)
    assert result is not None
    follow(text, result)
    assert len(result.text) < 0.5 * len(text)
    assert "30" in result.text
    assert "deprecated" in result.text
    shown = result.text.split("\n")
    heads = [each for each in text.split("\n") if each.startswith(("## ", "       -"))]
    assert len(heads) > 20
    assert set(heads) <= set(shown)


def test_a_fence_is_never_cut_in_two() -> None:
    text = "\n\n".join(f"## Part {n}\n\nText.\n\n```\n# no heading\n" + "code()\n\n" * 40 + "```" for n in range(40))
    result = sections.compress(text, replace(GUIDE, query="part 7"))
    assert result is not None
    assert result.text.count("```") % 2 == 0
    gone = [(found.first, found.last) for found in markers.elisions(result.text)]
    lines = text.split("\n")
    assert gone
    assert all("\n".join(lines[first - 1 : last]).count("```") % 2 == 0 for first, last in gone)


@pytest.mark.parametrize(
    "hints",
    [
        replace(GUIDE, query=""),
        replace(GUIDE, query="zzzz"),
        replace(GUIDE, marker=None),
        replace(GUIDE, tool_input={"command": "cat guide.py"}),
    ],
    ids=["no question", "nothing speaks of it", "no way back", "no document by its name"],
)
def test_a_document_is_left_alone_where_it_is_not_known_what_is_asked(hints: Hints) -> None:
    assert sections.compress(read(GOLDEN / "sections.guide.in"), hints) is None


def test_a_file_that_a_tool_reads_stays_exact_unless_it_is_very_long() -> None:
    text = read(GOLDEN / "sections.guide.in")
    hints = replace(GUIDE, tool_name="Read", tool_input={"file_path": "docs/guide.md"})
    assert router.compress(text, hints) is None
    numbered = "\n".join(f"{number:6d}→{each}" for number, each in enumerate((text * 3).split("\n"), 1))
    named = router.compress(numbered, hints)
    assert named is not None
    assert named[0] == "sections"
    follow(numbered, named[1])


def test_git_help_is_a_manual_and_no_history() -> None:
    named = router.compress(
        read(GOLDEN / "sections.manual.in"), replace(GUIDE, tool_input={"command": "git log --help | cat"})
    )
    assert named is not None
    assert named[0] == "sections"


def test_python_with_comments_is_no_document() -> None:
    source = "\n".join(f"# part {n}\n\n\ndef part_{n}() -> None:\n    return cart({n})\n" for n in range(400))
    assert sections.compress(source, Hints("get_contents", {"path": "cart.py"}, "cart", marker=markers.elision)) is None


@pytest.mark.parametrize(
    "text",
    [
        "# a\n" * 150_000,
        "```\n" * 150_000,
        "## cart " + "x" * 1_000_000,
        " x\n  y\n" * 80_000,
        "- [" * 400_000,
        "\b" * 900_000,
    ],
    ids=["headings", "fences", "a long line", "entries", "links", "overstrikes"],
)
@pytest.mark.parametrize("hints", [GUIDE, MANUAL], ids=["document", "manual"])
def test_hostile_documents_take_bounded_time(text: str, hints: Hints) -> None:
    start = time.process_time()
    sections.compress(text + "\n## cart\nempty\n" * 9, hints)
    assert time.process_time() - start < 15
