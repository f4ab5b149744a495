"""Claude Code's transcripts: outcomes, the user's own words, subagents, and lines that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headroom_wrap.learn.events import MAX_RESULT_CHARS, Outcome, ToolKind
from headroom_wrap.learn.readers import READERS, Tally
from headroom_wrap.learn.readers.json_lines import MAX_LINE_BYTES
from tests.learn.handmade import (
    AT_S,
    calls,
    claude_call,
    claude_result,
    claude_said,
    context,
    read,
    words,
    write_lines,
)

REJECTED = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the "
    "new_string was NOT written to the file). "
)
RESULTS = [
    ("Exit code 2\nmake: no rule", True, Outcome.FAILED, 2, "make: no rule"),
    ("Exit code 143\nCommand timed out after 2m 0.0s\nhalf", True, Outcome.TIMEOUT, 143, "Command timed out after"),
    ("all good", False, Outcome.OK, None, "all good"),
    ("Exit code 2 is what I print", False, Outcome.OK, None, "Exit code 2 is what I print"),
    (f"{REJECTED}STOP what you are doing", True, Outcome.DENIED, None, REJECTED),
    ("Permission to use Bash with command rm x has been denied.", True, Outcome.DENIED, None, "Permission"),
    ("Claude requested permissions to use Bash, but you haven't granted it yet.", True, Outcome.DENIED, None, "Claude"),
    ("<tool_use_error>String to replace not found in file.</tool_use_error>", True, Outcome.FAILED, None, "String"),
]


@pytest.mark.parametrize("row", RESULTS)
def test_what_came_of_a_call_is_read_from_its_result(
    row: tuple[str, bool, Outcome, int | None, str], tmp_path: Path
) -> None:
    text, is_error, outcome, exit_code, begins = row
    lines = claude_call("1", "Bash", {"command": "make"}), claude_result("1", text, is_error=is_error)
    (call,) = calls(read("claude", write_lines(tmp_path / "s.jsonl", *lines)))
    assert (call.outcome, call.exit_code) == (outcome, exit_code)
    assert call.text.startswith(begins)
    assert "tool_use_error" not in call.text
    assert (call.command, call.cwd, call.at) == ("make", "/w/app", AT_S)


def test_an_interrupted_command_was_denied_and_one_without_a_result_is_unknown(tmp_path: Path) -> None:
    lines = (
        claude_call("1", "Bash", {"command": "make"}),
        claude_call("2", "Read", {"file_path": "/w/app/a.py"}),
        claude_result("1", "half", toolUseResult={"interrupted": True}),
    )
    first, second = calls(read("claude", write_lines(tmp_path / "s.jsonl", *lines)))
    assert first.outcome is Outcome.DENIED
    assert (second.kind, second.path, second.outcome) == (ToolKind.READ, "/w/app/a.py", Outcome.UNKNOWN)


def test_a_command_that_was_moved_aside_ran_out_of_time_unless_that_was_asked_for(tmp_path: Path) -> None:
    aside: dict[str, Any] = {"toolUseResult": {"backgroundTaskId": "b1", "interrupted": False}}
    lines = (
        claude_call("1", "Bash", {"command": "make", "timeout": 1000}),
        claude_call("2", "Bash", {"command": "serve", "run_in_background": True}),
        *(claude_result(id_, "Command running in background with ID: b1.", **aside) for id_ in ("1", "2")),
    )
    made, served = calls(read("claude", write_lines(tmp_path / "s.jsonl", *lines)))
    assert (made.outcome, served.outcome) == (Outcome.TIMEOUT, Outcome.UNKNOWN)


def test_the_users_words_are_read_without_what_the_agent_puts_among_them(tmp_path: Path) -> None:
    aside = "<system-reminder>\nnot mine\n</system-reminder>"
    lines = (
        claude_said(f"Fix it.{aside}"),
        claude_said("not mine", isMeta=True),
        claude_said("copied", forkedFrom={"sessionId": "s0", "messageUuid": "m0"}),
        claude_said("This session is being continued", isCompactSummary=True),
        claude_said("<local-command-stdout>not mine</local-command-stdout>"),
        claude_said("<command-name>/review</command-name>\n<command-args>only the tests</command-args>"),
        claude_said([{"type": "text", "text": "[Request interrupted by user]"}]),
        claude_said([{"type": "text", "text": aside}, {"type": "text", "text": "No, use uv."}]),
    )
    session = read("claude", write_lines(tmp_path / "s.jsonl", *lines))
    assert words(session) == ["Fix it.", "only the tests", "No, use uv."]
    assert (session.id, session.cwd, session.started) == ("s1", "/w/app", AT_S)


def test_what_the_user_says_when_refusing_a_call_are_their_words(tmp_path: Path) -> None:
    said = (
        f"{REJECTED}To tell you how to proceed, the user said:\nno, use pnpm\n\n"
        "Note: The user's next message may contain a correction or preference."
    )
    lines = (
        claude_said("Install it."),
        claude_call("1", "Bash", {"command": "npm i"}),
        claude_result("1", said, is_error=True),
        claude_call("2", "Bash", {"command": "pnpm i"}),
    )
    session = read("claude", write_lines(tmp_path / "s.jsonl", *lines))
    assert words(session) == ["Install it.", "no, use pnpm"]
    assert [call.turn for call in calls(session)] == [1, 2]


def test_what_subagents_did_stands_apart_and_their_prompts_are_not_the_users_words(tmp_path: Path) -> None:
    lines = (
        claude_said("Look."),
        claude_said("You are to search.", isSidechain=True, agentId="a1"),
        claude_call("1", "Grep", {"pattern": "x", "path": "src"}, isSidechain=True, agentId="a1"),
        claude_call("2", "Bash", {"command": "ls"}),
        claude_result("1", "found", isSidechain=True, agentId="a1"),
    )
    main, side = READERS["claude"].read(write_lines(tmp_path / "s.jsonl", *lines))
    assert (main.id, side.id) == ("s1", "s1")
    assert words(main) == ["Look."]
    assert words(side) == []
    assert [call.command for call in calls(main)] == ["ls"]
    assert [(call.kind, call.path, call.text) for call in calls(side)] == [(ToolKind.SEARCH, "src", "found")]


def test_transcripts_of_sessions_and_subagents_are_found_where_the_user_keeps_them(tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine"
    main = write_lines(elsewhere / "projects" / "-w-app" / "s1.jsonl", claude_said("Look."))
    side = write_lines(elsewhere / "projects" / "-w-app" / "s1" / "subagents" / "agent-a1.jsonl", claude_said("Look."))
    write_lines(tmp_path / ".claude" / "projects" / "-w-app" / "s2.jsonl", claude_said("Look."))
    found = READERS["claude"].files(context(tmp_path, CLAUDE_CONFIG_DIR=str(elsewhere)))
    assert set(found) == {main, side}


def test_lines_that_cannot_be_read_are_counted_and_cost_no_other(tmp_path: Path) -> None:
    file = write_lines(
        tmp_path / "s.jsonl",
        b'{"type": "user", "message": \n',
        b'["type", "user"]\n{"type":"user"}\n',
        claude_said("Look."),
        b'{"type":"user","message":' + b"[" * 200_000 + b"\n",
        claude_call("1", "Bash", {"command": "ls"}),
        b'{"type":"user","message":"' + b"x" * (2 * MAX_LINE_BYTES) + b'"}\n',
        claude_result("1", "a \udcff b"),
        b'{"type":"user","sessionId":"s1","message":{"role":"user","content":"caf\xe9"}}\n',
        b'{"type":"user","message":{"role":"user","content":"cut he',
    )
    tally = Tally()
    session = read("claude", file, tally)
    assert words(session) == ["Look.", "caf�"]
    assert [call.text for call in calls(session)] == ["a ? b"]
    assert tally.n_bad == 4
    assert tally.n_bytes == file.stat().st_size


def test_long_results_and_arguments_are_cut_while_they_are_read(tmp_path: Path) -> None:
    text = "begin" + "x" * 50_000 + "end"
    lines = claude_call("1", "Write", {"file_path": "a", "content": text}), claude_result("1", [{"text": text}])
    (call,) = calls(read("claude", write_lines(tmp_path / "s.jsonl", *lines)))
    assert call.n_chars == len(text)
    assert call.text.startswith("beginx")
    assert call.text.endswith("xend")
    assert f"\n[{len(text) - MAX_RESULT_CHARS} characters left out]\n" in call.text
    assert len(call.input["content"]) < MAX_RESULT_CHARS


def test_an_image_and_a_result_of_an_unknown_shape_are_no_text(tmp_path: Path) -> None:
    image = [{"type": "image", "source": {"data": "QUFB" * 1000}}, {"type": "tool_reference", "tool_name": "X"}, 3]
    lines = claude_call("1", "Read", {"file_path": "a.png"}), claude_result("1", image), claude_result("9", "to nobody")
    (call,) = calls(read("claude", write_lines(tmp_path / "s.jsonl", *lines)))
    assert call.outcome is Outcome.OK
    assert call.text.strip() == ""


def test_a_very_long_session_comes_in_parts_of_one_id(tmp_path: Path) -> None:
    lines = []
    for number in range(4000):
        lines += [claude_call(str(number), "Bash", {"command": "make"}), claude_result(str(number), "x" * 9000)]
    parts = list(READERS["claude"].read(write_lines(tmp_path / "s.jsonl", *lines)))
    assert len(parts) > 1
    assert {part.id for part in parts} == {"s1"}
    found = [call for part in parts for call in calls(part)]
    assert len(found) == 4000
    assert {call.outcome for call in found} == {Outcome.OK}
