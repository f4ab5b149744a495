"""Reads of files whose lines carry numbers: the number stands on every fifth line, the text of every line stays.

Models count well from a number that stands nearby, and the numbers cost a quarter of such a read. The spelling
can be undone: the first line of a run keeps its prefix byte for byte, which shows the padding; further numbers
stand without padding on lines that five divides, on the last line of a run, and on lines whose own text could be
taken for a numbered one. Whatever stands outside of a run (notes of the tool) keeps its bytes.

Deep in a long file every number stays, unless the level is aggressive: agents quote those later (in `sed -n`, in
their plans), one in thirty of them in real sessions, where they find their way in short files by names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from headroom_wrap.compression.commands import command_of
from headroom_wrap.compression.lines import may_try
from headroom_wrap.compression.markers import PREFIX
from headroom_wrap.compression.model import Compressed, Hints, Level

STEP = 5
DEEP = 1000
"""From this number on every line keeps its own."""
MIN_RUN_LINES = 8
"""Shorter runs stay as they are: little is won, and a list of a few items may look like them."""

_USUAL = ("→", "\t")
_SEPARATORS = (*_USUAL, " | ", "| ", "|", ": ", ":", ". ")
"""What stands between a number and its line: of those that fit equally often, the first one."""
_PREFIX = {
    separator: re.compile(rf"( {{0,12}}|0{{0,12}})([1-9]\d{{0,8}}|0){re.escape(separator)}")
    for separator in _SEPARATORS
}
_LOOKS_NUMBERED = re.compile(r"\s*\d+\s*[→\t|:.]")
_HEADER = re.compile(r"\[headroom: line numbers(?: \(N(.{1,3})\))? stand at least at every 5th line; .*\]\Z")
_SAMPLE_LINES = 200
_MIN_SHARE = 0.8
"""Colons, bars and full stops stand after numbers in data and prose, too: there nearly all lines must carry one."""
_NUMBERING_COMMAND = re.compile(
    r"\b(?:cat|bat|batcat)\s+(?:-\w+\s+)*-\w*[nb]|\bnl\b|\bNR\b|\bgrep\s+(?:-\w+\s+)*-\w*n\w*\s+(?:''|\"\"|\^|'\^'|\"\^\"|\.\s)"
)
_TABLE = re.compile(r"\.(?:tsv|csv|tab|txt|dat)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Run:
    """Lines that carry numbers which ascend by one; `first` and `last` are indexes, `widths` those of the prefixes."""

    first: int
    last: int
    number: int
    separator: str
    widths: tuple[int, ...]

    def __len__(self) -> int:
        return self.last - self.first + 1

    def number_of(self, index: int) -> int:
        """The number that the line at `index` carries."""
        return self.number + index - self.first

    def text_of(self, line: str, index: int) -> str:
        """The text of the line at `index` without its number."""
        return line[self.widths[index - self.first] :]

    def spell(self, line: str, index: int, deep: float, *, after_gap: bool = False) -> str:
        """How the line at `index` is shown; from the number `deep` on every line shows its own."""
        if index == self.first:
            return line
        text = self.text_of(line, index)
        number = self.number_of(index)
        is_due = number % STEP == 0 or number >= deep or index == self.last
        if is_due or after_gap or _LOOKS_NUMBERED.match(text):
            return f"{number}{self.separator}{text}"
        return text


def header(separator: str, remark: str = "no line is left out") -> str:
    """The line above a text that is spelled so."""
    shape = "" if separator in _USUAL else f" (N{separator})"
    return f"{PREFIX}: line numbers{shape} stand at least at every 5th line; {remark}]"


def deep_of(hints: Hints) -> float:
    """From which number on every line shows its own."""
    return inf if hints.level is Level.AGGRESSIVE else DEEP


def runs_of(lines: Sequence[str]) -> list[Run]:
    """The runs of numbered lines that are long enough to be spelled anew, in order; all have one separator."""
    separator = _separator(lines)
    if separator is None:
        return []
    match = _PREFIX[separator].match
    runs: list[Run] = []
    widths: list[int] = []
    first = number = width = 0
    fill = ""
    for index, line in enumerate([*lines, ""]):
        found = match(line)
        if found and widths:
            digits = found[2]
            if int(digits) == number + len(widths) and found[1] == fill * (width - len(digits)):
                widths.append(found.end())
                continue
        if len(widths) >= MIN_RUN_LINES:
            runs.append(Run(first, index - 1, number, separator, tuple(widths)))
        widths = []
        if found:
            first, number, widths = index, int(found[2]), [found.end()]
            width, fill = found.end() - len(separator), found[1][:1]
    if separator not in _USUAL and sum(map(len, runs)) < _MIN_SHARE * len(lines):
        return []
    return runs


def _separator(lines: Sequence[str]) -> str | None:
    sample = lines[:_SAMPLE_LINES]
    counts = {separator: sum(1 for line in sample if prefix.match(line[:40])) for separator, prefix in _PREFIX.items()}
    best = max(_SEPARATORS, key=lambda separator: counts[separator])
    return best if counts[best] >= MIN_RUN_LINES else None


def is_numbered_by_a_tool(hints: Hints, run: Run) -> bool:
    """Whether the numbers are a tool's; those of a table or a list are the file's own."""
    command = command_of(hints.tool_input)
    # An editor's tool has commands of its own, and a path beside them.
    if command and "path" not in hints.tool_input:
        return _NUMBERING_COMMAND.search(command) is not None
    if run.separator == "→" or run.widths[0] - len(run.separator) > len(str(run.number)):
        return True
    return not any(isinstance(value, str) and _TABLE.search(value) for value in hints.tool_input.values())


def compress(text: str, hints: Hints) -> Compressed | None:
    """The text with a number on every fifth line only; None where that is not what it is, or cannot be undone."""
    if not may_try(text):
        return None
    lines = text.split("\n")
    runs = runs_of(lines)
    if not runs or not is_numbered_by_a_tool(hints, runs[0]):
        return None
    out = [header(runs[0].separator)]
    deep = deep_of(hints)
    at = 0
    for run in runs:
        out += lines[at : run.first]
        out += [run.spell(lines[index], index, deep) for index in range(run.first, run.last + 1)]
        at = run.last + 1
    spelled = "\n".join(out + lines[at:])
    if len(spelled) >= len(text) or expand(spelled) != text:
        return None
    return Compressed(spelled, "line numbers at every 5th line only", 0, len(lines) - (lines[-1] == ""))


def expand(spelled: str) -> str:
    """The inverse of the spelling that `compress` gives."""
    head, _, body = spelled.partition("\n")
    named = _HEADER.match(head)
    lines = body.split("\n")
    separator = (named[1] if named else None) or _separator_of_spelled(lines)
    match = _PREFIX[separator].match
    out: list[str] = []
    index = 0
    while index < len(lines):
        found = match(lines[index])
        out.append(lines[index])
        index += 1
        if found is None:
            continue
        width, fill = found.end() - len(separator), found[1][:1]
        texts = _run_texts(lines, index, int(found[2]), separator)
        for number, text in enumerate(texts, int(found[2]) + 1):
            digits = str(number)
            out.append(f"{fill * (width - len(digits))}{digits}{separator}{text}")
        index += len(texts)
    return "\n".join(out)


def _separator_of_spelled(lines: Sequence[str]) -> str:
    return next((separator for line in lines for separator in _USUAL if _PREFIX[separator].match(line)), _USUAL[0])


def _run_texts(lines: Sequence[str], start: int, number: int, separator: str) -> list[str]:
    """The texts of the lines from `start` on that belong to a run; `number` is that of the line before.

    A run goes on as long as each number that is due stands where it is due, and ends with its last number.
    """
    texts: list[str] = []
    n_sure = 0
    for index in range(start, len(lines)):
        number += 1
        line = lines[index]
        prefix = f"{number}{separator}"
        if line.startswith(prefix):
            texts.append(line[len(prefix) :])
            n_sure = len(texts)
        elif number % STEP == 0 or _LOOKS_NUMBERED.match(line):
            break
        else:
            texts.append(line)
    return texts[:n_sure]
