"""Copilot CLI: `session-state/<session>/events.jsonl`.

`success` is true even where a command failed: its exit code says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headroom_wrap.agents.agent import Context
from headroom_wrap.agents.copilot import transcripts
from headroom_wrap.learn.events import Outcome, Session, ToolKind
from headroom_wrap.learn.readers import json_lines
from headroom_wrap.learn.readers.building import Answer, Builder, answer_of
from headroom_wrap.learn.readers.reader import Reader, Tally
from headroom_wrap.learn.readers.texts import as_dict, as_list, as_text, seconds

KINDS = {
    "bash": ToolKind.SHELL,
    "powershell": ToolKind.SHELL,
    "view": ToolKind.READ,
    "edit": ToolKind.EDIT,
    "create": ToolKind.EDIT,
    "str_replace_editor": ToolKind.EDIT,
    "apply_patch": ToolKind.EDIT,
    "grep": ToolKind.SEARCH,
    "rg": ToolKind.SEARCH,
    "glob": ToolKind.SEARCH,
}
_PLACES = ("session.start", "session.resume", "session.context_changed")
_SKIPPED = re.compile(
    rb'\A\{"type"\s*:\s*"(?:system\.|session\.(?:usage|shutdown|warning|info|tools|model)|assistant\.(?:turn|reasoning|usage)'
    rb"|assistant\.message_delta|hook\.)"
)
_EXIT = re.compile(r"\n?<(?:exited|shellId: \S+ completed) with exit code (-?\d+)>\s*\Z")
_DENIED = frozenset({"denied", "rejected"})
_DENIED_WORDS = re.compile(r"The user rejected this tool call\. User feedback: (.*)", re.DOTALL)
_GOES_ON = re.compile(r"<command with shellId: \S+ is (?:still )?running")
_PATCHED = re.compile(r"\*\*\* (?:Update|Add|Delete) File: ([^\n]+)")


def files(context: Context) -> Iterator[Path]:
    """The events of every session."""
    for folder in transcripts(context):
        yield from folder.glob("*/events.jsonl")


def read(file: Path, tally: Tally | None = None) -> Iterator[Session]:
    """The session of a file.

    Raises:
        OSError: the file cannot be read.
    """
    builder = Builder("copilot", file, KINDS)
    builder.note(file.parent.name)
    cwd = ""
    for event in json_lines.objects(file, tally or Tally(), lambda line: bool(_SKIPPED.match(line))):
        type_, data, at = event.get("type"), as_dict(event.get("data")), seconds(event.get("timestamp"))
        if type_ in _PLACES:
            cwd = as_text(as_dict(data.get("context")).get("cwd")) or as_text(data.get("cwd")) or cwd
            builder.note(cwd=cwd, at=seconds(data.get("startTime")) or at)
        elif type_ == "assistant.message":
            for request in as_list(data.get("toolRequests")):
                _call(builder, as_dict(request), "name", cwd, at)
        elif type_ == "tool.execution_start":
            _call(builder, data, "toolName", cwd, at)
        else:
            _hear(builder, type_, data, at)
        if builder.is_full and (part := builder.take()):
            yield part
    if part := builder.take():
        yield part


def _hear(builder: Builder, type_: object, data: dict[str, Any], at: float) -> None:
    """What the user said, and what a tool answered."""
    if type_ == "user.message" and not as_text(data.get("source")).startswith(("skill", "system", "agent")):
        builder.said(as_text(data.get("content")), at)
    elif type_ == "tool.execution_complete":
        answer = _answer(data)
        builder.answer(as_text(data.get("toolCallId")), answer)
        if words := _DENIED_WORDS.match(answer.text):
            builder.said(words[1], at)


def _call(builder: Builder, data: dict[str, Any], name: str, cwd: str, at: float) -> None:
    """A call, which is told twice: when it is asked for, and when it starts."""
    id_, arguments = as_text(data.get("toolCallId")), data.get("arguments")
    if builder.get(id_) is not None:
        return
    input_ = arguments if isinstance(arguments, dict) else {"input": arguments}
    builder.call(id_, as_text(data.get(name)), input_, cwd=cwd, at=at)
    patched = _PATCHED.search(as_text(input_.get("input")))
    if patched:
        builder.change(id_, path=patched[1].strip())


def _answer(data: dict[str, Any]) -> Answer:
    result, error = as_dict(data.get("result")), as_dict(data.get("error"))
    text = as_text(result.get("content")) or as_text(error.get("message"))
    footer = _EXIT.search(text)
    exit_code = as_dict(data.get("shellExecution")).get("exitCode")
    if not isinstance(exit_code, int):
        exit_code = int(footer[1]) if footer else None
    text = text[: footer.start()] if footer else text
    if error.get("code") in _DENIED:
        return Answer(Outcome.DENIED, text)
    if exit_code is None and _GOES_ON.search(text[-400:]):
        return Answer(Outcome.UNKNOWN, text)
    return answer_of(text, exit_code, failed=data.get("success") is False)


READER = Reader("copilot", files, read, json_lines.folder_of)
