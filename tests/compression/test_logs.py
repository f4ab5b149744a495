from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.compression import logs, markers, row_choice, sections
from headroom_wrap.compression.lines import may_say
from headroom_wrap.compression.model import Hints
from headroom_wrap.compression.templates import mask, mine

ELIDING = Hints(tool_name="Bash", tool_input={"command": "cat app.log"}, marker=markers.elision)
BEAT = "2025-03-04 11:00:{:02d},120 INFO [worker-{}] queue.Poller: polled {} jobs\n"


def beats(n_lines: int) -> str:
    return "".join(BEAT.format(n % 60, n % 4, n * 7 % 13) for n in range(n_lines))


def compress(text: str, hints: Hints = ELIDING) -> str:
    result = logs.compress(text, hints)
    assert result is not None
    return result.text


def test_repeats_become_true_counts_of_their_template() -> None:
    text = compress(beats(300))
    marker = next(line for line in text.split("\n") if line.startswith("[headroom"))
    assert (
        marker
        == '[headroom: lines 5-292 elided: 288 × "queue.Poller: polled # jobs"; first 11:00:04,120, last 11:00:51,120]'
    )


def test_an_error_in_the_middle_stays_with_the_lines_around_it() -> None:
    error = "2025-03-04 11:01:00,000 ERROR [worker-1] db.Pool: connection 7 lost: broken pipe\n"
    lines = compress(beats(100) + error + beats(100)).split("\n")
    at = lines.index(error.rstrip())
    assert [line.startswith("2025") for line in lines[at - 2 : at + 3]] == [True] * 5


def test_every_distinct_error_stays_though_they_differ_in_one_word_only() -> None:
    errors = [f"2025-03-04 11:01:00,000 ERROR [w] store.Disk: cannot write segment {name}\n" for name in "abcdefghij"]
    text = compress("".join(beats(30) + error for error in errors) + beats(30))
    assert all(error.rstrip() in text for error in errors)


def test_the_same_error_a_thousand_times_does_not() -> None:
    error = "2025-03-04 11:01:00,000 ERROR [w] store.Disk: cannot write segment 17: disk full\n"
    text = compress((error + beats(3)) * 1000)
    assert 1 <= text.count("disk full") <= 60
    assert len(text) < 20_000


def test_a_line_that_stands_once_stays() -> None:
    rare = "2025-03-04 11:01:00,000 INFO [main] config.Watcher: limits reloaded from disk\n"
    assert rare.rstrip() in compress(beats(150) + rare + beats(150))


def test_a_line_that_the_query_names_stays() -> None:
    hints = Hints(query="what happened to order_4711?", marker=markers.elision)
    text = "".join(f"INFO shop: order_{n} shipped to customer\n" for n in range(4600, 4800))
    assert "order_4711 shipped" in compress(text, hints)


def test_a_line_of_a_megabyte_is_named_by_its_beginning_and_its_length() -> None:
    giant = "2025-03-04 11:01:00,000 INFO [main] Running 9999 items: " + "tests/test_a.py::test_error, " * 30_000
    text = compress(beats(20) + giant + "\n" + beats(20))
    assert f'1 line of {len(giant)} characters: "2025-03-04 11:01:00,000 INFO [main] Running 9999 items: test…"' in text
    assert len(text) < 10_000


def test_without_a_way_back_only_colours_progress_and_equal_lines_fold() -> None:
    text = "\x1b[32mbuild\x1b[0m\nstep 1%\rstep 2%\rstep done\n" + "waiting for the lock\n" * 20 + "error: timed out\n"
    result = logs.compress(text, Hints())
    assert result is not None
    assert result.elided == 0
    assert result.text == (
        "build\nstep done\nwaiting for the lock\n"
        "[headroom: the line above stands 20 times, lines 3-22]\nerror: timed out\n"
    )


def test_masks_cover_numbers_ids_and_dates_and_nothing_else() -> None:
    line = "Mon Jun 14 15:16:01 10.0.0.7 0x7fAB 1f2e3d4c-0a1b-4c5d-8e9f-001122334455 deadbeef99 feed bad 3.5s id=9"
    assert mask(line) == "# # # # # # # # feed bad #s id=#"


def test_templates_count_every_line_once() -> None:
    templates = mine([line for line in beats(50).split("\n") if line] + ["quite another line"])
    assert sorted(cluster.n_lines for cluster in templates.clusters) == [1, 50]


def test_counts_in_markers_add_up_to_the_lines_that_are_gone() -> None:
    text = beats(120) + "INFO a.B: opened file x\n" * 9 + beats(120)
    for line in compress(text).split("\n"):
        span = re.match(r"\[headroom: lines (\d+)-(\d+) elided: (.*)\]", line)
        if span and "…" not in span[3]:
            counts = [int(count) for count in re.findall(r"(\d+) × ", span[3])]
            assert sum(counts) == int(span[2]) - int(span[1]) + 1


@given(st.from_regex(logs.STRONG))
def test_no_line_with_an_error_is_passed_over_by_the_quick_look(line: str) -> None:
    assert logs.is_strong(line)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        (logs._ADVICE, logs._ADVISES),  # noqa: SLF001 - the pair is what is tested
        (row_choice._ODD, row_choice._ODD_WORDS),  # noqa: SLF001
        (sections._ALERT, sections._ALERTS),  # noqa: SLF001
    ],
)
def test_what_an_expression_finds_the_quick_look_for_its_words_finds_too(
    search: re.Pattern[str], words: Sequence[str]
) -> None:
    @given(st.from_regex(search))
    def finds(text: str) -> None:
        assert may_say(text, words)

    finds()


def test_the_quick_look_leaves_letters_with_another_case_to_the_expression() -> None:
    assert may_say(chr(0x17F).join(["you ", "hould rebase"]), ["should"])
    assert not may_say("nothing to do", ["should"])
