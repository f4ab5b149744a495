"""Edits that did not apply, why, and what made them apply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from posixpath import normpath

from headroom_wrap.learn.events import Call, Outcome, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.trail import Step, Trail, one_line

_LOOK_AHEAD = 15
_HEAD_CHARS = 1500


class Reason(Enum):
    """Why an edit did not apply."""

    UNREAD = "unread"
    CHANGED = "changed"
    AMBIGUOUS = "ambiguous"
    SPACES = "spaces"
    ABSENT = "absent"
    SAME = "same"


_REASONS = (
    (Reason.UNREAD, re.compile(
        r"has not been read|must (?:be read|read)|not read (?:it )?(?:yet|first)|must use (?:the"
        r"|your) Read tool|before (?:overwriting|editing) it")),
    (Reason.CHANGED, re.compile(
        r"(?:been )?(?:modified|changed) (?:since|externally|on disk)|File has been unexpectedly modified"
        r"|stale")),
    (Reason.SAME, re.compile(
        r"(?:old|new)_?[sS]tr(?:ing)?[^\n]{0,40}(?:identical|the same|exactly the same|must be different)"
        r"|No changes (?:to make|made)|identical content")),
    (Reason.AMBIGUOUS, re.compile(
        r"(?:[Ff]ound|[Tt]here are) \d+ (?:matches|occurrences)|[Mm]ultiple (?:matches|occurrences)"
        r"|not unique|must be unique|more than one|matches multiple|appears \d+ times"
        r"|provide more (?:surrounding )?context")),
    (Reason.ABSENT, re.compile(
        r"not found in|[Cc]ould not find|[Nn]o match|[Dd]id not (?:appear|match)"
        r"|failed to (?:exactly )?match|verification failed|[Ff]ailed to find|[Ff]ound 0"
        r"|[Mm]ust match exactly|not found|[Nn]o replacement was performed|does not apply|expected lines")),
)  # fmt: skip
_NO_FILE = re.compile(r"No such file|does not exist|[Ff]ile not found|ENOENT|Failed to read file to update")
_ADVICE = {
    Reason.UNREAD: "Read `{path}` before you edit it",
    Reason.CHANGED: "Read `{path}` again before you edit it: something else changes it, as a formatter does",
    Reason.AMBIGUOUS: "Give more lines around the place when you edit `{path}`: its lines repeat",
    Reason.SPACES: "Keep the exact indentation and line ends of `{path}` in an edit's old text",
    Reason.ABSENT: "Read `{path}` before you edit it, and copy the old text from there exactly",
    Reason.SAME: "Change something when you edit `{path}`: old and new text were the same",
}
_WEIGHTS = {
    Reason.UNREAD: 0.6, Reason.CHANGED: 0.6, Reason.AMBIGUOUS: 0.55, Reason.SPACES: 0.6, Reason.ABSENT: 0.55,
}  # fmt: skip
_OLD_FIELDS = ("old_string", "oldString", "old_str", "oldText", "old_text", "search")


def mine(trail: Trail) -> Iterator[Sighting]:
    """Edits of one file that failed for one reason, if one of that file applied later."""
    failed: dict[tuple[str, Reason], list[Step]] = {}
    for step in trail.steps:
        call = step.call
        reason = _reason(trail, step)
        if reason is not None:
            failed.setdefault((_path(trail, call), reason), []).append(step)
    for (path, reason), steps in failed.items():
        worked = next((later for later in trail.after(steps[-1], _LOOK_AHEAD) if _applies(trail, later, path)), None)
        if worked is None or reason not in _WEIGHTS or not path:
            continue
        line = _quote(steps[-1].call.text)
        text = f"{_ADVICE[reason].format(path=path)} ({line[:_MAX_SAID].rstrip('. ')})."
        yield trail.sighting(FindingKind.EDIT, f"{reason.value}: {path}", text, steps, line, _WEIGHTS[reason])


_MAX_SAID = 80


def _reason(trail: Trail, step: Step) -> Reason | None:
    call = step.call
    if call.kind is not ToolKind.EDIT or call.outcome is not Outcome.FAILED:
        return None
    head = call.text[:_HEAD_CHARS]
    if _NO_FILE.search(head):
        return None
    reason = next((reason for reason, pattern in _REASONS if pattern.search(head)), None)
    if reason is Reason.ABSENT:
        path = _path(trail, call)
        later = next((each for each in trail.after(step, _LOOK_AHEAD) if _applies(trail, each, path)), None)
        if later is not None and _differ_in_spaces(_old(call), _old(later.call)):
            return Reason.SPACES
    return reason


def _path(trail: Trail, call: Call) -> str:
    return trail.relative(call.path, call.cwd) if call.path else ""


def _applies(trail: Trail, step: Step, path: str) -> bool:
    call = step.call
    return call.kind is ToolKind.EDIT and call.outcome is Outcome.OK and normpath(_path(trail, call)) == normpath(path)


def _old(call: Call) -> str:
    """The text that an edit wants to replace."""
    for field in _OLD_FIELDS:
        value = call.input.get(field)
        if isinstance(value, str):
            return value
    edits = call.input.get("edits")
    if isinstance(edits, list) and edits and isinstance(edits[0], dict):
        return next((edits[0][field] for field in _OLD_FIELDS if isinstance(edits[0].get(field), str)), "")
    source = call.input.get("input")
    if isinstance(source, str):
        return "\n".join(line[1:] for line in source.splitlines() if line.startswith(("-", " ")))
    return ""


def _differ_in_spaces(one: str, other: str) -> bool:
    return bool(one.strip()) and one != other and "".join(one.split()) == "".join(other.split())


def _quote(text: str) -> str:
    """The line that says why."""
    lines = [line for line in text[:_HEAD_CHARS].splitlines() if line.strip()]
    chosen = next(
        (line for line in lines for _, pattern in _REASONS if pattern.search(line)), lines[0] if lines else ""
    )
    return one_line(chosen.replace("`", "'").lstrip("# "))
