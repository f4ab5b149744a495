"""Test runs: failures, errors and sums word for word; passed tests, set-up and library frames folded."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headroom_wrap.compression import diagnostics
from headroom_wrap.compression.commands import command_of
from headroom_wrap.compression.lines import Sheet, may_try
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.passes import fold_passes, without_percentage
from headroom_wrap.compression.pytest_report import RULER, VITAL, fold_report
from headroom_wrap.compression.relevance import terms_of
from headroom_wrap.compression.repeats import drop_repeats
from headroom_wrap.compression.tracebacks import drop_foreign_frames

_VOLATILE = re.compile(r"0x[0-9a-fA-F]+|/tmp/[^\s'\"]*|\bpytest-\d+\b|\b\d+\.\d+s\b")
_SET_UP = re.compile(
    r"    Creating table |  Applying \S+\.\.\. OK|  Synchroniz|Synchronizing apps|  Creating tables\.\.\."
    r"|    Running deferred SQL|Running migrations:|Operations to perform:|  Apply all migrations:"
    r"|Cloning test database|Importing application "
)
_RAISED_AT = re.compile(r"[^\s:]\S{0,300}:\d+: \w*(?:Error|Exception|Failed)\b")
_REASON = re.compile(r"E  |[\w.]*(?:Error|Exception|Warning|Interrupt|Exit)\b")
_TITLE = re.compile(r"__+ .* __+\Z")
_REASONS_SHOWN = 2
"""As many times the same reason stays where it stands; later, with all around it the same too, it may fold."""
_LISTS_PASSES = re.compile(r"grep[^|;&]*(?:PASS|passed|\bok\b)", re.IGNORECASE)


def compress(text: str, hints: Hints) -> Compressed | None:
    """Fold what passed, set-up, foreign frames and what stands above already; keep what failed and what sums up."""
    if not may_try(text):
        return None
    may_elide = hints.marker is not None
    sheet = Sheet.of_terminal(text)
    sheet.shown = [_without_decoration(line) for line in sheet.shown]
    if not _LISTS_PASSES.search(command_of(hints.tool_input)):
        fold_passes(sheet, terms_of(hints), may_elide=may_elide)
    if may_elide:
        _drop(sheet, hints.offset)
    rendered, elided = sheet.render(hints.marker, hints.offset)
    if len(rendered) >= len(text):
        return None
    reason = "test run: passed tests grouped" + (", set-up, foreign frames and repeats elided" if elided else "")
    return Compressed(rendered, reason, elided, sheet.total)


def _without_decoration(line: str) -> str:
    """Without pytest's progress column, and with a short ruler between frames."""
    if line.endswith("%]"):
        return without_percentage(line)
    return RULER if line.startswith(RULER) and not line.strip("_ ") else line


def _drop(sheet: Sheet, offset: int) -> None:
    for index, line in enumerate(sheet.shown):
        if _SET_UP.match(line):
            sheet.drop(index, index, "of database set-up")
    diagnostics.fold(sheet)
    fold_report(sheet)
    drop_foreign_frames(sheet)
    vital = [VITAL.match(line) is not None for line in sheet.shown]
    for index, is_vital in enumerate(vital):
        if is_vital:
            sheet.keep(index)
    keys = [line if is_vital else _VOLATILE.sub("#", line) for line, is_vital in zip(sheet.shown, vital, strict=True)]
    drop_repeats(sheet, keys, "addresses and temporary paths", _lasting(sheet.shown, vital), offset)


def _lasting(shown: Sequence[str], vital: Sequence[bool]) -> list[bool]:
    """Which lines stay though they stand above: verdicts always, reasons and the lines that failed the first times."""
    times: dict[str, int] = {}
    lasting = []
    for index, line in enumerate(shown):
        reason = vital[index] and _REASON.match(line) is not None
        place = line.startswith(">") or _RAISED_AT.match(line) is not None
        nth = times[line] = times.get(line, 0) + 1
        if reason:
            continued = line.startswith("E ") and shown[index - 1].startswith("E ")
            lasting.append(not continued and nth <= _REASONS_SHOWN)
        else:
            lasting.append(vital[index] or _TITLE.match(line) is not None or (place and nth <= _REASONS_SHOWN))
    return lasting
