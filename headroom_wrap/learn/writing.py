"""Corrections into the files that agents read: first planned, so that they can be shown, then written.

Nothing of the user's is lost: what cannot be edited with certainty is left, with the reason and what to do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headroom_wrap.edits.replacing import Step, no_step
from headroom_wrap.edits.text import EditError, UnresolvedMergeError
from headroom_wrap.learn import files, section
from headroom_wrap.learn.backups import Run
from headroom_wrap.learn.files import ChangedError, Held, RefusedError
from headroom_wrap.learn.findings import Finding
from headroom_wrap.learn.section import Update
from headroom_wrap.learn.targets import CLAUDE, TARGETS, Target, chosen
from headroom_wrap.store import LearnedLines
from headroom_wrap.store.learned_lines import DELETED

_RESOLVE = "Resolve the merge, then type headroom learn --apply again."
_MEND = (
    f"Mend that by hand: a section is one line <!-- headroom:{section.NAME}:start --> and one line"
    f" <!-- headroom:{section.NAME}:end --> below it. Then type headroom learn --apply again."
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A file and what it is to become.

    Attributes:
        target: what it is for.
        held: as it was found.
        base: its text; for one that is to be made, what it begins with.
        update: what becomes of that.
        note: why it is this file and not another, a sentence; mostly "".
    """

    target: Target
    held: Held
    base: str
    update: Update
    note: str = ""

    @property
    def is_change(self) -> bool:
        """Whether there is anything to write."""
        return self.update.text != self.base


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that is left as it is: why, and what to do about it."""

    path: Path
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written in one project."""

    root: Path
    drafts: tuple[Draft, ...]
    refusals: tuple[Refusal, ...]

    @property
    def changes(self) -> tuple[Draft, ...]:
        """The files that become others."""
        return tuple(draft for draft in self.drafts if draft.is_change)


@dataclass(frozen=True, slots=True)
class Corrections:
    """What is to be said in one project.

    Attributes:
        root: its folder.
        findings: those that are good enough.
        now: unix seconds.
        is_whole: the findings are all that is known of the project.
        is_local: CLAUDE.local.md takes what CLAUDE.md would.
        doubted: findings that are not good enough, or not any more.
    """

    root: Path
    findings: Sequence[Finding] = field(repr=False)
    now: float
    is_whole: bool = True
    is_local: bool = False
    doubted: Sequence[Finding] = field(default=(), repr=False)

    @property
    def agents(self) -> Collection[str]:
        """In whose sessions something was found."""
        return {each.agent for finding in self.findings for each in finding.sightings}


def plan(corrections: Corrections, lines: LearnedLines) -> Plan:
    """What each file of the project would become; nothing is written."""
    there = {}
    for target in TARGETS:
        with contextlib.suppress(RefusedError):
            held = files.look(corrections.root, target.name)
            if held.data is not None:
                there[target.name] = held.text
    drafts: dict[Path, Draft] = {}
    refusals = []
    for target in chosen(_with_refused(corrections.root, there), corrections.agents):
        try:
            draft = _draft(target, corrections, lines)
        except RefusedError as refused:  # noqa: PERF203 - each file for itself
            refusals.append(Refusal(corrections.root / target.name, refused.reason, refused.hint))
        else:
            # One file under two names gets one section.
            drafts.setdefault(draft.held.real, draft)
    return Plan(corrections.root, tuple(drafts.values()), tuple(refusals))


def write(
    planned: Plan,
    corrections: Corrections,
    lines: LearnedLines,
    run: Callable[[], Run],
    *,
    step: Step = no_step,
) -> tuple[list[Draft], list[Refusal]]:
    """Write what was planned; gives what was written, and what had to be left.

    A file that changed meanwhile is read and planned once more.

    Args:
        planned: by `plan`.
        corrections: from what it was planned.
        lines: what is remembered of the files.
        run: gives the record of this run, begun when the first file is about to be written.
        step: called with the name of each step before it is taken.
    """
    written, refusals = [], list(planned.refusals)
    for draft in planned.drafts:
        try:
            last = _write_one(draft, corrections, lines, run, step)
        except RefusedError as refused:  # noqa: PERF203 - each file for itself
            refusals.append(Refusal(draft.held.path, refused.reason, refused.hint))
        else:
            if last.is_change:
                written.append(last)
    return written, refusals


def forget_deletions(corrections: Corrections, lines: LearnedLines) -> int:
    """Let lines that a person deleted be written again; gives how many there are."""
    n_deleted = 0
    for draft in plan(corrections, lines).drafts:
        kept = [line for line in draft.update.lines if line.state != DELETED]
        n_deleted += len(draft.update.lines) - len(kept)
        lines.replace({str(draft.held.real): kept})
    return n_deleted


def _write_one(
    draft: Draft, corrections: Corrections, lines: LearnedLines, run: Callable[[], Run], step: Step
) -> Draft:
    for _ in range(2):
        key = str(draft.held.real)
        if not draft.is_change:
            lines.replace({key: draft.update.lines})
            return draft
        try:
            _replace(draft, lines, run(), step)
        except ChangedError:
            draft = _draft(draft.target, corrections, lines)
        else:
            lines.replace({key: draft.update.lines})
            return draft
    raise RefusedError("is being changed by somebody else just now", "Type headroom learn --apply again.")


def _replace(draft: Draft, lines: LearnedLines, run: Run, step: Step) -> None:
    new = files.bytes_of(draft.update.text)
    run.keep(draft.held, new, lines.of(str(draft.held.real)))
    try:
        run.made(files.write(draft.held, new, step))
    except ChangedError:
        run.drop(draft.held)
        raise
    except OSError as error:
        run.drop(draft.held)
        hint = f"Make {draft.held.real.parent} writable, then type headroom learn --apply again."
        raise RefusedError(f"could not be written: {error.strerror}", hint) from error


def _draft(target: Target, corrections: Corrections, lines: LearnedLines) -> Draft:
    is_local = corrections.is_local or _has_section(corrections.root, target.instead)
    name = target.instead if is_local and target.instead else target.name
    note = ""
    try:
        held = files.look(corrections.root, name)
    except RefusedError as refused:
        if not target.instead or not refused.is_others or name == target.instead:
            raise
        held = files.look(corrections.root, target.instead)
        note = f"{target.name} {refused.reason}, so that {target.instead} gets what it would."
    text = target.front if held.data is None else held.text
    remembered = lines.of(str(held.real))
    try:
        update = section.update(
            text, corrections.findings, remembered, corrections.now,
            doubted=corrections.doubted, is_whole=corrections.is_whole,
        )  # fmt: skip
    except EditError as error:
        hint = _RESOLVE if isinstance(error, UnresolvedMergeError) else _MEND
        raise RefusedError(f"was left as it is: {error}", hint) from error
    return Draft(target, held, text, update, note)


def _has_section(root: Path, name: str) -> bool:
    """Whether we were told before to write here."""
    with contextlib.suppress(RefusedError):
        return f"<!-- headroom:{section.NAME}:start -->" in files.look(root, name).text
    return False


def _with_refused(root: Path, there: dict[str, str]) -> dict[str, str]:
    """Also those that are there but may not be written: they are named with the reason why they are left."""
    names: Iterable[str] = (target.name for target in TARGETS)
    found = {name: "" for name in names if name not in there and _is_there(root / name)}
    if (root / CLAUDE.instead).is_file() and CLAUDE.name not in there:
        found[CLAUDE.name] = ""
    return {**there, **found}


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
