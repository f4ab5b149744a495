"""Durations and sizes that stand far out among the lines of their template, or that somebody asks for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, chain

_UNITS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "min": 60.0,
    "b": 1.0, "bytes": 1.0, "kb": 1e3, "kib": 1024.0, "mb": 1e6, "mib": 1048576.0, "gb": 1e9, "gib": 1073741824.0,
}  # fmt: skip
_TIMES = frozenset("ns us µs ms s sec secs seconds min".split())
_WITH_UNIT = re.compile(
    r"(\d(?<![\w.:-]\d)\d{0,14}(?:\.\d{1,9})?) ?(ns|us|µs|ms|s|secs?|seconds|min|[kKMG]i?B|bytes|B)\b"
)
_NAMED = re.compile(
    r"(?:_ms|duration|Duration|latency|Latency|elapsed|Elapsed|took|_bytes|size|Size)\"?[=:] ?"
    r"(\d{1,15}(?:\.\d{1,9})?)\b()(?! ?[a-zµ])"
)
_ASKS_FOR_EXTREMES = re.compile(
    r"\b(?:slow\w*|long(?:est|er)?|larg\w*|big\w*|heav\w*|most|max\w*|peak|outlier\w*|duration|latenc\w*|how long"
    r"|expensive|bottleneck\w*|perform\w*|took|takes?)\b",
    re.IGNORECASE,
)
_MIN_VALUES = 12
_FAR = 4.0
"""So many times what nine of ten values stay below is far out."""
_OF_TEMPLATE, _IN_ALL, _ASKED = 2, 12, 4


def find(shown: Sequence[str], cluster: Sequence[int], query: str) -> set[int]:
    """The lines with the extreme values, few of each template and unit.

    Args:
        shown: the lines.
        cluster: for each line, its template.
        query: what the user wrote last.
    """
    series: dict[tuple[int, str], list[tuple[float, int]]] = {}
    starts = list(accumulate((len(line) + 1 for line in shown), initial=0))
    text = "\n".join(shown)
    for match in chain(_WITH_UNIT.finditer(text), _NAMED.finditer(text)):
        line = bisect_right(starts, match.start()) - 1
        unit = match[2].lower()
        value = float(match[1]) * _UNITS.get(unit, 1.0)
        sort = "time" if unit in _TIMES else "size" if unit else "plain"
        series.setdefault((cluster[line], sort), []).append((value, -line))
    asked = _ASKS_FOR_EXTREMES.search(query) is not None
    far: list[tuple[float, int]] = []
    keep: set[int] = set()
    for values in series.values():
        if len(values) < _MIN_VALUES:
            continue
        values.sort(reverse=True)
        usual = max(values[len(values) // 10][0], 1e-9)
        if values[0][0] <= 0:
            continue
        far += [(value / usual, line) for value, line in values[:_OF_TEMPLATE] if value >= _FAR * usual]
        if asked:
            keep.update(-line for value, line in values[:_ASKED] if value > usual)
    keep.update(-line for _, line in sorted(far, reverse=True)[:_IN_ALL])
    return keep
