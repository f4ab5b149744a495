"""Anthropic Messages (https://docs.anthropic.com/en/api/messages) as real agents send them.

Slots are the texts of `tool_result` blocks, whether their content is a string or a list of blocks. Messages of
any role, blocks of any type and fields of any name pass: what is not understood is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headroom_wrap.compression.model import Slot, SlotKind
from headroom_wrap.wire.history import Calls, HistoryFormat, span_behind, text_parts
from headroom_wrap.wire.request import Call, Entry
from headroom_wrap.wire.spans import Cursor, Span

_TEXT = frozenset({"text"})
_REMINDER = "<system-reminder>"
_RESULT = '"tool_result"'
_HEAD_CHARS = 120
"""Where clients write a block's type; one that stands further on is found too, by a second look."""


def anthropic() -> HistoryFormat:
    """A new reader of Messages and count_tokens bodies."""
    return HistoryFormat("messages", _message, _callable_tools)


def _message(cursor: Cursor, calls: Calls) -> Entry:
    start = cursor.at
    found = _Found(calls)
    role, words = "", ""
    for key in cursor.members():
        if key == "role":
            role = str(cursor.value())
        elif key == "content" and cursor.peek() == '"':
            words = cursor.value()
        elif key == "content" and cursor.peek() == "[":
            for _ in cursor.elements():
                if cursor.peek() == "{":
                    words = found.block(cursor) or words
    words = words if role == "user" else ""
    return Entry(span_behind(cursor, start), tuple(found.slots), tuple(found.calls.items()), words)


class _Found:
    """What the blocks of one message contribute."""

    def __init__(self, earlier_calls: Calls) -> None:
        self.slots: list[Slot] = []
        self.calls: dict[str, Call] = {}
        self._earlier_calls = earlier_calls

    def block(self, cursor: Cursor) -> str:
        """Walk one content block; gives the user's words where it is a text."""
        start = cursor.at
        if cursor.text.find(_RESULT, start, start + _HEAD_CHARS) < 0:
            # Most blocks are no results: one call of the C scanner takes them whole.
            block = cursor.value()
            if block.get("type") != "tool_result":
                return self._other(block)
            cursor.at = start
        return self._result(cursor)

    def _other(self, block: Mapping[str, Any]) -> str:
        if block.get("type") == "tool_use":
            self.calls[str(block.get("id"))] = (str(block.get("name")), _as_dict(block.get("input")))
        return _words(block) if block.get("type") == "text" else ""

    def _result(self, cursor: Cursor) -> str:
        fields: dict[str, Any] = {}
        texts: list[tuple[str, Span]] = []
        for key in cursor.members():
            if key == "content" and cursor.peek() == '"':
                texts.append(cursor.spanned())
            elif key == "content" and cursor.peek() == "[":
                texts.extend(text_parts(cursor, _TEXT))
            else:
                fields[key] = cursor.value()
        if fields.get("type") != "tool_result":
            return self._other(fields)
        call_id = str(fields.get("tool_use_id"))
        name, arguments = self._earlier_calls.get(call_id) or self.calls.get(call_id) or ("", {})
        is_error = fields.get("is_error") is True
        self.slots.extend(
            Slot(SlotKind.TOOL_RESULT, text, span, call_id, name, arguments, is_error) for text, span in texts
        )
        return ""


def _words(block: Mapping[str, Any]) -> str:
    """The user's words in a text block; what the agent put there as a reminder is not theirs."""
    words = block.get("text")
    return words if isinstance(words, str) and not words.lstrip().startswith(_REMINDER) else ""


def _callable_tools(tools: list[Any]) -> frozenset[str]:
    return frozenset(
        str(tool.get("name")) for tool in tools if isinstance(tool, dict) and tool.get("defer_loading") is not True
    )


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
