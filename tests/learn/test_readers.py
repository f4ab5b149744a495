"""The readers of the other agents, by hand-made transcripts: what the real ones are hard to bring to."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap import zstd
from headroom_wrap.agents.registry import AGENTS
from headroom_wrap.learn.events import Outcome, ToolKind
from headroom_wrap.learn.readers import READERS, Tally
from headroom_wrap.learn.readers.texts import command_line, cut, seconds
from tests.learn.handmade import AT, AT_S, calls, context, read, words, write_lines

AIDER = """
# aider chat started at 2026-03-01 10:00:00

> Aider v0.86.2  

#### Raise the rows.  
#### To eighty.  

Here it is, with a heading and a quotation:

#### Heading
> quoted

> # 1 SEARCH/REPLACE block failed to match!

## SearchReplaceNoExactMatch: This SEARCH block failed to exactly match lines in a.ini
<<<<<<< SEARCH
b
=======

The SEARCH section must exactly match an existing block of lines  

> Applied edit to a.ini  

#### /test pytest -q  

#### I ran this command:  
####   
#### pytest -q  
####   
#### And got this output:  
####   
#### E   assert 1 == 2  

#### /add b.ini  

#### <blank>  

#### /ask why?  

#### !ls -l  

# aider chat started at 2026-03-02 10:00:00

#### Thanks.  
"""  # noqa: W291 - as Aider writes it


def test_every_agent_whose_transcripts_are_known_has_a_reader() -> None:
    known = {name for name, agent in AGENTS.items() if agent.transcripts(context(Path("/nowhere")))}
    assert set(READERS) == known - {"demo"}  # it names those of Claude Code, whose settings it reads


@pytest.mark.parametrize("agent", READERS)
def test_a_user_without_transcripts_has_none(agent: str, tmp_path: Path) -> None:
    assert [file for file in READERS[agent].files(context(tmp_path)) if file.exists()] == []


COMMANDS = [
    (["bash", "-lc", "make all"], "make all"),
    (["/bin/zsh", "-l", "-c", "make all"], "make all"),
    ("bash -lc 'make all && ls'", "make all && ls"),
    (["git", "commit", "-m", "a b"], "git commit -m 'a b'"),
    ("bash scripts/run.sh -c x", "bash scripts/run.sh -c x"),
    ("bash -c 'unclosed", "bash -c 'unclosed"),
    (["bash", "run.sh"], "bash run.sh"),
    (["bash", "-c", "x", "name"], "bash -c x name"),
    (None, ""),
    ([1, 2], ""),
]


@pytest.mark.parametrize(("command", "line"), COMMANDS)
def test_a_command_is_read_without_its_wrapper(command: object, line: str) -> None:
    assert command_line(command) == line


def test_times_of_all_forms_are_seconds() -> None:
    assert [seconds(value) for value in (AT, AT_S * 1000, AT_S, "2026-03-01T11:00:00+01:00")] == [AT_S] * 4
    nothing: list[object] = [None, "soon", True, [], ""]
    assert [seconds(value) for value in nothing] == [0.0] * len(nothing)


def test_a_text_is_cut_in_its_middle_and_holds_nothing_that_cannot_be_stored() -> None:
    assert cut("ab" * 10, 10) == "ababa\n[10 characters left out]\nbabab"
    assert cut("a\ud800b") == "a?b"


def copilot(type_: str, **data: Any) -> dict[str, Any]:
    return {"type": type_, "data": data, "timestamp": AT}


def test_copilots_exit_code_counts_and_not_its_success(tmp_path: Path) -> None:
    request = {"toolCallId": "1", "name": "bash", "arguments": {"command": "make"}}
    lines = (
        copilot("session.start", sessionId="s1", context={"cwd": "/w/app"}, startTime=AT),
        copilot("user.message", content="Fix it.", transformedContent="<current_datetime>x</current_datetime> Fix it."),
        copilot("user.message", content="not mine", source="skill-review"),
        copilot("assistant.message", content="", toolRequests=[request]),
        copilot("tool.execution_start", toolCallId="1", toolName="bash", arguments={"command": "make"}),
        copilot(
            "tool.execution_complete", toolCallId="1", success=True, shellExecution={"exitCode": 2},
            result={"content": "no rule\n<shellId: 0 completed with exit code 2>"},
        ),
        copilot("tool.execution_start", toolCallId="2", toolName="bash", arguments={"command": "ls"}),
        copilot(
            "tool.execution_complete", toolCallId="2", success=True,
            result={"content": "a\n<exited with exit code 1>"},
        ),
        copilot("tool.execution_start", toolCallId="3", toolName="bash", arguments={"command": "rm a"}),
        copilot(
            "tool.execution_complete", toolCallId="3", success=False,
            error={"message": "The user rejected this tool call. User feedback: keep it", "code": "rejected"},
        ),
        copilot("tool.execution_start", toolCallId="4", toolName="apply_patch", arguments="*** Update File: a.py\n@@"),
    )  # fmt: skip
    file = write_lines(tmp_path / ".copilot" / "session-state" / "s1" / "events.jsonl", *lines)
    assert list(READERS["copilot"].files(context(tmp_path))) == [file]
    assert list(READERS["copilot"].files(context(Path("/nowhere"), COPILOT_HOME=str(tmp_path / ".copilot")))) == [file]
    session = read("copilot", file)
    assert (session.id, session.cwd, session.started, words(session)) == ("s1", "/w/app", AT_S, ["Fix it.", "keep it"])
    assert [(call.outcome, call.exit_code, call.text) for call in calls(session)] == [
        (Outcome.FAILED, 2, "no rule"),
        (Outcome.FAILED, 1, "a"),
        (Outcome.DENIED, None, "The user rejected this tool call. User feedback: keep it"),
        (Outcome.UNKNOWN, None, ""),
    ]


def openclaw(file: Path, rows: list[tuple[str, int, str | None, bytes | None]]) -> Path:
    """A database of OpenClaw's with these events; session s2 belongs to a helper of the agent's."""
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE session_windows (session_id TEXT, spawned_by TEXT)")
        connection.execute("INSERT INTO session_windows VALUES ('s1', NULL), ('s2', 's1')")
        connection.execute("CREATE TABLE transcript_events (session_id, seq, event_json, event_zstd)")
        connection.executemany("INSERT INTO transcript_events VALUES (?, ?, ?, ?)", rows)
    return file


def message(role: str, content: Any, **fields: Any) -> str:
    event = {"type": "message", "timestamp": AT, "message": {"role": role, "content": content, **fields}}
    return json.dumps(event)


def test_openclaws_rows_are_read_packed_or_not_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    call = {"type": "toolCall", "id": "1", "name": "exec", "arguments": {"command": "make"}}
    details = {"status": "completed", "exitCode": 2, "cwd": "/w/web"}
    result = message(
        "toolResult",
        [{"type": "text", "text": "no rule\n\n(Command exited with code 2)"}],
        toolCallId="1",
        details=details,
    )
    aside = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>x<<<END_OPENCLAW_INTERNAL_CONTEXT>>>"
    file = openclaw(
        tmp_path / ".openclaw" / "agents" / "main" / "agent" / "openclaw-agent.sqlite",
        [
            ("s1", 0, json.dumps({"type": "session", "id": "s1", "cwd": "/w/app", "timestamp": AT}), None),
            ("s1", 1, message("user", f"Fix it.{aside}"), None),
            ("s1", 2, message("assistant", [call]), None),
            ("s1", 3, None, b"no zstd"),
            ("s1", 4, None, zstd.compress(result.encode())),
            ("s2", 0, message("user", "You are to search."), None),
            ("s2", 1, message("assistant", [call]), None),
        ],
    )  # fmt: skip
    tally = Tally()
    assert list(READERS["openclaw"].files(context(tmp_path))) == [file]
    first, second = READERS["openclaw"].read(file, tally)
    (made,) = calls(first)
    assert (made.outcome, made.exit_code, made.text, made.cwd) == (Outcome.FAILED, 2, "no rule", "/w/web")
    assert (words(first), words(second), tally.n_bad) == (["Fix it."], [], 1)
    assert [each.name for each in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("agent", ["openclaw", "opencode"])
def test_a_database_that_is_none_cannot_be_read(agent: str, tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    file.write_bytes(b"no database " * 100)
    with pytest.raises(OSError, match=r"a\.db: "):
        list(READERS[agent].read(file))


def test_opencodes_parts_are_read_and_what_it_adds_to_the_users_words_is_not(tmp_path: Path) -> None:
    file = tmp_path / ".local" / "share" / "opencode" / "opencode.db"
    file.parent.mkdir(parents=True)
    refused = "The user rejected permission to use this specific tool call with the following feedback: keep it"
    states = [
        {"status": "completed", "input": {"command": "make"}, "output": "bad", "metadata": {"exit": 2}},
        {"status": "error", "input": {"command": "rm a"}, "error": refused},
        {"status": "running", "input": {"command": "ls"}},
    ]
    parts: list[tuple[str, object]] = [
        ("user", {"type": "text", "text": "Fix it."}),
        ("user", {"type": "text", "text": "not mine", "synthetic": True}),
        *(("assistant", {"type": "tool", "tool": "bash", "callID": str(i), "state": s}) for i, s in enumerate(states)),
        ("assistant", "no object"),
    ]
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE session (id, directory, parent_id, time_created)")
        connection.execute("CREATE TABLE message (id, session_id, time_created, data)")
        connection.execute("CREATE TABLE part (id, message_id, data)")
        for session, parent in (("s1", None), ("s2", "s1")):
            connection.execute("INSERT INTO session VALUES (?, '/w/app', ?, ?)", (session, parent, AT_S * 1000))
            for number, (role, part) in enumerate(parts):
                told = json.dumps({"role": role, "time": {"created": AT_S * 1000}, "path": {"cwd": "/w/web"}})
                values = (f"{session}{number}", session, AT_S * 1000, told)
                connection.execute("INSERT INTO message VALUES (?, ?, ?, ?)", values)
                connection.execute("INSERT INTO part VALUES (?, ?, ?)", (number, values[0], json.dumps(part)))
    assert list(READERS["opencode"].files(context(tmp_path))) == [file]
    mine, childs = READERS["opencode"].read(file)
    assert (words(mine), words(childs)) == (["Fix it.", "keep it"], ["keep it"])
    assert [(call.outcome, call.exit_code, call.cwd) for call in calls(mine)] == [
        (Outcome.FAILED, 2, "/w/web"),
        (Outcome.DENIED, None, "/w/web"),
        (Outcome.UNKNOWN, None, "/w/web"),
    ]


def test_aiders_history_is_read_as_sessions_with_edits_commands_and_words(tmp_path: Path) -> None:
    file = tmp_path / ".aider.chat.history.md"
    file.write_text(AIDER, encoding="utf-8")
    first, second = READERS["aider"].read(file)
    assert words(first) == ["Raise the rows.\nTo eighty.", "why?"]
    assert words(second) == ["Thanks."]
    assert 0 < first.started == second.started - 86_400
    assert first.cwd == str(tmp_path)
    assert [(call.kind, call.command or call.path, call.outcome) for call in calls(first)] == [
        (ToolKind.EDIT, "a.ini", Outcome.FAILED),
        (ToolKind.EDIT, "a.ini", Outcome.OK),
        (ToolKind.SHELL, "pytest -q", Outcome.UNKNOWN),
        (ToolKind.SHELL, "pytest -q", Outcome.FAILED),
        (ToolKind.SHELL, "ls -l", Outcome.UNKNOWN),
    ]
    assert calls(first)[3].text == "E   assert 1 == 2"


def test_cursors_project_is_the_one_that_its_paths_show(tmp_path: Path) -> None:
    result = {"type": "tool_result", "tool_use_id": "2", "content": "Exit code: 2\nbad"}
    lines: tuple[dict[str, Any], ...] = (
        {"role": "user", "message": {"content": [{"type": "text", "text": "<user_query>\nFix it.\n</user_query>"}]}},
        {
            "role": "assistant",
            "message": {"content": [
                {"type": "tool_use", "id": "1", "name": "Read", "input": {"path": "/w/my_app/src/a.py"}},
                {"type": "tool_use", "id": "2", "name": "Shell", "input": {"command": "make"}},
            ]},
        },
        {"role": "user", "message": {"content": [result]}},
    )  # fmt: skip
    file = write_lines(tmp_path / "projects" / "w-my-app" / "agent-transcripts" / "c1" / "c1.jsonl", *lines)
    there = context(tmp_path, Path("/w/my_app"), CURSOR_DATA_DIR=str(tmp_path))
    assert list(READERS["cursor"].files(there)) == [file]
    session = read("cursor", file)
    assert (session.id, session.cwd, words(session)) == ("c1", "/w/my_app", ["Fix it."])
    assert [(call.outcome, call.exit_code) for call in calls(session)] == [(Outcome.UNKNOWN, None), (Outcome.FAILED, 2)]
