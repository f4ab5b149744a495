"""Texts that a model said better, kept: the next run without one says the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from headroom_wrap.learn import refining
from headroom_wrap.learn.asking import NoWordError
from headroom_wrap.learn.findings import Finding
from headroom_wrap.learn.refining import UnusableError
from headroom_wrap.store import LearnedLine, LearnedLines


@dataclass(frozen=True, slots=True)
class Reworded:
    """The findings with their texts of now, and a sentence on what the model did."""

    findings: tuple[Finding, ...]
    says: str


def kept(project: Path, findings: Sequence[Finding], lines: LearnedLines) -> tuple[Finding, ...]:
    """The findings with the texts that a model gave them earlier, where they say the same as then."""
    rows = lines.of(_key(project))
    texts = {id_: row.text for id_, row in rows.items()}
    same = {each.id for each in findings if each.id in rows and rows[each.id].line == each.text}
    return refining.with_texts(findings, {id_: texts[id_] for id_ in same})


def wanting(project: Path, findings: Sequence[Finding], lines: LearnedLines) -> tuple[Finding, ...]:
    """Those that no model was asked about as they are now."""
    rows = lines.of(_key(project))
    return tuple(each for each in findings if each.id not in rows or rows[each.id].line != each.text)


def refine(project: Path, findings: Sequence[Finding], lines: LearnedLines, ask: Callable[[str], str]) -> Reworded:
    """Have a model say better what it was not asked about yet. Where that fails, the findings stand as they are.

    Args:
        project: whose findings.
        findings: those that are good enough, with their own texts.
        lines: keeps the texts.
        ask: gives the model's answer to a prompt; raises `NoWordError`.
    """
    new = wanting(project, findings, lines)[: refining.MAX_FINDINGS]
    if not new:
        return Reworded(kept(project, findings, lines), "there was nothing new to refine.")
    try:
        texts, n_refused = refining.refined(new, ask(refining.prompt(new)))
    except (NoWordError, UnusableError) as error:
        return Reworded(
            kept(project, findings, lines), f"not refined: {error}; the corrections stand as they were found."
        )
    rows = lines.of(_key(project))
    for each in new:
        rows[each.id] = LearnedLine(each.id, each.text, texts.get(each.id, each.text), expires=each.expires)
    lines.replace({_key(project): rows.values()})
    says = f"{len(texts)} of {len(new)} corrections said better"
    if n_refused:
        says += f"; {n_refused} not taken, because they said more than the evidence does"
    return Reworded(kept(project, findings, lines), f"{says}.")


def _key(project: Path) -> str:
    return f"words for {project}"
