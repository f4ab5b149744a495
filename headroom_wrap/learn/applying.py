"""One run: what was planned is written, remembered, and can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headroom_wrap.edits.replacing import Step, no_step
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.learn import backups, remembering, writing
from headroom_wrap.learn.backups import Outcome, Run
from headroom_wrap.learn.writing import Corrections, Draft, Refusal
from headroom_wrap.memory import Memory
from headroom_wrap.store import LearnedLines


@dataclass(frozen=True, slots=True)
class Applied:
    """What a run did: files written, files left, and how many facts are new in the memory."""

    written: tuple[Draft, ...]
    refusals: tuple[Refusal, ...]
    n_facts: int


@dataclass(frozen=True, slots=True)
class Undone:
    """What the undoing of a run did: what became of each file, and how many facts were forgotten."""

    at: float
    files: tuple[tuple[Path, Outcome], ...]
    n_facts: int


def apply(
    home: Path, corrections: Corrections, lines: LearnedLines, memory: Memory, *, step: Step = no_step
) -> Applied:
    """Write the corrections into the project's files and its memory.

    Args:
        home: the data directory.
        corrections: what is to be said.
        lines: what is remembered of the files.
        memory: the project's.
        step: called with the name of each step before it is taken.

    Raises:
        HeadroomError: `STORE_FAILED`.
    """
    begun: list[Run] = []

    def run() -> Run:
        if not begun:
            begun.append(backups.begin(home, corrections.root, corrections.now))
        return begun[0]

    with backups.locked(home):
        planned = writing.plan(corrections, lines)
        written, refusals = writing.write(planned, corrections, lines, run, step=step)
        new = remembering.remember(memory, corrections.findings, lines, corrections.now)
        if new:
            run().facts.extend(new)
            run().save()
        if begun and not begun[0].files and not new:
            backups.end(begun[0])
    return Applied(tuple(written), tuple(refusals), len(new))


def undo(home: Path, root: Path, lines: LearnedLines, memory: Memory) -> Undone:
    """Take the newest run back; again, the one before it.

    Raises:
        HeadroomError: `BAD_REQUEST` where there is none; `JOURNAL_CONFLICT` where a file cannot be written.
    """
    with backups.locked(home):
        run = backups.last(home, root)
        if run is None:
            message = f"There is nothing to undo in {root}."
            raise HeadroomError(Code.BAD_REQUEST, message, "headroom learn --apply writes; --project names another.")
        told = backups.undo(run, lines)
        return Undone(run.at, tuple(told), remembering.take_back(memory, run.facts, lines))


def forget_deletions(home: Path, corrections: Corrections, lines: LearnedLines) -> int:
    """Let what a person deleted be written again; gives how many lines that are."""
    with backups.locked(home):
        return writing.forget_deletions(corrections, lines)
