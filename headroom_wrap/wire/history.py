"""What all wire formats share: a request that carries its conversation as a list, longer with each turn.

A format says under which key the list stands and how one entry of it is walked. The last few conversations are
remembered: an entry that stands word for word where it stood before is not walked again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from headroom_wrap.compression.model import Slot
from headroom_wrap.wire.request import Call, Entry, ParsedRequest
from headroom_wrap.wire.spans import Cursor, MalformedError, Span

HEAD_KEYS = ("tools", "system", "instructions")
"""What a provider reads before the conversation, in its order, whatever the order in the request."""
_CACHE_KEY = "prompt_cache_key"
_REMEMBERED = 8
_REMEMBERED_CHARS = 32 * 1024 * 1024
_KEY_CHARS = 2048
_MAX_ENTRIES = 50_000
_MAX_VALUES = 4_000_000
_COUNTED_FROM_BYTES = 4 * 1024 * 1024
"""No conversation is like this; decoded, 64 MB of empty objects would take gigabytes."""

Calls = Mapping[str, Call]


class HistoryFormat:
    """A wire format (see `WireFormat`).

    Args:
        key: the member of the request that is the list.
        walk: reads the entry at the cursor and stands behind it; `calls` are those of earlier entries.
        tool_names: the names of the callable tools in the request's own `tools`.
        link_keys: the members of the request that tell whether the provider keeps the conversation.
        is_linked: tells it, from those that are there.
    """

    def __init__(
        self,
        key: str,
        walk: Callable[[Cursor, Calls], Entry],
        tool_names: Callable[[list[Any]], frozenset[str]],
        link_keys: frozenset[str] = frozenset(),
        is_linked: Callable[[Mapping[str, Any]], bool] = bool,
    ) -> None:
        self._key = key
        self._walk = walk
        self._tool_names = tool_names
        self._link_keys = link_keys
        self._is_linked = is_linked
        self._remembered: OrderedDict[str, tuple[str, list[Entry]]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, body: bytes) -> ParsedRequest | None:
        """Find the slots of a decoded body; None where it is not understood."""
        model, cache_key, tools, entries = "", "", frozenset[str](), list[Entry]()
        links, head = dict[str, Any](), dict[str, Span]()
        if len(body) > _COUNTED_FROM_BYTES and sum(map(body.count, (b"{", b"[", b","))) > _MAX_VALUES:
            return None
        try:
            text = body.decode("utf-8")
            cursor = Cursor(text)
            for key in cursor.members():
                if key == self._key and cursor.peek() == "[":
                    entries = self._entries(cursor)
                elif key == "model":
                    model = str(cursor.value())
                elif key in HEAD_KEYS:
                    value, head[key] = cursor.spanned()
                    tools = self._tool_names(value) if key == "tools" and isinstance(value, list) else tools
                elif key == _CACHE_KEY:
                    cache_key = str(cursor.value())
                elif key in self._link_keys:
                    links[key] = cursor.value()
            if not cursor.at_end():
                return None
        except (UnicodeDecodeError, MalformedError):
            return None
        slots = tuple(slot for entry in entries for slot in entry.slots)
        tools = tools.union(*(entry.tools for entry in entries))
        is_linked = bool(self._link_keys) and self._is_linked(links)
        calls = _open_calls(entries, slots) if is_linked else {}
        return ParsedRequest(text, slots, model, tools, is_linked, calls, head, entries, cache_key)

    def _entries(self, cursor: Cursor) -> list[Entry]:
        text, conversation = cursor.text, cursor.text[cursor.at : cursor.at + _KEY_CHARS]
        with self._lock:
            before, known = self._remembered.get(conversation, ("", []))
        entries: list[Entry] = []
        calls: dict[str, Call] = {}
        words = ""
        stands = True
        for index in cursor.elements():
            if index == _MAX_ENTRIES:
                raise MalformedError(f"more than {_MAX_ENTRIES} entries")
            stands = stands and index < len(known) and _stands_as_before(known[index].span, before, cursor)
            if stands:
                cursor.at = known[index].span.end
                entries.append(known[index])
            else:
                entries.append(_asked(self._entry(cursor, calls), words))
            calls.update(entries[-1].calls)
            words = entries[-1].words or words
        with self._lock:
            self._remembered[conversation] = (text, entries)
            self._remembered.move_to_end(conversation)
            while len(self._remembered) > _REMEMBERED or self._n_remembered_chars() > _REMEMBERED_CHARS:
                self._remembered.popitem(last=False)
        return entries

    def _n_remembered_chars(self) -> int:
        return sum(len(text) for text, _ in self._remembered.values())

    def _entry(self, cursor: Cursor, calls: Calls) -> Entry:
        """Walk one entry. One whose keys stand twice is left alone, and only it."""
        start = cursor.at
        if cursor.peek() == "{":
            try:
                return self._walk(cursor, calls)
            except MalformedError:
                cursor.at = start
        return Entry(cursor.spanned()[1])


def _open_calls(entries: Sequence[Entry], slots: Sequence[Slot]) -> dict[str, Call]:
    answered = {slot.call_id for slot in slots}
    return {call_id: call for entry in entries for call_id, call in entry.calls if call_id not in answered}


def text_parts(cursor: Cursor, kinds: frozenset[str]) -> Iterator[tuple[str, Span]]:
    """The texts of a content list's parts of these types."""
    for _ in cursor.elements():
        if cursor.peek() == "{":
            kind: object = None
            texts: list[tuple[str, Span]] = []
            for key in cursor.members():
                if key == "text" and cursor.peek() == '"':
                    texts.append(cursor.spanned())
                elif key == "type":
                    kind = cursor.value()
            if isinstance(kind, str) and kind in kinds:
                yield from texts


def span_behind(cursor: Cursor, start: int) -> Span:
    """The span of the object that began at `start` and ends at the cursor, without the space behind it."""
    return Span(start, start + len(cursor.text[start : cursor.at].rstrip(" \t\n\r")))


def _asked(entry: Entry, words: str) -> Entry:
    """The entry with its slots knowing what the user said last: in it, or before."""
    query = entry.words or words
    return replace(entry, slots=tuple(replace(slot, query=query) for slot in entry.slots)) if entry.slots else entry


def _stands_as_before(span: Span, before: str, cursor: Cursor) -> bool:
    return span.start == cursor.at and cursor.text.startswith(before[span.start : span.end], span.start)
