"""Figures, what they add to going direct, the budgets, and all of it as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Figures = dict[str, float]
"""Name with its unit -> value; times in milliseconds."""
Report = dict[str, dict[str, "Figures | str"]]
"""Measure -> way -> figures, or the reason why there are none."""

DIRECT = "direct"
OURS = "headroom"
MEMORY = "memory, 2,000 requests"
THROUGHPUT = "throughput, 1 KB, 32 clients"
_ADDED = ("p50_ms", "p95_ms", "first_byte_p50_ms")
_TIMES = {
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "added_p50_ms": "added p50",
    "added_p95_ms": "added p95",
    "first_byte_p50_ms": "1st byte",
    "added_first_byte_p50_ms": "added",
}


@dataclass(frozen=True, slots=True)
class Budget:
    """What a figure of ours may be at most, or at least."""

    measure: str
    figure: str
    limit: float
    at_least: bool = False

    def keeps(self, value: float) -> bool:
        """Whether `value` is within it."""
        return value >= self.limit if self.at_least else value <= self.limit


BUDGETS = (
    Budget("headroom --version", "p50_ms", 150),
    Budget("wrap: start to exec", "p50_ms", 700),
    Budget("1 KB, known", "added_p50_ms", 1.5),
    Budget("1 KB, known, light provider", "added_p50_ms", 1.5),
    Budget("50 KB, known", "added_p50_ms", 2),
    Budget("50 KB, known, light provider", "added_p50_ms", 2),
    Budget("500 KB, known", "added_p50_ms", 4),
    Budget("500 KB, known, light provider", "added_p50_ms", 4),
    Budget("100 KB result, first sight", "added_p50_ms", 50),
    Budget("1 KB, streamed", "added_first_byte_p50_ms", 2),
    Budget("delay per event", "added_p50_ms", 0.2),
    Budget(THROUGHPUT, "requests_per_s", 1_000, at_least=True),
    Budget("20 MB, new", "p50_ms", 1_500),
    Budget(MEMORY, "rss_mb", 120),
    Budget("installed", "mb", 350),
)


def p50(values: Sequence[float]) -> float:
    """The median, of an even number the mean of the middle two."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def p95(values: Sequence[float]) -> float:
    """The smallest value that at least 95 in 100 do not exceed (nearest rank)."""
    return sorted(values)[-(-len(values) * 95 // 100) - 1]


def with_added(rows: Mapping[str, Figures | str]) -> dict[str, Figures | str]:
    """The rows of one turn, each with what it adds to `direct`'s percentiles."""
    base = rows[DIRECT]
    return {
        name: row if isinstance(row, str) or isinstance(base, str) else _added(row, base) for name, row in rows.items()
    }


def _added(row: Figures, base: Figures) -> Figures:
    return row | {f"added_{figure}": row[figure] - base[figure] for figure in _ADDED if figure in row}


def table(report: Report) -> str:
    """The report as aligned text: times in columns, other figures by name."""
    width = max(map(len, report), default=0) + 2
    ways = max((len(way) for rows in report.values() for way in rows), default=0) + 2
    lines = [" " * (width + ways) + "".join(f"{title:>11}" for title in _TIMES.values())]
    for name, rows in report.items():
        shown = name
        for way, row in rows.items():
            lines.append(f"{shown:<{width}}{way:<{ways}}{_cells(row)}".rstrip())
            shown = ""
    return "\n".join(lines)


def budget_table(report: Report) -> str:
    """Our figures beside the budgets, with `ok`, `over` or why there is none."""
    width = max(len(f"{budget.measure}: {budget.figure}") for budget in BUDGETS) + 2
    lines = [f"{'budget':<{width}}{'limit':>11}{'ours':>11}"]
    for budget, value, verdict in judged(report):
        limit = ("≥ " if budget.at_least else "≤ ") + f"{budget.limit:g}"
        ours = "" if value is None else f"{value:.2f}"
        lines.append(f"{f'{budget.measure}: {budget.figure}':<{width}}{limit:>11}{ours:>11}  {verdict}")
    return "\n".join(lines)


def judged(report: Report) -> Iterator[tuple[Budget, float | None, str]]:
    """Each budget with our figure and the verdict on it."""
    for budget in BUDGETS:
        row = report.get(budget.measure, {}).get(OURS, "not measured")
        if isinstance(row, str):
            yield budget, None, row
        else:
            value = row[budget.figure]
            yield budget, value, "ok" if budget.keeps(value) else "over"


def _cells(row: Figures | str) -> str:
    if isinstance(row, str):
        return f"  not run: {row}"
    times = "".join(f"{row[key]:>11.2f}" if key in row else " " * 11 for key in _TIMES)
    others = [f"{key} {value:,.0f}" for key, value in row.items() if not key.endswith("_ms")]
    return f"{times}  {', '.join(others)}"
