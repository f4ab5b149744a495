"""Edits that did not apply, why, and what then worked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headroom_wrap.learn.events import Outcome, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.errors import line_of
from headroom_wrap.learn.miner.trace import Step, Trace

_WINDOW = 12
_SCANNED_CHARS = 1500
_OLD_FIELDS = ("old_string", "oldString", "old_str", "oldText", "old", "search", "old_text")
_LIST_FIELDS = ("edits", "changes", "replacements")
_PATCH_FIELDS = ("input", "patch", "diff")


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why an edit fails: the words that say so (lower case), and what to do; `is_general`: of every file."""

    name: str
    words: tuple[str, ...]
    advice: str
    is_general: bool = False


_REASONS = (
    _Reason("unread", ("has not been read yet", "must read", "must use the read tool", "read the file first",
                       "before overwriting it", "read it first"),
            "Read a file before editing it, as `{path}` needed", is_general=True),
    _Reason("stale", ("modified since", "been unexpectedly modified", "changed since", "has changed on disk",
                      "file has been modified"),
            "Read `{path}` again right before editing it: it changes in between"),
    _Reason("unique", ("matches of the string", "multiple matches", "found multiple", "not unique", "must be unique",
                       "multiple occurrences", "is not unique", "more than one", "occurrences of", "ambiguous"),
            "Give the old text in `{path}` with enough lines around it to be unique, or replace all"),
    _Reason("same", ("exactly the same", "are identical", "no changes to make", "no changes made"), ""),
    _Reason("text", ("string to replace not found", "not found in file", "did not appear verbatim", "no match found",
                     "could not find the exact text", "could not find oldstring", "oldstring not found",
                     "old_string not found", "old_str not found", "failed to match", "failed to exactly match",
                     "failed to find expected lines", "failed to find context", "verification failed", "0 occurrences",
                     "no replacement was performed", "must match exactly", "not found in content", "0 matches",
                     "could not find the string", "hunk #", "patch does not apply", "invalid context"),
            "Read `{path}` again right before editing it and copy the old text exactly"),
)  # fmt: skip
_GONE = ("no such file", "does not exist", "file not found", "enoent")


def mine(trace: Trace) -> Iterator[Sighting]:
    """The sightings of a session's edits: only of those that were made good."""
    told: set[str] = set()
    for step in trace.steps:
        if step.call.kind is not ToolKind.EDIT or step.call.outcome is not Outcome.FAILED:
            continue
        text = step.call.text[:_SCANNED_CHARS]
        reason = _reason(text)
        if reason is None or not reason.advice or not step.path:
            continue
        fixed = _fixed(trace, step)
        if fixed is None:
            continue
        subject = reason.name if reason.is_general else f"{reason.name} {step.path}"
        if subject not in told:
            told.add(subject)
            quote = _line(text, reason)
            advice = reason.advice.format(path=step.path) + (_blanks(step, fixed) if reason.name == "text" else "")
            sighting = trace.sighting(FindingKind.EDIT, subject, f"{advice} ({quote[:90]}).", step, quote, 0.85)
            if sighting is not None:
                yield sighting


def _reason(text: str) -> _Reason | None:
    lowered = text.lower()
    found = next((reason for reason in _REASONS if any(words in lowered for words in reason.words)), None)
    is_gone = found is not None and found.name == "text" and any(words in lowered for words in _GONE)
    return None if is_gone else found


def _line(text: str, reason: _Reason) -> str:
    lines = [
        line
        for line in text.replace("<tool_use_error>", "").replace("</tool_use_error>", "").splitlines()
        if line.strip()
    ]
    named = next((line for line in lines if any(words in line.lower() for words in reason.words)), lines[0])
    return line_of(named).replace("`", "'").lstrip("# ").rstrip(".:")


def _fixed(trace: Trace, step: Step) -> Step | None:
    """The next edit of the same file, if it applied after more or less tries."""
    for later in trace.after(step, _WINDOW):
        if later.call.kind is ToolKind.EDIT and later.path == step.path and later.call.outcome is Outcome.OK:
            return later
    return None


def _blanks(step: Step, fixed: Step) -> str:
    """How the white space of both old texts differs, if nothing else does."""
    first, second = _old(step.call.input), _old(fixed.call.input)
    if not first or "".join(first.split()) != "".join(second.split()) or first == second:
        return ""
    if "\t" in second and "\t" not in first:
        return "; its lines are indented with tabs"
    if "\t" in first and "\t" not in second:
        return "; its lines are indented with spaces, not tabs"
    return ", white space included"


def _old(given: Mapping[str, Any]) -> str:
    for name in _OLD_FIELDS:
        if isinstance(given.get(name), str):
            return str(given[name])
    for name in _LIST_FIELDS:
        items = given.get(name)
        if isinstance(items, Sequence) and items and isinstance(items[0], Mapping):
            return _old(items[0])
    for name in _PATCH_FIELDS:
        if isinstance(given.get(name), str):
            return "\n".join(line[1:] for line in str(given[name]).splitlines() if line[:1] in ("-", " "))
    return ""
