"""The inverse of `json_rows`: rows by one schema become the minified JSON that they were."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_HEADER = re.compile(r"\[headroom: \d+ objects, .*? is a missing key: (.*)\]\Z")
_scan = json.JSONDecoder().raw_decode


class _Fields:
    """A schema read back from its spelling."""

    def __init__(self, columns: list[tuple[str, str | None, _Fields | None, _Fields | None]]) -> None:
        self.columns = columns


def expand(spelled: str) -> str:
    """The minified JSON (or the lines of it) for which an output of `json_rows` without elisions stands."""
    lines = spelled.split("\n")
    at = next(index for index, line in enumerate(lines) if _HEADER.match(line))
    header = _HEADER.match(lines[at])
    assert header is not None
    schema, end = _schema(header[1], 0)
    assert end == len(header[1])
    n_rows = int(re.findall(r"\d+", lines[at])[0])
    rows = [_object(schema, line) for line in lines[at + 1 : at + 1 + n_rows]]
    before, after = "".join(lines[:at]), "".join(lines[at + 1 + n_rows :])
    return before + (",".join(rows) if after or before else "\n".join(rows)) + after


def _schema(text: str, at: int) -> tuple[_Fields, int]:
    assert text[at] == "{"
    columns: list[tuple[str, str | None, _Fields | None, _Fields | None]] = []
    while text[at] != "}":
        at += 1
        _, end = _scan(text, at)
        key, at = text[at:end], end
        constant = fields = elements = None
        if text[at] == "=":
            _, end = _scan(text, at + 1)
            constant, at = text[at + 1 : end], end
        elif text[at] == "{":
            fields, at = _schema(text, at)
        elif text[at] == "[":
            elements, at = _schema(text, at + 1)
            at += 1
        columns.append((key, constant, fields, elements))
    return _Fields(columns), at + 1


def _object(schema: _Fields, encoded: str) -> str:
    cells = _cells(encoded)
    out = []
    for key, constant, fields, elements in schema.columns:
        value = constant if constant is not None else next(cells)
        if value and constant is None and fields is not None:
            value = _object(fields, value)
        elif value and constant is None and elements is not None:
            value = "[" + ",".join(_object(elements, cell) for cell in _cells(value) if cell) + "]"
        if value:
            out.append(f"{key}:{value}")
    assert next(cells, "") == ""
    return "{" + ",".join(out) + "}"


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
