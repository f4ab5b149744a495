"""Tables in plain text: aligned by spaces, drawn with bars, or separated by commas, tabs and the like."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_MIN_ROWS = 5
_MIN_COLUMNS = 3
_MAX_WIDTH = 4000
_MAX_HEAD_LINES = 6
_FILLED_SHARE = 0.5
_HEAD_WORD_SHARE = 0.6
_RULER = re.compile(r"[\s+|=:*─━═│┃┼╪┿├┤┌┐└┘┬┴╞╡╭╮╰╯-]{3,}\Z")
_SEGMENTS = re.compile(r" *[-=]+(?: +[-=]+)+ *\Z")
_BARS = str.maketrans({"│": "|", "┃": "|", "║": "|"})
_HEAD_WORD = re.compile(r"[^a-z]*[A-Z][^a-z]*\Z|[A-Z%#][\w%()#/-]*\Z")
_NUMBER = re.compile(r"[-+]?[\d.,:%]+[A-Za-z]{0,2}\Z")
_DELIMITERS = ",\t;|"
_MAX_FIELD_SHARE = 0.5
_INK = bytes(ord("0") if byte == ord(" ") else ord("1") for byte in range(256))
_MANY_LINES = 2000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells without padding, and the lines of the text where it stands, from 0 on."""

    cells: tuple[str, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table among the lines of a text.

    Attributes:
        first, last: its lines, from 0 on; rulers stand among them that are no rows.
        head: the names of the columns, or None.
        rows: without the head.
        separator: what stands between cells where padding is left out.
        sure: whether the text itself shows that it is a table.
        indent: the spaces before every row.
        is_padded: whether cells stand in the text with padding and rules, which can be left out.
    """

    first: int
    last: int
    head: Row | None
    rows: Sequence[Row]
    separator: str
    sure: bool
    is_padded: bool = True
    indent: str = ""


def text_tables(lines: Sequence[str]) -> list[TextTable]:
    """The tables of a text that is no CSV, in order."""
    found: list[TextTable] = []
    for first, last in _groups(lines):
        table = _drawn(lines, first, last) or _aligned(lines, first, last)
        if table is not None and table.sure:
            found.append(table)
            continue
        spans = _indented(lines, first, last)
        inner = [part for part in (_drawn(lines, *span) or _aligned(lines, *span) for span in spans) if part]
        found += inner if inner or table is None else [table]
    return found


def csv_table(text: str) -> TextTable | None:
    """The table that a text is, if all of it is separated values."""
    first_line, *others = text[:_MAX_WIDTH].split("\n", 2)
    if any(map(_is_ruler, others[:1])):
        return None
    for delimiter in sorted(_DELIMITERS, key=lambda char: -first_line.count(char)):
        if first_line.count(delimiter) < _MIN_COLUMNS - 1:
            return None
        rows = _records(text, delimiter)
        if rows is None or len(rows) <= _MIN_ROWS:
            continue
        head = rows[0] if _is_head(rows[0].cells) else None
        body = rows[1:] if head is not None else rows
        return TextTable(0, rows[-1].last, head, body, delimiter, sure=head is not None, is_padded=False)
    return None


def _records(text: str, delimiter: str) -> list[Row] | None:
    """All records, if they have the same number of fields and quotes are balanced."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    at = 0
    try:
        for record in reader:
            if not record or (rows and len(record) != len(rows[0].cells)):
                return None
            if any(len(field) > _MAX_FIELD_SHARE * len(text) for field in record):
                return None
            rows.append(Row(tuple(record), at, reader.line_num - 1))
            at = reader.line_num
    except csv.Error:
        return None
    return rows


def _is_head(cells: Sequence[str]) -> bool:
    return len(set(cells)) == len(cells) and all(cell.strip() and not _NUMBER.match(cell.strip()) for cell in cells)


def _groups(lines: Sequence[str]) -> list[tuple[int, int]]:
    """The stretches of lines that are not blank."""
    groups = []
    first = -1
    for index, line in enumerate([*lines, ""]):
        if line.strip():
            first = index if first < 0 else first
        elif first >= 0:
            groups.append((first, index - 1))
            first = -1
    return [(start, end) for start, end in groups if end - start >= _MIN_ROWS]


def _indented(lines: Sequence[str], first: int, last: int) -> list[tuple[int, int]]:
    """The stretches of lines of one indentation."""
    found = []
    start = first
    for index in range(first + 1, last + 2):
        if index > last or _indent(lines[index]) != _indent(lines[start]):
            if index - start > _MIN_ROWS and (start, index - 1) != (first, last):
                found.append((start, index - 1))
            start = index
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_ruler(line: str) -> bool:
    return _RULER.match(line) is not None


def _drawn(lines: Sequence[str], first: int, last: int) -> TextTable | None:
    """A table with bars between cells and a ruler below its head: of psql, mysql, sqlite3 or Markdown."""
    rulers = [index for index in range(first, last + 1) if _is_ruler(lines[index])]
    start = first
    while start < last and (_is_ruler(lines[start]) or "|" not in lines[start].translate(_BARS)):
        start += 1
    bars = lines[start].translate(_BARS).count("|")
    if not bars or not any(start < index <= start + 2 for index in rulers):
        return None
    if not rulers:
        return None
    rows: list[Row] = []
    ruled: set[str] = set()
    end = start
    for index in range(start, last + 1):
        line = lines[index].translate(_BARS)
        is_row = line.count("|") == bars
        # Below the head, a line like no ruler above it is a row of dashes.
        if _is_ruler(lines[index]) and not (is_row and len(rows) > 1 and lines[index] not in ruled):
            ruled.add(lines[index])
            end = index if rows else end
            continue
        if not is_row:
            break
        rows.append(Row(tuple(_bar_cells(line)), index, index))
        end = index
    if len(rows) <= _MIN_ROWS:
        return None
    begin = start - 1 if start > first and _is_ruler(lines[start - 1]) else start
    return TextTable(begin, end, rows[0], rows[1:], "|", sure=True)


def _bar_cells(line: str) -> list[str]:
    stripped = line.strip()
    if stripped.startswith("|") and stripped.endswith("|") and len(stripped) > 1:
        stripped = stripped[1:-1]
    return [cell.strip() for cell in stripped.split("|")]


def _aligned(lines: Sequence[str], first: int, last: int) -> TextTable | None:
    """A table whose columns are kept apart by spaces; a few lines above it may belong to no table."""
    fewest = _MIN_COLUMNS - any(map(_is_ruler, lines[first : min(first + _MAX_HEAD_LINES, last) + 1]))
    is_ruled = fewest < _MIN_COLUMNS
    body = [line for line in lines[first + _MAX_HEAD_LINES : last + 1] if not _is_ruler(line)]
    if body and not is_ruled and (max(map(len, body)) > _MAX_WIDTH or len(_cuts(body)) < _MIN_COLUMNS - 1):
        return None
    starts = list(range(first, min(first + _MAX_HEAD_LINES, last - _MIN_ROWS) + 1))
    # Where a ruler stands, the line above it is the head.
    starts.sort(key=lambda start: not (start < last and _is_ruler(lines[start + 1]) and not _is_ruler(lines[start])))
    if last - first > _MANY_LINES:
        starts = starts[:2]
    for start in starts:
        table = _aligned_at(lines, start, last, fewest)
        if table is not None:
            return table
    return None


def _aligned_at(lines: Sequence[str], first: int, last: int, fewest: int) -> TextTable | None:
    if any("\t" in line or len(line) > _MAX_WIDTH for line in lines[first : last + 1]):
        return None
    head_rulers = {line for line in lines[first : first + _MAX_HEAD_LINES] if _is_ruler(line)}
    numbers = [
        index
        for index in range(first, last + 1)
        if not _is_ruler(lines[index]) or (" " in lines[index].strip() and lines[index] not in head_rulers)
    ]
    rulers = last - first + 1 - len(numbers)
    if len(numbers) <= _MIN_ROWS:
        return None
    cuts = _ruled_cuts(lines[first + 1], [lines[index] for index in numbers])
    cuts = cuts or _cuts([lines[index] for index in numbers])
    if len(cuts) < fewest - 1:
        return None
    rows = []
    for index in numbers:
        places = [0, *cuts, len(lines[index])]
        rows.append(Row(tuple(lines[index][left:right].strip() for left, right in pairwise(places)), index, index))
    filled = sum(1 for row in rows for cell in row.cells if cell)
    if filled < _FILLED_SHARE * len(rows) * (len(cuts) + 1):
        return None
    words = [word for cell in rows[0].cells for word in cell.split()]
    is_head = sum(1 for word in words if _HEAD_WORD.match(word)) >= _HEAD_WORD_SHARE * len(words) and all(rows[0].cells)
    head = rows[0] if is_head or (rulers and all(rows[0].cells)) else None
    sure = head is not None and (rulers > 0 or all(word.upper() == word for word in words))
    indent = " " * min(_indent(lines[index]) for index in numbers)
    body = rows[1:] if head is not None else rows
    return TextTable(first, last, head, body, "\t", sure=sure, indent=indent)


def _ruled_cuts(ruler: str, lines: Sequence[str]) -> list[int]:
    """Where columns begin as a line like `---- ---- ----` says, if the other lines agree."""
    if not _SEGMENTS.match(ruler):
        return []
    cuts = [
        found.start() for found in re.finditer(r"(?<=[-=] )[-=]|(?<=  )[-=]", ruler) if ruler[: found.start()].strip()
    ]
    blank = _blank_places(lines)
    cuts = [cut for cut in cuts if any(line[cut:].strip() for line in lines)]
    return cuts if all(cut > len(blank) or blank[cut - 1] == "0" for cut in cuts) else []


def _cuts(lines: Sequence[str]) -> list[int]:
    """Where the columns of some lines begin, but the first: after places that are blank in every line."""
    width = max(map(len, lines))
    blank = _blank_places(lines)
    starts = _starts(blank)
    cuts: list[int] = []
    for position, place in enumerate(starts):
        end = starts[position + 1] if position + 1 < len(starts) else width
        left = cuts[-1] if cuts else 0
        if not lines[0][place:end].strip():
            continue
        wide = blank[place - 2] == "0"
        filled = sum(1 for line in lines if line[place:end].strip())
        if (wide and filled > 1) or (
            filled * 2 >= len(lines) and sum(1 for line in lines if line[left:place].strip()) * 2 >= len(lines)
        ):
            cuts.append(place)
    return cuts


def _blank_places(lines: Sequence[str]) -> str:
    """For each place of the longest line `0` where all lines are blank, else `1`."""
    ink = 0
    for line in lines:
        # A number with a bit for each place that is not blank: many lines are put together at the speed of C.
        ink |= int(line.encode("latin-1", "replace").translate(_INK)[::-1] or b"0", 2)
    return f"{ink:b}"[::-1]


def _starts(blank: str) -> list[int]:
    first = blank.find("1")
    return [found.start() + 1 for found in re.finditer("01", blank) if found.start() > first]
