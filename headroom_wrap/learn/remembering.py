"""Findings as facts of the project's memory, so that every agent has them; what a person forgets stays forgotten."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.learn.findings import Finding
from headroom_wrap.learn.rendering import evidence, plain, text_of
from headroom_wrap.memory import Memory
from headroom_wrap.store import Kind, LearnedLine, LearnedLines, Relation
from headroom_wrap.store.learned_lines import EDITED, WRITTEN

_ACTIVE = "active"


def remember(memory: Memory, findings: Sequence[Finding], lines: LearnedLines, now: float) -> tuple[str, ...]:
    """Save what is new, change what is said otherwise now, and forget what has expired.

    Args:
        memory: the project's.
        findings: those that are good enough.
        lines: remembers which fact came from which finding.
        now: unix seconds.

    Returns:
        The ids of the findings that were saved for the first time.

    Raises:
        HeadroomError: `STORE_FAILED`.
    """
    key = _key(memory)
    rows = lines.of(key)
    new: dict[str, LearnedLine] = {}
    for finding in findings:
        row = rows.get(finding.id)
        if row is None:
            saved = _saved(memory, finding)
            if saved is not None:
                new[finding.id] = saved
        else:
            rows[finding.id] = _changed(memory, finding, row)
    current = {finding.id for finding in findings}
    for id_ in [id_ for id_, row in rows.items() if id_ not in current and row.expires <= now]:
        _forget(memory, rows.pop(id_))
    lines.replace({key: chain(rows.values(), new.values())})
    return tuple(new)


def pending(memory: Memory, findings: Iterable[Finding], lines: LearnedLines) -> int:
    """How many of the findings `remember` would save for the first time."""
    rows = lines.of(_key(memory))
    return sum(finding.id not in rows for finding in findings)


def take_back(memory: Memory, findings: Iterable[str], lines: LearnedLines) -> int:
    """Forget what was saved for these findings; gives how many facts that were.

    Raises:
        HeadroomError: `STORE_FAILED`.
    """
    key = _key(memory)
    rows = lines.of(key)
    gone = [row for id_ in findings if (row := rows.pop(id_, None)) is not None]
    n_forgotten = sum(_forget(memory, row) for row in gone)
    lines.replace({key: rows.values()})
    return n_forgotten


def _saved(memory: Memory, finding: Finding) -> LearnedLine | None:
    newest = finding.sightings[-1]
    try:
        saved = memory.save(
            text_of(finding), Kind.CORRECTION, agent=newest.agent, session=newest.session, evidence=_evidence(finding)
        )
    except HeadroomError as error:
        if error.code is not Code.BAD_REQUEST:
            raise
        return None
    is_ours = saved.relation not in (Relation.SAME, Relation.CONTAINED)
    return LearnedLine(finding.id, saved.fact.id, text_of(finding), WRITTEN if is_ours else EDITED, finding.expires)


def _changed(memory: Memory, finding: Finding, row: LearnedLine) -> LearnedLine:
    """A fact that is as we saved it is brought up to date; one that a person changed or forgot is not."""
    kept = replace(row, expires=max(row.expires, finding.expires))
    if row.text == text_of(finding) or not _is_ours(memory, row):
        return kept
    try:
        memory.edit(row.line, text_of(finding))
    except HeadroomError as error:
        if error.code not in (Code.BAD_REQUEST, Code.FACT_NOT_FOUND):
            raise
        return kept
    return replace(kept, text=text_of(finding))


def _forget(memory: Memory, row: LearnedLine) -> bool:
    if not _is_ours(memory, row):
        return False
    memory.forget(row.line)
    return True


def _is_ours(memory: Memory, row: LearnedLine) -> bool:
    if row.state != WRITTEN:
        return False
    with contextlib.suppress(HeadroomError):
        fact = memory.get(row.line)
        return fact.state == _ACTIVE and fact.text == row.text
    return False


def _evidence(finding: Finding) -> str:
    quote = plain(finding.sightings[-1].quote)
    return f"{evidence(finding)}: {quote}" if quote else evidence(finding)


def _key(memory: Memory) -> str:
    return f"memory of {memory.scope.user}: {memory.scope.project}"
