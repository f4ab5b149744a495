"""Marks for Anthropic's prompt cache (`cache_control`), for clients that set none.

Source: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching (at most four marks; each looks back over
20 blocks for a prefix that was marked before; no marks on thinking blocks, empty texts and deferred tools).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from headroom_wrap.wire.prefix import MARK_KEY
from headroom_wrap.wire.request import Entry, ParsedRequest
from headroom_wrap.wire.spans import Cursor, Span

STEP_BLOCKS = 18
"""The fourth mark stands behind a multiple of so many blocks: it stays there until the next multiple is reached, which
then finds it within its look-back. So a turn may bring some 36 blocks, not 20, and the cache still reads on."""
_MARK = '"cache_control":{"type":"ephemeral"}'
_MARKABLE = frozenset({"text", "tool_result", "tool_use", "image", "document"})


def breakpoints(request: ParsedRequest) -> dict[int, str]:
    """What to insert where (see `splice`): none where the client has set a mark of its own.

    Marks go on the last tool, the last system block, the last block of the user's last message, and one before.
    """
    if MARK_KEY in request.text and _has_mark(request):
        return {}
    marks: dict[int, str] = {}
    text = request.text
    if "tools" in request.head and text[request.head["tools"].start] == "[":
        _mark_last(text, request.head["tools"], marks, _is_loaded)
    if "system" in request.head:
        _mark_content(text, request.head["system"], marks)
    entries = request.entries
    last = next((index for index in reversed(range(len(entries))) if _is_users(text, entries[index])), None)
    if last is not None and _mark_message(text, entries[last], marks):
        _mark_step(text, entries, last, marks)
    return marks


def _mark_step(text: str, entries: Sequence[Entry], last: int, marks: dict[int, str]) -> None:
    """Mark the block at the last multiple of `STEP_BLOCKS` before the last message, or the nearest before it."""
    n_before = sum(entry.n_blocks for entry in entries[:last])
    left = n_before % STEP_BLOCKS
    if n_before < STEP_BLOCKS:
        return
    for index in reversed(range(last)):
        n_blocks = entries[index].n_blocks
        if left < n_blocks:
            if _mark_message(text, entries[index], marks, n_blocks - left):
                return
            left = 0
        else:
            left -= n_blocks


def _mark_message(text: str, entry: Entry, marks: dict[int, str], n_blocks: int | None = None) -> bool:
    """Mark the last block of a message that can carry a mark, of the first `n_blocks`; False where none can."""
    cursor = Cursor(text, entry.span.start)
    if cursor.peek() != "{":
        return False
    for key in cursor.members():
        if key == "content":
            start = cursor.at
            cursor.value()
            return _mark_content(text, Span(start, cursor.at), marks, n_blocks)
    return False


def _mark_content(text: str, span: Span, marks: dict[int, str], n_blocks: int | None = None) -> bool:
    if text[span.start] == "[":
        return _mark_last(text, span, marks, _is_markable, n_blocks)
    if text[span.start] != '"' or span.end - span.start <= len('""'):
        return False
    marks[span.start] = '[{"type":"text","text":'
    marks[span.end] = f",{_MARK}}}]"
    return True


def _mark_last(
    text: str,
    span: Span,
    marks: dict[int, str],
    fits: Callable[[dict[str, Any]], bool],
    n_items: int | None = None,
) -> bool:
    ends: list[int] = []
    cursor = Cursor(text, span.start)
    for index in cursor.elements():
        if n_items is not None and index >= n_items:
            break
        item, place = cursor.spanned()
        if isinstance(item, dict) and item and fits(item):
            ends.append(place.end - len("}"))
    if ends:
        marks[ends[-1]] = f",{_MARK}"
    return bool(ends)


def _is_loaded(tool: dict[str, Any]) -> bool:
    return tool.get("defer_loading") is not True


def _is_markable(block: dict[str, Any]) -> bool:
    return block.get("type") in _MARKABLE and block.get("text") != ""


def _is_users(text: str, entry: Entry) -> bool:
    cursor = Cursor(text, entry.span.start)
    return cursor.peek() == "{" and any(key == "role" and cursor.value() == "user" for key in cursor.members())


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
