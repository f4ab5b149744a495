"""One schema for many JSON objects: keys once, then the values of each object in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headroom_wrap.compression.json_text import Member, are_objects, array_elements, object_members

_MAX_COLUMNS = 400
_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One key.

    Attributes:
        key: as spelled in the source, with its quotes.
        constant: the value that every row has, as spelled; None if values differ.
        fields: if every value is an object, its schema: a cell is then the array of the object's values.
        elements: if every value is an array of objects, their schema: a cell is then an array of such arrays.
    """

    key: str
    constant: str | None = None
    fields: Schema | None = None
    elements: Schema | None = None

    def spell(self) -> str:
        """The column as the header line shows it."""
        if self.constant is not None:
            return f"{self.key}={self.constant}"
        if self.fields is not None:
            return self.key + self.fields.spell()
        return f"{self.key}[{self.elements.spell()}]" if self.elements is not None else self.key


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns in an order that every object of the schema follows."""

    columns: tuple[Column, ...]

    def spell(self) -> str:
        """`{"a","b"=1,"c"{"d"}}`: the key `b` is 1 in every object, `c` holds objects with the key `d`."""
        return "{" + ",".join(column.spell() for column in self.columns) + "}"

    def encode(self, row: Sequence[Member]) -> str:
        """The array that stands for an object; empty places are keys that it does not have."""
        values = dict(row)
        cells = [_cell(column, values.get(column.key)) for column in self.columns if column.constant is None]
        return "[" + ",".join(cells) + "]"


def _cell(column: Column, value: str | None) -> str:
    if value is None:
        return ""
    if column.fields is not None:
        return column.fields.encode(object_members(value))
    if column.elements is not None:
        encoded = [column.elements.encode(object_members(element)) for element in array_elements(value)]
        return "[" + ",".join(encoded) + "]"
    return value


def schema_of(rows: Sequence[Sequence[Member]], depth: int = 0) -> Schema | None:
    """The schema of some objects, or None if they do not agree on an order of keys."""
    order = _common_order(rows)
    if order is None or len(order) > _MAX_COLUMNS:
        return None
    cells: dict[str, list[str]] = {key: [] for key in order}
    for row in rows:
        for key, value in row:
            cells[key].append(value)
    return Schema(tuple(_column(key, cells[key], len(rows), depth) for key in order))


def _column(key: str, values: Sequence[str], n_rows: int, depth: int) -> Column:
    if len(values) == n_rows and n_rows > 1 and all(value == values[0] for value in values):
        return Column(key, constant=values[0])
    if depth >= _MAX_DEPTH or len(values) == 1:
        return Column(key)
    if are_objects(values):
        fields = schema_of([object_members(value) for value in values], depth + 1)
        return Column(key, fields=fields)
    if all(value.startswith("[") for value in values):
        inner = [element for value in values for element in array_elements(value)]
        if len(inner) > 1 and are_objects(inner):
            return Column(key, elements=schema_of([object_members(element) for element in inner], depth + 1))
    return Column(key)


def _common_order(rows: Sequence[Sequence[Member]]) -> list[str] | None:
    """All keys, each after those that stand before it in some row; None if rows contradict each other."""
    order: list[str] = []
    known: dict[str, int] = {}
    for row in rows:
        if all(known.get(key) == place for place, (key, _) in enumerate(row)):
            continue
        place = 0
        for key, _ in row:
            if key not in known:
                order.insert(place, key)
                known = {name: index for index, name in enumerate(order)}
            elif known[key] < place:
                return None
            place = known[key] + 1
            if len(order) > _MAX_COLUMNS:
                return None
    return order
