"""The long part of pytest's output: failures with their frames, captured output, warnings, durations."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from headroom_wrap.compression.lines import Sheet
from headroom_wrap.compression.logs import is_strong
from headroom_wrap.compression.tracebacks import is_foreign

RULER = "_ _ _"
"""Stands for the ruler between frames: that of 80 columns is 41 tokens."""
VITAL = re.compile(
    r"E  |FAILED|FAIL:|ERROR|={3,} .*\d (?:passed|failed|error|skipped|warning|deselected|xfailed)|Ran \d+ test|OK\b"
    r"|[\w.]*(?:Error|Exception|Warning|Interrupt|Exit)\b|!{3,}|--- FAIL|FAIL\b|\[exit|exit "
)
"""What a line begins with that nobody may drop: assertions, verdicts, exceptions, sums."""

_LOCATION = re.compile(r"([^\s:][^:\n]{0,300}):\d+: ?(in .*|\w*(?:Error|Exception|Warning|Failed|Exit|Interrupt).*)?\Z")
_WARNING = re.compile(r"  (\S[^:\n]{0,300}):\d+: \w*Warning\b")
_DURATION = re.compile(r"\d+\.\d+s (?:setup|call|teardown) ")
_SOURCE_SHOWN = 8
_SOURCE_MIN_DROPPED = 5
_WARNING_PLACES = 2
_AGEING_PLACES = 1
_TESTS_OF_WARNING = 2
_AGEING = ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")
_DURATIONS_SHOWN = 5
_CAPTURED_FIRST, _CAPTURED_LAST = 15, 15
_CAPTURED_ERRORS = 20
"""Of what a test printed, so many distinct errors stay between the first lines and the last."""
_CAPTURED_SEARCHED_CHARS = 1000

_OF_PASSED = "captured from passed tests"
_Fold = Callable[[Sheet, Sequence[int]], bool]
"""Decides on the lines of a block; says whether all of it was one foreign frame."""


def fold_report(sheet: Sheet) -> None:
    """Drop what the report can do without; texts that hold no such report lose nothing."""
    section = ""
    captured = False
    block: list[int] = []
    for index, line in enumerate(sheet.shown):
        boundary = _boundary(line)
        if boundary is None:
            block.append(index)
            continue
        was_foreign = _fold(section, captured=captured)(sheet, block)
        block = []
        if boundary == "section":
            section = line.strip("= ").lower()
        if boundary != "ruler":
            captured = boundary == "captured"
        if section == "passes" and boundary in ("captured", "title"):
            sheet.drop(index, index, _OF_PASSED, weight=0)
        elif was_foreign and boundary == "ruler":
            sheet.drop(index, index, "in foreign frames", weight=0)
    _fold(section, captured=captured)(sheet, block)


def _boundary(line: str) -> str | None:
    """What kind of line ends a block, or None."""
    if line.startswith("==="):
        return "section" if line.endswith("===") else None
    if line.startswith("___"):
        return "title" if line.endswith("___") else None
    if line.startswith("---"):
        return "captured" if " Captured " in line else None
    if line.startswith(RULER):
        return "ruler"
    return "chain" if line.startswith(("During handling of the above", "The above exception was the direct")) else None


def _fold(section: str, *, captured: bool) -> _Fold:
    if section == "passes":
        return _passes
    if captured:
        return _captured
    if section.startswith("slowest"):
        return _durations
    return _warnings if section == "warnings summary" else _frames


def _passes(sheet: Sheet, block: Sequence[int]) -> bool:
    for index in block:
        if sheet.labels[index] is None and not VITAL.match(sheet.shown[index]):
            sheet.drop(index, index, _OF_PASSED)
    return False


def _captured(sheet: Sheet, block: Sequence[int]) -> bool:
    said: set[str] = set()
    for index in block[_CAPTURED_FIRST:-_CAPTURED_LAST]:
        line = sheet.shown[index]
        if line not in said and len(said) < _CAPTURED_ERRORS and is_strong(line[:_CAPTURED_SEARCHED_CHARS]):
            said.add(line)
        else:
            sheet.drop(index, index, "captured")
    return False


def _durations(sheet: Sheet, block: Sequence[int]) -> bool:
    for index in [at for at in block if _DURATION.match(sheet.shown[at])][_DURATIONS_SHOWN:]:
        sheet.drop(index, index, "durations")
    return False


def _frames(sheet: Sheet, block: Sequence[int]) -> bool:
    """A frame with its source, or several with a line of it each; a report cut at its head may begin with warnings."""
    if any(sheet.shown[index].startswith(">") for index in block):
        return _long_frame(sheet, block)
    if sum(1 for index in block if _WARNING.match(sheet.shown[index])) > 1:
        return _warnings(sheet, block)
    located = [index for index in block if _LOCATION.match(sheet.shown[index])]
    for index, following in pairwise(located):
        if is_foreign(sheet.shown[index]):
            sheet.drop(index, following - 1, "in foreign frames")
    return False


def _long_frame(sheet: Sheet, block: Sequence[int]) -> bool:
    """One frame with its source: of foreign code the line that raised stays, of the user's what leads to it."""
    shown = sheet.shown
    located = [index for index in block if _LOCATION.match(shown[index])]
    failing = next(index for index in block if shown[index].startswith(">"))
    if located and is_foreign(shown[located[-1]]):
        return _foreign_frame(sheet, block, {failing, *located})
    source = [index for index in block if index < failing and shown[index].startswith("    ")]
    head = next((index for index in reversed(source) if shown[index].lstrip().startswith(("def ", "async def "))), -1)
    dropped = [index for index in source[:-_SOURCE_SHOWN] if index != head]
    if len(dropped) >= _SOURCE_MIN_DROPPED:
        for index in dropped:
            sheet.drop(index, index, "of source")
    return False


def _foreign_frame(sheet: Sheet, block: Sequence[int], telling: set[int]) -> bool:
    raised = any(sheet.shown[index].startswith("E ") for index in block)
    for index in block:
        if not raised:
            sheet.drop(index, index, "in foreign frames", weight=int(index == max(telling)))
        elif index not in telling:
            sheet.drop(index, index, "of foreign source")
    return not raised


def _warnings(sheet: Sheet, block: Sequence[int]) -> bool:
    """Each distinct message stays, with the first places of it; of foreign code's ageing, only the number."""
    shown: dict[str, int] = {}
    for entry in _paragraphs(sheet, block):
        message = next((at for at in entry if _WARNING.match(sheet.shown[at])), None)
        if message is None:
            continue
        words = sheet.shown[message].partition(": ")[2]
        category = words.partition(":")[0]
        foreign = is_foreign(sheet.shown[message])
        shown[words] = shown.get(words, 0) + 1
        if foreign and category in _AGEING:
            sheet.drop(entry[0], entry[-1], f"foreign {category}")
        elif shown[words] > (_AGEING_PLACES if category in _AGEING else _WARNING_PLACES):
            sheet.drop(entry[0], entry[-1], "warnings as above in other places")
        else:
            first = entry[0] + (0 if foreign else _TESTS_OF_WARNING)
            if first < message:
                sheet.drop(first, message - 1, "places of the warning", weight=message - first)
    return False


def _paragraphs(sheet: Sheet, block: Sequence[int]) -> list[list[int]]:
    paragraphs: list[list[int]] = [[]]
    for index in block:
        if sheet.shown[index].strip():
            paragraphs[-1].append(index)
        elif paragraphs[-1]:
            paragraphs.append([])
    return [paragraph for paragraph in paragraphs if paragraph]
