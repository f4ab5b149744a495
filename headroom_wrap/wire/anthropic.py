"""Anthropic Messages (https://docs.anthropic.com/en/api/messages) as real agents send them.

Slots are the texts of `tool_result` blocks, whether their content is a string or a list of blocks. Messages of
any role, blocks of any type and fields of any name pass: what is not understood is not touched.
"""

from __future__ import annotations

from typing import Any

from headroom_wrap.compression.model import Slot, SlotKind
from headroom_wrap.wire.request import ParsedRequest
from headroom_wrap.wire.spans import Cursor, MalformedError, Span

_REMINDER = "<system-reminder>"


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
        kind = fields.get("type")
        if kind == "tool_use":
            self._calls[str(fields.get("id"))] = (str(fields.get("name")), _as_dict(fields.get("input")))
        if kind == "tool_result":
            call_id = str(fields.get("tool_use_id"))
            name, arguments = self._calls.get(call_id, ("", {}))
            is_error = fields.get("is_error") is True
            found.extend(
                (Slot(SlotKind.TOOL_RESULT, text, 0, call_id, name, arguments, is_error), span) for text, span in texts
            )
        words = fields.get("text") if kind == "text" else None
        return words if isinstance(words, str) and not words.lstrip().startswith(_REMINDER) else ""

    def _add(self, slot: Slot, span: Span) -> None:
        place = len(self.spans)
        self.spans.append(span)
        self.slots.append(
            Slot(slot.kind, slot.text, place, slot.call_id, slot.tool_name, slot.tool_input, slot.is_error)
        )


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
