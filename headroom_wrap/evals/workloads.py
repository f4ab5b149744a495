"""Thirty outputs of real commands, bundled, with the strings that somebody with that goal needs to read."""

from __future__ import annotations

import gzip
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headroom_wrap.evals.measure import Column, Figure, Measure, missing, percent, saved, seen_of, share
from headroom_wrap.evals.reading import Call, Reader

FOLDER = Path(__file__).parent / "data" / "workloads"
_NEEDLE_CHARS = 60


@dataclass(frozen=True, slots=True)
class Workload:
    """One captured output: the command, the call of a tool that shows it, the goal, and what must be seen.

    Attributes:
        name: of its file.
        kind: what sort of output it is.
        command: the command line that was run.
        tool: the tool that shows it to a model.
        arguments: of that tool.
        goal: what the user asked.
        needles: strings that the answer needs, chosen from the outputs alone, whatever a compressor keeps of them.
        source: whose output it is.
        licence: of the source.
    """

    name: str
    kind: str
    command: str
    tool: str
    arguments: Mapping[str, Any] = field(repr=False)
    goal: str
    needles: tuple[str, ...]
    source: str
    licence: str

    def text(self) -> str:
        """The output."""
        return gzip.decompress((FOLDER / f"{self.name}.txt.gz").read_bytes()).decode("utf-8")


@dataclass(frozen=True, slots=True)
class WorkloadRow:
    """What became of one workload."""

    name: str
    kind: str
    tokens_before: int
    tokens_after: int
    compressor: str
    ms: float
    needles: int
    missing: tuple[str, ...]


def bundled() -> list[Workload]:
    """The workloads, in the order of the manifest."""
    rows = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    return [Workload(**{**row, "needles": tuple(row["needles"])}) for row in rows]


def measure(reader: Reader, _data: Path | None = None) -> list[WorkloadRow]:
    """Compress every workload."""
    return [_row(reader, workload) for workload in bundled()]


def _row(reader: Reader, workload: Workload) -> WorkloadRow:
    seen = reader.read(Call(workload.goal, workload.tool, workload.arguments, workload.text()))
    return WorkloadRow(
        workload.name,
        workload.kind,
        seen.tokens_before,
        seen.tokens_after,
        seen.compressor,
        round(seen.ms, 1),
        len(workload.needles),
        missing(workload.needles, seen.text),
    )


def figures(rows: Sequence[WorkloadRow]) -> list[Figure]:
    """Saved in all and at the median; needles visible."""
    before, after = sum(row.tokens_before for row in rows), sum(row.tokens_after for row in rows)
    median = statistics.median(saved(row.tokens_before, row.tokens_after) for row in rows)
    needles, lost = sum(row.needles for row in rows), sum(len(row.missing) for row in rows)
    return [
        Figure("tokens saved in all", saved(before, after), f"{before:,} tokens", goal=0.75),
        Figure("tokens saved at the median", median, f"{len(rows)} outputs", goal=0.5),
        Figure("needles visible", share(needles - lost, needles), f"{needles} needles", goal=1.0),
    ]


def notes(rows: Sequence[WorkloadRow]) -> list[str]:
    """The needles that are not visible."""
    lost = [(row.name, needle) for row in rows for needle in row.missing]
    return [f"not visible in {name}: {_clipped(needle)}" for name, needle in lost]


def _clipped(text: str) -> str:
    return text if len(text) <= _NEEDLE_CHARS else text[: _NEEDLE_CHARS - 1] + "…"


MEASURE = Measure(
    name="workloads",
    title="Whole outputs of real commands, with strings that must stay visible",
    needs="",
    run=measure,
    columns=(
        Column("output", lambda row: row.name, is_text=True),
        Column("kind", lambda row: row.kind, is_text=True),
        Column("tokens", lambda row: f"{row.tokens_before:,}"),
        Column("after", lambda row: f"{row.tokens_after:,}"),
        Column("saved", lambda row: percent(saved(row.tokens_before, row.tokens_after))),
        Column("needles", lambda row: seen_of(row.needles - len(row.missing), row.needles)),
        Column("by", lambda row: row.compressor or "left as it is", is_text=True),
        Column("ms", lambda row: f"{row.ms:.0f}"),
    ),
    figures=figures,
    notes=notes,
)
