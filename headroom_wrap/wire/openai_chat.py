"""OpenAI Chat Completions (https://platform.openai.com/docs/api-reference/chat).

Slots are the contents of `tool` messages, as a string or as text parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headroom_wrap.compression.model import Slot, SlotKind
from headroom_wrap.wire.history import Calls, HistoryFormat, span_behind, text_parts
from headroom_wrap.wire.request import Call, Entry
from headroom_wrap.wire.spans import Cursor, Span


def openai_chat() -> HistoryFormat:
    """A new reader of Chat Completions bodies."""
    return HistoryFormat("messages", _message, tool_names)


def tool_names(tools: list[Any]) -> frozenset[str]:
    """The names of function and custom tools, whichever way the two formats of OpenAI write them."""
    return frozenset(_names(tools))


def arguments(text: object) -> Mapping[str, Any]:
    """A call's arguments, which OpenAI's formats carry as JSON in a string; what is no object is its own text."""
    if not isinstance(text, str):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"input": text}


def _message(cursor: Cursor, calls: Calls) -> Entry:
    start = cursor.at
    fields: dict[str, Any] = {}
    texts: list[tuple[str, Span]] = []
    for key in cursor.members():
        if key == "content" and cursor.peek() == '"':
            texts.append(cursor.spanned())
        elif key == "content" and cursor.peek() == "[":
            texts.extend(text_parts(cursor, frozenset({"text"})))
        else:
            fields[key] = cursor.value()
    span, role = span_behind(cursor, start), fields.get("role")
    if role == "tool":
        call_id = str(fields.get("tool_call_id"))
        name, given = calls.get(call_id, ("", {}))
        return Entry(span, tuple(Slot(SlotKind.TOOL_RESULT, text, at, call_id, name, given) for text, at in texts))
    if role == "assistant":
        return Entry(span, calls=tuple(_calls(fields.get("tool_calls"))))
    return Entry(span, words=texts[-1][0] if role == "user" and texts else "")


def _calls(calls: object) -> Iterator[tuple[str, Call]]:
    for call in calls if isinstance(calls, list) else ():
        kind = call.get("type", "function") if isinstance(call, dict) else None
        inner = call.get(kind) if isinstance(kind, str) else None
        if isinstance(inner, dict):
            yield str(call.get("id")), (str(inner.get("name")), arguments(inner.get("arguments", inner.get("input"))))


def _names(tools: list[Any]) -> Iterator[str]:
    for tool in tools:
        if not isinstance(tool, dict) or tool.get("defer_loading") is True:
            continue
        if tool.get("type") == "namespace" and isinstance(tool.get("tools"), list):
            yield from _names(tool["tools"])
            continue
        inner = tool.get(str(tool.get("type")))
        yield str((inner if isinstance(inner, dict) else tool).get("name", tool.get("type")))
