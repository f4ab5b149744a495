"""Anthropic Messages (https://docs.anthropic.com/en/api/messages) as real agents send them.

Slots are the texts of `tool_result` blocks, whether their content is a string or a list of blocks. Messages of
any role, blocks of any type and fields of any name pass: what is not understood is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headroom_wrap.compression.model import Slot, SlotKind
from headroom_wrap.wire.request import ParsedRequest
from headroom_wrap.wire.spans import Cursor, MalformedError, Span

_REMINDER = "<system-reminder>"
_RESULT = '"tool_result"'
_HEAD_CHARS = 120
"""Where clients write a block's type; one that stands further on is found too, by a second look."""


def parse(body: bytes) -> ParsedRequest | None:
    """Find the slots of a Messages or count_tokens body; None where it is not one."""
    try:
        text = body.decode("utf-8")
        cursor = Cursor(text)
        walk = _Walk()
        for key in cursor.members():
            walk.top_level(key, cursor)
        if not cursor.at_end():
            return None
    except (UnicodeDecodeError, MalformedError):
        return None
    return ParsedRequest(
        text, tuple(walk.slots), tuple(walk.spans), model=walk.model, query=walk.query, tools=walk.tools
    )


class _Walk:
    """What one pass over a body has found so far."""

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.spans: list[Span] = []
        self.model = ""
        self.query = ""
        self.tools: frozenset[str] = frozenset()
        self._calls: dict[str, tuple[str, dict[str, Any]]] = {}

    def top_level(self, key: str, cursor: Cursor) -> None:
        if key == "model":
            self.model = str(cursor.value())
        elif key == "tools" and cursor.peek() == "[":
            self.tools = _callable_tools(cursor.value())
        elif key == "messages" and cursor.peek() == "[":
            for _ in cursor.elements():
                if cursor.peek() == "{":
                    self._message(cursor)

    def _message(self, cursor: Cursor) -> None:
        # A message whose keys stand twice is left alone, and only it: so it is walked once for its shape.
        start = cursor.at
        role, words = "", ""
        found: list[tuple[Slot, Span]] = []
        try:
            for key in cursor.members():
                if key == "role":
                    role = str(cursor.value())
                elif key == "content" and cursor.peek() == '"':
                    words = cursor.value()
                elif key == "content" and cursor.peek() == "[":
                    for _ in cursor.elements():
                        if cursor.peek() == "{":
                            words = self._block(cursor, found) or words
        except MalformedError:
            cursor.at = start
            cursor.value()
            return
        for slot, span in found:
            self._add(slot, span)
        if role == "user" and words:
            self.query = words

    def _block(self, cursor: Cursor, found: list[tuple[Slot, Span]]) -> str:
        """Walk one content block; gives the user's words where it is a text."""
        start = cursor.at
        if cursor.text.find(_RESULT, start, start + _HEAD_CHARS) < 0:
            # Most blocks are no results: one call of the C scanner takes them whole.
            block = cursor.value()
            if block.get("type") != "tool_result":
                return self._other(block)
            cursor.at = start
        return self._result(cursor, found)

    def _other(self, block: Mapping[str, Any]) -> str:
        if block.get("type") == "tool_use":
            self._calls[str(block.get("id"))] = (str(block.get("name")), _as_dict(block.get("input")))
        return _words(block) if block.get("type") == "text" else ""

    def _result(self, cursor: Cursor, found: list[tuple[Slot, Span]]) -> str:
        fields: dict[str, Any] = {}
        texts: list[tuple[str, Span]] = []
        for key in cursor.members():
            if key == "content" and cursor.peek() == '"':
                texts.append(cursor.spanned())
            elif key == "content" and cursor.peek() == "[":
                for _ in cursor.elements():
                    if cursor.peek() == "{":
                        texts.extend(_text_item(cursor))
            else:
                fields[key] = cursor.value()
        if fields.get("type") != "tool_result":
            return self._other(fields)
        call_id = str(fields.get("tool_use_id"))
        name, arguments = self._calls.get(call_id, ("", {}))
        is_error = fields.get("is_error") is True
        found.extend(
            (Slot(SlotKind.TOOL_RESULT, text, 0, call_id, name, arguments, is_error), span) for text, span in texts
        )
        return ""

    def _add(self, slot: Slot, span: Span) -> None:
        place = len(self.spans)
        self.spans.append(span)
        self.slots.append(
            Slot(slot.kind, slot.text, place, slot.call_id, slot.tool_name, slot.tool_input, slot.is_error)
        )


def _words(block: Mapping[str, Any]) -> str:
    """The user's words in a text block; what the agent put there as a reminder is not theirs."""
    words = block.get("text")
    return words if isinstance(words, str) and not words.lstrip().startswith(_REMINDER) else ""


def _text_item(cursor: Cursor) -> list[tuple[str, Span]]:
    """The text of an item of a result's list, where it is a text item."""
    kind: object = None
    text: list[tuple[str, Span]] = []
    for key in cursor.members():
        if key == "text" and cursor.peek() == '"':
            text.append(cursor.spanned())
        elif key == "type":
            kind = cursor.value()
    return text if kind == "text" else []


def _callable_tools(tools: list[Any]) -> frozenset[str]:
    return frozenset(
        str(tool.get("name")) for tool in tools if isinstance(tool, dict) and tool.get("defer_loading") is not True
    )


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
