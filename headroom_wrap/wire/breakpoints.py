"""Marks for Anthropic's prompt cache (`cache_control`), for clients that set none.

Source: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching (at most four marks; each looks back over
20 blocks for a prefix that was marked before; no marks on thinking blocks, empty texts and deferred tools).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headroom_wrap.wire.prefix import MARK_KEY
from headroom_wrap.wire.request import Entry, ParsedRequest
from headroom_wrap.wire.spans import Cursor, MalformedError

STEP_BLOCKS = 18
"""How far before the last mark another one stands: so a turn may bring 37 blocks, not 19, and the cache reads on."""
_MARK = '"cache_control":{"type":"ephemeral"}'
_MARKABLE = frozenset({"text", "tool_result", "tool_use", "image", "document"})


@dataclass(frozen=True, slots=True)
class _Block:
    """A place for a mark: what to insert where, and whether the provider takes a mark there."""

    insertions: Mapping[int, str]
    takes_mark: bool


def breakpoints(request: ParsedRequest) -> dict[int, str]:
    """What to insert where (see `splice`): nothing where the client has set a mark of its own.

    Marks go on the last tool, the last block of the system prompt, the last block of the user's last message, and on
    one `STEP_BLOCKS` before that.
    """
    if MARK_KEY in request.text and _has_mark(request):
        return {}
    marks: dict[int, str] = {}
    for key, takes_mark in (("tools", _is_loaded), ("system", _takes_mark)):
        found = _blocks(Cursor(request.text, request.head[key].start), takes_mark) if key in request.head else ()
        blocks = list(found)
        marks |= next((block.insertions for block in reversed(blocks) if block.takes_mark), {})
    row = _last_blocks(request)
    if row:
        marks |= row[0].insertions
        # The nearest one behind it where the provider takes none just there: so nothing lies outside both look-backs.
        steps = reversed(row[1 : STEP_BLOCKS + 1]) if len(row) > STEP_BLOCKS else iter(())
        marks |= next((block.insertions for block in steps if block.takes_mark), {})
    return marks


def _last_blocks(request: ParsedRequest) -> list[_Block]:
    """Blocks of messages from the end backwards, beginning with the user's last one that takes a mark."""
    row: list[_Block] = []
    for entry in reversed(request.entries):
        role, blocks = _message(request.text, entry)
        for block in reversed(blocks):
            if row or (role == "user" and block.takes_mark):
                row.append(block)
        if len(row) > STEP_BLOCKS:
            break
    return row


def _message(text: str, entry: Entry) -> tuple[str, list[_Block]]:
    cursor = Cursor(text, entry.span.start)
    role, blocks = "", list[_Block]()
    try:
        for key in cursor.members() if cursor.peek() == "{" else ():
            if key == "role":
                role = str(cursor.value())
            elif key == "content":
                blocks = list(_blocks(cursor, _takes_mark))
    except MalformedError:  # a key that stands twice: this message is left alone
        return "", []
    return role, blocks


def _blocks(cursor: Cursor, takes_mark: Callable[[Mapping[str, Any]], bool]) -> Iterator[_Block]:
    """The blocks of a list, or the one that a string is."""
    if cursor.peek() == '"':
        text, span = cursor.spanned()
        yield _Block({span.start: '[{"type":"text","text":', span.end: f",{_MARK}}}]"}, bool(text))
    elif cursor.peek() == "[":
        for _ in cursor.elements():
            item, span = cursor.spanned()
            is_object = isinstance(item, dict) and bool(item)
            yield _Block({span.end - len("}"): f",{_MARK}"}, is_object and takes_mark(item))


def _takes_mark(block: Mapping[str, Any]) -> bool:
    return block.get("type") in _MARKABLE and block.get("text") != ""


def _is_loaded(tool: Mapping[str, Any]) -> bool:
    return tool.get("defer_loading") is not True


def _has_mark(request: ParsedRequest) -> bool:
    """Whether a mark stands where the provider reads one; under this key a tool's input may hold anything."""
    text = request.text
    spans = sorted([*request.head.values(), *(entry.span for entry in request.entries)], key=lambda span: span.start)
    starts = [span.start for span in spans]
    at = text.find(MARK_KEY)
    while at >= 0:
        number = bisect_right(starts, at) - 1
        if number < 0 or at >= spans[number].end:
            return True  # of the request as a whole
        span = spans[number]
        if any(holder.get("cache_control") is not None for holder in _holders(json.loads(text[span.start : span.end]))):
            return True
        at = text.find(MARK_KEY, span.end)
    return False


def _holders(part: object) -> Iterator[dict[str, Any]]:
    """The objects that may carry a mark in tools, in a system prompt, or in a message."""
    content = part.get("content") if isinstance(part, dict) else part
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict):
            yield block
            if block.get("type") == "tool_result":
                yield from _holders(block)
