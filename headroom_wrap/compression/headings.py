"""Documents as units of lines: what has a heading, and the pieces into which a long text below one falls.

Two kinds: documents with headings (Markdown, reStructuredText, AsciiDoc), and manuals whose outline is their
indentation (what `man` and `--help` print). Lines are numbered from 0 here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from headroom_wrap.compression.sentences import fences

_HEADING = re.compile(r" {0,3}#{1,6}\s+\S|={1,5} \S|\s{0,3}<h[1-6][\s>]", re.IGNORECASE)
_UNDERLINE = re.compile(r"(?:={3,}|-{3,}|~{3,}|\^{3,}|\*{3,}|\"{3,})\s*\Z")
_UNDERLINED = re.compile(r"[^\s|#>*+-][^|]{0,100}\Z")
_ITEM = re.compile(r"(?:[-*+]|\d{1,3}[.)])\s|\|")
_PIECE_CHARS = 1000
_LONG_CHARS = 2500
_MAX_ENTRY_INDENT = 24
_MAX_STACKED_CHARS = 90


@dataclass(frozen=True, slots=True)
class Unit:
    """Lines `head`..`body - 1` say what `body`..`end - 1` is about; a piece of a long text has no head of its own.

    Attributes:
        owner: index of the unit whose head stands above, for pieces; -1 elsewhere.
    """

    head: int
    body: int
    end: int
    owner: int = -1


def of_document(lines: Sequence[str]) -> list[Unit]:
    """The units of a document with headings; together they are all lines, in order."""
    closing = fences(lines)
    is_code = bytearray(len(lines))
    for first, last in closing.items():
        is_code[first : last + 1] = b"\1" * (last + 1 - first)
    heads: list[tuple[int, int]] = []
    index = 0
    while index < len(lines):
        n_lines = 0 if is_code[index] else _n_heading_lines(lines, index)
        if n_lines:
            heads.append((index, index + n_lines))
        index += max(1, n_lines)
    return units_of(lines, heads, is_code)


def of_manual(lines: Sequence[str]) -> list[Unit]:
    """The units of a manual: sections, and entries whose description stands below them, farther to the right."""
    indents = [_indent(line) for line in lines]
    heads = [(index, index + 1) for index in _entries(lines, indents)]
    # Where the text steps back to where an entry began, the entry has ended, and a piece without a head begins.
    starts: list[tuple[int, int]] = []
    for (head, body), (following, _) in pairwise([*heads, (len(lines), 0)]):
        starts.append((head, body))
        back = next((at for at in range(body, following) if 0 <= indents[at] <= indents[head]), -1)
        if back > 0:
            starts.append((back, back))
    return units_of(lines, starts, bytearray(len(lines)))


def _n_heading_lines(lines: Sequence[str], index: int) -> int:
    line = lines[index]
    if _HEADING.match(line):
        return 1
    if index + 1 < len(lines) and _UNDERLINE.match(lines[index + 1]) and _UNDERLINED.match(line):
        return 2 if index == 0 or not lines[index - 1].strip() or _UNDERLINE.match(lines[index - 1]) else 0
    return 0


def _indent(line: str) -> int:
    """How far to the right a line begins; -1 for a blank one."""
    stripped = line.lstrip()
    if not stripped:
        return -1
    before = line[: len(line) - len(stripped)]
    return len(before.expandtabs(8)) if "\t" in before else len(before)


def _entries(lines: Sequence[str], indents: Sequence[int]) -> list[int]:
    """Lines with something below them that stands farther to the right, without a gap; and options stacked above."""
    found: list[int] = []
    is_entry = bytearray(len(lines) + 1)
    for index in range(len(lines) - 2, -1, -1):
        indent, below = indents[index], indents[index + 1]
        if not 0 <= indent <= _MAX_ENTRY_INDENT:
            continue
        is_stacked = below == indent and is_entry[index + 1] and _is_option(lines[index])
        if below > indent + 1 or is_stacked:
            is_entry[index] = 1
            found.append(index)
    return found[::-1]


def _is_option(line: str) -> bool:
    return len(line) < _MAX_STACKED_CHARS and line.lstrip()[0] == "-"


def units_of(lines: Sequence[str], heads: Sequence[tuple[int, int]], is_code: bytearray) -> list[Unit]:
    """The units that begin at `heads` (first line, and the line after the head); marked lines of code stay together."""
    units: list[Unit] = []
    if not heads or heads[0][0] > 0:
        heads = [(0, 0), *heads]
    for (head, body), (following, _) in pairwise([*heads, (len(lines), 0)]):
        pieces = list(_pieces(lines, body, following, is_code))
        owner = len(units)
        units.append(Unit(head, body, pieces[0][1] if pieces else following))
        units += [Unit(first, first, end, owner) for first, end in pieces[1:]]
    return units


def _pieces(lines: Sequence[str], first: int, end: int, is_code: bytearray) -> Iterator[tuple[int, int]]:
    """A long text cut at blank lines, or before items of a list, never in a stretch of code."""
    if sum(len(line) + 1 for line in lines[first:end]) <= _LONG_CHARS:
        yield first, end
        return
    begun, n_chars = first, 0
    for index in range(first, end):
        line = lines[index]
        may_cut = not is_code[index] or not is_code[index - 1]
        if n_chars >= _PIECE_CHARS and may_cut and line.strip() and (not lines[index - 1].strip() or _ITEM.match(line)):
            yield begun, index
            begun, n_chars = index, 0
        n_chars += len(line) + 1
    yield begun, end
