"""An original, and what a model read in its place, in two columns."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from headroom_wrap.cli.display import printable
from headroom_wrap.compression.json_rows import rows_of
from headroom_wrap.compression.json_text import NotPlainJsonError
from headroom_wrap.compression.markers import PREFIX, elisions

_SHOWN_FIRST, _SHOWN_LAST = 3, 1
"""Of a stretch that was elided."""
_MIN_COLUMN = 16
_MAX_LINE_CHARS = 2000


class Kind(Enum):
    """What became of a stretch: the sign between the columns, and the two styles."""

    SAME = ("│", "", "")
    RESPELLED = ("~", "cyan", "cyan")
    ELIDED = ("<", "red", "bold yellow")
    OURS = (">", "", "bold yellow")


@dataclass(frozen=True, slots=True)
class Band:
    """Lines `first`..`last` of the original (from 0 on, `last` excluded) and the lines that stand for them."""

    kind: Kind
    first: int
    last: int
    right: tuple[str, ...]


def items(text: str, unit: str) -> list[str]:
    """The lines of a text, or its rows: the objects of its JSON array; none where it has no such."""
    if unit == "lines":
        return text.split("\n")
    try:
        return list(rows_of(text) or ())
    except NotPlainJsonError:
        return []


def align(original: Sequence[str], rendered: str, unit: str = "lines") -> list[Band]:
    """Which lines (or rows) of the original each line of the rendered text stands for, in order."""
    right = rendered.split("\n")
    anchors = {found.index: found for found in elisions(rendered) if found.unit == unit}
    bands: list[Band] = []
    position = 0
    pending: list[str] = []
    for index, line in enumerate(right):
        anchor = anchors.get(index)
        if anchor is not None and position < anchor.first <= anchor.last <= len(original):
            bands += _between(original, position, anchor.first - 1, pending)
            bands.append(Band(Kind.ELIDED, anchor.first - 1, anchor.last, (line,)))
            position, pending = anchor.last, []
        else:
            pending.append(line)
    return [*bands, *_between(original, position, len(original), pending)]


def show(console: Console, original: str, rendered: str) -> None:
    """Print both, row by row, as wide as the console is."""
    rows = items(original, "rows")
    lines = rows or items(original, "lines")
    digits = len(str(len(lines)))
    width = max((console.width - digits - 4) // 2, _MIN_COLUMN)
    for band in align(lines, rendered, "rows" if rows else "lines"):
        sign, left_style, right_style = band.kind.value
        for number, left, right in _rows(band, lines):
            for place, (one, other) in enumerate(zip_longest(_fit(left, width), _fit(right, width), fillvalue="")):
                row = Text.assemble((f"{number if not place else '':>{digits}} ", "dim"))
                row.append(one + " " * (width - cell_len(one)), style=left_style)
                row.append(f" {sign} ", style="dim")
                row.append(other, style=right_style)
                row.rstrip()
                console.print(row, no_wrap=True, overflow="ignore", crop=False)


def _rows(band: Band, lines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Number, left and right text of each row."""
    numbers = range(band.first, band.last)
    if band.kind is Kind.ELIDED and len(numbers) > _SHOWN_FIRST + _SHOWN_LAST + 1:
        n_hidden = len(numbers) - _SHOWN_FIRST - _SHOWN_LAST
        yield from _pairs(numbers[:_SHOWN_FIRST], lines, band.right)
        yield "", f"… {n_hidden:,} more lines", ""
        yield from _pairs(numbers[-_SHOWN_LAST:], lines, ())
    else:
        yield from _pairs(numbers, lines, band.right)


def _pairs(numbers: range, lines: Sequence[str], right: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for number, other in zip_longest(numbers, right):
        yield (
            "" if number is None else str(number + 1),
            "" if number is None else lines[number],
            "" if other is None else other,
        )


def _between(original: Sequence[str], first: int, last: int, right: Sequence[str]) -> Iterator[Band]:
    """The bands of lines first..last that no elision touches: each equal line to the next one like it."""
    places: dict[str, list[int]] = {}
    for index in range(first, last):
        places.setdefault(original[index], []).append(index)
    changed: list[str] = []
    for line in right:
        is_frame = line.startswith(PREFIX) or len(line.strip()) == 1
        if is_frame and not changed and line not in places:
            yield Band(Kind.OURS, first, first, (line,))
            continue
        same = places.get(line, [])
        at = bisect_left(same, first)
        if at == len(same):
            changed.append(line)
            continue
        if changed or same[at] > first:
            yield Band(Kind.RESPELLED, first, same[at], tuple(changed))
        yield Band(Kind.SAME, same[at], same[at] + 1, (line,))
        first, changed = same[at] + 1, []
    if changed or first < last:
        yield Band(Kind.RESPELLED, first, last, tuple(changed))


def _fit(line: str, width: int) -> list[str]:
    shown = printable(line[:_MAX_LINE_CHARS]) + ("…" if len(line) > _MAX_LINE_CHARS else "")
    return chop_cells(shown, width) or [""]
