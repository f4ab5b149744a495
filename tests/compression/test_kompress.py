"""Words chosen by a model, with a model that is a rule: what may never go, and that the figures are true."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.compression import kompress, markers
from headroom_wrap.compression.model import Hints, Level

AGGRESSIVE = Hints("WebFetch", {"url": "https://example.com"}, marker=markers.elision, level=Level.AGGRESSIVE)
PLAIN = "The quiet harbour slowly filled with boats while the old people watched from their windows. "
_LEGEND = re.compile(
    r"\[headroom: (\d+) of (\d+) words shown, in their order; the gaps between them are not marked\]\n"
)


def by_length(words: Sequence[str]) -> list[float]:
    return [float(len(word) > 5) for word in words]


def nothing(words: Sequence[str]) -> list[float]:
    return [0.0] * len(words)


def shown(text: str, scores: kompress.Scores = nothing, hints: Hints = AGGRESSIVE) -> str:
    result = kompress.compressor(lambda: scores)(text, hints)
    assert result is not None
    legend = _LEGEND.match(result.text)
    assert legend is not None
    body = result.text[legend.end() :]
    assert int(legend[1]) == len(body.split())
    assert int(legend[2]) == len(text.split())
    assert (result.elided, result.total, result.unit) == (len(text) - len(body), len(text), "chars")
    return body


def test_the_words_that_the_model_wants_stay_in_their_order() -> None:
    body = shown(PLAIN * 30, by_length)
    assert body.split() == [word for word in (PLAIN * 30).split() if len(word) > 5]


@pytest.mark.parametrize(
    "kept",
    [
        "not", "never", "don't", "42", "3.14", "failed", "error", "/etc/hosts", "snake_case", "camelCase", "--flag",
        "HTTP", "os.path", "a=b", "without", "nicht",
    ],
)  # fmt: skip
def test_figures_negations_trouble_and_names_stay_whatever_the_model_says(kept: str) -> None:
    assert kept in shown(f"{PLAIN * 15}Then {kept} came along. {PLAIN * 15}").split()


@pytest.mark.parametrize(
    "kept", ["# The old harbour", "```\nrun it all\n```", "    run it all", "`run it all`", "| the | old |"]
)
def test_headings_code_and_tables_stay_as_they_are(kept: str) -> None:
    assert kept in shown(f"{PLAIN * 15}\n\n{kept}\n\n{PLAIN * 15}")


def test_words_of_the_question_stay() -> None:
    hints = Hints(query="Who were the fishermen?", marker=markers.elision, level=Level.AGGRESSIVE)
    assert "fishermen" not in shown(f"{PLAIN * 30}Then 2 fishermen came along.").split()
    assert "fishermen" in shown(f"{PLAIN * 30}Then two fishermen came along.", hints=hints).split()


def test_paragraphs_stay_apart() -> None:
    text = "\n\n".join([PLAIN * 10 + "7", "Nothing 1 happened.\nIt 2 was late.", PLAIN * 10])
    assert shown(text) == "7\n\nNothing 1\n2"


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        (PLAIN * 30, Hints(marker=markers.elision)),
        (PLAIN * 30, Hints(level=Level.AGGRESSIVE)),
        (PLAIN * 3, AGGRESSIVE),
        (PLAIN * 600, AGGRESSIVE),
        ("if (x) { y = f(x); return z; }\n" * 90, AGGRESSIVE),
        (f"{PLAIN * 30}\n{markers.elision(1, 2, '')}\n", AGGRESSIVE),
        ("", AGGRESSIVE),
        ("a" * 1_000_000, AGGRESSIVE),
    ],
    ids=["balanced", "no way back", "short", "long", "code", "ours", "empty", "one word"],
)
def test_the_model_is_not_even_loaded_for_what_it_must_not_touch(text: str, hints: Hints) -> None:
    def load() -> kompress.Scores:
        raise AssertionError

    assert kompress.compressor(load)(text, hints) is None


def test_a_model_that_wants_nearly_all_words_or_cannot_run_changes_nothing() -> None:
    assert kompress.compressor(lambda: lambda words: [1.0] * len(words))(PLAIN * 30, AGGRESSIVE) is None
    assert kompress.compressor(lambda: None)(PLAIN * 30, AGGRESSIVE) is None


@given(
    st.lists(
        st.sampled_from(
            [PLAIN, "It is late.\n", "No 5!\n\n", "\n \n", "- an item here\n", "\ud800 é 粉。\t", "`a b` "]
        ),
        min_size=4,
        max_size=40,
    ),
    st.integers(1, 7),
)
def test_every_character_of_an_output_stands_in_the_original_in_that_order(parts: list[str], step: int) -> None:
    text = PLAIN * 25 + "".join(parts)

    def scores(words: Sequence[str]) -> list[float]:
        return [float(index % step == 0) for index in range(len(words))]

    result = kompress.compressor(lambda: scores)(text, AGGRESSIVE)
    if result is not None:
        body = result.text.partition("\n")[2]
        rest = iter(text)
        assert all(char in rest for char in body)
        assert result.elided == len(text) - len(body)
        assert len(result.text) < len(text)
        assert kompress.compressor(lambda: scores)(text, AGGRESSIVE) == result
