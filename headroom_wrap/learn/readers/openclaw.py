"""OpenClaw: one SQLite file for each of its agents; large events are zstd."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headroom_wrap import zstd
from headroom_wrap.agents.agent import Context
from headroom_wrap.agents.openclaw import transcripts
from headroom_wrap.learn.events import Outcome, Session, ToolKind
from headroom_wrap.learn.readers import sqlite_rows
from headroom_wrap.learn.readers.building import Answer, Builder, Row, answer_of, sessions_of
from headroom_wrap.learn.readers.reader import Reader, Tally
from headroom_wrap.learn.readers.texts import as_dict, as_list, as_text, seconds

KINDS = {
    "exec": ToolKind.SHELL,
    "bash": ToolKind.SHELL,
    "read": ToolKind.READ,
    "edit": ToolKind.EDIT,
    "write": ToolKind.EDIT,
    "apply_patch": ToolKind.EDIT,
    "grep": ToolKind.SEARCH,
    "find": ToolKind.SEARCH,
    "ls": ToolKind.SEARCH,
}
_ASIDES = re.compile(
    r"<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>.*?<<<END_OPENCLAW_INTERNAL_CONTEXT>>>"
    r"|<system-reminder>.*?</system-reminder>",
    re.DOTALL,
)
_EXIT = re.compile(r"\n*\(Command exited with code -?\d+\)\s*\Z|\n*Command not found\s*\Z")


def files(context: Context) -> Iterator[Path]:
    """The database of each agent."""
    yield from transcripts(context)


def read(file: Path, tally: Tally | None = None) -> Iterator[Session]:
    """The sessions of a database.

    Raises:
        OSError: the file cannot be read.
    """
    tally = tally or Tally()
    with sqlite_rows.opened(file) as connection:
        spawned: set[str] = set()
        if "spawned_by" in sqlite_rows.columns_of(connection, "session_windows"):
            sql = "SELECT session_id FROM session_windows WHERE spawned_by IS NOT NULL"
            spawned = {row[0] for row in connection.execute(sql)}
        rows = connection.execute(
            "SELECT session_id, event_json, event_zstd FROM transcript_events ORDER BY session_id, seq"
        )

        def begin(row: Row) -> Builder:
            builder = Builder("openclaw", file, KINDS)
            builder.note(row[0])
            return builder

        def take_in(builder: Builder, row: Row) -> None:
            id_, text, packed = row
            _take_in(builder, _event(text, packed, tally), is_users=id_ not in spawned)

        yield from sessions_of(rows, begin, take_in)


def _event(text: str | None, packed: bytes | None, tally: Tally) -> dict[str, Any]:
    try:
        content = zstd.decompress(packed).decode("utf-8", "replace") if packed is not None else text or ""
        event = json.loads(content)
    except (zstd.ZstdError, ValueError, RecursionError):
        tally.n_bad += 1
        return {}
    tally.n_bytes += len(content)
    return as_dict(event)


def _take_in(builder: Builder, event: dict[str, Any], *, is_users: bool) -> None:
    at = seconds(event.get("timestamp"))
    if event.get("type") == "session":
        builder.note(cwd=as_text(event.get("cwd")), at=at)
    if event.get("type") != "message":
        return
    message = as_dict(event.get("message"))
    role, content = message.get("role"), message.get("content")
    if role == "user" and is_users:
        builder.said(_ASIDES.sub("", _text(content)), at)
    elif role == "assistant":
        for block in as_list(content):
            if isinstance(block, dict) and block.get("type") == "toolCall":
                name, input_ = as_text(block.get("name")), as_dict(block.get("arguments"))
                builder.call(as_text(block.get("id")), name, input_, cwd=builder.cwd, at=at)
    elif role == "toolResult":
        id_, details = as_text(message.get("toolCallId")), as_dict(message.get("details"))
        builder.answer(id_, _answer(_text(content), details, is_error=bool(message.get("isError"))))
        if cwd := as_text(details.get("cwd")):
            builder.change(id_, cwd=cwd)


def _answer(text: str, details: dict[str, Any], *, is_error: bool) -> Answer:
    exit_code = details.get("exitCode") if isinstance(details.get("exitCode"), int) else None
    if exit_code is not None:
        text = _EXIT.sub("", text)
    elif is_error:
        text = as_text(details.get("error")) or text
    if details.get("status") in ("denied", "approval-denied", "blocked"):
        return Answer(Outcome.DENIED, text)
    if details.get("status") in ("running", "approval-pending"):
        return Answer(Outcome.UNKNOWN, text)
    timed_out = details.get("timedOut") is True or details.get("noOutputTimedOut") is True
    return answer_of(text, exit_code, failed=is_error, timed_out=timed_out)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(as_text(item.get("text")) for item in as_list(content) if isinstance(item, dict))


READER = Reader("openclaw", files, read)
