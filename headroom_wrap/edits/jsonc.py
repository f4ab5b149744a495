"""Edits of JSON, JSON with comments, and JSON5."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from headroom_wrap.edits.jsonc_syntax import Member, Node, after_trivia, parse
from headroom_wrap.edits.text import MISSING, EditError, Path, same, taken_apart, value_at, with_value

_INDENT = "  "
_SAME_LINE = re.compile(r"(?:[ \t]|/\*[^\n]*?\*/)*(?://[^\n]*)?")
_BLANKS = re.compile(r"[ \t]*")


def load(text: str) -> Any:
    """What the document says; an empty mapping where it is empty.

    Raises:
        EditError: it is not of this format.
    """
    root = parse(taken_apart(text)[1])
    return {} if root is None else root.value


def set_value(text: str, path: Path, value: Any) -> str:
    """The text with `value` at the path, in the file's own indentation; objects on the way are made.

    Raises:
        EditError: it is not of this format, or what stands on the way is no object.
    """
    shape, body = taken_apart(text)
    root = parse(body)
    if root is None:
        document = json.dumps(with_value({}, path, value), indent=_INDENT, ensure_ascii=False)
        return shape.restore(f"{body}{document}\n")
    if same(value_at(root.value, path), value):
        return text
    expected = with_value(root.value, path, value)
    node, depth = _deepest(root, path)
    if depth == len(path):
        edited = _spliced(body, node.start, node.end, _dumped(value, _indent_at(body, node.start), _unit(body, root)))
    else:
        for key in reversed(path[depth + 1 :]):
            value = {key: value}
        edited = _with_member(body, root, node, path[depth], value)
    return shape.restore(_checked(edited, expected))


def remove(text: str, path: Path) -> str:
    """The text without the path's last key; objects that it leaves empty stay.

    Raises:
        EditError: it is not of this format, or what stands on the way is no object.
    """
    shape, body = taken_apart(text)
    root = parse(body)
    if root is None or value_at(root.value, path) is MISSING:
        return text
    parent, _ = _deepest(root, path[:-1])
    (number,) = (number for number, member in enumerate(parent.members) if member.key == path[-1])
    return shape.restore(_checked(_without_member(body, parent, number), with_value(root.value, path, MISSING)))


def _checked(edited: str, expected: Any) -> str:
    """The edited text, once it is sure that it says what it should."""
    root = parse(edited)
    if root is None or not same(root.value, expected):
        raise EditError("it is written in a way that this edit does not understand")
    return edited


def _deepest(root: Node, path: Path) -> tuple[Node, int]:
    """The last value on the path that is there, and how many keys lead to it."""
    node = root
    for depth, key in enumerate(path):
        if not node.is_object:
            raise EditError(f"what stands above {key!r} is no object")
        found = [member.value for member in node.members if member.key == key]
        if len(found) > 1:
            raise EditError(f"the key {key!r} stands in it twice")
        if not found:
            return node, depth
        node = found[0]
    return node, len(path)


@dataclass(frozen=True, slots=True)
class _End:
    """Where an object's members end: after the last value, and after the comma behind it, if there is one."""

    value: int
    comma: int | None

    @property
    def place(self) -> int:
        return self.value if self.comma is None else self.comma


def _end(body: str, value_end: int) -> _End:
    after = after_trivia(body, value_end)
    return _End(value_end, after + 1 if body.startswith(",", after) else None)


def _with_member(body: str, root: Node, parent: Node, key: str, value: Any) -> str:
    unit = _unit(body, root)
    if not parent.members:
        return _with_first_member(body, parent, key, value, unit)
    last = parent.members[-1]
    end = _end(body, last.value.end)
    place = _after_comment(body, end.place)
    if body.startswith("\n", place):
        indent = _indent_at(body, parent.members[0].start)
        separator = f"\n{indent}"
    else:
        indent, place, separator, unit = "", end.place, " ", ""
    member = f"{separator}{_member(key, value, indent, unit)}"
    if end.comma is not None:
        return _spliced(body, place, place, f"{member},")
    return f"{body[: end.value]},{body[end.value : place]}{member}{body[place:]}"


def _with_first_member(body: str, parent: Node, key: str, value: Any, unit: str) -> str:
    inside = body[parent.start + 1 : parent.end - 1]
    kept = inside.rstrip()
    outer = _indent_at(body, parent.start)
    if not kept:
        member = _member(key, value, outer + unit, unit)
        return _spliced(body, parent.start + 1, parent.end - 1, f"\n{outer}{unit}{member}\n{outer}")
    place = parent.start + 1 + len(kept)
    if "\n" in inside:
        return _spliced(body, place, place, f"\n{outer}{unit}{_member(key, value, outer + unit, unit)}")
    return _spliced(body, place, place, f" {_member(key, value, '', '')}")


def _without_member(body: str, parent: Node, number: int) -> str:
    member = parent.members[number]
    end = _end(body, member.value.end)
    start, stop = _lines_of(body, member, end.place)
    cut = _spliced(body, start, stop, "")
    if end.comma is None and number:
        before = _end(body, parent.members[number - 1].value.end)
        cut = _spliced(cut, before.place - 1, before.place, "")
    if len(parent.members) == 1:
        close = parent.end - (len(body) - len(cut))
        if not cut[parent.start + 1 : close - 1].strip():
            cut = _spliced(cut, parent.start, close, "{}")
    return cut


def _lines_of(body: str, member: Member, end: int) -> tuple[int, int]:
    """What goes with a member: its line, where it has lines of its own, or the blanks before it."""
    lead = len(body[: member.start].rstrip(" \t"))
    begins_line = body.startswith("\n", lead - 1)
    stop = _after_comment(body, end)
    ends_line = body.startswith("\n", stop) or stop == len(body)
    if begins_line and ends_line:
        return lead - 1, stop
    if begins_line:
        rest = body[end:].lstrip(" \t")
        # The newline stays: what ends the line before may be a comment, which would swallow what follows.
        return member.start, len(body) - len(rest)
    return lead, end


def _after_comment(body: str, at: int) -> int:
    """The position after the comments that end a line; `at` itself where something else stands there."""
    match = _SAME_LINE.match(body, at)
    if match is None or not (body.startswith("\n", match.end()) or match.end() == len(body)):
        return at
    return at + len(match[0].rstrip(" \t"))


def _member(key: str, value: Any, indent: str, unit: str) -> str:
    return f"{json.dumps(key, ensure_ascii=False)}: {_dumped(value, indent, unit)}"


def _dumped(value: Any, indent: str, unit: str) -> str:
    """The value as JSON; on several lines where there is a unit of indentation."""
    return json.dumps(value, indent=unit or None, ensure_ascii=False).replace("\n", f"\n{indent}")


def _unit(body: str, root: Node) -> str:
    """By how much the document indents its first member."""
    if root.members:
        start = root.members[0].start
        indent = _indent_at(body, start)
        if "\n" in body[root.start : start] and indent:
            return indent.removeprefix(_indent_at(body, root.start)) or _INDENT
    return _INDENT


def _indent_at(body: str, at: int) -> str:
    """The blanks that the line begins with in which a position lies."""
    match = _BLANKS.match(body, body.rfind("\n", 0, at) + 1)
    return "" if match is None else match[0]


def _spliced(body: str, start: int, end: int, new: str) -> str:
    return f"{body[:start]}{new}{body[end:]}"
