"""One schema for many JSON objects: keys once, then the values of each object in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headroom_wrap.compression.json_text import Member, Reader, are_arrays, are_objects

_MAX_COLUMNS = 400
_MAX_DEPTH = 6
_MAX_MISFITS = 0.3
_MIN_DERIVED_CHARS = 12
_MAX_PLACES = 4


@dataclass(frozen=True, slots=True)
class Derived:
    """How a string is made from another value of its object: that value's text between two others."""

    prefix: str
    base: str
    suffix: str

    def of(self, text: str) -> str:
        """The value, as spelled, where the other one reads `text`."""
        return f'"{self.prefix}{text}{self.suffix}"'

    def spell(self) -> str:
        """`"https://host/"+"id"+"/x"`."""
        return f'"{self.prefix}"+{self.base}' + (f'+"{self.suffix}"' if self.suffix else "")


@dataclass(frozen=True, slots=True)
class Column:
    """One key.

    Attributes:
        key: as spelled in the source, with its quotes.
        constant: the value that every row has, as spelled; None if values differ.
        derived: how every row's value follows from another one of the row; None if it does not.
        fields: if every value is an object, its schema: a cell is then the array of the object's values.
        elements: if every value is an array of objects, their schema: a cell is then an array of such arrays.
    """

    key: str
    constant: str | None = None
    derived: Derived | None = None
    fields: Schema | None = None
    elements: Schema | None = None

    @property
    def has_cell(self) -> bool:
        """Whether rows have a place for it."""
        return self.constant is None and self.derived is None

    def spell(self) -> str:
        """The column as the header line shows it."""
        if self.constant is not None:
            return f"{self.key}={self.constant}"
        if self.derived is not None:
            return f"{self.key}={self.derived.spell()}"
        if self.fields is not None:
            return self.key + self.fields.spell()
        return f"{self.key}[{self.elements.spell()}]" if self.elements is not None else self.key


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns in an order that objects of the schema follow."""

    columns: tuple[Column, ...]

    def spell(self) -> str:
        """`{"a","b"=1,"c"{"d"}}`: the key `b` is 1 in every object, `c` holds objects with the key `d`."""
        return "{" + ",".join(column.spell() for column in self.columns) + "}"

    def encode(self, row: Sequence[Member], reader: Reader) -> str:
        """The array that stands for an object; empty places are keys that it does not have."""
        values = dict(row)
        cells = [_cell(column, values.get(column.key), reader) for column in self.columns if column.has_cell]
        return "[" + ",".join(cells) + "]"

    def fits(self, row: Sequence[Member]) -> bool:
        """Whether the schema says everything of an object: its keys, their order, what is constant or derived."""
        values = dict(row)
        keys = [column.key for column in self.columns if column.key in values]
        return keys == [key for key, _ in row] and all(
            _agrees(column, values) for column in self.columns if not column.has_cell
        )


def bare(value: str) -> str | None:
    """The text of a string without escapes, or of a number; None for all else."""
    if value.startswith('"'):
        return None if "\\" in value else value[1:-1]
    return value if value[:1] in "-0123456789" else None


def _agrees(column: Column, values: Mapping[str, str]) -> bool:
    if column.constant is not None:
        return values.get(column.key) == column.constant
    if column.derived is None:
        return True
    text = bare(values.get(column.derived.base, ""))
    return text is not None and values.get(column.key) == column.derived.of(text)


def _cell(column: Column, value: str | None, reader: Reader) -> str:
    if value is None:
        return ""
    if column.fields is not None:
        spelled = column.fields.encode(reader.members(value), reader)
        reader.cells.append(spelled)
        return spelled
    if column.elements is not None:
        encoded = [column.elements.encode(reader.members(element), reader) for element in reader.elements(value)]
        return "[" + ",".join(encoded) + "]"
    return value


def schema_of(
    rows: Sequence[Sequence[Member]], reader: Reader, whole: frozenset[str] = frozenset(), depth: int = 0
) -> Schema | None:
    """The schema of some objects, or None if they do not agree on an order of keys.

    Args:
        rows: the objects; at the top, few of them may not fit the schema.
        reader: takes values apart.
        whole: keys whose values are never taken apart.
        depth: how many objects stand around these.
    """
    order, fitting = _common_order(rows)
    if (
        not order
        or len(order) > _MAX_COLUMNS
        or len(rows) - len(fitting) > (_MAX_MISFITS * len(rows) if not depth else 0)
    ):
        return None
    cells: dict[str, list[str]] = {key: [] for key in order}
    for row in fitting:
        for key, value in row:
            cells[key].append(value)
    n_rows = len(fitting)
    constants = {key for key, values in cells.items() if _is_constant(values, n_rows)}
    derived = _derive(order, constants, cells, n_rows)
    columns = []
    for key in order:
        values = cells[key]
        if key in constants:
            columns.append(Column(key, constant=values[0]))
        elif key in derived:
            columns.append(Column(key, derived=derived[key]))
        elif key in whole:
            columns.append(Column(key))
        else:
            columns.append(_nested(key, values, reader, whole, depth))
    return Schema(tuple(columns))


def _is_constant(values: Sequence[str], n_rows: int) -> bool:
    return len(values) == n_rows > 1 and all(value == values[0] for value in values)


def _nested(key: str, values: Sequence[str], reader: Reader, whole: frozenset[str], depth: int) -> Column:
    if depth >= _MAX_DEPTH or len(values) == 1:
        return Column(key)
    if are_objects(values):
        return Column(key, fields=schema_of([reader.members(value) for value in values], reader, whole, depth + 1))
    if are_arrays(values):
        inner = [element for value in values for element in reader.elements(value)]
        if len(inner) > 1 and are_objects(inner):
            rows = [reader.members(element) for element in inner]
            return Column(key, elements=schema_of(rows, reader, whole, depth + 1))
    return Column(key)


def _common_order(rows: Sequence[Sequence[Member]]) -> tuple[list[str], list[Sequence[Member]]]:
    """All keys, each after those that stand before it in some row, and the rows that do not contradict this."""
    order: list[str] = []
    known: dict[str, int] = {}
    fitting: list[Sequence[Member]] = []
    for row in rows:
        places = [known[key] for key, _ in row if key in known]
        if places != sorted(places):
            continue
        fitting.append(row)
        if len(places) == len(row):
            continue
        place = 0
        for key, _ in row:
            if key not in known:
                order.insert(place, key)
                known = {name: index for index, name in enumerate(order)}
            place = known[key] + 1
        if len(order) > _MAX_COLUMNS:
            break
    return order, fitting


def _derive(
    order: Sequence[str], constants: set[str], cells: Mapping[str, Sequence[str]], n_rows: int
) -> dict[str, Derived]:
    """The columns of strings that follow from another column in the same way in every row."""
    texts: dict[str, list[str]] = {}
    for key in order:
        if key not in constants and len(cells[key]) == n_rows > 1:
            found = [bare(value) for value in cells[key]]
            plain = [text for text in found if text]
            if len(plain) == n_rows:
                texts[key] = plain
    derived: dict[str, Derived] = {}
    bases: set[str] = set()
    for key, values in texts.items():
        if key in bases or not cells[key][0].startswith('"') or len(values[0]) < _MIN_DERIVED_CHARS:
            continue
        for base, others in texts.items():
            if base == key or base in derived:
                continue
            way = _way(base, values, others)
            if way is not None and all(value.startswith('"') for value in cells[key]):
                derived[key] = way
                bases.add(base)
                break
    return derived


def _way(base: str, values: Sequence[str], others: Sequence[str]) -> Derived | None:
    first, inner = values[0], others[0]
    at = -1
    for _ in range(_MAX_PLACES):
        at = first.find(inner, at + 1)
        if at < 0:
            return None
        prefix, suffix = first[:at], first[at + len(inner) :]
        if values[-1] == prefix + others[-1] + suffix and all(
            value == prefix + other + suffix for value, other in zip(values, others, strict=True)
        ):
            return Derived(prefix, base, suffix)
    return None
