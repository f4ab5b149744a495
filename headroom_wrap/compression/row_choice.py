"""Which of many rows tell something: the ends, errors, outliers, rare values, and what the query names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from headroom_wrap.compression.lines import is_alarming, may_say
from headroom_wrap.compression.model import Hints
from headroom_wrap.compression.relevance import relevant, strings, terms_of

Cells = Sequence[tuple[int, str]]
"""The rows that have a key, and its values, in order."""

_FIRST_CHARS, _LAST_CHARS = 1000, 500
_FEWEST = 2
_FIRST_ROWS, _LAST_ROWS = 8, 4
_RELEVANT = 20
_FEWEST_CHARS, _SHARE = 2000, 0.08
_NAMED = 40
_COMMON_SHARE = 0.2
_ALARMING = 25
_CATEGORIES_MAX = 24
_RARE_MAX = 2
_RARE_SHARE = 0.01
_RARE_KEYS_MAX = 12
_QUIET = frozenset({"", "0", "null", "false", "[]", "{}", '""', "0.0", "no", "none", "None", "-"})
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
_TALLIES, _TALLY_MAX, _TALLY_CHARS = 3, 8, 120
_ODD_WORDS = (
    *"backoff pending evicted notready unhealthy degraded unknown terminating restarting exited rejected".split(),
    *("not ready", *"blocked defunct suspended stopped expired overdue lost".split()),
)
_ODD = re.compile("|".join(_ODD_WORDS), re.IGNORECASE)
_NESTED = '"."'
"""Joins the keys of objects in objects."""
_READY = re.compile(r'^"?(\d{1,6})/(\d{1,6})"?$', re.MULTILINE)
"""As many as are ready of how many: `0/1`."""


def telling_rows(columns: Mapping[str, Cells], texts: Sequence[str], hints: Hints) -> set[int]:
    """The numbers of the rows that stay, from 0 on: what is named or wrong, and as much of the rest as is telling."""
    n_rows = len(texts)
    # Very many keys that hardly any row has are the names in a map, and tell nothing by being rare.
    are_names = sum(1 for cells in columns.values() if len(cells) <= _RARE_MAX) > _RARE_KEYS_MAX
    telling = [
        _telling_cells(key, cells, n_rows, is_name=are_names and _NESTED in key)
        for key, cells in list(columns.items())[:_MAX_COLUMNS]
    ]
    keep = {*_named(texts, hints), *(index for found in telling for index in found.alarming)}
    keep.update(_within(texts, range(_FIRST_ROWS), _FIRST_CHARS))
    keep.update(_within(texts, range(n_rows - 1, n_rows - 1 - _LAST_ROWS, -1), _LAST_CHARS))
    total = sum(map(len, texts))
    ranked = (
        [column.rare for column in telling] + [column.far for column in telling] + [column.new for column in telling]
    )
    for numbers in ([index for found in ranked for index in found], relevant(texts, terms_of(hints), _RELEVANT)):
        left = max(_FEWEST_CHARS, int(_SHARE * total))
        for index in numbers:
            if index not in keep and len(texts[index]) <= left:
                keep.add(index)
                left -= len(texts[index])
    return keep


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


def tallies(columns: Mapping[str, Cells], n_rows: int) -> str:
    """How many rows have which value, for columns of few values: `"state": 290 "open", 10 "closed"`."""
    said = []
    for key, cells in columns.items():
        counts = Counter(value for _, value in cells)
        if 1 < len(counts) <= _TALLY_MAX and len(cells) == n_rows and sum(map(len, counts)) <= _TALLY_CHARS:
            often = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            said.append(f"{key}: " + ", ".join(f"{count} {value or 'empty'}" for value, count in often))
            if len(said) == _TALLIES:
                break
    return "; ".join(said)


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
    whole_text = "\n".join(texts)
    for name in list(names)[:_MAX_NAMES]:
        if name not in whole_text:
            continue
        found = [index for index, text in enumerate(texts) if name in text]
        if found and len(found) > most:
            whole = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
            found = [index for index in found if whole.search(texts[index])]
        if len(found) <= most:
            keep += found[:_NAMED]
    return keep


@dataclass(frozen=True, slots=True)
class _Telling:
    """Rows that stay for one column: with something wrong, a rare value, a number far off, the first of a kind."""

    alarming: Sequence[int] = ()
    rare: Sequence[int] = ()
    far: Sequence[int] = ()
    new: Sequence[int] = ()


def _telling_cells(key: str, cells: Cells, n_rows: int, *, is_name: bool) -> _Telling:
    most = max(_ALARMING, int(n_rows * _COMMON_SHARE))
    counts = Counter(value for _, value in cells)
    rare_key = len(cells) <= _RARE_MAX and not is_name
    if len(counts) == 1:
        return _Telling(rare=[index for index, _ in cells]) if rare_key else _Telling()
    alarms = {value for value in counts if _is_odd(value)} if _is_odd("\n".join(counts)) else set()
    alarming = [index for index, value in cells if value in alarms]
    loud = [index for index, value in cells if value not in _QUIET] if is_alarming(key) else []
    if len(loud) <= n_rows * _COMMON_SHARE:
        alarming += loud
    if len(alarming) > most:
        alarming = _first_of_each(cells, alarms)[:_ALARMING]
    rare: list[int] = []
    new: list[int] = []
    if len(counts) <= min(_CATEGORIES_MAX, n_rows // 4):
        rare += [index for index, value in cells if counts[value] <= max(_RARE_MAX, n_rows * _RARE_SHARE)]
        new = _first_of_each(cells, set(counts))
    elif rare_key:
        rare += [index for index, _ in cells]
    return _Telling(alarming, rare, _outliers(cells), new)


def _is_odd(value: str) -> bool:
    if is_alarming(value) or (may_say(value, _ODD_WORDS) and _ODD.search(value)):
        return True
    return "/" in value and any(int(found[1]) < int(found[2]) for found in _READY.finditer(value))


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


def _outliers(cells: Cells) -> list[int]:
    matches = [(index, _NUMBER.match(value)) for index, value in cells]
    numbers = [(index, float(match[1])) for index, match in matches if match]
    if len(numbers) * 2 < len(cells) or len(numbers) < _MIN_NUMBERS:
        return []
    middle = median(number for _, number in numbers)
    deviation = median(abs(number - middle) for _, number in numbers)
    if not deviation:
        # More than half of the numbers are the same: the few others are what is odd.
        odd = [(abs(number - middle), index) for index, number in numbers if number != middle]
        most = max(_RARE_MAX, int(len(numbers) * _OUTLIER_SHARE))
        if len(odd) > most:
            odd.sort(key=lambda entry: (-entry[0], entry[1]))
            return [index for _, index in odd[:_RARE_MAX]]
        return [index for _, index in odd]
    far = [(abs(number - middle) / deviation, index) for index, number in numbers]
    far.sort(key=lambda entry: (-entry[0], entry[1]))
    return [index for distance, index in far[:_OUTLIERS_PER_COLUMN] if distance > _OUTLIER_DEVIATIONS]
