"""Recorded outputs of tools, with what the agent wrote later and had first seen there, and with error lines.

A folder of JSON Lines: `{"kind", "tool", "arguments", "goal", "output", "used_later", "anchors"}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headroom_wrap.evals.measure import Column, Figure, Measure, missing, percent, saved, seen_of, share
from headroom_wrap.evals.reading import Call, Reader

_TOOLS = {"read_text_file": "Read", "bash_execute": "Bash", "grep_search": "Grep"}
"""Names of the recording agent's tools -> names that an agent of today gives them."""
_DEFAULT_GOAL = "Fix the bug."


@dataclass(frozen=True, slots=True)
class OutputRow:
    """What became of one output; strings that the original lacks are not counted."""

    kind: str
    id: str
    tokens_before: int
    tokens_after: int
    compressor: str
    ms: float
    used: int
    used_missing: tuple[str, ...]
    anchors: int
    anchors_missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KindRow:
    """The sums of one kind."""

    kind: str
    outputs: int
    tokens_before: int
    tokens_after: int
    used: int
    used_visible: int
    anchors: int
    anchors_visible: int
    ms: float


def measure(reader: Reader, data: Path) -> list[OutputRow]:
    """Compress every output of a folder."""
    return [_row(reader, kind, row) for kind, row in recorded(data)]


def recorded(data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and row, file by file."""
    for file in sorted(data.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield str(row.get("kind") or file.stem), row


def _row(reader: Reader, kind: str, row: Mapping[str, Any]) -> OutputRow:
    goal = (row.get("goal") or "").strip() or _DEFAULT_GOAL
    tool = str(row.get("tool") or "")
    output = row["output"]
    seen = reader.read(Call(goal, _TOOLS.get(tool, tool), row.get("arguments") or {}, output))
    used = _standing(row.get("used_later"), output)
    anchors = _standing(row.get("anchors"), output)
    return OutputRow(
        kind,
        str(row.get("id", "")),
        seen.tokens_before,
        seen.tokens_after,
        seen.compressor,
        round(seen.ms, 1),
        len(used),
        missing(used, seen.text),
        len(anchors),
        missing(anchors, seen.text),
    )


def _standing(strings: Any, output: str) -> list[str]:
    return [string for string in strings or () if isinstance(string, str) and string in output]


def by_kind(rows: Sequence[OutputRow]) -> list[KindRow]:
    """The sums of each kind, and of all."""
    kinds = sorted({row.kind for row in rows})
    groups = [(kind, [row for row in rows if row.kind == kind]) for kind in kinds]
    return [_sum(kind, group) for kind, group in [*groups, ("all", list(rows))]]


def _sum(kind: str, rows: Sequence[OutputRow]) -> KindRow:
    used, anchors = sum(row.used for row in rows), sum(row.anchors for row in rows)
    return KindRow(
        kind,
        len(rows),
        sum(row.tokens_before for row in rows),
        sum(row.tokens_after for row in rows),
        used,
        used - sum(len(row.used_missing) for row in rows),
        anchors,
        anchors - sum(len(row.anchors_missing) for row in rows),
        sum(row.ms for row in rows) / max(1, len(rows)),
    )


def figures(rows: Sequence[OutputRow]) -> list[Figure]:
    """Saved in all; what was used later, and anchors, visible."""
    total = _sum("all", rows)
    return [
        Figure("tokens saved", saved(total.tokens_before, total.tokens_after), f"{total.outputs} outputs", goal=0.35),
        Figure("used later, visible", share(total.used_visible, total.used), f"{total.used} strings", goal=0.985),
        Figure(
            "error lines visible", share(total.anchors_visible, total.anchors), f"{total.anchors} anchors", goal=0.99
        ),
    ]


MEASURE = Measure(
    name="tool_outputs",
    title="Recorded outputs of tools, with what the agent used later",
    needs="tool_outputs",
    run=measure,
    shown=by_kind,
    columns=(
        Column("kind", lambda row: row.kind, is_text=True),
        Column("outputs", lambda row: f"{row.outputs}"),
        Column("tokens", lambda row: f"{row.tokens_before:,}"),
        Column("after", lambda row: f"{row.tokens_after:,}"),
        Column("saved", lambda row: percent(saved(row.tokens_before, row.tokens_after))),
        Column("used later", lambda row: seen_of(row.used_visible, row.used)),
        Column("error lines", lambda row: seen_of(row.anchors_visible, row.anchors)),
        Column("ms each", lambda row: f"{row.ms:.0f}"),
    ),
    figures=figures,
)
