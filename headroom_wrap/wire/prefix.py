"""Where the prefix of a conversation changed from one request to the next: what a provider's cache then cannot read.

Compared as providers do: tools, system prompt, conversation, block by block, without `cache_control`, string content
as one text block.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from headroom_wrap.wire.history import HEAD_KEYS
from headroom_wrap.wire.request import ParsedRequest
from headroom_wrap.wire.spans import Span

MARK_KEY = '"cache_control"'
_MARK = re.compile(r'"cache_control"\s*:\s*(?:null|\{[^{}]*\})')
BILLING = "x-anthropic-billing-header:"
"""Begins the line that Claude Code puts before its system prompt, with a checksum that differs from call to call
(https://github.com/anthropics/claude-code/issues/68900). Anthropic leaves it out of the prefix, others do not."""
BILLING_KIND = "Claude Code's billing line, which CLAUDE_CODE_ATTRIBUTION_HEADER=0 leaves out"
_BILLING_TEXT = re.compile(r'"' + re.escape(BILLING) + r'[^"\\]*"')
_CONTEXT_CHARS = 48
"""Around what differs: enough for a UUID or a date of which one digit changed."""
_EXCERPT_CHARS = 80
_LONGEST_WINDOW_CHARS = 4000
_MAX_REWRITTEN = 4
"""Later messages that differ too; beyond them the conversation is another one."""
_SYSTEM_ROLES = ("system", "developer")
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?[ap]m\b)?(?:Z\b| ?[+-]\d\d:?\d\d\b)?"
_DATE = (
    rf"\b\d{{4}}[-/.]\d\d?[-/.]\d\d?(?!\d)|\b\d\d?[-/.]\d\d?[-/.](?:\d{{4}}|\d\d)\b"
    rf"|\b{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}\b|\b\d{{1,2}} {_MONTH}\.? \d{{4}}\b|\b{_DAY}\b"
)
_KINDS = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("a UUID", r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"),
        ("a date", _DATE),
        ("a time", rf"(?<![\d:])T?{_CLOCK}|\b1\d{{9}}(?:\d{{3}})?\b"),
        ("an id", r"\b(?=[a-z_-]{0,63}\d)[a-z0-9_-]{8,64}\b"),
        ("a number", r"\d+(?:\.\d+)?"),
        ("white space", r"\s+"),
    )
)
"""What a difference may consist of, tried in this order, each beside those before it."""


@dataclass(frozen=True, slots=True)
class Change:
    """The first place where a prefix is not what it was.

    Attributes:
        where: "tools", "system" or "message 3".
        kind: what differs, for people: "a date", "the order", "added Read", "text".
        old, new: a few words around it.
        at: position in the request from which on no cache can be read.
        n_chars: how much behind it is the same as before, and could have been read.
    """

    where: str
    kind: str
    old: str
    new: str
    at: int = 0
    n_chars: int = 0


def first_change(before: ParsedRequest, now: ParsedRequest, *, billing_counts: bool = False) -> Change | None:
    """The first difference between what both requests have; None where `now` goes on where `before` ended.

    Args:
        before: the request whose prefix the provider may have kept.
        now: a later one of the same conversation.
        billing_counts: whether the provider takes Claude Code's billing line for a part of the prefix.
    """
    for key in HEAD_KEYS:
        old, new = _head(before, key), _head(now, key)
        if old == new:
            continue
        if not billing_counts:
            old, new = (_BILLING_TEXT.sub('""', text, count=1) for text in (old, new))
        if _is_same(old, new):
            continue
        change = _difference(_head_blocks(key, old), _head_blocks(key, new), "tools" if key == "tools" else "system")
        if change is not None:
            start = now.head[key].start if key in now.head else 0
            later = HEAD_KEYS[HEAD_KEYS.index(key) + 1 :]
            n_later = sum(len(_head(now, other)) for other in later if _head(before, other) == _head(now, other))
            n_standing = n_later + _standing(before, now, 0)
            return replace(change, at=start, n_chars=change.n_chars + n_standing)
    for index, (known, entry) in enumerate(zip(before.entries, now.entries, strict=False)):
        if known is entry:
            continue
        old, new = _text(before, known.span), _text(now, entry.span)
        if _is_same(old, new):
            continue
        change = _difference(_entry_blocks(old), _entry_blocks(new), _place(index, new))
        if change is not None:
            n_standing = _standing(before, now, index + 1)
            return replace(change, at=entry.span.start, n_chars=change.n_chars + n_standing)
    return None


def is_marked(request: ParsedRequest) -> bool:
    """Whether the client asks for a cache; only Anthropic's wants to be asked."""
    return MARK_KEY in request.text


def _head(request: ParsedRequest, key: str) -> str:
    return _text(request, request.head[key]) if key in request.head else ""


def _text(request: ParsedRequest, span: Span) -> str:
    return request.text[span.start : span.end]


def _standing(before: ParsedRequest, now: ParsedRequest, first: int) -> int:
    """How many characters of the entries from `first` on are what they were."""
    n_chars = n_others = 0
    for known, entry in zip(before.entries[first:], now.entries[first:], strict=False):
        if known is entry or _is_same(_text(before, known.span), _text(now, entry.span)):
            n_chars += entry.span.end - entry.span.start
            continue
        n_others += 1
        if n_others > _MAX_REWRITTEN:
            break
    return n_chars


def _is_same(old: str, new: str) -> bool:
    return old == new or _unmarked(old) == _unmarked(new)


def _unmarked(text: str) -> str:
    """The text of a JSON value without its marks; in a string the key would stand with escaped quotes."""
    pieces: list[str] = []
    at = 0
    while (found := text.find(MARK_KEY, at)) >= 0:
        match = _MARK.match(text, found)
        end = match.end() if match else found + len(MARK_KEY)
        before = text[at:found].rstrip()
        pieces.append(before.removesuffix(",") if match else text[at:end])
        at = end
    return "".join([*pieces, text[at:]]) if pieces else text


@dataclass(frozen=True, slots=True)
class _Block:
    """One unit of a prompt: its text without marks, and a tool's name."""

    text: str
    name: str = ""


def _head_blocks(key: str, text: str) -> list[_Block]:
    value = json.loads(text) if text else None
    if key != "tools":
        return [_block(part) for part in _parts(value)]
    tools = value if isinstance(value, list) else []
    return [
        _Block(_block(tool).text, _tool_name(tool))
        for tool in tools
        if not (isinstance(tool, dict) and tool.get("defer_loading") is True)
    ]


def _entry_blocks(text: str) -> list[_Block]:
    entry = json.loads(text)
    if not isinstance(entry, dict) or "content" not in entry:
        return [_block(entry)]
    rest = {key: value for key, value in entry.items() if key != "content"}
    return [_block(rest), *(_block(part) for part in _parts(entry["content"]))]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content if isinstance(content, list) else [] if content is None else [content]


def _block(value: Any) -> _Block:
    """A text block is its text alone, so that what differs can be named as it reads."""
    if isinstance(value, dict):
        value = {key: part for key, part in value.items() if key != "cache_control"}
        if value.keys() == {"type", "text"} and isinstance(value["text"], str):
            return _Block(value["text"])
        if value.get("type") == "tool_result" and isinstance(value.get("content"), str | list):
            value["content"] = [_block(part).text for part in _parts(value["content"])]
    return _Block(json.dumps(value, ensure_ascii=False))


def _tool_name(tool: Any) -> str:
    inner = tool.get("function") if isinstance(tool, dict) else None
    holder = inner if isinstance(inner, dict) else tool
    return str(holder.get("name", holder.get("type", ""))) if isinstance(holder, dict) else ""


def _place(index: int, text: str) -> str:
    role = json.loads(text).get("role") if text.startswith("{") else None
    return "system" if index == 0 and role in _SYSTEM_ROLES else f"message {index + 1}"


def _difference(old: Sequence[_Block], new: Sequence[_Block], where: str) -> Change | None:
    pairs = zip(old, new, strict=False)
    first = next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))
    gone, come = old[first:], new[first:]
    if not gone and not come:
        return None
    known = {block.text for block in gone}
    n_chars = sum(len(block.text) for block in come if block.text in known)
    if sorted(block.text for block in gone) == sorted(block.text for block in come):
        return Change(where, "the order", _names(gone), _names(come), n_chars=n_chars)
    if where == "tools":
        added = [block for block in come if block.name not in {other.name for other in gone}]
        removed = [block for block in gone if block.name not in {other.name for other in come}]
        if added or removed:
            words = [f"added {_names(added)}"] if added else []
            words += [f"removed {_names(removed)}"] if removed else []
            return Change(where, " and ".join(words), _names(removed), _names(added), n_chars=n_chars)
    if not gone or not come:
        kind, one = ("added text", come[0]) if come else ("removed text", gone[0])
        return Change(where, kind, *(("", _cut(one.text)) if come else (_cut(one.text), "")), n_chars=n_chars)
    a, b = gone[0].text, come[0].text
    n_first = _common(a, b)
    n_last = _common(a[n_first:][::-1], b[n_first:][::-1])
    start = max(0, n_first - _CONTEXT_CHARS)
    ends = [len(text) - n_last + _CONTEXT_CHARS for text in (a, b)]
    is_billing = a.startswith(BILLING) and b.startswith(BILLING)
    kind = BILLING_KIND if is_billing else _kind(a[start : ends[0]], b[start : ends[1]])
    near = max(0, n_first - _EXCERPT_CHARS // 4)
    return Change(
        f"{where} ({come[0].name})" if where == "tools" else where,
        kind, _cut(a[near:]), _cut(b[near:]),
        n_chars=n_chars + n_first + n_last,
    )  # fmt: skip


def _kind(old: str, new: str) -> str:
    """What two windows differ in, by masking one kind of thing after the other until they are the same."""
    if max(len(old), len(new)) > _LONGEST_WINDOW_CHARS:
        return "text"
    for n_kinds in range(1, len(_KINDS) + 1):
        tried = _KINDS[:n_kinds]
        if _masked(old, tried) == _masked(new, tried):
            needed = [name for name, _ in tried if _differs_without(name, tried, old, new)]
            return " and ".join(needed or [tried[-1][0]])
    return "text"


_Kinds = Sequence[tuple[str, "re.Pattern[str]"]]


def _differs_without(name: str, kinds: _Kinds, old: str, new: str) -> bool:
    others = [kind for kind in kinds if kind[0] != name]
    return _masked(old, others) != _masked(new, others)


def _masked(text: str, kinds: _Kinds) -> str:
    for number, (_, pattern) in enumerate(kinds):
        text = pattern.sub(chr(number), text)
    return text


def _common(a: str, b: str) -> int:
    """The length of the common beginning, by halving: comparing slices runs in C."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _names(blocks: Sequence[_Block]) -> str:
    return _cut(", ".join(block.name or block.text[:20] for block in blocks))


def _cut(text: str) -> str:
    shown = text[:_EXCERPT_CHARS].encode("utf-8", "replace").decode("utf-8")
    return " ".join(shown.split()) + ("..." if len(text) > _EXCERPT_CHARS else "")
