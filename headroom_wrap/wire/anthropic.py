"""Anthropic Messages (https://docs.anthropic.com/en/api/messages) as real agents send them.

Slots are the texts of `tool_result` blocks, whether their content is a string or a list of blocks. Messages of
any role, blocks of any type and fields of any name pass: what is not understood is not touched.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headroom_wrap.compression.model import Slot, SlotKind
from headroom_wrap.wire.request import ParsedRequest
from headroom_wrap.wire.spans import Cursor, MalformedError, Span

_REMINDER = "<system-reminder>"
_RESULT = '"tool_result"'
_HEAD_CHARS = 120
"""Where clients write a block's type; one that stands further on is found too, by a second look."""


_REMEMBERED = 8
_KEY_CHARS = 2048


@dataclass(frozen=True, slots=True)
class _Message:
    """What one message contributes, and where it stands."""

    span: Span
    slots: tuple[Slot, ...] = ()
    calls: tuple[tuple[str, tuple[str, Mapping[str, Any]]], ...] = ()
    words: str = ""


class AnthropicFormat:
    """Finds the slots of Messages and count_tokens bodies.

    A conversation comes back with each turn, longer at its end. So the last few are remembered, and a message that
    stands word for word where it stood before is not walked again.
    """

    def __init__(self) -> None:
        self._remembered: OrderedDict[str, tuple[str, list[_Message]]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, body: bytes) -> ParsedRequest | None:
        """See `WireFormat`."""
        try:
            text = body.decode("utf-8")
            cursor = Cursor(text)
            walk = _Walk()
            for key in cursor.members():
                if key == "messages" and cursor.peek() == "[":
                    self._messages(cursor, walk)
                else:
                    walk.top_level(key, cursor)
            if not cursor.at_end():
                return None
        except (UnicodeDecodeError, MalformedError):
            return None
        return walk.request(text)

    def _messages(self, cursor: Cursor, walk: _Walk) -> None:
        text, key = cursor.text, cursor.text[cursor.at : cursor.at + _KEY_CHARS]
        with self._lock:
            before, known = self._remembered.get(key, ("", []))
        messages: list[_Message] = []
        same = True
        for index in cursor.elements():
            if same and index < len(known):
                span = known[index].span
                same = span.start == cursor.at and text.startswith(before[span.start : span.end], span.start)
            else:
                same = False
            if same:
                cursor.at = known[index].span.end
                messages.append(known[index])
            else:
                messages.append(_message(cursor, walk.calls))
            walk.add(messages[-1])
        with self._lock:
            self._remembered[key] = (text, messages)
            self._remembered.move_to_end(key)
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)


class _Walk:
    """What one pass over a body has found so far."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self._slots: list[Slot] = []
        self._model = ""
        self._query = ""
        self._tools: frozenset[str] = frozenset()

    def top_level(self, key: str, cursor: Cursor) -> None:
        if key == "model":
            self._model = str(cursor.value())
        elif key == "tools" and cursor.peek() == "[":
            self._tools = _callable_tools(cursor.value())

    def add(self, message: _Message) -> None:
        self._slots += message.slots
        self.calls.update(message.calls)
        self._query = message.words or self._query

    def request(self, text: str) -> ParsedRequest:
        return ParsedRequest(text, tuple(self._slots), self._model, self._query, self._tools)


def _message(cursor: Cursor, calls: Mapping[str, tuple[str, Mapping[str, Any]]]) -> _Message:
    """Walk one message. One whose keys stand twice is left alone, and only it."""
    start = cursor.at
    if cursor.peek() != "{":
        return _Message(cursor.spanned()[1])
    found = _Found(calls)
    role, words = "", ""
    try:
        for key in cursor.members():
            if key == "role":
                role = str(cursor.value())
            elif key == "content" and cursor.peek() == '"':
                words = cursor.value()
            elif key == "content" and cursor.peek() == "[":
                for _ in cursor.elements():
                    if cursor.peek() == "{":
                        words = found.block(cursor) or words
    except MalformedError:
        cursor.at = start
        return _Message(cursor.spanned()[1])
    # `members` steps over the space behind the object; that is no part of the message.
    end = start + len(cursor.text[start : cursor.at].rstrip(" \t\n\r"))
    return _Message(Span(start, end), tuple(found.slots), tuple(found.calls.items()), words if role == "user" else "")


class _Found:
    """What the blocks of one message contribute."""

    def __init__(self, earlier_calls: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
        self.slots: list[Slot] = []
        self.calls: dict[str, tuple[str, Mapping[str, Any]]] = {}
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
                for _ in cursor.elements():
                    if cursor.peek() == "{":
                        texts.extend(_text_item(cursor))
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
