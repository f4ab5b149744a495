"""OpenCode: one SQLite file with the sessions of all projects; a message consists of parts, a call is one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headroom_wrap.agents.agent import Context
from headroom_wrap.agents.opencode import transcripts
from headroom_wrap.learn.events import Outcome, Session, ToolKind
from headroom_wrap.learn.readers import sqlite_rows
from headroom_wrap.learn.readers.building import Answer, Builder, Row, answer_of, sessions_of
from headroom_wrap.learn.readers.reader import Reader, Tally
from headroom_wrap.learn.readers.texts import as_dict, as_text, seconds

KINDS = {
    "bash": ToolKind.SHELL,
    "read": ToolKind.READ,
    "edit": ToolKind.EDIT,
    "multiedit": ToolKind.EDIT,
    "write": ToolKind.EDIT,
    "patch": ToolKind.EDIT,
    "apply_patch": ToolKind.EDIT,
    "grep": ToolKind.SEARCH,
    "glob": ToolKind.SEARCH,
    "list": ToolKind.SEARCH,
}
_SQL = """
SELECT session.id, session.directory, session.parent_id, session.time_created, message.data, part.data
FROM session JOIN message ON message.session_id = session.id JOIN part ON part.message_id = message.id
ORDER BY session.id, message.time_created, message.id, part.id
"""
_TIMEOUT = re.compile(r"(?:bash|shell) tool terminated command after exceeding timeout|Command timed out after ")
_DENIED = re.compile(r"The user (?:rejected|dismissed) |.{0,80}prevents you from using this specific tool call")
_DENIED_WORDS = re.compile(r"with the following feedback: (.*)", re.DOTALL)
_ASIDES = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)


def files(context: Context) -> Iterator[Path]:
    """The database."""
    yield from transcripts(context)


def read(file: Path, tally: Tally | None = None) -> Iterator[Session]:
    """The sessions of the database.

    Raises:
        OSError: the file cannot be read.
    """
    tally = tally or Tally()

    def begin(row: Row) -> Builder:
        id_, directory, _, created, *_ = row
        builder = Builder("opencode", file, KINDS)
        builder.note(id_, as_text(directory), seconds(created))
        return builder

    def take_in(builder: Builder, row: Row) -> None:
        *_, parent, _, message, part = row
        tally.n_bytes += len(part)
        _take_in(builder, _object(message, tally), _object(part, tally), is_users=parent is None)

    with sqlite_rows.opened(file) as connection:
        yield from sessions_of(connection.execute(_SQL), begin, take_in)


def _object(text: str, tally: Tally) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        tally.n_bad += 1
        return {}
    return as_dict(value)


def _take_in(builder: Builder, message: dict[str, Any], part: dict[str, Any], *, is_users: bool) -> None:
    at = seconds(as_dict(message.get("time")).get("created"))
    is_said = message.get("role") == "user" and part.get("type") == "text"
    if is_said and is_users and not part.get("synthetic") and not part.get("ignored"):
        builder.said(_ASIDES.sub("", as_text(part.get("text"))), at)
    elif part.get("type") == "tool":
        state = as_dict(part.get("state"))
        id_ = as_text(part.get("callID")) or as_text(part.get("id"))
        cwd = as_text(as_dict(message.get("path")).get("cwd")) or builder.cwd
        at = seconds(as_dict(state.get("time")).get("start")) or at
        builder.call(id_, as_text(part.get("tool")), as_dict(state.get("input")), cwd=cwd, at=at)
        if state.get("status") in ("completed", "error"):
            answer = _answer(state)
            builder.answer(id_, answer)
            if answer.outcome is Outcome.DENIED and (words := _DENIED_WORDS.search(answer.text)):
                builder.said(words[1], at)


def _answer(state: dict[str, Any]) -> Answer:
    is_error = state.get("status") == "error"
    text = as_text(state.get("error")) if is_error else as_text(state.get("output"))
    if is_error and _DENIED.match(text):
        return Answer(Outcome.DENIED, text)
    exit_code = as_dict(state.get("metadata")).get("exit")
    timed_out = bool(_TIMEOUT.search(text[-400:]))
    return answer_of(text, exit_code if isinstance(exit_code, int) else None, failed=is_error, timed_out=timed_out)


READER = Reader("opencode", files, read)
