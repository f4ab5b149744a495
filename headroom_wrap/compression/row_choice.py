"""Which of many rows tell something: the ends, errors, outliers, rare values, and what the query names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from headroom_wrap.compression.lines import is_alarming
from headroom_wrap.compression.model import Hints
from headroom_wrap.compression.relevance import relevant, strings, terms_of

Cells = Sequence[tuple[int, str]]
"""The rows that have a key, and its values, in order."""

_FIRST_CHARS, _LAST_CHARS = 1600, 800
_FEWEST = 2
_FIRST_ROWS, _LAST_ROWS = 8, 4
_RELEVANT, _RELEVANT_CHARS = 20, 6000
_NAMED = 40
_COMMON_SHARE = 0.2
_ALARMING = 12
_CATEGORIES_MAX = 24
_RARE_MAX = 2
_OUTLIERS_PER_COLUMN = 4
_OUTLIER_DEVIATIONS = 8.0
_OUTLIER_SHARE = 0.05
_MIN_NUMBERS = 3
_NUMBER = re.compile(r'"?(-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?)"?\Z')
_NAME = re.compile(r"[\w@#$%+-]+(?:[./:][\w@#$%+-]+)*")
_MIN_NAME_CHARS, _MAX_NAMES = 3, 60
_MIN_GAP_ROWS, _MIN_GAP_CHARS = 2, 120
_COMMON_CHARS, _COMMON_MAX = 32, 3
_MAX_COLUMNS = 400


def telling_rows(columns: Mapping[str, Cells], texts: Sequence[str], hints: Hints) -> set[int]:
    """The numbers of the rows that stay, from 0 on."""
    n_rows = len(texts)
    keep = {*_within(texts, range(_FIRST_ROWS), _FIRST_CHARS)}
    keep.update(_within(texts, range(n_rows - 1, n_rows - 1 - _LAST_ROWS, -1), _LAST_CHARS))
    keep.update(_within(texts, relevant(texts, terms_of(hints), _RELEVANT), _RELEVANT_CHARS))
    keep.update(_named(texts, hints))
    for cells in list(columns.values())[:_MAX_COLUMNS]:
        keep.update(_telling_cells(cells, n_rows))
    return {index for index in keep if 0 <= index < n_rows}


def gaps(keep: set[int], texts: Sequence[str]) -> list[tuple[int, int]]:
    """The stretches of rows that go: those not in `keep`, where a marker is shorter than they are."""
    found = []
    index = 0
    while index < len(texts):
        last = index
        while last < len(texts) and last not in keep:
            last += 1
        if last - index >= _MIN_GAP_ROWS and sum(map(len, texts[index:last])) >= _MIN_GAP_CHARS:
            found.append((index, last - 1))
        index = last + 1
    return found


def in_common(columns: Mapping[str, Cells], first: int, last: int) -> str:
    """What all of some rows hold, if it is short: `all with "state"="open", "size" 3 to 97`."""
    n_rows = last - first + 1
    same: list[str] = []
    ranges: list[str] = []
    for key, cells in columns.items():
        values = [value for _, value in cells[bisect_left(cells, (first,)) : bisect_left(cells, (last + 1,))]]
        if len(values) != n_rows or len(same) == _COMMON_MAX:
            continue
        if len(values[0]) <= _COMMON_CHARS and all(value == values[0] for value in values):
            same.append(f"{key}={values[0]}")
        elif len(ranges) < _COMMON_MAX and (numbers := _numbers(values)):
            ranges.append(f"{key} {min(numbers)[1]} to {max(numbers)[1]}")
    said = [*same, *ranges][:_COMMON_MAX]
    return f"all with {', '.join(said)}" if said else ""


def varies(cells: Cells) -> bool:
    """Whether a column has more than one value."""
    return any(value != cells[0][1] for _, value in cells)


def _within(texts: Sequence[str], numbers: Sequence[int], chars: int) -> list[int]:
    """The first of some rows, while they are short enough together; two in any case."""
    found: list[int] = []
    for number in numbers:
        if not 0 <= number < len(texts):
            continue
        chars -= len(texts[number])
        if len(found) >= _FEWEST and chars < 0:
            break
        found.append(number)
    return found


def _named(texts: Sequence[str], hints: Hints) -> list[int]:
    """Rows that hold a name of the query or of the arguments as a whole: an id, a number, a path."""
    said = " ".join([hints.query[-20_000:], *strings(hints.tool_input)])[:20_000]
    names = dict.fromkeys(
        name for name in _NAME.findall(said) if len(name) >= _MIN_NAME_CHARS and re.search(r"\d|[./:_-]", name)
    )
    most = max(3, int(len(texts) * _COMMON_SHARE))
    keep: list[int] = []
    for name in list(names)[:_MAX_NAMES]:
        found = [index for index, text in enumerate(texts) if name in text]
        if found and len(found) > most:
            whole = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
            found = [index for index in found if whole.search(texts[index])]
        if len(found) <= most:
            keep += found[:_NAMED]
    return keep


def _telling_cells(cells: Cells, n_rows: int) -> set[int]:
    most = max(1, int(n_rows * _COMMON_SHARE))
    keep: set[int] = set()
    counts = Counter(value for _, value in cells)
    if len(counts) == 1:
        return {index for index, _ in cells} if len(cells) <= _RARE_MAX else keep
    alarms = {value for value in counts if is_alarming(value)}
    alarming = [index for index, value in cells if value in alarms]
    keep.update(alarming if len(alarming) <= most else _first_of_each(cells, alarms)[:_ALARMING])
    if len(counts) <= min(_CATEGORIES_MAX, n_rows // 4):
        keep.update(index for index, value in cells if counts[value] <= _RARE_MAX)
    elif len(cells) <= _RARE_MAX:
        keep.update(index for index, _ in cells)
    return keep | _outliers(cells)


def _first_of_each(cells: Cells, values: set[str]) -> list[int]:
    first: dict[str, int] = {}
    for index, value in cells:
        if value in values:
            first.setdefault(value, index)
    return list(first.values())


def _numbers(values: Sequence[str]) -> list[tuple[float, str]]:
    """The values as numbers with their spelling, if all of them are numbers."""
    found = [match for match in map(_NUMBER.match, values) if match]
    return [(float(match[1]), match[1]) for match in found] if len(found) == len(values) else []


def _outliers(cells: Cells) -> set[int]:
    matches = [(index, _NUMBER.match(value)) for index, value in cells]
    numbers = [(index, float(match[1])) for index, match in matches if match]
    if len(numbers) * 2 < len(cells) or len(numbers) < _MIN_NUMBERS:
        return set()
    middle = median(number for _, number in numbers)
    deviation = median(abs(number - middle) for _, number in numbers)
    if not deviation:
        # More than half of the numbers are the same: the few others are what is odd.
        odd = [(abs(number - middle), index) for index, number in numbers if number != middle]
        most = max(_RARE_MAX, int(len(numbers) * _OUTLIER_SHARE))
        if len(odd) > most:
            odd.sort(key=lambda entry: (-entry[0], entry[1]))
            return {index for _, index in odd[:_RARE_MAX]}
        return {index for _, index in odd}
    far = [(abs(number - middle) / deviation, index) for index, number in numbers]
    far.sort(key=lambda entry: (-entry[0], entry[1]))
    return {index for distance, index in far[:_OUTLIERS_PER_COLUMN] if distance > _OUTLIER_DEVIATIONS}
