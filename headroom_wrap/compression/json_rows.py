"""JSON with many alike things: keys once, rows as arrays; of very many rows, the telling ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headroom_wrap.compression import markers
from headroom_wrap.compression.aliases import aliased
from headroom_wrap.compression.json_layout import Prose, Table, layout_of, values_of
from headroom_wrap.compression.json_strings import Clipper
from headroom_wrap.compression.json_text import NotPlainJsonError, end_of_value, minified
from headroom_wrap.compression.lines import may_try
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.row_choice import gaps, in_common, telling_rows, varies

_ELIDE_FROM_ROWS, _ELIDE_FROM_CHARS = 12, 3000
_ELIDE_PLAIN_FROM_CHARS = 1000
_ELIDE_SETTINGS_FROM_CHARS = 20_000
"""Nobody can tell which of a program's settings matter: of a few, all stay."""
_SHORT_ROW_CHARS = 40


def compress(text: str, hints: Hints) -> Compressed | None:
    """Re-spell as headers and a line per row, which loses nothing; elide rows that tell nothing new."""
    if not may_try(text):
        return None
    try:
        layout = layout_of(text, hints.offset)
    except NotPlainJsonError:
        return None
    if layout is None:
        return None
    page = _Page(Clipper(text, hints) if hints.marker is not None else None)
    kept = _kept(layout.tables, hints)
    for piece in layout.pieces:
        page.add(piece, kept)
    spelled = page.text(values_of(layout))
    if len(spelled) >= len(text):
        return None
    reason = "JSON rows by one schema" if layout.tables else "JSON without white space"
    n_chars = page.clipper.n_chars if page.clipper is not None else 0
    if page.elided or not n_chars:
        reason += ", unremarkable rows elided" if page.elided else ""
        unit = "lines" if any(table.is_lines for table in layout.tables) else "rows"
        return Compressed(spelled, reason, page.elided, layout.n_rows - hints.offset, unit)
    return Compressed(spelled, reason + ", long strings elided", n_chars, len(text), "chars")


def rows_of(text: str) -> Sequence[str] | None:
    """The rows of a text as markers number them, each as JSON; None if it has none.

    Raises:
        NotPlainJsonError: it looks like JSON and is not, or has duplicate keys.
    """
    layout = layout_of(text)
    if layout is None:
        return None
    if layout.tables:
        return [source for table in layout.tables for source in table.sources]
    # Nothing of it was laid out as rows, but whoever asks for them means the elements.
    value = text.strip()
    if not value.startswith("[") or end_of_value(value, 0) != len(value):
        return None
    return layout.reader.elements(minified(value))


class _Page:
    """The lines of an output as they are put together."""

    def __init__(self, clipper: Clipper | None) -> None:
        self.clipper = clipper
        self.elided = 0
        self._lines = [""]
        self._is_json = [True]

    def add(self, piece: str | Prose | Table, kept: Mapping[int, set[int]]) -> None:
        """Add a piece of a layout; of a table, the rows that stay."""
        if isinstance(piece, Prose):
            self._close()
            for line in piece.text.split("\n"):
                self._add_line(line, is_json=False)
        elif isinstance(piece, str):
            self._continue(piece)
        else:
            lines, missing = _lines(piece, kept.get(piece.first))
            self.elided += missing
            if piece.header or missing:
                self._close()
                header = piece.header if missing < len(piece.lines) or "missing key" in piece.header else ""
                for line in filter(None, [header, *lines]):
                    self._add_line(line, is_json=not _is_marker(line))
            else:
                self._continue(piece.separator.join(piece.lines))

    def text(self, values: Iterable[str]) -> str:
        """All lines; `values` are what may stand in them more than once."""
        shown = [index for index, line in enumerate(self._lines) if line]
        flags = [self._is_json[index] for index in shown]
        lines = [self._clip(self._lines[index]) if self._is_json[index] else self._lines[index] for index in shown]
        return "\n".join(aliased(lines, flags, values))

    def _clip(self, text: str) -> str:
        return text if self.clipper is None else self.clipper.clip(text)

    def _continue(self, text: str) -> None:
        first, *rest = text.split("\n")
        self._lines[-1] += first
        for line in rest:
            self._lines.append(line)
            self._is_json.append(True)

    def _add_line(self, line: str, *, is_json: bool) -> None:
        self._lines[-1], self._is_json[-1] = line, is_json
        self._lines.append("")
        self._is_json.append(True)

    def _close(self) -> None:
        if self._lines[-1]:
            self._lines.append("")
            self._is_json.append(True)


def _kept(tables: Sequence[Table], hints: Hints) -> dict[int, set[int]]:
    """For tables of which rows may go, by their first row: the rows that stay, from 0 on in each."""
    families: dict[str, list[Table]] = {}
    for table in tables:
        families.setdefault(table.family, []).append(table)
    kept: dict[int, set[int]] = {}
    for family in families.values():
        lines = [line for table in family for line in table.lines]
        fewest_chars = _fewest_chars(family[0])
        if hints.marker is None or len(lines) < _ELIDE_FROM_ROWS or sum(map(len, lines)) < fewest_chars:
            continue
        columns: dict[str, list[tuple[int, str]]] = {}
        starts = []
        n_rows = 0
        for table in family:
            starts.append(n_rows)
            for key, cells in table.columns.items():
                columns.setdefault(key, []).extend((index + n_rows, value) for index, value in cells)
            n_rows += len(table.lines)
        keep = telling_rows(columns, [source for table in family for source in table.sources], hints)
        for table, start in zip(family, starts, strict=True):
            kept[table.first] = {index - start for index in keep if 0 <= index - start < len(table.lines)}
    return kept


def _fewest_chars(table: Table) -> int:
    """From which size on rows of a table may go."""
    if table.header:
        return _ELIDE_FROM_CHARS
    return _ELIDE_SETTINGS_FROM_CHARS if table.are_settings else _ELIDE_PLAIN_FROM_CHARS


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


def _is_marker(line: str) -> bool:
    return line.startswith(markers.PREFIX) and " elided" in line[:60]
