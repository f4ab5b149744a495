"""A text of JSON as lines and tables: which parts are many alike things, each with a number as a row.

The layout is a function of the text alone, so that a row has the same number when it is elided and when it is
asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headroom_wrap.compression import markers
from headroom_wrap.compression.json_documents import Segment, segments
from headroom_wrap.compression.json_text import Member, Reader, are_arrays, are_objects
from headroom_wrap.compression.schemas import Schema, schema_of

NOISE = frozenset({'"managedFields"', '"kubectl.kubernetes.io/last-applied-configuration"'})
"""Bookkeeping of Kubernetes that nobody reads: kept in one piece, so that it can go in one piece."""

_MIN_ROWS, _MIN_MAP_ROWS, _MIN_PLAIN_ROWS = 3, 4, 24
_MIN_PLAIN_MEMBERS = 40
_ALIKE = 0.9
_KINDS = {"{": "object", "[": "array", '"': "string", "t": "truth", "f": "truth", "n": "null"}
_MIN_CHARS = 240
_MAX_DEPTH = 24
_MIN_REPEATED_CHARS = 60
_FLAT_LEVELS, _MAX_PLACES = 3, 10
_MIN_PRESENT = 0.4
_JSON_SHARE = 0.5
_BLOCK_CHARS, _BLOCK_ROWS, _BLOCK_SHARE = 1000, 4, 0.6


@dataclass(frozen=True, slots=True)
class Table:
    """Many alike values.

    Attributes:
        first: the number of its first row; rows of a text are numbered through.
        sources: each row as it stands in the source, minified; in an object with its key before it.
        lines: each row as it is shown.
        header: the line of ours that says how to read the lines; "" if they are plain.
        columns: for each key the rows that have it, and their values: what a choice of rows goes by.
        family: what tables with the same keys share; their rows are chosen together.
        separator: what stands between two rows in the source.
        is_lines: whether the rows are lines of the original, and the only ones.
        are_settings: whether the rows are members of one object that hold arrays or objects with little in common.
    """

    first: int
    sources: Sequence[str]
    lines: Sequence[str]
    header: str
    columns: Mapping[str, Sequence[tuple[int, str]]]
    family: str
    separator: str
    is_lines: bool = False
    are_settings: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """How the rows of a table are spelled."""

    schema: Schema | None
    rows: Sequence[Sequence[Member]] = ()
    nested: bool = False
    """Whether a row is an array of objects, and not one object."""


@dataclass(frozen=True, slots=True)
class Prose:
    """Lines that are no JSON."""

    text: str


@dataclass(slots=True)
class Layout:
    """What is built as a text is read: pieces of JSON, which do not end at a line break, lines of prose, and tables."""

    reader: Reader = field(default_factory=Reader)
    pieces: list[str | Prose | Table] = field(default_factory=list)
    n_rows: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> list[Table]:
        """The tables in order."""
        return [piece for piece in self.pieces if isinstance(piece, Table)]


def layout_of(text: str, offset: int = 0) -> Layout | None:
    """The layout of a text, if it is JSON for the most part; `offset` rows of the original stand before it.

    Raises:
        NotPlainJsonError: a value has duplicate keys, NaN, or is too deep.
    """
    parts = segments(text)
    if sum(len(part.text) for part in parts if part.is_json) < _JSON_SHARE * sum(len(part.text) for part in parts):
        return None
    layout = Layout(n_rows=offset)
    index = 0
    while index < len(parts):
        last = index
        while last + 1 < len(parts) and parts[last].is_json and parts[last + 1].is_json:
            last += 1
        if index:
            layout.pieces.append("\n")
        if parts[index].is_json:
            _lay_documents(layout, parts[index : last + 1], alone=len(parts) == last - index + 1)
        else:
            layout.pieces.append(Prose(parts[index].text))
        index = last + 1
    return layout if any(part.is_json for part in parts) else None


def _lay_documents(layout: Layout, documents: Sequence[Segment], *, alone: bool) -> None:
    values = [document.text for document in documents]
    shape = _shape_of(layout, values, is_map=False) if len(values) > 1 else None
    if shape is not None and not _are_blocks(layout, shape):
        each_a_line = alone and all(document.first == document.last == n for n, document in enumerate(documents, 1))
        if _add_table(layout, values, values, shape, separator="\n", is_lines=each_a_line):
            return
    for index, value in enumerate(values):
        if index:
            layout.pieces.append("\n")
        _lay(layout, value, {}, 0)


def _lay(layout: Layout, value: str, known: Mapping[str, Schema], depth: int, key: str = "") -> None:
    """Add one value; `known` are schemas for arrays that stand in it under a key, shared with its neighbours."""
    if len(value) < _MIN_CHARS or depth > _MAX_DEPTH or key in NOISE or value[0] not in "[{":
        layout.pieces.append(value)
        return
    is_map = value[0] == "{"
    members = layout.reader.members(value) if is_map else [("", part) for part in layout.reader.elements(value)]
    shape = _shape_of(layout, [part for _, part in members], is_map=is_map)
    if shape is not None and not _are_blocks(layout, shape) and _add_rows(layout, value, members, shape):
        return
    inner = {} if shape is None else _shared_schemas(layout, shape.rows)
    layout.pieces.append(value[0])
    for index, (name, part) in enumerate(members):
        layout.pieces.append(("," if index else "") + (f"{name}:" if is_map else "") + ("\n" if inner else ""))
        if name in known and part.startswith("[") and part != "[]":
            rows = [layout.reader.members(element) for element in layout.reader.elements(part)]
            values = [("", element) for element in layout.reader.elements(part)]
            if _add_rows(layout, part, values, Shape(known[name], rows)):
                continue
        _lay(layout, part, inner, depth + 1, name)
    layout.pieces.append(value[-1])


def _add_rows(layout: Layout, value: str, members: Sequence[Member], shape: Shape) -> bool:
    """Add an array or object as a table between its brackets; nothing is added if that would not be shorter."""
    parts = [part for _, part in members]
    sources = [f"{name}:{part}" for name, part in members] if value[0] == "{" else parts
    layout.pieces.append(value[0])
    added = _add_table(layout, sources, parts, shape, separator=",")
    if added:
        layout.pieces.append(value[-1])
    else:
        layout.pieces.pop()
    return added


def _shape_of(layout: Layout, values: Sequence[str], *, is_map: bool) -> Shape | None:
    """How some values can be rows of one table, or None if they cannot."""
    reader = layout.reader
    if len(values) < (_MIN_MAP_ROWS if is_map else _MIN_ROWS):
        return None
    if are_objects(values):
        rows = [reader.members(value) for value in values]
        schema = schema_of(rows, reader, NOISE)
        if schema is None or sum(map(len, rows)) < _MIN_PRESENT * len(rows) * len(schema.columns):
            return None
        return Shape(schema, rows)
    if are_arrays(values):
        inner = [element for value in values for element in reader.elements(value)]
        if len(inner) > len(values) and are_objects(inner):
            rows = [reader.members(element) for element in inner]
            schema = schema_of(rows, reader, NOISE, depth=1)
            return None if schema is None else Shape(schema, rows, nested=True)
    if len(values) < (_MIN_PLAIN_MEMBERS if is_map else _MIN_PLAIN_ROWS) or sum(map(len, values)) < _MIN_CHARS:
        return None
    kinds = Counter(_KINDS.get(value[0], "number") for value in values)
    return Shape(None) if max(kinds.values()) >= _ALIKE * len(values) else None


def _are_blocks(layout: Layout, shape: Shape) -> bool:
    """Whether the rows are few and large, and mostly one array each: better told as tables of their own."""
    if shape.schema is None or shape.nested:
        return False
    total = sum(len(value) for row in shape.rows for _, value in row)
    if total < _BLOCK_CHARS * len(shape.rows):
        return False
    return any(
        sum(map(len, arrays)) >= _BLOCK_SHARE * total
        and sum(len(layout.reader.elements(value)) for value in arrays) >= _BLOCK_ROWS * len(shape.rows)
        for arrays in _arrays(shape.rows).values()
    )


def _arrays(rows: Sequence[Sequence[Member]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        for key, value in row:
            if value.startswith("["):
                found.setdefault(key, []).append(value)
    return found


def _shared_schemas(layout: Layout, rows: Sequence[Sequence[Member]]) -> dict[str, Schema]:
    """For each key of some rows that holds arrays of alike objects, the schema of all of these together."""
    shared: dict[str, Schema] = {}
    for key, arrays in _arrays(rows).items():
        inner = [element for value in arrays for element in layout.reader.elements(value)]
        if len(inner) >= _MIN_ROWS and are_objects(inner) and key not in NOISE:
            schema = schema_of([layout.reader.members(element) for element in inner], layout.reader, NOISE)
            if schema is not None:
                shared[key] = schema
    return shared


def _add_table(  # noqa: PLR0913 - the parts of a table
    layout: Layout, sources: Sequence[str], values: Sequence[str], shape: Shape, *, separator: str,
    is_lines: bool = False,
) -> bool:  # fmt: skip
    """Add a table, unless its spelling would be longer than the values are."""
    lines = [_spell(layout.reader, value, source, shape) for value, source in zip(values, sources, strict=True)]
    header = _header(layout, shape, len(values), is_map=sources is not values)
    if header and sum(map(len, lines)) + len(header) >= sum(map(len, sources)):
        if len(values) < _MIN_PLAIN_ROWS:
            return False
        header, lines = "", list(sources)
    columns = _columns(layout.reader, values, shape)
    first = layout.n_rows + 1
    if header and shape.schema is not None:
        layout.headers.setdefault(shape.schema.spell(), f"{first}-{layout.n_rows + len(values)}")
    n_containers = sum(1 for value in values if value[0] in "[{")
    are_settings = not header and sources is not values and n_containers * 2 > len(values)
    family = shape.schema.spell() if shape.schema is not None else f"{first}"
    layout.pieces.append(Table(first, sources, lines, header, columns, family, separator, is_lines, are_settings))
    layout.n_rows += len(values)
    return True


def _spell(reader: Reader, value: str, source: str, shape: Shape) -> str:
    if shape.schema is None:
        return source
    key = source[: len(source) - len(value)]
    if shape.nested:
        cells = [shape.schema.encode(reader.members(element), reader) for element in reader.elements(value)]
        return f"{key}[{','.join(cells)}]"
    row = reader.members(value)
    return key + shape.schema.encode(row, reader) if shape.schema.fits(row) else source


def _header(layout: Layout, shape: Shape, n_rows: int, *, is_map: bool) -> str:
    if shape.schema is None:
        return ""
    first, last = layout.n_rows + 1, layout.n_rows + n_rows
    spelled = shape.schema.spell()
    what = "arrays of objects" if shape.nested else "objects"
    if is_map:
        what = f"members that hold {what}"
    span = f"{markers.PREFIX}: rows {first}-{last} are {what}, one per line"
    if spelled in layout.headers:
        return f"{span}, with the keys of rows {layout.headers[spelled]}]"
    put_together = ', key="a"+key is put together' if '"+"' in spelled else ""
    return (
        f"{span}, as arrays of their values; key=value holds for all{put_together}, "
        f"an empty place is a missing key: {spelled}]"
    )


def _columns(reader: Reader, values: Sequence[str], shape: Shape) -> dict[str, list[tuple[int, str]]]:
    columns: dict[str, list[tuple[int, str]]] = {}
    if shape.schema is None or shape.nested:
        for index, value in enumerate(values):
            if not value.startswith("["):
                columns.setdefault("value", []).append((index, value))
                continue
            for place, part in enumerate(reader.elements(value)[:_MAX_PLACES]):
                columns.setdefault(f"[{place}]", []).append((index, part))
        return columns
    for index, row in enumerate(shape.rows):
        _add_cells(reader, columns, index, row)
    return columns


def _add_cells(
    reader: Reader,
    columns: dict[str, list[tuple[int, str]]],
    index: int,
    row: Sequence[Member],
    path: tuple[str, ...] = (),
) -> None:
    for key, value in row:
        if key in NOISE:
            continue
        if len(path) < _FLAT_LEVELS and value.startswith("{") and value != "{}":
            _add_cells(reader, columns, index, reader.members(value), (*path, key))
        else:
            columns.setdefault(".".join((*path, key)), []).append((index, value))


def values_of(layout: Layout) -> list[str]:
    """Objects and arrays as they stand in the pieces of a layout, each as often as it was met there."""
    found: list[str] = list(layout.reader.cells)
    for piece in layout.pieces:
        if isinstance(piece, str) and len(piece) >= _MIN_CHARS:
            _collect(layout.reader, piece, found, 0)
    return found


def _collect(reader: Reader, value: str, found: list[str], depth: int) -> None:
    if value[0] not in "{[" or len(value) < _MIN_REPEATED_CHARS or depth > _MAX_DEPTH:
        return
    found.append(value)
    parts = [part for _, part in reader.members(value)] if value[0] == "{" else reader.elements(value)
    for part in parts:
        _collect(reader, part, found, depth + 1)
