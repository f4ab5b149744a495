"""Codex's rollouts: both forms, older outputs, processes that go on, and whose words are the user's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap import zstd
from headroom_wrap.learn.events import Outcome, ToolKind
from headroom_wrap.learn.readers import READERS
from tests.learn.handmade import (
    calls,
    codex_call,
    codex_item,
    codex_meta,
    codex_output,
    codex_said,
    context,
    read,
    words,
    write_lines,
)

HEADER = "Chunk ID: ab\nWall time: 0.1 seconds\n"
OUTPUTS: list[tuple[Any, Outcome, int | None, str]] = [
    (f"{HEADER}Process exited with code 3\nOriginal token count: 9\nOutput:\nbad\n", Outcome.FAILED, 3, "bad\n"),
    (f"{HEADER}Process exited with code 0\nOutput:\nok", Outcome.OK, 0, "ok"),
    ("Exit code: 1\nWall time: 0.1 seconds\nOutput:\nbad", Outcome.FAILED, 1, "bad"),
    ('{"output": "bad", "metadata": {"exit_code": 2, "duration_seconds": 0.1}}', Outcome.FAILED, 2, "bad"),
    ({"content": "Exit code: 0\nOutput:\nok", "success": True}, Outcome.OK, 0, "ok"),
    ([{"type": "input_text", "text": "Exit code: 0\nOutput:\nok"}], Outcome.OK, 0, "ok"),
    (
        "Exit code: 124\nWall time: 10 seconds\nOutput:\ncommand timed out after 10000 milliseconds",
        Outcome.TIMEOUT,
        124,
        "command",
    ),
    ("exec command rejected by user", Outcome.DENIED, None, "exec"),
    ("failed to parse function arguments: missing field", Outcome.FAILED, None, "failed"),
    ('{"rows": [1, 2]}', Outcome.OK, None, '{"rows"'),
]


@pytest.mark.parametrize(("output", "outcome", "exit_code", "begins"), OUTPUTS)
def test_what_came_of_a_call_is_read_from_its_output(
    output: Any, outcome: Outcome, exit_code: int | None, begins: str, tmp_path: Path
) -> None:
    lines = (
        codex_meta(),
        codex_call("1", "shell", command=["bash", "-lc", "make all"], workdir="/w"),
        codex_output("1", output),
    )
    (call,) = calls(read("codex", write_lines(tmp_path / "rollout-1.jsonl", *lines)))
    assert (call.outcome, call.exit_code) == (outcome, exit_code)
    assert call.text.startswith(begins)
    assert (call.kind, call.command, call.cwd) == (ToolKind.SHELL, "make all", "/w")


def script(id_: str, source: str, *texts: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A call in code mode and its output."""
    output = [{"type": "input_text", "text": text} for text in texts]
    return (
        codex_item(type="custom_tool_call", name="exec", call_id=id_, input=source),
        codex_item(type="custom_tool_call_output", call_id=id_, output=output),
    )


def test_a_scripts_commands_are_read_from_its_json_where_no_items_are_kept(tmp_path: Path) -> None:
    source = (
        'const a = await tools.exec_command({"cmd": "make"});\n'
        'const b = await tools.exec_command({"cmd": "ls -l", "workdir": "/w/web"}); text(JSON.stringify([a, b]))'
    )
    results = json.dumps([{"exit_code": 2, "output": "no rule"}, {"exit_code": 0, "output": "a.py"}])
    lines = script("1", source, "Script completed\nWall time 0.2 seconds\nOutput:\n", results)
    made, listed = calls(read("codex", write_lines(tmp_path / "rollout-1.jsonl", codex_meta(), *lines)))
    assert (made.command, made.outcome, made.exit_code, made.text) == ("make", Outcome.FAILED, 2, "no rule")
    assert (listed.command, listed.cwd, listed.outcome) == ("ls -l", "/w/web", Outcome.OK)


def test_a_script_whose_commands_cannot_be_told_apart_is_one_call(tmp_path: Path) -> None:
    source = 'for (const c of ["a", "b"]) text(await tools.exec_command({cmd: c}))'
    lines = script("1", source, "Script completed\nOutput:\n", "done")
    (call,) = calls(read("codex", write_lines(tmp_path / "rollout-1.jsonl", codex_meta(), *lines)))
    assert (call.tool, call.kind, call.outcome, call.text) == ("exec", ToolKind.OTHER, Outcome.OK, "done")


def test_a_script_that_failed_by_itself_has_failed_and_one_without_output_is_unknown(tmp_path: Path) -> None:
    lines = script("1", "text(x.y)", "Script failed\nWall time 0.1 seconds\nOutput:\n", "TypeError: x is undefined")
    asked = codex_item(type="custom_tool_call", name="exec", call_id="2", input="text(1)")
    first, second = calls(read("codex", write_lines(tmp_path / "rollout-1.jsonl", codex_meta(), *lines, asked)))
    assert (first.outcome, first.text) == (Outcome.FAILED, "TypeError: x is undefined")
    assert second.outcome is Outcome.UNKNOWN


def test_a_process_that_goes_on_has_the_outcome_of_its_end(tmp_path: Path) -> None:
    lines = (
        codex_meta(),
        codex_call("1", "exec_command", cmd="make slow"),
        codex_output("1", f"{HEADER}Process running with session ID 7\nOutput:\nbegun"),
        codex_call("2", "write_stdin", session_id=7, chars=""),
        codex_output("2", f"{HEADER}Process exited with code 2\nOutput:\nbroken"),
    )
    slow, waited = calls(read("codex", write_lines(tmp_path / "rollout-1.jsonl", *lines)))
    assert (slow.outcome, slow.exit_code) == (Outcome.FAILED, 2)
    assert waited.text == "broken"


def test_a_patch_is_an_edit_of_its_file_also_where_it_goes_through_the_shell(tmp_path: Path) -> None:
    patch = "*** Begin Patch\n*** Update File: src/a.py\n@@\n-a\n+b\n*** End Patch"
    lines = (
        codex_meta(),
        codex_item(type="custom_tool_call", name="apply_patch", call_id="1", input=patch),
        codex_item(
            type="custom_tool_call_output", call_id="1", output="apply_patch verification failed: no such lines"
        ),
        codex_call("2", "shell", command=["bash", "-lc", f"apply_patch <<'EOF'\n{patch}\nEOF"]),
        codex_output("2", '{"output": "Success.", "metadata": {"exit_code": 0}}'),
    )
    failed, applied = calls(read("codex", write_lines(tmp_path / "rollout-1.jsonl", *lines)))
    assert [(call.kind, call.path) for call in (failed, applied)] == [(ToolKind.EDIT, "src/a.py")] * 2
    assert (failed.outcome, applied.outcome) == (Outcome.FAILED, Outcome.OK)


def test_only_what_the_user_said_are_their_words(tmp_path: Path) -> None:
    told = {"content_item_kinds": ["environments.environment_context", "user.text"]}
    lines = (
        codex_meta(),
        codex_said("<environment_context>\n<cwd>/w</cwd></environment_context>"),
        codex_said("# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>"),
        codex_said("not mine", "Fix it.", internal_chat_message_metadata_passthrough=told),
        codex_said("# Context from my IDE setup:\n\n## Open tabs:\n- a.py\n\n## My request for Codex:\nNo, use uv."),
        codex_said("<turn_aborted>\nThe user interrupted"),
        codex_item(type="message", role="developer", content=[{"type": "input_text", "text": "not mine"}]),
    )
    session = read("codex", write_lines(tmp_path / "rollout-1.jsonl", *lines))
    assert words(session) == ["Fix it.", "No, use uv."]
    assert (session.id, session.cwd) == ("t1", "/w/app")


@pytest.mark.parametrize("meta", [{"thread_source": "subagent"}, {"source": {"subagent": {"review": {}}}}])
def test_a_subagents_prompt_is_not_the_users_words(meta: dict[str, Any], tmp_path: Path) -> None:
    lines = codex_meta(**meta), codex_said("You are to search."), codex_call("1", "exec_command", cmd="ls")
    session = read("codex", write_lines(tmp_path / "rollout-1.jsonl", *lines))
    assert words(session) == []
    assert len(calls(session)) == 1


def test_rollouts_are_found_where_the_user_keeps_them_packed_ones_too(tmp_path: Path) -> None:
    lines = codex_meta(), codex_said("Look.")
    plain = write_lines(tmp_path / "mine" / "sessions" / "2026" / "03" / "01" / "rollout-1.jsonl", *lines)
    packed = plain.with_name("rollout-2.jsonl.zst")
    packed.write_bytes(zstd.compress(plain.read_bytes() * 500))
    found = set(READERS["codex"].files(context(tmp_path, CODEX_HOME=str(tmp_path / "mine"))))
    assert found == {plain, packed}
    assert len(words(read("codex", packed))) == 500
    assert READERS["codex"].folder(packed) == "/w/app"


def test_a_damaged_packed_rollout_ends_where_the_damage_is(tmp_path: Path) -> None:
    file = tmp_path / "rollout-1.jsonl.zst"
    content = zstd.compress(json.dumps(codex_said("Look.")).encode() + b"\n")
    file.write_bytes(content + b"damage")
    assert words(read("codex", file)) == ["Look."]
    file.write_bytes(b"no zstd at all")
    assert list(READERS["codex"].read(file)) == []
