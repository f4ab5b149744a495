"""JSON with many alike objects: keys once, rows as arrays; of very many rows, the telling ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headroom_wrap.compression import markers
from headroom_wrap.compression.json_text import (
    Member,
    NotPlainJsonError,
    elements,
    end_of_value,
    members,
    minified,
    object_members,
    skip_space,
)
from headroom_wrap.compression.lines import may_try
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.row_choice import telling_rows
from headroom_wrap.compression.schemas import Schema, schema_of

_MIN_ROWS = 3
_DOMINATING_SHARE = 0.6
_MAX_BANNER_CHARS = 400
_ELIDE_FROM_ROWS, _ELIDE_FROM_CHARS = 40, 6000
_MIN_GAP_ROWS = 3
_COMMON_CHARS, _COMMON_MAX = 24, 3


@dataclass(frozen=True, slots=True)
class Table:
    """A text that is mostly one sequence of objects.

    Attributes:
        before: what stands before the first object, minified if it is JSON.
        rows: the members of each object.
        after: what stands after the last one.
        unit: "rows", or "lines" where each object has a line of its own and nothing stands before.
    """

    before: str
    rows: list[list[Member]]
    after: str
    unit: str


def compress(text: str, hints: Hints) -> Compressed | None:
    """Re-spell as one header and a line per row, which loses nothing; elide rows that tell nothing new."""
    if not may_try(text):
        return None
    try:
        table = read_table(text)
        schema = None if table is None else schema_of(table.rows)
        if table is None or schema is None:
            return None
        lines = [schema.encode(row) for row in table.rows]
    except NotPlainJsonError:
        return None
    n_rows = len(lines)
    elided = 0
    body = lines
    if hints.marker is not None and n_rows > _ELIDE_FROM_ROWS and sum(map(len, lines)) > _ELIDE_FROM_CHARS:
        body, elided = _elide(lines, telling_rows(table.rows, schema, hints), table)
    spelled = "\n".join(part for part in [table.before, header(schema, n_rows), *body, table.after] if part)
    if len(spelled) >= len(text):
        return None
    reason = "JSON rows by one schema" + (", unremarkable rows elided" if elided else "")
    return Compressed(spelled, reason, elided, n_rows, table.unit)


def header(schema: Schema, n_rows: int) -> str:
    """The line that says how to read the rows below it."""
    return (
        f"{markers.PREFIX}: {n_rows} objects, one per line, as arrays of their values; keys in order, "
        f"key=value holds for all, an empty place is a missing key: {schema.spell()}]"
    )


def read_table(text: str) -> Table | None:
    """The rows of a JSON array or of an object that one array dominates, or of lines of JSON; None if it is neither.

    Raises:
        NotPlainJsonError: it looks like JSON and is not, or has duplicate keys.
    """
    start = skip_space(text, 0)
    banner = ""
    if not text.startswith(("[", "{"), start):
        newline = text.find("\n", start)
        banner = text[:newline] if 0 <= newline <= _MAX_BANNER_CHARS else ""
        start = skip_space(text, newline + 1)
        if not banner or not text.startswith(("[", "{"), start):
            return None
    end = end_of_value(text, start)
    rest = text[end:].strip()
    if text.startswith("{", start) and rest.startswith("{"):
        return _json_lines(text[start:], banner)
    if len(rest) > _MAX_BANNER_CHARS or "\n" in rest:
        return None
    value = minified(text[start:end])
    spans = _dominating_array(value)
    if len(spans) < _MIN_ROWS or any(value[first] != "{" for first, _ in spans):
        return None
    before, after = value[: spans[0][0]], value[spans[-1][1] :]
    rows = [object_members(value[first:last]) for first, last in spans]
    return Table("\n".join(filter(None, [banner, before])), rows, "\n".join(filter(None, [after, rest])), "rows")


def _json_lines(text: str, banner: str) -> Table | None:
    lines = text.rstrip("\n").split("\n")
    if len(lines) < _MIN_ROWS or any(not line.startswith("{") for line in lines):
        return None
    if any(line[end_of_value(line, 0) :].strip() for line in lines):
        return None
    return Table(banner, [object_members(minified(line)) for line in lines], "", "rows" if banner else "lines")


def _dominating_array(value: str) -> list[tuple[int, int]]:
    """The elements of the array that makes up most of a value; none if there is no such array."""
    start, end = 0, len(value)
    while value[start] == "{":
        inner = max(members(value, start), key=lambda member: member[2] - member[1], default=None)
        if inner is None or inner[2] - inner[1] < _DOMINATING_SHARE * (end - start):
            return []
        _, start, end = inner
    return elements(value, start) if value[start] == "[" else []


def _elide(lines: Sequence[str], keep: set[int], table: Table) -> tuple[list[str], int]:
    out: list[str] = []
    elided = 0
    index = 0
    while index < len(lines):
        last = index
        while last + 1 < len(lines) and last + 1 not in keep:
            last += 1
        if index in keep or last - index + 1 < _MIN_GAP_ROWS:
            out.append(lines[index])
            index += 1
            continue
        what = _in_common(table.rows[index : last + 1])
        out.append(markers.elision(index + 1, last + 1, what, table.unit))
        elided += last - index + 1
        index = last + 1
    return out, elided


def _in_common(rows: Sequence[list[Member]]) -> str:
    """What all of some rows hold, if it is short: `all with "state"="open"`."""
    common = set(rows[0]).intersection(*rows[1:])
    shared = [f"{key}={value}" for key, value in rows[0] if (key, value) in common and len(value) <= _COMMON_CHARS]
    return f"all with {', '.join(shared[:_COMMON_MAX])}" if shared else ""
