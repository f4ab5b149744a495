"""The same error again and again, with nothing changed in between."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headroom_wrap.learn.events import Outcome, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner import words
from headroom_wrap.learn.miner.commands import normal
from headroom_wrap.learn.miner.errors import first_line
from headroom_wrap.learn.miner.trace import Step, Trace

_MIN_TIMES = 3
_MAX_COMMAND, _MAX_QUOTE = 90, 80
_NO_WORDS = re.compile(
    r"\W*(?:command )?(?:exited|exit|failed)?\s*(?:with )?(?:exit )?(?:code|status)\W*\d+\W*$", re.IGNORECASE
)
_VARYING = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)*|/(?:tmp|var/folders)/\S+")


def mine(trace: Trace) -> Iterator[Sighting]:
    """The sightings of a session's loops: of shells and edits alike."""
    run: list[Step] = []
    key = ("", "")
    for step in trace.steps:
        if step.call.kind not in (ToolKind.SHELL, ToolKind.EDIT):
            continue
        if step.failed and step.call.outcome is not Outcome.DENIED and (own := _key(step)) is not None:
            if own != key:
                yield from _tell(trace, run)
                run, key = [], own
            run.append(step)
        elif run and (step.changes or (step.worked and _program(step) == key[0])):
            yield from _tell(trace, run)
            run, key = [], ("", "")
    yield from _tell(trace, run)


def _program(step: Step) -> str:
    if step.call.kind is ToolKind.EDIT:
        return f"edit {step.path}"
    return words.core(step.works[-1])[0] if step.works else ""


def _key(step: Step) -> tuple[str, str] | None:
    """What makes two failures one: the program or file, and the error without numbers; None for an answer."""
    mains = step.works
    if step.call.kind is ToolKind.SHELL and (not mains or words.is_probe(mains[-1]) or mains[-1].name in words.READING):
        return None
    line = step.failure.line if step.failure else first_line(step.call.text)
    return (_program(step), _VARYING.sub("#", line)) if line and not _NO_WORDS.match(line) else None


def _tell(trace: Trace, run: list[Step]) -> Iterator[Sighting]:
    if len(run) < _MIN_TIMES:
        return
    step = run[0]
    line = step.failure.line if step.failure else first_line(step.call.text)
    why = line.replace("`", "'")[:_MAX_QUOTE]
    if step.call.kind is ToolKind.EDIT:
        what, subject = f"the edit of `{step.path}`", f"edit {step.path}"
    else:
        command = step.works[-1]
        what, subject = f"`{command.shown}`", f"{_program(step)} {_VARYING.sub('#', line)[:100]}"
        if len(command.shown) > _MAX_COMMAND:
            what = f"`{command.program}`"
    fix = _way_out(trace, run[-1], step)
    then = f"; what worked was `{fix}`" if fix else "; change something first"
    text = f"Do not repeat {what} after the same error{then} ({why})."
    lost = sum(each.n_tokens for each in run)
    sighting = trace.sighting(FindingKind.LOOP, normal(subject), text, step, line, 0.7 if fix else 0.5, lost=lost)
    if sighting is not None:
        yield sighting


def _way_out(trace: Trace, last: Step, first: Step) -> str:
    """What ran between the last failure and the first success of the same program."""
    done = ""
    for later in trace.after(last, 6):
        if later.call.kind is not ToolKind.SHELL or not later.worked:
            continue
        mains = later.works
        if any(words.is_preparation(command) for command in mains) and len(mains[-1].shown) <= _MAX_COMMAND:
            done = done or mains[-1].shown
        if _program(later) == _program(first):
            return done
    return ""
