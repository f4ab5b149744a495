"""How `headroom learn` shows what it found: a table, sums, and a diff of each file; or all of it as data."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from headroom_wrap.cli.display import count, printable
from headroom_wrap.learn import history
from headroom_wrap.learn.applying import Applied
from headroom_wrap.learn.findings import Finding
from headroom_wrap.learn.learning import MIN_CONFIDENCE, History, Learned
from headroom_wrap.learn.rendering import rounded, text_of
from headroom_wrap.learn.writing import Draft, Plan, Refusal

_WIDE = 100
_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_ABSENT = "/dev/null"
_MAX_SHOWN = 50
_MUCH_BYTES = 8_000_000
"""What is read in less than a blink needs no bar."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One project with what is to be written in it; `plan` is None where nothing can be."""

    learned: Learned
    plan: Plan | None


@contextmanager
def reading(console: Console) -> Iterator[Callable[[history.Progress], None]]:
    """A bar while much is read, on a terminal only; it is gone afterwards."""
    bar = Progress(
        TextColumn("headroom: reading"), BarColumn(complete_style="cyan", finished_style="cyan"), TaskProgressColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[file]}", style="dim"),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    task = bar.add_task("", file="")

    def tell(made: history.Progress) -> None:
        if made.of_bytes >= _MUCH_BYTES and not bar.live.is_started:
            bar.start()
        name = "" if made.file is None else printable(made.file.name)
        bar.update(task, total=max(made.of_bytes, 1), completed=made.n_bytes, file=name)

    try:
        yield tell
    finally:
        bar.stop()


def findings_table(findings: Sequence[Finding], width: int) -> Table:
    """What was found, the dearest first; narrow consoles leave out what can be done without."""
    is_wide = width >= _WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("kind", no_wrap=True)
    table.add_column("correction", overflow="fold", ratio=1)
    table.add_column("seen", justify="right", no_wrap=True)
    if is_wide:
        table.add_column("last", no_wrap=True)
    table.add_column("lost", justify="right", no_wrap=True)
    table.add_column("sure", justify="right", no_wrap=True)
    for finding in findings[:_MAX_SHOWN]:
        style = "" if finding.confidence >= MIN_CONFIDENCE else "dim"
        last = [last_seen(finding)] if is_wide else []
        row = [finding.kind.value, printable(text_of(finding)), f"{finding.n_sessions:,}×", *last,
               f"{rounded(finding.tokens_lost):,}", f"{finding.confidence:.0%}"]  # fmt: skip
        table.add_row(*row, style=style)
    return table


def show(console: Console, found: History, projects: Sequence[Shown], *, is_all: bool) -> None:
    """Table, sums and diffs, project by project."""
    for shown in projects:
        learned = shown.learned
        if not learned.findings:
            continue
        if is_all:
            console.print(Text(printable(str(learned.project or "sessions of no known project")), style="bold"))
        console.print(findings_table(learned.findings, console.width))
        if len(learned.findings) > _MAX_SHOWN:
            console.print(f"and {count(len(learned.findings) - _MAX_SHOWN, 'more finding')}: --json has them all")
        console.print()
    console.print(totals(found))
    for shown in projects:
        for draft in () if shown.plan is None else shown.plan.changes:
            console.print()
            show_diff(console, draft)
    if any(shown.plan is not None and shown.plan.changes for shown in projects):
        console.print()


def totals(found: History) -> str:
    """`5 sessions read; ~4,200 tokens lost to 3 mistakes that are known now`."""
    findings = [finding for learned in found.projects for finding in learned.findings]
    said = f"{count(found.n_sessions, 'session')} read"
    if found.n_bad:
        said += f" ({count(found.n_bad, 'unreadable line')} left out)"
    if not findings:
        return f"{said}; nothing went wrong that could be learned from."
    lost = rounded(sum(learned.tokens_lost for learned in found.projects))
    return f"{said}; ~{lost:,} tokens lost to {count(len(findings), 'mistake')} that can be avoided."


def show_diff(console: Console, draft: Draft) -> None:
    """One file's change as a unified diff, in colours on a terminal."""
    for line in diff(draft):
        style = "bold" if line.startswith(("+++", "---")) else _STYLES.get(line[:1], "")
        if console.is_terminal:
            row = Table.grid()
            row.add_column(width=1)
            row.add_column(overflow="fold")
            row.add_row(line[:1], printable(line[1:]), style=style)
            console.print(row)
        else:
            console.print(Text(printable(line)), soft_wrap=True)


def diff(draft: Draft) -> list[str]:
    """One file's change as the lines of a unified diff."""
    old = [] if draft.held.data is None else draft.held.text.splitlines()
    name = shown_path(draft.held.path)
    before = name if draft.held.data is not None else _ABSENT
    return list(difflib.unified_diff(old, draft.update.text.splitlines(), before, name, lineterm=""))


def shown_path(path: Path) -> str:
    """A path as short as it can be said from here."""
    here = Path.cwd()
    return printable(str(path.relative_to(here) if path.is_relative_to(here) else path))


def last_seen(finding: Finding) -> str:
    """The day on which it was seen last; "" where no transcript says."""
    last = max((each.at for each in finding.sightings), default=0.0)
    return time.strftime("%Y-%m-%d", time.gmtime(last)) if last else ""


def as_data(
    found: History, projects: Sequence[Shown], applied: Sequence[Applied], refusals: Sequence[Refusal]
) -> dict[str, Any]:
    """All of it as JSON takes it."""
    written = [draft.held.path for each in applied for draft in each.written]
    return {
        "transcripts": found.n_files,
        "sessions": found.n_sessions,
        "unreadable_lines": found.n_bad,
        "tokens_lost": sum(learned.tokens_lost for learned in found.projects),
        "projects": [
            {
                "project": None if shown.learned.project is None else str(shown.learned.project),
                "findings": [_finding(each) for each in shown.learned.findings],
                "files": [_file(draft, written) for draft in (shown.plan.drafts if shown.plan else ())],
            }
            for shown in projects
        ],
        "new_facts": sum(each.n_facts for each in applied),
        "left": [{"file": str(each.path), "reason": each.reason, "hint": each.hint} for each in refusals],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "text": text_of(finding),
        "confidence": round(finding.confidence, 3),
        "sessions": finding.n_sessions,
        "agents": sorted({each.agent for each in finding.sightings}),
        "last": last_seen(finding),
        "tokens_lost": finding.tokens_lost,
        "quote": finding.sightings[-1].quote,
    }


def _file(draft: Draft, written: Sequence[Path]) -> dict[str, Any]:
    update = draft.update
    lists = {name: list(getattr(update, name)) for name in ("added", "changed", "removed", "kept", "left_out")}
    return {
        "file": str(draft.held.path),
        "is_written": draft.held.path in written,
        **lists,
        "diff": "\n".join(diff(draft)).encode("utf-8", "replace").decode(),
    }
