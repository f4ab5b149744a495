"""Dates and times are written once where neighbours share them, and every line can be had back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.compression.timestamps import NOTICE, NOTICE_WITH_HOST, expand, lift, read

STAMPS = [
    "2025-03-04T11:00:00.120Z ",
    "2025-03-04 11:00:00,120 ",
    "[task 2025-02-13T10:01:40.228Z] ",
    "[Sun Dec 04 04:47:44 ",
    "Jul  1 09:00:55 host-10 ",
    "17/06/09 20:10:40 ",
    "03-17 16:13:38.811  ",
    "[10.30 16:49:06] ",
    "20171223-22:15:29:606|",
    "nova-api.log 2017-05-16 00:00:00.008 ",
    "21:30:46  ",
    "",
    "~ ",
    "~",
]


@pytest.mark.parametrize("stamp", STAMPS[:11])
def test_the_stamps_of_many_systems_are_read(stamp: str) -> None:
    found = read(stamp + "something happened")
    assert found is not None
    assert (stamp + "something happened").startswith(found.whole())
    assert found.time[:2].isdigit()


def test_what_the_line_above_says_of_its_date_and_time_is_not_said_again() -> None:
    lines = [f"[task 2025-02-13T10:01:4{n // 3}.228Z] step {n} of the build" for n in range(18)]
    spelled = lift("\n".join(lines), lambda _line: False).split("\n")
    assert spelled[:5] == [
        NOTICE,
        lines[0],
        "~ step 1 of the build",
        "~ step 2 of the build",
        "~10:01:41.228Z] step 3 of the build",
    ]


def test_the_host_of_a_syslog_is_said_once_too() -> None:
    lines = [f"Jul  1 09:00:{n + 10} calvisitor-10-105 kernel[0]: waking {n}" for n in range(18)]
    spelled = lift("\n".join(lines), lambda _line: False).split("\n")
    assert spelled[:3] == [NOTICE_WITH_HOST, lines[0], "~09:00:11~kernel[0]: waking 1"]


def test_an_error_keeps_every_character_of_its_line() -> None:
    lines = [f"2025-03-04 11:00:0{n},120 {'ERROR' if n == 5 else 'INFO'} polled {n}" for n in range(10)]
    assert lines[5] in lift("\n".join(lines), lambda line: "ERROR" in line).split("\n")


def test_a_new_day_is_written_out() -> None:
    lines = [f"2025-03-0{4 + n // 10} 11:00:{n:02d},120 INFO polled {n}" for n in range(20)]
    assert lines[10] in lift("\n".join(lines), lambda _line: False).split("\n")


def test_a_text_that_could_be_read_two_ways_is_left_as_it_is() -> None:
    lines = [f"2025-03-04 11:00:0{n},120 INFO polled {n}" for n in range(9)]
    text = "\n".join([*lines, "~ is the home directory"])
    assert lift(text, lambda _line: False) == text


@given(
    st.lists(st.tuples(st.sampled_from(STAMPS), st.sampled_from(["a", "~ b", "~11:00:00 c", "", "error"])), max_size=40)
)
def test_lifting_is_undone_by_expanding(parts: list[tuple[str, str]]) -> None:
    text = "\n".join(stamp + words for stamp, words in parts)
    assert expand(lift(text, lambda line: "error" in line)) == text
