"""Transcripts made by hand: what the real agents are hard to bring to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headroom_wrap.agents import Context
from headroom_wrap.learn.events import Call, Said, Session
from headroom_wrap.learn.readers import READERS, Tally

AT = "2026-03-01T10:00:00.000Z"
AT_S = 1772359200.0


def context(home: Path, cwd: Path | None = None, **env: str) -> Context:
    """A user whose home is `home`."""
    return Context((), env, cwd or home, home)


def write_lines(file: Path, *lines: dict[str, Any] | bytes) -> Path:
    """A file of JSON Lines; bytes stand as they are."""
    file.parent.mkdir(parents=True, exist_ok=True)
    content = [line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines]
    file.write_bytes(b"".join(content))
    return file


def read(agent: str, file: Path, tally: Tally | None = None) -> Session:
    """The only session of a file."""
    (session,) = READERS[agent].read(file, tally)
    return session


def calls(session: Session) -> list[Call]:
    return [event for event in session.events if isinstance(event, Call)]


def words(session: Session) -> list[str]:
    return [event.text for event in session.events if isinstance(event, Said)]


def claude_said(content: Any, **fields: Any) -> dict[str, Any]:
    """A line of Claude Code's with what the user said."""
    common = {"sessionId": "s1", "cwd": "/w/app", "timestamp": AT, "isSidechain": False}
    return {**common, "type": "user", "message": {"role": "user", "content": content}, **fields}


def claude_call(id_: str, name: str, given: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A line of Claude Code's with a call."""
    block = {"type": "tool_use", "id": id_, "name": name, "input": given}
    return {**claude_said(""), "type": "assistant", "message": {"role": "assistant", "content": [block]}, **fields}


def claude_result(id_: str, content: Any, *, is_error: bool = False, **fields: Any) -> dict[str, Any]:
    """A line of Claude Code's with a result."""
    block = {"type": "tool_result", "tool_use_id": id_, "content": content, "is_error": is_error}
    return claude_said([block], **{"toolUseResult": {}, **fields})


def codex_item(**payload: Any) -> dict[str, Any]:
    """A line of Codex's with an item of the conversation."""
    return {"timestamp": AT, "type": "response_item", "payload": payload}


def codex_meta(**payload: Any) -> dict[str, Any]:
    """The first line of a rollout."""
    return {"timestamp": AT, "type": "session_meta", "payload": {"id": "t1", "cwd": "/w/app", **payload}}


def codex_said(*texts: str, **fields: Any) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text} for text in texts]
    return codex_item(type="message", role="user", content=content, **fields)


def codex_call(id_: str, name: str, **given: Any) -> dict[str, Any]:
    return codex_item(type="function_call", name=name, call_id=id_, arguments=json.dumps(given))


def codex_output(id_: str, output: Any) -> dict[str, Any]:
    return codex_item(type="function_call_output", call_id=id_, output=output)
