"""Test runs: failures, errors and summaries word for word; passed tests, set-up and library frames folded."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headroom_wrap.compression.lines import Sheet, may_try
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.passes import fold_passes, without_percentage
from headroom_wrap.compression.relevance import argument, terms_of
from headroom_wrap.compression.repeats import drop_repeats
from headroom_wrap.compression.tracebacks import drop_foreign_frames, is_foreign

_VITAL = re.compile(
    r"E  |FAILED|FAIL:|ERROR|={3,} .*\d (?:passed|failed|error|skipped|warning|deselected|xfailed)|Ran \d+ test|OK\b"
    r"|[\w.]*(?:Error|Exception|Warning|Interrupt|Exit)\b|!{3,}|--- FAIL|FAIL\b|\[exit|exit "
)
_VOLATILE = re.compile(r"0x[0-9a-fA-F]+|/tmp/[^\s'\"]*|\bpytest-\d+\b|\b\d+\.\d+s\b")
_LOCATION = re.compile(r"([^\s:][^:\n]{0,300}):\d+: ?(in .*|\w*(?:Error|Exception|Warning|Failed|Exit|Interrupt).*)?\Z")
_WARNING = re.compile(r"  (\S[^:\n]{0,300}):\d+: \w*Warning\b")
_DURATION = re.compile(r"\d+\.\d+s (?:setup|call|teardown) ")
_SET_UP = re.compile(
    r"    Creating table |  Applying \S+\.\.\. OK|  Synchroniz|Synchronizing apps|  Creating tables\.\.\."
    r"|    Running deferred SQL|Running migrations:|Operations to perform:|  Apply all migrations:"
    r"|Cloning test database|Importing application "
)
_LISTS_PASSES = re.compile(r"grep[^|;&]*(?:PASS|passed|\bok\b)", re.IGNORECASE)
_RULER = "_ _ _"
_SOURCE_SHOWN = 8
_SOURCE_MIN_DROPPED = 5
_WARNING_PLACES = 3
_AGEING = ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")
_DURATIONS_SHOWN = 5
_CAPTURED_FIRST, _CAPTURED_LAST = 15, 15


def compress(text: str, hints: Hints) -> Compressed | None:
    """Fold what passed, set-up, foreign frames and what stands above already; keep what failed and what sums up."""
    if not may_try(text):
        return None
    may_elide = hints.marker is not None
    sheet = Sheet.of_terminal(text)
    sheet.shown = [_without_decoration(line) for line in sheet.shown]
    if not _LISTS_PASSES.search(argument(hints.tool_input, "command")):
        fold_passes(sheet, terms_of(hints), may_elide)
    if may_elide:
        _drop_set_up(sheet)
        _walk_sections(sheet)
        drop_foreign_frames(sheet)
        for index, line in enumerate(sheet.shown):
            if _VITAL.match(line) and sheet.labels[index] != "passed":
                sheet.keep(index)
        keys = [line if _VITAL.match(line) else _VOLATILE.sub("#", line) for line in sheet.shown]
        drop_repeats(sheet, keys, "addresses and temporary paths")
    rendered, elided = sheet.render(hints.marker)
    if len(rendered) >= len(text):
        return None
    reason = "test run: passed tests grouped" + (", set-up, foreign frames and repeats elided" if elided else "")
    return Compressed(rendered, reason, elided, sheet.total)


def _without_decoration(line: str) -> str:
    """Without pytest's progress column, and with a short ruler between frames: that of 80 columns is 41 tokens."""
    if line.endswith("%]"):
        return without_percentage(line)
    return _RULER if line.startswith(_RULER) and not line.strip("_ ") else line


def _drop_set_up(sheet: Sheet) -> None:
    for index, line in enumerate(sheet.shown):
        if _SET_UP.match(line):
            sheet.drop(index, index, "of database set-up")


def _walk_sections(sheet: Sheet) -> None:
    """Go through pytest's report: blocks of failures, captured output, warnings."""
    section = ""
    block: list[int] = []
    captured = False
    for index, line in enumerate([*sheet.shown, "=== end ==="]):
        ends = _ends_block(line)
        if not ends:
            block.append(index)
            continue
        foreign = _close(sheet, section, block, captured)
        block = []
        if foreign and line == _RULER:
            sheet.drop(index, index, "in foreign frames", weight=0)
        if line.startswith("==="):
            section, captured = line.strip("= ").lower(), False
        elif line.startswith("---"):
            captured = True
            if section == "passes":
                sheet.drop(index, index, "captured from passed tests", weight=0)
        elif not line.startswith(_RULER):
            captured = False
            if section == "passes" and line.startswith("___"):
                sheet.drop(index, index, "captured from passed tests", weight=0)


def _ends_block(line: str) -> bool:
    if line.startswith("==="):
        return line.endswith("===")
    if line.startswith("___"):
        return line.endswith("___")
    if line.startswith("---"):
        return " Captured " in line
    return line.startswith(("_ _ _", "During handling of the above", "The above exception was the direct"))


def _close(sheet: Sheet, section: str, block: Sequence[int], captured: bool) -> bool:
    """Decide on the lines of a block; returns whether all of it was one foreign frame."""
    if not block:
        return False
    if section == "passes":
        for index in block:
            if not _VITAL.match(sheet.shown[index]) and sheet.labels[index] is None:
                sheet.drop(index, index, "captured from passed tests")
    elif captured:
        for index in block[_CAPTURED_FIRST:-_CAPTURED_LAST]:
            sheet.drop(index, index, "captured")
    elif section == "warnings summary" or sum(1 for at in block if _WARNING.match(sheet.shown[at])) > 1:
        _warnings(sheet, block)
    elif section.startswith("slowest"):
        for index in [at for at in block if _DURATION.match(sheet.shown[at])][_DURATIONS_SHOWN:]:
            sheet.drop(index, index, "durations")
    elif any(sheet.shown[index].startswith(">") for index in block):
        return _long_frame(sheet, block)
    else:
        _short_frames(sheet, block)
    return False


def _long_frame(sheet: Sheet, block: Sequence[int]) -> bool:
    """One frame with its source: of foreign code the line that raised stays, of the user's what leads to it."""
    shown = sheet.shown
    located = [index for index in block if _LOCATION.match(shown[index])]
    failing = next(index for index in block if shown[index].startswith(">"))
    if located and is_foreign(shown[located[-1]]):
        raised = any(shown[index].startswith("E ") for index in block)
        for index in block:
            if not (raised and (index == failing or index in located)):
                sheet.drop(index, index, "of foreign source" if raised else "in foreign frames", int(raised or index == failing))
        return not raised
    source = [index for index in block if index < failing and shown[index].startswith("    ")]
    head = next((index for index in reversed(source) if shown[index].lstrip().startswith(("def ", "async def "))), -1)
    dropped = [index for index in source[:-_SOURCE_SHOWN] if index != head]
    if len(dropped) >= _SOURCE_MIN_DROPPED:
        for index in dropped:
            sheet.drop(index, index, "of source")
    return False


def _short_frames(sheet: Sheet, block: Sequence[int]) -> None:
    """Frames as a location and a line of source each."""
    located = [index for index in block if _LOCATION.match(sheet.shown[index])]
    for index, following in zip(located, located[1:], strict=False):
        if is_foreign(sheet.shown[index]):
            sheet.drop(index, following - 1, "in foreign frames")


def _warnings(sheet: Sheet, block: Sequence[int]) -> None:
    """Each distinct message stays, with the first places of it in the user's code."""
    shown: dict[str, int] = {}
    entry: list[int] = []
    for index in [*block, -1]:
        if index >= 0 and sheet.shown[index].strip():
            entry.append(index)
            continue
        message = next((at for at in entry if _WARNING.match(sheet.shown[at])), None)
        if message is not None:
            category, words = _category(sheet.shown[message])
            foreign = is_foreign(sheet.shown[message])
            shown[words] = shown.get(words, 0) + 1
            if foreign and category in _AGEING:
                sheet.drop(entry[0], entry[-1], f"foreign {category}")
            elif shown[words] > _WARNING_PLACES:
                sheet.drop(entry[0], entry[-1], "warnings as above in other places")
            elif foreign:
                sheet.drop(entry[0], message - 1, "places of the warning", message - entry[0])
        entry = []


def _category(message: str) -> tuple[str, str]:
    words = message.partition(": ")[2]
    return words.partition(":")[0], words
