"""Edits of YAML: ruamel.yaml says where things stand and writes what is new; the rest keeps its bytes."""

from __future__ import annotations

import io
import itertools
import re
import textwrap
from dataclasses import dataclass
from typing import Any

from headroom_wrap.edits.text import MISSING, EditError, Path, same, taken_apart, value_at, with_value

_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)\Z)[A-Za-z][\w./-]*", re.IGNORECASE)
"""Strings that every reader takes for strings, those of YAML 1.1 included."""


def load(text: str) -> Any:
    """What the document says; an empty mapping where it is empty.

    Raises:
        EditError: it is not one YAML document.
    """
    return _loaded(taken_apart(text)[1])


def set_value(text: str, path: Path, value: Any) -> str:
    """The text with `value` at the path; mappings on the way are made, and such as stand on one line are rewritten.

    Raises:
        EditError: it is not one YAML document, or what stands on the way is no mapping.
    """
    shape, body = taken_apart(text)
    before = _loaded(body)
    if same(value_at(before, path), value):
        return text
    return shape.restore(_edited(body, before, path, value))


def remove(text: str, path: Path) -> str:
    """The text without the path's last key and its value; nothing is done where it is not there.

    Raises:
        EditError: it is not one YAML document.
    """
    shape, body = taken_apart(text)
    before = _loaded(body)
    if value_at(before, path) is MISSING:
        return text
    return shape.restore(_edited(body, before, path, MISSING))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The pairs of a block mapping: how far their keys are indented, the lines of each, and its composed value."""

    indent: int
    lines: dict[str, tuple[int, int]]
    values: dict[str, Any]
    end: int


def _edited(body: str, before: Any, path: Path, value: Any) -> str:
    expected = with_value(before, path, value)
    pairs = _pairs(body, _composed(body))
    depth = 0
    while path[depth] in pairs.lines and depth < len(path) - 1:
        below = pairs.values[path[depth]]
        is_block = hasattr(below, "value") and isinstance(value_at(before, path[: depth + 1]), dict)
        if not is_block or below.flow_style or (value is MISSING and len(below.value) == 1):
            break
        pairs = _pairs(body, below)
        depth += 1
    start, end = pairs.lines.get(path[depth], (pairs.end, pairs.end))
    new = value_at(expected, path[: depth + 1])
    lines = "" if new is MISSING else textwrap.indent(_dumped({path[depth]: new}), " " * pairs.indent)
    edited = f"{body[:start]}{lines}{body[end:]}"
    if not same(_loaded(edited), expected):
        raise EditError("it is written in a way that this edit does not understand")
    return edited


def _pairs(body: str, mapping: Any) -> _Pairs:
    lines: dict[str, tuple[int, int]] = {}
    if mapping is None:
        return _Pairs(0, lines, {}, len(body))
    if mapping.flow_style:
        raise EditError("it stands on one line, in braces")
    for key, value in mapping.value:
        start = body.rfind("\n", 0, key.start_mark.index) + 1
        lines[key.value] = start, _line_end(body, _content_end(body, key, value))
    for (_, end), (start, _) in itertools.pairwise(lines.values()):
        if end > start:
            raise EditError("two keys stand in one line")
    first = mapping.value[0][0]
    values = {key.value: value for key, value in mapping.value}
    return _Pairs(first.start_mark.column, lines, values, max(end for _, end in lines.values()))


def _content_end(body: str, key: Any, value: Any) -> int:
    """The position after the last character of a pair; comments and empty lines that follow do not belong to it."""
    if value.start_mark.index < key.end_mark.index:
        return int(key.end_mark.index)  # An alias: its value stands further up.
    end = int(value.end_mark.index)
    style = getattr(value, "style", None)
    if style in ("|", ">"):
        header = body[value.start_mark.index : body.find("\n", value.start_mark.index)]
        return end if "+" in header else len(body[:end].rstrip())
    if isinstance(value.value, str) or value.flow_style:
        return end
    last = value.value[-1]
    return _content_end(body, *last) if isinstance(last, tuple) else _content_end(body, key, last)


def _line_end(body: str, at: int) -> int:
    """Where the line ends in which a position lies; the position itself at the beginning of a line."""
    if body.startswith("\n", at - 1):
        return at
    return body.find("\n", at) + 1 or len(body)


def _composed(body: str) -> Any:
    import ruamel.yaml  # noqa: PLC0415 - few sessions edit YAML

    return ruamel.yaml.YAML(pure=True).compose(body)


def _loaded(body: str) -> Any:
    import ruamel.yaml  # noqa: PLC0415 - few sessions edit YAML
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        document = ruamel.yaml.YAML(typ="safe", pure=True).load(body)
    except YAMLError as error:
        raise EditError(f"it is not one YAML document ({type(error).__name__})") from error
    document = {} if document is None else document
    if not isinstance(document, dict):
        raise EditError("it is no mapping of keys to values")
    return document


def _dumped(value: Any) -> str:
    import ruamel.yaml  # noqa: PLC0415 - few sessions edit YAML

    writer = ruamel.yaml.YAML(pure=True)
    writer.width = 4096
    stream = io.StringIO()
    writer.dump(_quoted(value), stream)
    return stream.getvalue()


def _quoted(value: Any) -> Any:
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString  # noqa: PLC0415

    if isinstance(value, dict):
        return {_quoted(key): _quoted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_quoted(inner) for inner in value]
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return DoubleQuotedScalarString(value)
    return value
