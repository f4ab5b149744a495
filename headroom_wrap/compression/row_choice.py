"""Which of many rows tell something: the ends, errors, outliers, rare values, and what the query names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from statistics import median

from headroom_wrap.compression.json_text import Member
from headroom_wrap.compression.lines import is_alarming
from headroom_wrap.compression.model import Hints
from headroom_wrap.compression.relevance import relevant, terms_of
from headroom_wrap.compression.schemas import Schema

_FIRST_ROWS, _LAST_ROWS = 8, 4
_RELEVANT = 20
_COMMON_SHARE = 0.2
_CATEGORIES_MAX = 24
_RARE_MAX = 2
_OUTLIERS_PER_COLUMN = 4
_OUTLIER_DEVIATIONS = 8.0
_NUMBER = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?\Z")


def telling_rows(rows: Sequence[Sequence[Member]], schema: Schema, hints: Hints) -> set[int]:
    """The numbers of the rows that stay."""
    n_rows = len(rows)
    keep = {*range(_FIRST_ROWS), *range(n_rows - _LAST_ROWS, n_rows)}
    keep.update(relevant([" ".join(value for _, value in row) for row in rows], terms_of(hints), _RELEVANT))
    cells: dict[str, list[tuple[int, str]]] = {}
    for index, row in enumerate(rows):
        for key, value in row:
            cells.setdefault(key, []).append((index, value))
    for column in schema.columns:
        if column.constant is None:
            keep.update(_telling_cells(cells[column.key], n_rows))
    return {index for index in keep if 0 <= index < n_rows}


def _telling_cells(cells: Sequence[tuple[int, str]], n_rows: int) -> set[int]:
    most = max(1, int(n_rows * _COMMON_SHARE))
    keep: set[int] = set()
    alarming = [index for index, value in cells if is_alarming(value)]
    if len(alarming) <= most:
        keep.update(alarming)
    counts = Counter(value for _, value in cells)
    if len(counts) <= min(_CATEGORIES_MAX, n_rows // 4):
        keep.update(index for index, value in cells if counts[value] <= _RARE_MAX)
    if len(cells) <= most:
        keep.update(index for index, _ in cells)
    return keep | _outliers(cells)


def _outliers(cells: Sequence[tuple[int, str]]) -> set[int]:
    numbers = [(index, float(value)) for index, value in cells if _NUMBER.match(value)]
    if len(numbers) * 2 < len(cells) or not numbers:
        return set()
    middle = median(number for _, number in numbers)
    deviation = median(abs(number - middle) for _, number in numbers)
    if not deviation:
        return set()
    far = [(abs(number - middle) / deviation, index) for index, number in numbers]
    far.sort(key=lambda entry: (-entry[0], entry[1]))
    return {index for distance, index in far[:_OUTLIERS_PER_COLUMN] if distance > _OUTLIER_DEVIATIONS}
