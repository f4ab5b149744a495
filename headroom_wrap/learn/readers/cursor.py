"""Cursor: `projects/<folder>/agent-transcripts/**/*.jsonl`. Untested: no transcript of Cursor's own was at hand.

The lines resemble Anthropic's messages. They have no times and no folder: the project is the one of the folder's name,
where a path in the calls shows which one that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from headroom_wrap.agents.agent import Context
from headroom_wrap.agents.cursor import transcripts
from headroom_wrap.learn.events import Call, Session, ToolKind
from headroom_wrap.learn.readers import json_lines
from headroom_wrap.learn.readers.building import Builder, answer_of
from headroom_wrap.learn.readers.reader import Reader, Tally
from headroom_wrap.learn.readers.texts import as_dict, as_list, as_text

KINDS = {
    "Shell": ToolKind.SHELL,
    "run_terminal_cmd": ToolKind.SHELL,
    "Read": ToolKind.READ,
    "read_file": ToolKind.READ,
    "StrReplace": ToolKind.EDIT,
    "Write": ToolKind.EDIT,
    "ApplyPatch": ToolKind.EDIT,
    "edit_file": ToolKind.EDIT,
    "search_replace": ToolKind.EDIT,
    "Grep": ToolKind.SEARCH,
    "Glob": ToolKind.SEARCH,
    "LS": ToolKind.SEARCH,
    "list_dir": ToolKind.SEARCH,
    "grep": ToolKind.SEARCH,
    "file_search": ToolKind.SEARCH,
    "codebase_search": ToolKind.SEARCH,
}
_FOLDER = "agent-transcripts"
_QUERY = re.compile(r"<user_query>(.*?)</user_query>", re.DOTALL)
_ASIDES = re.compile(r"<([a-z_]+)>.*?</\1>", re.DOTALL)
_EXIT = re.compile(r"(?:Exit code|exit code|Command (?:failed|completed)[^\n]{0,40}exit code):? (-?\d+)")
_FAILED = re.compile(r"\s*(?:<error>|Error[: ]|The string to replace was not found|File not found)")


def files(context: Context) -> Iterator[Path]:
    """The transcripts of the context's project."""
    for folder in transcripts(context):
        if folder.name == _FOLDER:
            yield from folder.rglob("*.jsonl")


def read(file: Path, tally: Tally | None = None) -> Iterator[Session]:
    """The session of a file.

    Raises:
        OSError: the file cannot be read.
    """
    builder = Builder("cursor", file, KINDS)
    builder.note(file.stem)
    slug = next((place.parent.name for place in file.parents if place.name == _FOLDER), "")
    for number, line in enumerate(json_lines.objects(file, tally or Tally())):
        message = as_dict(line.get("message")) or line
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else as_list(content)
        for place, block in enumerate(blocks):
            _take_in(builder, as_text(line.get("role")), as_dict(block), f"{number}.{place}", slug)
        if builder.is_full and (part := builder.take()):
            yield part
    if part := builder.take():
        yield part


def _take_in(builder: Builder, role: str, block: dict[str, Any], place: str, slug: str) -> None:
    type_ = block.get("type")
    if type_ == "text" and role == "user":
        text = as_text(block.get("text"))
        query = _QUERY.search(text)
        builder.said(query[1] if query else _ASIDES.sub("", text))
    elif type_ == "tool_use":
        id_ = as_text(block.get("id")) or place
        builder.call(id_, as_text(block.get("name")), as_dict(block.get("input")))
        call = builder.get(id_)
        if call is not None and not builder.cwd:
            builder.note(cwd=_project(call, slug))
    elif type_ == "tool_result":
        text = _text(block.get("content"))
        exit_ = _EXIT.search(text[:400]) or _EXIT.search(text[-400:])
        failed = bool(block.get("is_error")) or bool(_FAILED.match(text))
        builder.answer(
            as_text(block.get("tool_use_id")), answer_of(text, int(exit_[1]) if exit_ else None, failed=failed)
        )


def _project(call: Call, slug: str) -> str:
    """The folder above a path of the call whose name, as Cursor spells it, is the transcript's folder."""
    for text in (call.path, call.cwd):
        path = PurePosixPath(text)
        if path.is_absolute():
            for folder in (path, *path.parents):
                if re.sub(r"[^a-zA-Z0-9]+", "-", str(folder)).strip("-") == slug:
                    return str(folder)
    return ""


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(as_text(item.get("text")) for item in as_list(content) if isinstance(item, dict))


READER = Reader("cursor", files, read, is_per_project=True)
