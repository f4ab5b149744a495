"""What every measure of the suite is made of: rows, the columns that show them, and figures with their goals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from headroom_wrap.evals.reading import Reader

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title, and the text for a row."""

    title: str
    of: Callable[[Any], str]
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A share that sums a measure up, 0 to 1, and what it should at least be, where that was agreed."""

    what: str
    value: float
    of: str = ""
    goal: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached; without a goal it is."""
        return self.goal is None or self.value >= self.goal


@dataclass(frozen=True, slots=True)
class Measure(Generic[Row]):
    """One thing that is measured.

    Attributes:
        name: its key in the JSON.
        title: what is measured and how, in one sentence.
        needs: the folder that it reads, under the one that the user names; empty for data that is bundled.
        run: gives the rows, from a reader and the folder.
        columns: of the table.
        figures: what sums the rows up.
        shown: the lines of the table, where they are not the rows themselves.
        notes: what is said below the table.
    """

    name: str
    title: str
    needs: str
    run: Callable[[Reader, Path], Sequence[Row]]
    columns: tuple[Column, ...]
    figures: Callable[[Sequence[Row]], list[Figure]]
    shown: Callable[[Sequence[Row]], Sequence[Any]] = list
    notes: Callable[[Sequence[Row]], list[str]] = lambda _rows: []


def share(part: float, whole: float) -> float:
    """A part of a whole; of nothing, all."""
    return part / whole if whole else 1.0


def saved(before: float, after: float) -> float:
    """The share of the tokens that is gone."""
    return 1 - share(after, before)


def percent(value: float) -> str:
    """A share with one digit, rounded down: 100.0 % is all of it."""
    return f"{int(value * 1000 + 1e-9) / 10 if value >= 0 else value * 100:.1f} %"


def seen_of(visible: int, total: int) -> str:
    """How many of how many; a dash where there was nothing to see."""
    return f"{visible}/{total}" if total else "-"


def missing(strings: Iterable[str], text: str) -> tuple[str, ...]:
    """Those strings that do not stand in a text."""
    return tuple(string for string in strings if string not in text)
