"""The inverse of `json_rows`: rows by schemas become the minified JSON that they were."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = re.compile(r"\[headroom: rows (\d+)-(\d+) are (members that hold )?(arrays of )?objects, one per line")
_SPELLED = re.compile(r" is a missing key: (.*)\]\Z")
_KNOWN = re.compile(r" with the keys of rows (\d+-\d+)\]\Z")
_ALIAS = re.compile(r"\[headroom: ([$~§@][A-Z]) below stands for (.*)\]\Z")
_scan = json.JSONDecoder().raw_decode


@dataclass(frozen=True)
class _Column:
    key: str
    constant: str | None = None
    derived: tuple[str, str, str] | None = None
    fields: _Fields | None = None
    elements: _Fields | None = None


_Fields = list[_Column]


class RowReader:
    """Reads rows as the last header says; remembers the headers that later ones refer to."""

    def __init__(self) -> None:
        self._schemas: dict[str, _Fields] = {}
        self._schema: _Fields = []
        self._is_map = self._is_nested = False

    def header(self, line: str) -> tuple[int, int] | None:
        """The first and last row that a header speaks of; None if the line is none."""
        header = _HEADER.match(line)
        if header is None:
            return None
        first, last, holding, nested = header.groups()
        self._is_map, self._is_nested = holding is not None, nested is not None
        if known := _KNOWN.search(line):
            self._schema = self._schemas[known[1]]
        else:
            said = _SPELLED.search(line)
            assert said is not None, line
            self._schema, end = _schema(said[1], 0)
            assert end == len(said[1])
            self._schemas[f"{first}-{last}"] = self._schema
        return int(first), int(last)

    def row(self, line: str) -> str:
        """The JSON for which a row stands."""
        key = ""
        if self._is_map:
            _, end = _scan(line, 0)
            assert line[end] == ":"
            key, line = line[: end + 1], line[end + 1 :]
        if line.startswith("{"):
            return key + line
        if self._is_nested:
            return key + "[" + ",".join(_object(self._schema, cell) for cell in _cells(line) if cell) + "]"
        return key + _object(self._schema, line)


def expand(spelled: str) -> str:
    """The minified JSON, documents without line breaks between them, for which an output without elisions stands."""
    out: list[str] = []
    reader = RowReader()
    lines = iter(without_aliases(spelled.split("\n")))
    for line in lines:
        span = reader.header(line)
        if span is None:
            out.append(line)
            continue
        first, last = span
        rows = [reader.row(next(lines)) for _ in range(last - first + 1)]
        inside = "".join(out)[-1:] in ("[", "{") and "".join(out) != ""
        out.append(("," if inside else "").join(rows))
    return "".join(out)


def without_aliases(lines: list[str]) -> list[str]:
    """The lines below the legends, with names replaced by what they stand for."""
    aliases = {match[1]: match[2] for line in lines if (match := _ALIAS.match(line))}
    rest = [line for line in lines if not _ALIAS.match(line)]
    if not aliases:
        return rest
    name = re.compile(re.escape(next(iter(aliases))[0]) + "[A-Z]")
    for _ in range(8):
        rest = [name.sub(lambda found: aliases[found[0]], line) for line in rest]
    return rest


def _schema(text: str, at: int) -> tuple[_Fields, int]:
    assert text[at] == "{"
    columns: _Fields = []
    while text[at] != "}":
        at += 1
        _, end = _scan(text, at)
        key, at = text[at:end], end
        constant = derived = fields = elements = None
        if text[at] == "=":
            _, end = _scan(text, at + 1)
            constant, at = text[at + 1 : end], end
            if text[at] == "+":
                prefix, constant = constant[1:-1], None
                _, end = _scan(text, at + 1)
                base, at, suffix = text[at + 1 : end], end, ""
                if text[at] == "+":
                    _, end = _scan(text, at + 1)
                    suffix, at = text[at + 2 : end - 1], end
                derived = (prefix, base, suffix)
        elif text[at] == "{":
            fields, at = _schema(text, at)
        elif text[at] == "[":
            elements, at = _schema(text, at + 1)
            at += 1
        columns.append(_Column(key, constant, derived, fields, elements))
    return columns, at + 1


def _object(schema: _Fields, encoded: str) -> str:
    cells = _cells(encoded)
    values: dict[str, str] = {}
    for column in schema:
        if column.constant is not None:
            values[column.key] = column.constant
        elif column.derived is None:
            value = next(cells)
            if value and column.fields is not None:
                value = _object(column.fields, value)
            elif value and column.elements is not None:
                value = "[" + ",".join(_object(column.elements, cell) for cell in _cells(value) if cell) + "]"
            values[column.key] = value
    for column in schema:
        if column.derived is not None:
            prefix, base, suffix = column.derived
            values[column.key] = f'"{prefix}{values[base].strip(chr(34))}{suffix}"'
    assert next(cells, "") == ""
    return "{" + ",".join(f"{column.key}:{values[column.key]}" for column in schema if values[column.key]) + "}"


def _cells(encoded: str) -> Iterator[str]:
    """The cells of an array in which a place may be empty: no JSON parser reads that."""
    depth = 0
    start = 1
    in_string = False
    escaped = False
    for index, char in enumerate(encoded):
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
            if depth == 0:
                yield encoded[start:index]
        elif char == "," and depth == 1:
            yield encoded[start:index]
            start = index + 1
