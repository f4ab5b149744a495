"""JSON with many alike things: keys once, rows as arrays; of very many rows, the telling ones."""

from __future__ import annotations

from collections.abc import Sequence

from headroom_wrap.compression import markers
from headroom_wrap.compression.json_layout import Layout, Table, layout_of
from headroom_wrap.compression.json_text import NotPlainJsonError
from headroom_wrap.compression.lines import may_try
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.row_choice import gaps, in_common, telling_rows, varies

_ELIDE_FROM_ROWS, _ELIDE_FROM_CHARS = 12, 3000
_SHORT_ROW_CHARS = 40


def compress(text: str, hints: Hints) -> Compressed | None:
    """Re-spell as headers and a line per row, which loses nothing; elide rows that tell nothing new."""
    if not may_try(text):
        return None
    try:
        layout = layout_of(text)
    except NotPlainJsonError:
        return None
    if layout is None:
        return None
    spelled, elided = _render(layout, hints)
    if len(spelled) >= len(text):
        return None
    tables = layout.tables
    reason = "JSON rows by one schema" if tables else "JSON without white space"
    if elided:
        reason += ", unremarkable rows elided"
    unit = "lines" if any(table.is_lines for table in tables) else "rows"
    return Compressed(spelled, reason, elided, layout.n_rows, unit)


def rows_of(text: str) -> Sequence[str] | None:
    """The rows of a text as markers number them, each as JSON; None if it has none.

    Raises:
        NotPlainJsonError: it looks like JSON and is not, or has duplicate keys.
    """
    layout = layout_of(text)
    if layout is None or not layout.tables:
        return None
    return [source for table in layout.tables for source in table.sources]


def _render(layout: Layout, hints: Hints) -> tuple[str, int]:
    """The text, and how many rows it does not show."""
    out = [""]
    elided = 0
    for piece in layout.pieces:
        if isinstance(piece, str):
            first, *rest = piece.split("\n")
            out[-1] += first
            out += rest
            continue
        keep = _kept(piece, hints)
        lines, missing = _lines(piece, keep)
        elided += missing
        if piece.header or missing:
            out += [*filter(None, [piece.header]), *lines, ""]
        else:
            first, *rest = piece.separator.join(piece.lines).split("\n")
            out[-1] += first
            out += rest
    return "\n".join(filter(None, out)), elided


def _kept(table: Table, hints: Hints) -> set[int] | None:
    """The rows to show, from 0 on; None for all."""
    size = sum(map(len, table.lines))
    if hints.marker is None or len(table.lines) < _ELIDE_FROM_ROWS or size < _ELIDE_FROM_CHARS:
        return None
    return telling_rows(table.columns, table.sources, hints)


def _lines(table: Table, keep: set[int] | None) -> tuple[list[str], int]:
    if keep is None:
        return list(table.lines), 0
    out: list[str] = []
    elided = at = 0
    unit = "lines" if table.is_lines else "rows"
    telling = {key: cells for key, cells in table.columns.items() if not table.header or varies(cells)}
    for first, last in gaps(keep, table.lines):
        out += _shown(table, at, first)
        what = in_common(telling, first, last)
        out.append(markers.elision(table.first + first, table.first + last, what, unit))
        elided += last - first + 1
        at = last + 1
    return out + _shown(table, at, len(table.lines)), elided


def _shown(table: Table, first: int, end: int) -> list[str]:
    """Rows `first` to `end`: short plain ones together on a line."""
    lines = list(table.lines[first:end])
    if not lines or table.header or table.separator == "\n":
        return lines
    if sum(map(len, lines)) > _SHORT_ROW_CHARS * len(lines):
        return lines
    return [",".join(lines)]
