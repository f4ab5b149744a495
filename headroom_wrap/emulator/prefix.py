"""What the provider's prompt cache compares: a request as a row of canonical blocks, without its marks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

_CONTEXT_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Block:
    """One unit of a prompt.

    Attributes:
        place: where it stands, for people: `messages[3].content[0] (tool_result)`.
        text: its canonical form: exact values in the client's key order, `cache_control` removed.
        mark: its `cache_control`, if it carries one.
    """

    place: str
    text: str
    mark: Mapping[str, Any] | None = None


def load_body(body: bytes) -> dict[str, Any]:
    """Parse a request body so that every number keeps its spelling (`1E5` is not `100000.0`).

    Raises:
        ValueError: the body is no JSON object.
    """
    parsed = json.loads(body, parse_float=lambda spelling: {"number": spelling})
    if not isinstance(parsed, dict):
        raise ValueError("the body is not a JSON object")  # noqa: TRY004 - one kind of failure for callers
    return parsed


def canonical_blocks(body: bytes | Mapping[str, Any]) -> list[Block]:
    """The blocks of a request in the provider's order: tools, system or instructions, then messages or input.

    Works for Anthropic Messages, OpenAI Chat Completions and Responses. String content equals one text block,
    and deferred tools are left out, as the provider leaves them out until they are referenced.

    Raises:
        ValueError: `body` is bytes and no JSON object.
    """
    request = load_body(body if isinstance(body, bytes) else json.dumps(body).encode())
    blocks = [*_tools(request), *_system(request)]
    items = request.get("messages", request.get("input", []))
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    name = "messages" if "messages" in request else "input"
    for index, item in enumerate(items):
        blocks.extend(_message(item, f"{name}[{index}]"))
    if request.get("cache_control") and blocks:
        last = blocks[-1]
        blocks[-1] = Block(last.place, last.text, request["cache_control"])
    return blocks


def first_prefix_break(previous: bytes | Mapping[str, Any], current: bytes | Mapping[str, Any]) -> str | None:
    """Where `current` stops being an append-only continuation of `previous`; None if it is one.

    Tools and system must be equal, and the messages of `previous` a prefix of those of `current`, compared without
    `cache_control`. The answer names the first difference in a form fit for a test's message.

    Raises:
        ValueError: a body is bytes and no JSON object.
    """
    before, after = _sections(canonical_blocks(previous)), _sections(canonical_blocks(current))
    for section in ("tools", "system"):
        for old, new in zip_longest(before[section], after[section]):
            difference = _difference(old, new)
            if difference:
                return difference
    for index, old in enumerate(before["messages"]):
        new = after["messages"][index] if index < len(after["messages"]) else None
        difference = _difference(old, new)
        if difference:
            return difference
    return None


def _sections(blocks: list[Block]) -> dict[str, list[Block]]:
    sections: dict[str, list[Block]] = {"tools": [], "system": [], "messages": []}
    for block in blocks:
        name = block.place.split("[", 1)[0]
        sections[name if name in ("tools", "system") else "messages"].append(block)
    return sections


def _difference(old: Block | None, new: Block | None) -> str | None:
    if old is None:
        return f"{new.place} was added: {new.text[:_CONTEXT_CHARACTERS]!r}" if new else None
    if new is None:
        return f"{old.place} is gone: {old.text[:_CONTEXT_CHARACTERS]!r}"
    if old.text == new.text:
        return None
    at = next((i for i, (a, b) in enumerate(zip(old.text, new.text, strict=False)) if a != b), None)
    at = min(len(old.text), len(new.text)) if at is None else at
    window = slice(max(0, at - _CONTEXT_CHARACTERS), at + _CONTEXT_CHARACTERS)
    return f"{new.place} differs at character {at}: was {old.text[window]!r}, is {new.text[window]!r}"


def _tools(request: Mapping[str, Any]) -> Iterator[Block]:
    for index, tool in enumerate(request.get("tools") or ()):
        if isinstance(tool, dict) and tool.get("defer_loading"):
            continue
        name = tool.get("name", "") if isinstance(tool, dict) else ""
        yield _block(tool, f"tools[{index}] ({name})")


def _system(request: Mapping[str, Any]) -> Iterator[Block]:
    system = request.get("system", request.get("instructions"))
    for index, part in enumerate(_parts(system)):
        yield _block(part, f"system[{index}]")


def _message(item: object, place: str) -> Iterator[Block]:
    if not isinstance(item, dict) or "role" not in item:
        yield _block(item, place)
        return
    role = item["role"]
    for index, part in enumerate(_parts(item.get("content"))):
        kind = part.get("type", "") if isinstance(part, dict) else ""
        yield _block(part, f"{place}.content[{index}] ({kind})", role)
    rest = {key: value for key, value in item.items() if key not in ("role", "content", "cache_control")}
    if rest:
        yield _block(rest, place, role)


def _parts(content: object) -> list[Any]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else [content]


def _block(value: object, place: str, role: object = None) -> Block:
    mark = _mark(value)
    text = json.dumps([role, _without_marks(value)], separators=(",", ":"))
    return Block(place, text, mark)


def _mark(value: object) -> Mapping[str, Any] | None:
    if not isinstance(value, dict):
        return None
    own = value.get("cache_control")
    if isinstance(own, dict):
        return own
    inner = value.get("content")
    if not isinstance(inner, list):
        return None
    return next((mark for part in inner if (mark := _mark(part))), None)


def _without_marks(value: object) -> object:
    """`value` without the marks of the block itself and of its nested content; tool input is data and stays whole."""
    if not isinstance(value, dict):
        return value
    clean = {key: part for key, part in value.items() if key != "cache_control"}
    if clean.get("type") == "tool_result" and "content" in clean:
        clean["content"] = [_without_marks(part) for part in _parts(clean["content"])]
    return clean
