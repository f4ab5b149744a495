"""Tables in plain text: padding and rules left out, what is the same in every row said once, telling rows kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headroom_wrap.compression import markers
from headroom_wrap.compression.commands import command_of
from headroom_wrap.compression.json_strings import Clipper
from headroom_wrap.compression.lines import Marker, may_try
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.row_choice import Cells, gaps, in_common, tallies, telling_rows, varies
from headroom_wrap.compression.table_shapes import Row, TextTable, csv_table, text_tables

PRINTERS = re.compile(
    r"(?:^|[|;&(]\s*|\bsudo\s+)(?:ps|df|du|lsblk|lsof|netstat|ss|free|top|dpkg|dpkg-query|rpm|vmstat|iostat|mount|who|last"
    r"|psql|mysql|sqlite3|duckdb|crictl|squeue|sinfo|nvidia-smi|systemctl|getent|column)\b"
    r"|\bls\s+(?:-\w*\s+)*-\w*l|\b(?:kubectl|oc|docker|podman|helm|gh|az|gcloud|aws|flyctl|heroku)\b.*"
    r"\b(?:get|top|ps|images|list|ls|stats|status|events|describe)\b|\b(?:pip3?|conda|npm|apt|brew|snap|flatpak)\s+"
    r"(?:list|outdated)\b"
)
"""Commands whose output is a table, or has one in it."""

_ELIDE_FROM_ROWS, _ELIDE_FROM_CHARS = 16, 2400
_MAX_WHAT_CHARS = 160
_MIN_CONSTANT_ROWS = 4


@dataclass(frozen=True, slots=True)
class _Spelling:
    """How the rows of a table are shown: which columns, and the same cells without padding or the lines as they are."""

    table: TextTable
    shown: tuple[int, ...]
    constants: tuple[int, ...]
    as_it_is: bool

    def name(self, column: int) -> str:
        """The name of a column, or its number where there are no names."""
        name = self.table.head.cells[column] if self.table.head is not None else ""
        return name or f"column {column + 1}"

    def spell(self, row: Row, lines: Sequence[str], clipper: Clipper | None) -> list[str]:
        """A row as it is shown."""
        if self.as_it_is:
            return list(lines[row.first : row.last + 1])
        cells = [row.cells[column] for column in self.shown]
        line = self.table.separator.join(cells if clipper is None else map(clipper.clip_cell, cells))
        return [self.table.indent + line.rstrip("\t ") if self.table.is_padded else line]


def compress(text: str, hints: Hints) -> Compressed | None:
    """Leave out padding, rules and constant columns, which loses nothing; elide rows that tell nothing new."""
    if not may_try(text):
        return None
    is_expected = PRINTERS.search(command_of(hints.tool_input)) is not None
    lines = text.split("\n")
    table = csv_table(text)
    found = [table] if table is not None else text_tables(lines)
    found = [each for each in found if each.sure or is_expected]
    clipper = Clipper(text, hints) if hints.marker is not None else None
    out: list[str] = []
    elided = at = 0
    for each in found:
        out += lines[at : each.first]
        spelled, missing = _spell(each, lines, hints, clipper)
        out += spelled
        elided += missing
        at = each.last + 1
    out += lines[at:]
    spelled_text = "\n".join(out)
    if not found or len(spelled_text) >= len(text):
        return None
    reason = "table without padding" + (", unremarkable rows elided" if elided else "")
    if not elided and clipper is not None and clipper.n_chars:
        return Compressed(spelled_text, reason + ", long cells elided", clipper.n_chars, len(text), "chars")
    return Compressed(spelled_text, reason, elided, len(lines) - (lines[-1] == ""))


def _spell(table: TextTable, lines: Sequence[str], hints: Hints, clipper: Clipper | None) -> tuple[list[str], int]:
    """The lines of a table, and how many lines of the original they do not show."""
    columns: Mapping[str, Cells] = {
        str(column): [(index, row.cells[column]) for index, row in enumerate(table.rows)]
        for column in range(len(table.rows[0].cells))
    }
    spelling = _spelling(table, lines, columns)
    named = {spelling.name(int(key)): cells for key, cells in columns.items() if varies(cells)}
    texts = ["\n".join(lines[row.first : row.last + 1]) for row in table.rows]
    keep = _kept(named, texts, hints)
    missing = gaps(keep, texts) if keep is not None else []
    body = [] if table.head is None else spelling.spell(table.head, lines, None)
    elided = at = 0
    for first, last in [*missing, (len(table.rows), -1)]:
        for row in table.rows[at:first]:
            body += spelling.spell(row, lines, clipper)
        if last >= 0 and hints.marker is not None:
            body.append(_marker(table, named, first, last, hints.marker))
            elided += table.rows[last].last - table.rows[first].first + 1
        at = last + 1
    return [*_said(spelling, named, all_shown=not missing), *body], elided


def _spelling(table: TextTable, lines: Sequence[str], columns: Mapping[str, Cells]) -> _Spelling:
    everything = tuple(range(len(columns)))
    if not table.is_padded and any(lines[row.first] != table.separator.join(row.cells) for row in table.rows):
        return _Spelling(table, everything, (), as_it_is=True)
    constants = tuple(column for column in everything if not varies(columns[str(column)]))
    if len(table.rows) < _MIN_CONSTANT_ROWS or len(constants) == len(everything):
        constants = ()
    left_out = frozenset(constants)
    shown = tuple(column for column in everything if column not in left_out)
    return _Spelling(table, shown, constants, as_it_is=False)


def _kept(named: Mapping[str, Cells], texts: Sequence[str], hints: Hints) -> set[int] | None:
    if hints.marker is None or len(texts) < _ELIDE_FROM_ROWS or sum(map(len, texts)) < _ELIDE_FROM_CHARS:
        return None
    return telling_rows(named, texts, hints)


def _marker(table: TextTable, named: Mapping[str, Cells], first: int, last: int, marker: Marker) -> str:
    what = in_common(named, first, last)
    return marker(table.rows[first].first + 1, table.rows[last].last + 1, what)


def _said(spelling: _Spelling, named: Mapping[str, Cells], *, all_shown: bool) -> list[str]:
    """The line above a table, if there is something to say of it."""
    table = spelling.table
    same = ", ".join(f"{spelling.name(column)}={table.rows[0].cells[column]}" for column in spelling.constants)
    counts = "" if all_shown else tallies(named, len(table.rows))
    parts = [f"in every row {same}"] if same else []
    parts += [counts] if counts else []
    return [f"{markers.PREFIX}: {len(table.rows)} rows; {'; '.join(parts)}]"] if parts else []
