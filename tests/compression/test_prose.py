"""Prose at level aggressive: what speaks of the question stays, word for word; nothing is left out unasked."""

from __future__ import annotations

import itertools
import re
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import bm25, markers, prose, router
from headroom_wrap.compression.model import Compressed, Hints, Level
from headroom_wrap.compression.sentences import split

FILLER = (
    "The harbour was busy that morning, and the fishermen sold their catch before noon. "
    "Children ran along the quay with bread in their hands. Nobody took notice of the weather."
)
ANSWER = "The lighthouse keeper, Ada Lindqvist, lit the lamp at dusk in 1874."
QUESTION = "Who lit the lamp of the lighthouse?"
ASKING = Hints(query=QUESTION, marker=markers.elision, level=Level.AGGRESSIVE)
_GAP = re.compile(r"\[headroom: lines? (\d+)(?:-(\d+))? elided\]\Z")
_LEGEND = re.compile(r'\[headroom: "(\S.*)" stands for sentences left out of its line\]\n')

sentence = st.sampled_from(
    [
        "The #N old mill by the river grinds flour for the three villages.",
        "It #N was built by Dr. Jones in 1901, and nobody has repaired it since!",
        "Who #N would pay for a new wheel?",
        "“No #N,” said the miller, “not before winter.”",
        "#N粉は川のそばで挽かれる。",
        "- an #N item of a list",
        "## A #N heading",
        "    #N_indented_code(1)",
        "| a #N | row |",
    ]
)
paragraph = st.lists(sentence, min_size=1, max_size=9).flatmap(
    lambda parts: st.sampled_from([" ", "\n"]).map(lambda joint: joint.join(parts))
)
document = st.lists(paragraph, max_size=30).flatmap(
    lambda parts: st.sampled_from(["\n\n", "\n", "\n \n\n"]).map(lambda joint: numbered(joint.join(parts)))
)


def numbered(text: str) -> str:
    """No two sentences alike, so that each is found where it stood."""
    count = itertools.count()
    return re.sub("#N", lambda _: f"n{next(count)}n", text)


def article(n_paragraphs: int = 8, at: int = 5) -> str:
    paragraphs = [f"{FILLER} So ended day {number}." for number in range(n_paragraphs)]
    paragraphs[at] = f"{FILLER} {ANSWER} {FILLER}"
    return "\n\n".join(paragraphs)


def follow(text: str, result: Compressed) -> None:
    """Every piece of the output stands in the original, in order, and between two of them what the marks say."""
    body = result.text
    legend = _LEGEND.match(body)
    ellipsis = legend[1] if legend else "\0"
    body = body[legend.end() :] if legend else body
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    at = elided = 0
    is_open = False
    for line in body.split("\n"):
        if gap := _GAP.match(line):
            first, last = int(gap[1]), int(gap[2] or gap[1])
            assert is_open or not text[at : starts[first - 1]].strip()
            assert at <= starts[first - 1]
            elided += last - first + 1
            at = starts[last] - (last == len(lines))
            is_open = False
            continue
        for number, piece in enumerate(line.split(ellipsis)):
            is_open = is_open or number > 0
            if kept := piece.strip():
                found = text.index(kept, at)
                assert is_open or not text[at:found].strip()
                at = found + len(kept)
                is_open = False
    assert is_open or not text[at:].strip()
    if result.unit == "lines":
        assert elided == result.elided
        assert result.total == len(lines) - (lines[-1] == "")
    else:
        assert elided == 0
        assert 0 < result.elided < result.total == len(text)


@given(document, st.sampled_from(["who built the mill?", "flour in winter", "nothing of that", "川"]))
@settings(max_examples=200, deadline=None)
def test_what_stays_is_the_texts_own_in_order_and_what_went_is_marked(text: str, query: str) -> None:
    hints = replace(ASKING, query=query)
    result = prose.compress(text, hints)
    assert result == prose.compress(text, hints)
    if result is not None:
        assert len(result.text) < len(text)
        follow(text, result)
        assert prose.compress(result.text, hints) is None


@given(st.text(max_size=400) | document)
@settings(deadline=None)
def test_sentences_cover_everything_but_white_space_in_order(text: str) -> None:
    at = 0
    for each in split(text):
        assert not text[at : each.start].strip()
        assert text[each.start : each.end].strip() == text[each.start : each.end] != ""
        at = each.end
    assert not text[at:].strip()


def test_the_answer_stays_and_two_thirds_of_the_words_go() -> None:
    text = article()
    named = router.compress(text, ASKING)
    assert named is not None
    name, result = named
    assert name == "prose"
    assert ANSWER in result.text
    assert len(result.text.split()) < 0.4 * len(text.split())
    follow(text, result)


@pytest.mark.parametrize(
    "hints",
    [
        replace(ASKING, query=""),
        replace(ASKING, query="zzz qqq"),
        replace(ASKING, level=Level.BALANCED),
        replace(ASKING, marker=None),
        replace(ASKING, query=article()),
        Hints("Read", {"file_path": "harbour.txt"}, QUESTION, marker=markers.elision, level=Level.AGGRESSIVE),
    ],
    ids=["no question", "nothing speaks of it", "balanced", "no way back", "it is the question", "read to be edited"],
)
def test_prose_is_left_alone_where_it_is_not_asked_for(hints: Hints) -> None:
    assert router.compress(article(), hints) is None


def test_a_short_text_is_left_alone() -> None:
    assert router.compress(f"{FILLER} {ANSWER} {FILLER}", ASKING) is None


def test_a_question_that_the_tool_was_asked_counts_too() -> None:
    hints = Hints("WebFetch", {"prompt": QUESTION}, marker=markers.elision, level=Level.AGGRESSIVE)
    named = router.compress(article(), hints)
    assert named is not None
    assert ANSWER in named[1].text


def test_a_line_that_is_long_is_cut_at_sentences_and_an_ellipsis_of_the_texts_own_is_no_mark() -> None:
    text = article().replace("\n\n", " ") + " He wrote […] in his book."
    result = prose.compress(text, ASKING)
    assert result is not None
    assert result.unit == "chars"
    assert '[headroom: "[ … ]" stands for' in result.text
    follow(text, result)


def test_words_are_found_by_their_stems_without_accents_and_in_camel_case() -> None:
    scores = bm25.Index(["The fiancée arrived.", "parseUrl is called.", "Nothing else."]).scores("fiancee parsing URLs")
    assert scores[0] > 0
    assert scores[1] > 0
    assert scores[2] == 0


@pytest.mark.parametrize(
    "text",
    ["a" * 900_000, "The words stand here. " * 40_000, "x.\n" * 150_000, "- [" * 200_000, "\0\ud800 b. " * 90_000],
)
def test_hostile_text_is_bounded(text: str) -> None:
    start = time.process_time()
    prose.compress(text, replace(ASKING, query="word lamp"))
    assert time.process_time() - start < 10


def test_a_transcript_with_spaces_before_its_full_stops_is_prose() -> None:
    spoken = "Grad: Everybody gathered downstairs again , and afterwards nothing was recorded . Remember that ? Yes .\n"
    assert prose.looks_like(spoken * 20)


def test_the_address_of_a_page_is_no_question() -> None:
    section = "## How to install part {}\n\n" + "Some words about that part of the machine follow here.\n" * 6
    text = "".join(section.format(number) + "\n" for number in range(60))
    hints = Hints("WebFetch", {"url": "https://example.com/install"}, marker=markers.elision, level=Level.AGGRESSIVE)
    assert router.compress(text, hints) is None
    assert router.compress(text, replace(hints, query="How do I install part 41?")) is not None
