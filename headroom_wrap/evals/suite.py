"""The suite: every measure that the data at hand allows, as tables for people and as JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

import headroom_wrap
from headroom_wrap.compression.model import Level
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.evals import logs, questions, tool_outputs, unchanged, workloads
from headroom_wrap.evals.measure import Figure, Measure, percent
from headroom_wrap.evals.reading import reader

MEASURES: tuple[Measure[Any], ...] = (
    workloads.MEASURE,
    tool_outputs.MEASURE,
    logs.MEASURE,
    questions.MEASURE,
    unchanged.MEASURE,
)
_NEEDS_DATA = "needs --data DIR"
TIERS = (1,)
"""Tier 1: all that needs neither a model nor a network."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one measure gave; `not_run` says why it gave nothing."""

    measure: Measure[Any]
    rows: Sequence[Any] = ()
    not_run: str = ""

    def figures(self) -> list[Figure]:
        """What sums it up."""
        return self.measure.figures(self.rows) if self.rows else []


@dataclass(frozen=True, slots=True)
class Heading:
    """How a column is laid out; `is_whole`: it keeps its width in a narrow terminal."""

    title: str
    is_right: bool = False
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """What the suite gave."""

    tier: int
    level: Level
    outcomes: tuple[Outcome, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values: per measure its figures and its rows."""
        return {
            "headroom": headroom_wrap.__version__,
            "tier": self.tier,
            "level": self.level.value,
            "measures": {outcome.measure.name: _as_json(outcome) for outcome in self.outcomes},
        }


def run(tier: int, level: Level, data: Path | None, tell: Callable[[str], None] = lambda _name: None) -> Report:
    """Measure.

    Args:
        tier: 1 is all there is.
        level: for the measures that have none of their own.
        data: the user's folder of further data; its parts are named in each measure's `needs`.
        tell: called with the name of each measure that begins.

    Raises:
        HeadroomError: `BAD_REQUEST` for another tier, or a folder that is none.
    """
    if tier not in TIERS:
        message = f"There is no tier {tier}: tier 1 holds everything that needs neither a model nor a network."
        raise HeadroomError(Code.BAD_REQUEST, message, "Type: headroom evals suite --tier 1")
    if data is not None and not data.is_dir():
        raise HeadroomError(Code.BAD_REQUEST, f"There is no folder {data}.", "Give --data a folder, or leave it out.")
    outcomes = []
    with reader(level) as own:
        for measure in MEASURES:
            folder = workloads.FOLDER if not measure.needs else data and data / measure.needs
            if folder is None:
                outcomes.append(Outcome(measure, not_run=_NEEDS_DATA))
                continue
            tell(measure.name)
            try:
                rows = measure.run(own, folder)
            except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
                outcomes.append(Outcome(measure, not_run=f"a file cannot be read: {error}"))
                continue
            outcomes.append(Outcome(measure, rows, "" if rows else f"nothing to measure in {data}"))
    return Report(tier, level, tuple(outcomes))


def show(report: Report, console: Console) -> None:
    """Print a table per measure, and a closing summary."""
    for outcome in report.outcomes:
        if outcome.rows:
            # No title of the table: that would be no wider than the table.
            console.print(Text(outcome.measure.title, style="bold"))
            console.print(_table(outcome))
            for note in outcome.measure.notes(outcome.rows):
                console.print(Text(note, style="yellow"), no_wrap=True, overflow="ellipsis")
            console.print()
    title = f"headroom {headroom_wrap.__version__}, tier {report.tier}, level {report.level.value}"
    console.print(Text(title, style="bold"))
    console.print(_summary(report))
    reasons = dict.fromkeys(outcome.not_run for outcome in report.outcomes if outcome.not_run)
    for reason in reasons:
        names = ", ".join(outcome.measure.name for outcome in report.outcomes if outcome.not_run == reason)
        console.print(Text(f"Not measured: {names} ({reason})", style="dim"))


def _table(outcome: Outcome) -> Table:
    columns = outcome.measure.columns
    lines = [[Text(column.of(row)) for column in columns] for row in outcome.measure.shown(outcome.rows)]
    headings = [Heading(column.title, is_right=not column.is_text, is_whole=not column.is_text) for column in columns]
    return _filled(headings, lines)


def _summary(report: Report) -> Table:
    headings = [
        Heading("measure"),
        Heading(""),
        Heading("figure", is_right=True),
        Heading("goal", is_right=True),
        Heading(""),
        Heading("of", is_whole=False),
    ]
    lines = [
        [
            Text("" if number else outcome.measure.name),
            Text(figure.what),
            Text(percent(figure.value)),
            *_verdict(figure),
            Text(figure.of, style="dim"),
        ]
        for outcome in report.outcomes
        for number, figure in enumerate(outcome.figures())
    ]
    return _filled(headings, lines)


def _filled(headings: Sequence[Heading], lines: Sequence[Sequence[Text]]) -> Table:
    """A table that gives way, where the terminal is narrow, only in the columns that may."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, heading in enumerate(headings):
        width = max(len(heading.title), *(line[number].cell_len for line in lines))
        table.add_column(
            heading.title,
            justify="right" if heading.is_right else "left",
            header_style="dim",
            no_wrap=True,
            min_width=width if heading.is_whole else None,
        )
    for line in lines:
        table.add_row(*line)
    return table


def _verdict(figure: Figure) -> tuple[Text, Text]:
    """The goal, and whether it is met."""
    if figure.goal is None:
        return Text(""), Text("")
    met = Text("met", style="green") if figure.is_met else Text("missed", style="red")
    return Text("all" if figure.goal >= 1 else percent(figure.goal)), met


def _as_json(outcome: Outcome) -> dict[str, Any]:
    if outcome.not_run:
        return {"title": outcome.measure.title, "not_run": outcome.not_run}
    return {
        "title": outcome.measure.title,
        "figures": [{**asdict(figure), "is_met": figure.is_met} for figure in outcome.figures()],
        "rows": [asdict(row) for row in outcome.rows],
    }
