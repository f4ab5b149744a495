"""Codex: `sessions/YYYY/MM/DD/rollout-*.jsonl`, in both of its forms.

In the classic form a call is a function whose output says "Process exited with code N", or, in older versions, is JSON
with `metadata.exit_code`. In code mode it is a script: what that ran stands in the items between the script and its
output, or, where those are not kept, as JSON within the output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from headroom_wrap.agents.agent import Context
from headroom_wrap.agents.codex import transcripts
from headroom_wrap.learn.events import Outcome, Session, ToolKind
from headroom_wrap.learn.readers import json_lines
from headroom_wrap.learn.readers.building import Answer, Builder, answer_of
from headroom_wrap.learn.readers.reader import Reader, Tally
from headroom_wrap.learn.readers.texts import as_dict, as_list, as_text, seconds

KINDS = {
    "exec_command": ToolKind.SHELL,
    "shell": ToolKind.SHELL,
    "shell_command": ToolKind.SHELL,
    "local_shell": ToolKind.SHELL,
    "container.exec": ToolKind.SHELL,
    "apply_patch": ToolKind.EDIT,
    "view_image": ToolKind.READ,
    "read_file": ToolKind.READ,
    "list_dir": ToolKind.SEARCH,
    "grep_files": ToolKind.SEARCH,
}
_SCRIPT = "exec"
_HEADER = re.compile(
    r"(?:(?:Chunk ID|Wall time|Original token count|Total output lines)\b[^\n]*\n"
    r"|Process exited with code (?P<exit>-?\d+)\n|Exit code: (?P<code>-?\d+)\n"
    r"|Process running with session ID (?P<running>\d+)\n)+(?:Output:\n)?"
)
_SCRIPT_HEADER = re.compile(r"Script (?P<how>completed|failed|running)[^\n]*\n(?:Wall time[^\n]*\n)?(?:Output:\n)?")
_SCRIPT_ERROR = re.compile(r"\A\s*Script error:\n")
_NESTED = re.compile(
    r"tools\.(exec_command|shell_command|apply_patch)\(\s*(\{.*?\}|\"(?:[^\"\\]|\\.)*\")\s*\)", re.DOTALL
)
_TIMEOUT = re.compile(r"command timed out after |timed out after \d+ ?(?:ms|milliseconds|s\b)")
_DENIED = re.compile(
    r"(?:exec command |patch |command )?(?:rejected|aborted|denied|declined) by (?:the )?user", re.IGNORECASE
)
_FAILED = re.compile(
    r"\s*(?:apply_patch verification failed|Failed to |failed to |unsupported call|execution error|exec_command failed"
    r"|write_stdin failed|unable to |Invalid |unknown |error:|Error:|err: )"
)
_PATCHED = re.compile(r"\*\*\* (?:Update|Add|Delete) File: ([^\n]+)")
_REQUEST = "## My request for Codex:"
_ASIDE = re.compile(
    r"\s*(?:<(?:environment_context|user_instructions|turn_aborted|user_shell_command|skill|subagent_notification"
    r"|permissions|collaboration_mode|INSTRUCTIONS|hook_prompt|memor)|# AGENTS\.md instructions)"
)
_USERS = frozenset({"user.text", "user_text", "user"})
_SKIPPED = re.compile(
    rb'"type"\s*:\s*"(?:token_count|token_usage_record|world_state|reasoning|additional_tools|AgentMessage|UserMessage'
    rb'|Reasoning|agent_message|agent_reasoning|compacted)"'
)
_HEAD_BYTES = 400


def files(context: Context) -> Iterator[Path]:
    """The rollouts, packed ones included, those of the archive too."""
    for folder in transcripts(context):
        for place in (folder, folder.with_name("archived_sessions")):
            for pattern in ("rollout-*.jsonl", "rollout-*.jsonl.zst"):
                yield from place.rglob(pattern)


def read(file: Path, tally: Tally | None = None) -> Iterator[Session]:
    """The thread of a file.

    Raises:
        OSError: the file cannot be read.
    """
    thread = _Thread(file)
    for line in json_lines.objects(file, tally or Tally(), lambda line: bool(_SKIPPED.search(line[:_HEAD_BYTES]))):
        thread.take_in(line.get("type"), as_dict(line.get("payload")), seconds(line.get("timestamp")))
        if thread.builder.is_full and (part := thread.builder.take()):
            yield part
    thread.end()
    if part := thread.builder.take():
        yield part


class _Thread:
    """One rollout while it is read."""

    def __init__(self, file: Path) -> None:
        self.builder = Builder("codex", file, KINDS)
        self._cwd = ""
        self._is_users = True
        self._scripts: dict[str, tuple[str, float, int]] = {}
        """Scripts without an output yet: source, time, and how many commands were seen since."""
        self._running: dict[str, str] = {}
        """Ids of processes that go on -> the call that started them."""
        self._waits: dict[str, str] = {}
        """Calls that ask a process for more -> the call that started it."""

    def take_in(self, type_: object, payload: dict[str, Any], at: float) -> None:
        if type_ == "session_meta":
            self._is_users = self._is_users and as_text(payload.get("thread_source") or "user") == "user"
            self._is_users = self._is_users and "subagent" not in as_dict(payload.get("source"))
            self._cwd = self._cwd or as_text(payload.get("cwd"))
            self.builder.note(as_text(payload.get("id")), self._cwd, seconds(payload.get("timestamp")) or at)
        elif type_ == "turn_context":
            self._cwd = as_text(payload.get("cwd")) or self._cwd
            self.builder.note(cwd=self._cwd, at=at)
        elif type_ == "event_msg" and payload.get("type") == "item_completed":
            self._item(as_dict(payload.get("item")), at)
        elif type_ == "response_item":
            take = _TAKES.get(as_text(payload.get("type")))
            if take is not None:
                take(self, payload, at)

    def end(self) -> None:
        """Scripts that have no output."""
        for id_, (source, at, n_commands) in self._scripts.items():
            if not n_commands:
                self.builder.call(id_, _SCRIPT, {"input": source}, cwd=self._cwd, at=at)

    def message(self, payload: dict[str, Any], at: float) -> None:
        if payload.get("role") != "user" or not self._is_users:
            return
        kinds = as_list(as_dict(payload.get("internal_chat_message_metadata_passthrough")).get("content_item_kinds"))
        texts = []
        for place, item in enumerate(as_list(payload.get("content"))):
            kind = as_text(kinds[place]) if place < len(kinds) else "user.text"
            text = as_text(as_dict(item).get("text"))
            if kind in _USERS and not _ASIDE.match(text):
                texts.append(text.rpartition(_REQUEST)[2])
        self.builder.said("\n".join(texts), at)

    def function(self, payload: dict[str, Any], at: float) -> None:
        id_, name = as_text(payload.get("call_id")), as_text(payload.get("name"))
        input_ = _arguments(payload.get("arguments"))
        if name == "write_stdin":
            started = self._running.get(str(input_.get("session_id")))
            if started:
                self._waits[id_] = started
        self._call(id_, name, input_, at)

    def local_shell(self, payload: dict[str, Any], at: float) -> None:
        action = as_dict(payload.get("action"))
        input_ = {"command": action.get("command"), "workdir": as_text(action.get("working_directory"))}
        self._call(as_text(payload.get("call_id") or payload.get("id")), "local_shell", input_, at)

    def custom(self, payload: dict[str, Any], at: float) -> None:
        id_, name, source = (as_text(payload.get(key)) for key in ("call_id", "name", "input"))
        if name == _SCRIPT:
            self._scripts[id_] = (source, at, 0)
        else:
            self._call(id_, name, {"input": source}, at)

    def output(self, payload: dict[str, Any], _at: float) -> None:
        id_ = as_text(payload.get("call_id"))
        parts = _texts(payload.get("output"))
        script = self._scripts.pop(id_, None)
        if script is not None:
            self._script_output(id_, script, parts)
            return
        text = "\n".join(parts)
        answer, running = _answer(text)
        if running:
            self._running[running] = id_
        known = self.builder.get(id_)
        if known is not None and known.exit_code is not None and answer.exit_code is None:
            answer = Answer(known.outcome, answer.text, known.exit_code)
        self.builder.answer(id_, answer)
        started = self._waits.pop(id_, None)
        if started and not running and answer.exit_code is not None:
            self.builder.change(started, outcome=answer.outcome, exit_code=answer.exit_code)

    def _call(self, id_: str, name: str, input_: dict[str, Any], at: float) -> None:
        self.builder.call(id_, name, input_, cwd=self._cwd, at=at)
        call = self.builder.get(id_)
        source = as_text(input_.get("input")) or as_text(input_.get("patch"))
        if call is not None and name == "apply_patch":
            source = source or call.command
        elif call is not None and call.command.startswith("apply_patch"):
            # Older models patch through the shell.
            source = call.command
            self.builder.change(id_, kind=ToolKind.EDIT)
        else:
            return
        patched = _PATCHED.search(source)
        self.builder.change(id_, path=patched[1].strip() if patched else "")

    def _item(self, item: dict[str, Any], at: float) -> None:
        id_ = as_text(item.get("id"))
        if item.get("type") == "CommandExecution":
            exit_code = item.get("exit_code") if isinstance(item.get("exit_code"), int) else None
            cwd = _path(as_text(item.get("cwd")))
            answer = _item_answer(item, exit_code)
            known = self.builder.get(id_)
            if known is not None:
                # It may come long after the output, which then said only that the command goes on.
                said = {} if exit_code is None else {"exit_code": exit_code, "outcome": answer.outcome}
                self.builder.change(id_, cwd=cwd or known.cwd, **said)
                return
            self._count_in_script()
            self.builder.call(id_, "exec_command", {"cmd": item.get("command")}, cwd=cwd, at=at)
            self.builder.answer(id_, answer)
        elif item.get("type") == "FileChange" and self.builder.get(id_) is None:
            self._count_in_script()
            changes = as_dict(item.get("changes"))
            path = next(iter(changes), "")
            self.builder.call(id_, "apply_patch", {"path": path, "input": changes}, cwd=self._cwd, at=at)
            self.builder.answer(id_, _item_answer(item, None))

    def _count_in_script(self) -> None:
        """The command was run by the script that is open; by the last one, should several be."""
        if self._scripts:
            id_ = next(reversed(self._scripts))
            source, at, n_commands = self._scripts[id_]
            self._scripts[id_] = (source, at, n_commands + 1)

    def _script_output(self, id_: str, script: tuple[str, float, int], parts: list[str]) -> None:
        source, at, n_commands = script
        header = _SCRIPT_HEADER.match(parts[0]) if parts else None
        how = header["how"] if header else ""
        texts = [parts[0][header.end() :], *parts[1:]] if header else parts
        if n_commands and how != "failed":
            return
        calls = _nested(source)
        results = [found for text in texts for found in _results(text)]
        if how == "failed" and len(calls) == 1 and not n_commands:
            # What it called threw: the failure is that call's.
            results = [Answer(Outcome.FAILED, _SCRIPT_ERROR.sub("", "\n".join(filter(None, texts))))]
        if calls and len(calls) == len(results):
            for place, ((name, input_), answer) in enumerate(zip(calls, results, strict=True)):
                self._call(f"{id_}.{place}", name, input_, at)
                self.builder.answer(f"{id_}.{place}", answer)
            return
        self.builder.call(id_, _SCRIPT, {"input": source}, cwd=self._cwd, at=at)
        self.builder.answer(id_, answer_of("\n".join(filter(None, texts)), None, failed=how == "failed"))


_TAKES = {
    "message": _Thread.message,
    "function_call": _Thread.function,
    "local_shell_call": _Thread.local_shell,
    "custom_tool_call": _Thread.custom,
    "function_call_output": _Thread.output,
    "custom_tool_call_output": _Thread.output,
    "local_shell_call_output": _Thread.output,
}


def _answer(text: str) -> tuple[Answer, str]:
    """What an output says, and the id of the process if it goes on."""
    packed = _packed(text) if text.startswith("{") else None
    if packed is not None:
        return packed, ""
    header = _HEADER.match(text)
    body = text[header.end() :] if header else text
    exit_text = (header["exit"] or header["code"]) if header else None
    if _DENIED.match(body[:200]):
        return Answer(Outcome.DENIED, body), ""
    timed_out = bool(_TIMEOUT.match(body[:200]))
    if exit_text is not None:
        return answer_of(body, int(exit_text), timed_out=timed_out), ""
    if header and header["running"]:
        return Answer(Outcome.UNKNOWN, body), header["running"]
    return answer_of(body, None, failed=header is None and bool(_FAILED.match(body[:200])), timed_out=timed_out), ""


def _packed(text: str) -> Answer | None:
    """An output that is JSON: of the older shell tool, or of one command in a script."""
    try:
        value = as_dict(json.loads(text))
    except (ValueError, RecursionError):
        return None
    exit_code = as_dict(value.get("metadata")).get("exit_code", value.get("exit_code"))
    if "output" not in value or not (exit_code is None or isinstance(exit_code, int)):
        return None
    output = as_text(value.get("output"))
    return answer_of(output, exit_code, timed_out=bool(_TIMEOUT.match(output[:200])))


def _results(text: str) -> Iterator[Answer]:
    """The results of commands that a script printed as JSON, alone or in a list."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and (found := _packed(json.dumps(item))):
            yield found


def _nested(source: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls that a script makes with arguments that stand in it."""
    return [(match[1], _arguments(match[2])) for match in _NESTED.finditer(source)]


def _item_answer(item: dict[str, Any], exit_code: int | None) -> Answer:
    output = item.get("aggregated_output")
    text = output if isinstance(output, str) else as_text(item.get("stdout")) + as_text(item.get("stderr"))
    if item.get("status") == "declined":
        return Answer(Outcome.DENIED, text)
    return answer_of(text, exit_code, failed=item.get("status") == "failed", timed_out=bool(_TIMEOUT.match(text[:200])))


def _arguments(value: object) -> dict[str, Any]:
    """The arguments of a call; what is no JSON object stands under `input`."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {"input": value}
    return value if isinstance(value, dict) else {"input": value}


def _texts(output: object) -> list[str]:
    if isinstance(output, dict):
        output = output.get("content")
    if isinstance(output, str):
        return [output]
    return [as_text(item.get("text")) for item in as_list(output) if isinstance(item, dict)]


def _path(url: str) -> str:
    return unquote(urlsplit(url).path) if url.startswith("file:") else url


READER = Reader("codex", files, read, json_lines.folder_of)
