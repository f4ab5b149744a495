"""Findings and projects for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headroom_wrap.edits.replacing import Step, no_step
from headroom_wrap.learn import backups, writing
from headroom_wrap.learn.backups import Outcome, Run
from headroom_wrap.learn.findings import Finding, FindingKind, Sighting
from headroom_wrap.learn.writing import Corrections, Draft, Plan, Refusal
from headroom_wrap.store import LearnedLines, Store

DAY = 86_400.0
NOW = 1_795_867_200.0
"""2026-11-28, at noon."""
PYTHON = "Run `python3`, not `python`: there is no `python` here."
TESTS = "Run the tests with `python3 -m pytest`, not with `npm test`."


def finding(  # noqa: PLR0913 - as many as a finding has
    text: str,
    *,
    subject: str = "",
    n: int = 1,
    lost: int = 1400,
    agent: str = "claude",
    confidence: float = 0.9,
    at: float = NOW,
    quote: str = "python: command not found",
    days: float = 30.0,
) -> Finding:
    """A finding that was seen in `n` sessions, one a day, the last at `at`."""
    subject = subject or text
    sightings = tuple(
        Sighting(FindingKind.COMMAND, subject, text, agent, f"s{k}", at - (n - 1 - k) * DAY, quote, lost, 0.9)
        for k in range(n)
    )
    return Finding(FindingKind.COMMAND, subject, text, sightings, confidence, at + days * DAY)


@dataclass(frozen=True, slots=True)
class Project:
    """A project in a folder of its own, and our data beside it."""

    root: Path
    home: Path
    store: Store

    @property
    def lines(self) -> LearnedLines:
        return self.store.learned_lines

    def file(self, name: str = "CLAUDE.md") -> Path:
        return self.root / name

    def said(self, *findings: Finding, now: float = NOW, is_whole: bool = True, is_local: bool = False) -> Corrections:
        return Corrections(self.root, findings, now, is_whole, is_local)

    def plan(self, *findings: Finding, now: float = NOW) -> Plan:
        return writing.plan(self.said(*findings, now=now), self.lines)

    def write(self, *findings: Finding, now: float = NOW, **how: bool) -> tuple[list[Draft], list[Refusal]]:
        return self.write_slowly(no_step, *findings, now=now, **how)

    def write_slowly(
        self, step: Step, *findings: Finding, now: float = NOW, **how: bool
    ) -> tuple[list[Draft], list[Refusal]]:
        corrections = self.said(*findings, now=now, **how)
        runs: list[Run] = []

        def run() -> Run:
            if not runs:
                runs.append(backups.begin(self.home, self.root, now))
            return runs[0]

        return writing.write(writing.plan(corrections, self.lines), corrections, self.lines, run, step=step)

    def undo(self) -> list[tuple[Path, Outcome]]:
        run = backups.last(self.home, self.root)
        assert run is not None
        return backups.undo(run, self.lines)
