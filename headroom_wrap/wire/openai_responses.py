"""OpenAI Responses (https://platform.openai.com/docs/api-reference/responses), as SDKs and as Codex send it.

Slots are the outputs of tool calls: `function_call_output`, `custom_tool_call_output` and their like, a string or a
list of text items. Codex puts its own words around a command's output, and in code mode the whole as JSON inside a
text item (measured with 0.169.0): there the slot is the inner text, and what stands around it keeps its characters.
Encrypted reasoning, ids and item types that we do not know pass as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from headroom_wrap.compression.model import Slot, SlotKind
from headroom_wrap.wire.history import Calls, HistoryFormat, span_behind, text_parts
from headroom_wrap.wire.openai_chat import arguments, tool_names
from headroom_wrap.wire.request import Call, Entry
from headroom_wrap.wire.spans import Cursor, Inner, MalformedError, Span

_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output", "local_shell_call_output", "mcp_call_output"})
_TEXTS = frozenset({"input_text", "output_text", "text"})
_CODEX_HEAD = re.compile(r"(?:[A-Z][^\n]*\n){1,6}Output:\n")
_EXIT_CODE = re.compile(r"^Process exited with code (-?\d+)$", re.MULTILINE)
_SCRIPTED_COMMAND = re.compile(r'"?cmd"?\s*:\s*"((?:[^"\\\n]|\\.)*)"')
_LINK_KEYS = frozenset({"store", "previous_response_id", "conversation"})
_INNER_KEYS = frozenset({"output", "stdout", "stderr"})

_Place = Span | Inner


def openai_responses() -> HistoryFormat:
    """A new reader of Responses bodies."""
    return HistoryFormat("input", _item, tool_names, _LINK_KEYS, _is_linked)


def calls_of(item: Mapping[str, Any]) -> Iterator[tuple[str, Call]]:
    """The tool call that an item of a request or of an answer is, with its id; nothing where it is none."""
    call_id, name = item.get("call_id"), item.get("name")
    if isinstance(call_id, str) and isinstance(name, str):
        given = arguments(item.get("arguments", item.get("input")))
        script = given.get("input")
        command = _SCRIPTED_COMMAND.search(script) if isinstance(script, str) else None
        if command is not None:
            given = {"command": command[1].replace('\\"', '"'), **given}
        yield call_id, (name, given)


def _is_linked(fields: Mapping[str, Any]) -> bool:
    """Whether a later request may name this one's answer instead of carrying it, or this one names an earlier."""
    names_earlier = fields.get("previous_response_id") is not None or fields.get("conversation") is not None
    return names_earlier or fields.get("store") is not False


def _item(cursor: Cursor, calls: Calls) -> Entry:
    start = cursor.at
    fields: dict[str, Any] = {}
    texts: list[tuple[str, Span]] = []
    for key in cursor.members():
        if key in ("output", "content") and cursor.peek() == '"':
            texts.append(cursor.spanned())
        elif key in ("output", "content") and cursor.peek() == "[":
            texts.extend(text_parts(cursor, _TEXTS))
        else:
            fields[key] = cursor.value()
    span, kind = span_behind(cursor, start), fields.get("type", "message")
    if isinstance(kind, str) and kind in _OUTPUTS:
        return Entry(span, tuple(_slots(texts, str(fields.get("call_id")), calls)))
    if kind == "additional_tools" and isinstance(fields.get("tools"), list):
        return Entry(span, tools=tool_names(fields["tools"]))
    if kind == "message":
        return Entry(span, words=texts[-1][0] if fields.get("role") == "user" and texts else "")
    return Entry(span, calls=tuple(calls_of(fields)))


def _slots(texts: list[tuple[str, Span]], call_id: str, calls: Calls) -> Iterator[Slot]:
    name, given = calls.get(call_id, ("", {}))
    for whole, span in texts:
        for text, place, is_error in _inner(whole, span):
            yield Slot(SlotKind.TOOL_RESULT, text, place, call_id, name, given, is_error)


def _inner(whole: str, span: Span) -> Iterator[tuple[str, _Place, bool]]:
    """What is output in a text: all of it, what stands behind Codex's head, or strings of the JSON that it is."""
    head = _CODEX_HEAD.match(whole)
    if head is not None:
        code = _EXIT_CODE.search(head[0])
        at = head.end()
        yield whole[at:], Inner(span, whole, at, len(whole), is_json=False), code is not None and code[1] != "0"
        return
    found = list(_strings_of(whole, span)) if whole.startswith("{") else []
    if found:
        yield from found
    else:
        yield whole, span, False


def _strings_of(whole: str, outer: Span) -> Iterator[tuple[str, _Place, bool]]:
    """The output strings of a command's result, where the text is one JSON object with an exit code."""
    found: list[tuple[str, Span]] = []
    code: object = None
    cursor = Cursor(whole)
    try:
        for key in cursor.members():
            if key in _INNER_KEYS and cursor.peek() == '"':
                found.append(cursor.spanned())
            elif key == "exit_code":
                code = cursor.value()
        if not cursor.at_end():
            return
    except MalformedError:
        return
    if isinstance(code, int):
        for text, span in found:
            yield text, Inner(outer, whole, span.start, span.end, is_json=True), code != 0
