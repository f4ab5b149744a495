"""Long logs: of failed CI jobs with the lines that say why, and of systems with the lines that are errors or rare.

Read are `ci_*/NAME.log.gz` with `NAME.gold.json` (`{"errors": [{"line"}]}`), `ci_*/NAME.txt.gz` whose gold line begins
with `#=MATCH=#`, and `loghub/NAME.log` with `NAME.labels.json` (1-based numbers of lines).
"""

from __future__ import annotations

import gzip
import json
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headroom_wrap.compression import timestamps
from headroom_wrap.compression.templates import mask
from headroom_wrap.evals.measure import Column, Figure, Measure, missing, percent, saved, seen_of, share
from headroom_wrap.evals.reading import Call, Reader

_CI_GOAL = "The build failed. Find out why."
_SYSTEM_GOAL = "Something is wrong with this system. What does its log say?"
_GOLD_LINE = "#=MATCH=#"
_COMMENT_LINE = "#=SOURCE=#"
_QUOTES = re.compile("[\u2039\u203a]")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_STAMP = re.compile(r"^[\W\d_]+")
"""What of a masked line stands before its first word: times, mostly, which a lossless step may shorten."""
_SHORTEST_TEMPLATE = 4


@dataclass(frozen=True, slots=True)
class Log:
    """A log: `gold` are lines that must be seen, `templates` and `rare` masked lines of which one must be seen."""

    source: str
    name: str
    text: str = field(repr=False)
    gold: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogRow:
    """What became of one log."""

    source: str
    name: str
    tokens_before: int
    tokens_after: int
    compressor: str
    ms: float
    gold: int
    gold_missing: tuple[str, ...]
    rare: int
    rare_missing: tuple[str, ...]


def measure(reader: Reader, data: Path) -> list[LogRow]:
    """Compress every log of a folder."""
    return [_row(reader, log) for log in [*ci_logs(data), *system_logs(data)]]


def ci_logs(data: Path) -> Iterator[Log]:
    """The logs of failed jobs."""
    for file in sorted(data.glob("ci_*/*.log.gz")):
        labels = file.with_name(file.name.replace(".log.gz", ".gold.json"))
        errors = json.loads(labels.read_text(encoding="utf-8"))["errors"] if labels.exists() else []
        text = _unpacked(file)
        gold = tuple(dict.fromkeys(error["line"] for error in errors if error["line"] in text))
        yield Log(file.parent.name, file.name.removesuffix(".log.gz"), text, gold)
    for file in sorted(data.glob("ci_*/*.txt.gz")):
        lines = [line for line in _unpacked(file).split("\n") if not line.startswith(_COMMENT_LINE)]
        marked = [line for line in lines if line.startswith(_GOLD_LINE)]
        text = "\n".join(_plain(line) if line.startswith(_GOLD_LINE) else line for line in lines)
        yield Log(file.parent.name, file.name.removesuffix(".txt.gz"), text, tuple(map(_plain, marked)))


def system_logs(data: Path) -> Iterator[Log]:
    """The logs of systems."""
    for file in sorted(data.glob("loghub/*.log")):
        labels = json.loads(file.with_name(f"{file.stem}.labels.json").read_text(encoding="utf-8"))
        text = file.read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines()
        errors = [*labels["error_level_lines"], *labels["error_regex_lines"]]
        templates = _templates(lines, errors)
        rare = [template for template in _templates(lines, labels["rare_template_lines"]) if template not in templates]
        yield Log(file.parent.name, file.stem, text, (), tuple(templates), tuple(rare))


def _row(reader: Reader, log: Log) -> LogRow:
    goal = _SYSTEM_GOAL if log.source == "loghub" else _CI_GOAL
    seen = reader.read(Call(goal, "Bash", {"command": f"cat {log.name}.log"}, log.text))
    shown = _with_times(seen.text)
    masked = mask(shown) if log.templates or log.rare else ""
    # Colours are for people at terminals: a line without them is seen as well as with them.
    gold = dict.fromkeys(_COLOUR.sub("", line) for line in log.gold)
    lost = (*missing(gold, _COLOUR.sub("", shown)), *missing(log.templates, masked))
    return LogRow(
        log.source,
        log.name,
        seen.tokens_before,
        seen.tokens_after,
        seen.compressor,
        round(seen.ms, 1),
        len(gold) + len(log.templates),
        lost,
        len(log.rare),
        missing(log.rare, masked),
    )


def _with_times(text: str) -> str:
    """The text with dates, times and hosts where a notice says how to read them: they are visible as words are."""
    for notice in (timestamps.NOTICE, timestamps.NOTICE_WITH_HOST):
        before, found, rest = text.partition(notice)
        if found:
            return before + timestamps.expand(notice + rest)
    return text


def _templates(lines: Sequence[str], numbers: Sequence[int]) -> list[str]:
    masked = (_STAMP.sub("", mask(lines[number - 1])).strip() for number in numbers if number <= len(lines))
    return list(dict.fromkeys(template for template in masked if len(template) >= _SHORTEST_TEMPLATE))


def _plain(line: str) -> str:
    return _QUOTES.sub("", line.removeprefix(_GOLD_LINE).removeprefix(" "))


def _unpacked(file: Path) -> str:
    return gzip.decompress(file.read_bytes()).decode("utf-8", "replace")


def figures(rows: Sequence[LogRow]) -> list[Figure]:
    """Saved in all; errors and rare lines visible."""
    before, after = sum(row.tokens_before for row in rows), sum(row.tokens_after for row in rows)
    median = statistics.median(saved(row.tokens_before, row.tokens_after) for row in rows)
    gold, rare = sum(row.gold for row in rows), sum(row.rare for row in rows)
    gold_lost, rare_lost = sum(len(row.gold_missing) for row in rows), sum(len(row.rare_missing) for row in rows)
    return [
        Figure("tokens saved in all", saved(before, after), f"{before:,} tokens"),
        Figure("tokens saved at the median", median, f"{len(rows)} logs"),
        Figure("errors visible", share(gold - gold_lost, gold), f"{gold} lines and templates", goal=1.0),
        Figure("rare templates visible", share(rare - rare_lost, rare), f"{rare} templates"),
    ]


MEASURE = Measure(
    name="logs",
    title="Long logs: the lines that say why a job failed; errors and rare lines of systems",
    needs="logs",
    run=measure,
    columns=(
        Column("log", lambda row: row.name, is_text=True),
        Column("of", lambda row: row.source, is_text=True),
        Column("tokens", lambda row: f"{row.tokens_before:,}"),
        Column("after", lambda row: f"{row.tokens_after:,}"),
        Column("saved", lambda row: percent(saved(row.tokens_before, row.tokens_after))),
        Column("errors", lambda row: seen_of(row.gold - len(row.gold_missing), row.gold)),
        Column("rare", lambda row: seen_of(row.rare - len(row.rare_missing), row.rare)),
        Column("ms", lambda row: f"{row.ms:.0f}"),
    ),
    figures=figures,
)
