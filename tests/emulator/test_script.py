from __future__ import annotations

import pytest

from headroom_wrap.compression.markers import elision, header
from headroom_wrap.compression.model import Profile, WayBack
from headroom_wrap.emulator.script import (
    FIXED_ANSWER,
    NO_MARKER,
    NOT_FOUND,
    SHORT_ANSWER,
    UNREADABLE,
    Call,
    Dialogue,
    answer,
    own_text,
)

ELIDED = "\n".join((elision(1, 3, ""), "first", elision(12, 225, "214 INFO"), "FATAL x", elision(230, 240, ""), "last"))


def _with_header(way_back: WayBack, original_id: str = "h-1a2b") -> str:
    return header(original_id, 225, 240, "lines", Profile(way_back=way_back)) + "\n" + ELIDED


def _calls(prompt: str, n_steps: int = 0, tools: tuple[str, ...] = ("Bash", "Read")) -> tuple[Call, ...]:
    return answer(Dialogue(prompt, n_steps, tools)).calls


def test_a_prompt_without_directives_gets_a_fixed_answer() -> None:
    assert answer(Dialogue("Hello", tools=("Bash",))).text == FIXED_ANSWER


def test_each_turn_does_the_next_step() -> None:
    prompt = 'Do. [[tool Bash {"command": "ls"}]] then [[tool Read {"file_path": "a [[1]] b"}]] [[say bye]]'
    assert _calls(prompt) == (Call("Bash", {"command": "ls"}),)
    assert _calls(prompt, 1) == (Call("Read", {"file_path": "a [[1]] b"}),)
    assert answer(Dialogue(prompt, 2, ("Bash", "Read"))).text == "bye"
    assert answer(Dialogue('[[tool Bash {"command": "ls"}]]', 1, ("Bash",))).text == FIXED_ANSWER


def test_repeat_makes_numbered_turns() -> None:
    prompt = '[[repeat 3 Bash {"command": "echo {i}", "n": 1}]]'
    assert [_calls(prompt, n)[0].input["command"] for n in range(3)] == ["echo 1", "echo 2", "echo 3"]
    assert _calls(prompt, 3) == ()


def test_several_calls_share_a_turn_with_the_words_and_thoughts_before_them() -> None:
    prompt = '[[think hmm]] [[say Two at once.]] [[tool Bash {"command": "a"} & Read {"file_path": "b"}]]'
    turn = answer(Dialogue(prompt, 0, ("Bash", "Read")))
    assert (turn.thinking, turn.text) == ("hmm", "Two at once.")
    assert [call.name for call in turn.calls] == ["Bash", "Read"]
    assert answer(Dialogue(prompt, 1, ("Bash", "Read"))).text == FIXED_ANSWER


def test_a_tool_that_is_not_there_is_said_in_words() -> None:
    turn = answer(Dialogue('[[tool Grep {"pattern": "x"}]]', 0, ("Bash",)))
    assert turn.calls == ()
    assert turn.text == "I have no tool named Grep. I have: Bash."


def test_arguments_that_are_no_json_are_said_in_words() -> None:
    assert answer(Dialogue("[[tool Bash {oops]]", 0, ("Bash",))).text == UNREADABLE


def test_requests_without_tools_get_a_short_text_unless_only_words_are_asked_for() -> None:
    assert answer(Dialogue('Title for: [[tool Bash {"command": "ls"}]]')).text == SHORT_ANSWER
    assert answer(Dialogue("[[say hi]]")).text == "hi"
    assert answer(Dialogue("Hello")).text == FIXED_ANSWER


@pytest.mark.parametrize("way_back", [WayBack.MCP, WayBack.SHELL])
def test_retrieve_calls_the_tool_with_the_widest_elided_range(way_back: WayBack) -> None:
    tools = ("Bash", "mcp__headroom__headroom_retrieve")
    turn = answer(Dialogue("[[retrieve]]", 0, tools, results=(_with_header(way_back),)))
    assert turn.calls == (Call("mcp__headroom__headroom_retrieve", {"id": "h-1a2b", "lines": "12-225"}),)


def test_retrieve_before_a_word_takes_the_range_above_it() -> None:
    text = "\n".join((_with_header(WayBack.SHELL), elision(300, 900, ""), "FATAL again"))
    for wanted, lines in (("before FATAL x", "12-225"), ("before last", "230-240"), ("before nothing", "300-900")):
        turn = answer(Dialogue(f"[[retrieve {wanted}]]", 0, ("headroom_retrieve",), results=(text,)))
        assert turn.calls[0].input["lines"] == lines


def test_retrieve_without_an_elided_range_takes_the_whole() -> None:
    turn = answer(
        Dialogue(
            "[[retrieve]]",
            0,
            ("headroom_retrieve",),
            results=(header("h", 1, 9, "lines", Profile(way_back=WayBack.MCP)),),
        )
    )
    assert turn.calls == (Call("headroom_retrieve", {"id": "h"}),)


def test_retrieve_runs_the_command_where_the_tool_is_missing() -> None:
    turn = answer(Dialogue("[[retrieve 40-90]]", 0, ("Bash",), results=(_with_header(WayBack.SHELL),)))
    assert turn.calls == (Call("Bash", {"command": "headroom retrieve h-1a2b --lines 40-90"}),)
    turn = answer(Dialogue("[[retrieve]]", 0, ("exec_command",), results=(_with_header(WayBack.SHELL),)))
    assert turn.calls == (Call("exec_command", {"cmd": "headroom retrieve h-1a2b --lines 12-225"}),)


def test_retrieve_takes_the_newest_header_and_a_single_line_marker() -> None:
    newest = header("new", 1, 9, "rows", Profile(way_back=WayBack.MCP)) + "\n" + elision(7, 7, "one", "rows")
    results = (_with_header(WayBack.MCP, "old"), newest, "no header here")
    turn = answer(Dialogue("[[retrieve]]", 0, ("headroom_retrieve",), results=results))
    assert turn.calls == (Call("headroom_retrieve", {"id": "new", "lines": "7-7"}),)


def test_retrieve_without_a_marker_says_so_and_gives_the_answer_that_follows() -> None:
    assert answer(Dialogue("[[retrieve]]", 0, ("Bash",), results=("plain",))).text == NO_MARKER
    turn = answer(Dialogue("[[retrieve]] [[find FATAL]]", 0, ("Bash",), results=("a\nFATAL b",)))
    assert turn.text == f"{NO_MARKER}\nFATAL b"


def test_find_quotes_what_was_sent_newest_result_first_and_each_line_once() -> None:
    results = ("FATAL old\ninfo", "x FATAL new\nFATAL old")
    turn = answer(Dialogue("[[find FATAL]]", 0, ("Bash",), results=results, texts=("a FATAL in words",)))
    assert turn.text == "x FATAL new\nFATAL old\na FATAL in words"


def test_find_does_not_take_a_marker_for_a_finding() -> None:
    results = (elision(1, 5, "4 INFO, 1 FATAL"),)
    assert answer(Dialogue("[[find FATAL]]", 0, ("Bash",), results=results)).text == NOT_FOUND


def test_words_come_in_as_many_pieces() -> None:
    assert len(answer(Dialogue("[[words 500]]")).pieces) == 500


def test_reminders_are_not_the_users_words() -> None:
    assert own_text("<system-reminder>\nX [[say no]]\n</system-reminder>\n ask ") == "ask"


def test_a_commit_directive_is_the_answer_to_a_diff_and_to_nothing_else() -> None:
    prompt = "Greet. [[say hello]] [[commit feat: greet]]"
    assert answer(Dialogue(prompt)).text == "hello"
    assert answer(Dialogue(f"{prompt}\ndiff --git a/f b/f")).text == "feat: greet"
