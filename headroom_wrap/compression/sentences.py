"""A text as sentences with their offsets, without knowing its language.

A sentence here is what may be kept or left out as a whole: a sentence of a paragraph, a heading, a list item, a
row of a table, a line of code. Paragraphs that are wrapped over several lines are read as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_END = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s)|[。！？]+[」』”]*|[;:]\s*(?=\n)|\n[ \t]*(?=\n)")  # noqa: RUF001 - CJK
_NEXT = re.compile(r"\s+[\"'“‘«(\[*_¿¡-]*(?:[^\W_a-z]|[0-9]|`|<)")  # noqa: RUF001 - quotes
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘«]{1,24}\Z")  # noqa: RUF001 - quotes
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof rev gen col capt lt sgt sr jr st mt no nos vol fig figs eq sec ch pp p ed eds vs etc e.g i.e eg "
    "ie cf al approx est dept inc ltd co corp jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k a.m p.m c ca "
    "z.b d.h bzw bspw usw nr str s art abs m mm mme mlle".split()
)
_STRUCTURE = re.compile(
    r"\s{0,3}(?:#{1,6}\s|[-*+•·]\s|\d{1,3}[.)]\s|\||>|```|~~~|={3,}|-{3,}|\[\^?[^\]]{1,80}\]:)|\s{4,}\S|\t"
)
"""Lines that stand for themselves: headings, items, rows, quotes, fences, rules, definitions, indented code."""
_HEADING = re.compile(r"\s{0,3}#{1,6}\s|(?:\d{1,2}\.)*\d{0,2}\.?\s?[^\W\d_][^.!?:;,]{0,70}\Z")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,}|~{3,}|\^{3,})\s*\Z")
_FENCE = re.compile(r"\s{0,3}(```+|~~~+)")
_MAX_HEADING_CHARS = 90
_WRAPPED_CHARS = 160
_MAX_ITEM_CHARS = 200
_MAX_ABBREVIATION_CHARS = 24


@dataclass(frozen=True, slots=True)
class Sentence:
    """What stands in `text[start:end]`, without white space around it.

    Attributes:
        paragraph: sentences of one paragraph (or list, or block of code) have the same number.
        is_heading: whether it names what follows.
        is_code: whether it stands in a fence.
    """

    start: int
    end: int
    paragraph: int
    is_heading: bool = False
    is_code: bool = False


def split(text: str) -> list[Sentence]:
    """The sentences of a text, in order; what stands between them is white space."""
    out: list[Sentence] = []
    paragraph = 0
    for first, last, kind in _blocks(text):
        if kind == "blank":
            paragraph += 1
            continue
        if kind == "text":
            out += [Sentence(start, end, paragraph) for start, end in _spans(text, first, last)]
            continue
        start, end = _trimmed(text, first, last)
        if kind == "heading":
            paragraph += 1
        out.append(Sentence(start, end, paragraph, kind == "heading", kind == "code"))
        paragraph += kind == "heading"
    return out


def fences(lines: Sequence[str]) -> dict[int, int]:
    """The first line of each fenced stretch of code -> its last; a fence that never closes is none."""
    found: dict[int, int] = {}
    first, mark = -1, ""
    for index, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if first < 0:
            first, mark = index, fence[1]
        elif fence[1].startswith(mark) and not line[fence.end() :].strip():
            found[first] = index
            first = -1
    return found


def _blocks(text: str) -> Iterator[tuple[int, int, str]]:
    """Stretches of whole lines: "blank", "heading", "item" (one line each), "code" (a whole fence), or "text"."""
    lines = text.split("\n")
    closing = fences(lines)
    at = 0
    begun = -1
    index = 0
    while index < len(lines):
        last = closing.get(index, index)
        end = at + sum(len(line) + 1 for line in lines[index : last + 1]) - 1
        kind = "code" if last > index else _kind(lines, index)
        if begun >= 0 and (kind != "text" or _begins_anew(lines, index)):
            yield begun, at, "text"
            begun = -1
        if kind != "text":
            yield at, end, kind
        elif begun < 0:
            begun = at
        at = end + 1
        index = last + 1
    if begun >= 0:
        yield begun, len(text), "text"


def _kind(lines: list[str], index: int) -> str:
    line = lines[index]
    if not line.strip():
        return "blank"
    if _is_heading(lines, index):
        return "heading"
    return "item" if _STRUCTURE.match(line[:_MAX_ITEM_CHARS]) else "text"


def _begins_anew(lines: list[str], index: int) -> bool:
    """Whether the line does not go on with the line before it: long lines are paragraphs of their own."""
    return index > 0 and max(len(lines[index]), len(lines[index - 1])) > _WRAPPED_CHARS


def _is_heading(lines: list[str], index: int) -> bool:
    line = lines[index]
    if len(line) > _MAX_HEADING_CHARS or not _HEADING.match(line):
        return False
    if line.lstrip().startswith("#"):
        return True
    after = lines[index + 1] if index + 1 < len(lines) else ""
    if _UNDERLINE.match(after):
        return True
    before = lines[index - 1] if index else ""
    return not before.strip() and bool(after.strip() == "" or after[:1].isspace()) and line[:1].isupper()


def _spans(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """The sentences of a paragraph; a dot after an abbreviation, an initial or a number in a row ends none."""
    start = first
    for match in _END.finditer(text, first, last):
        end = match.end()
        ends_anyway = text[match.start()] in "。！？;:\n"  # noqa: RUF001 - CJK
        if not ends_anyway and (_NEXT.match(text, end, last) is None or _is_abbreviation(text, start, match)):
            continue
        yield from _span(text, start, end)
        start = end
    yield from _span(text, start, last)


def _span(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    start, end = _trimmed(text, first, last)
    if start < end:
        yield start, end


def _trimmed(text: str, first: int, last: int) -> tuple[int, int]:
    piece = text[first:last]
    start = first + len(piece) - len(piece.lstrip())
    return start, max(start, first + len(piece.rstrip()))


def _is_abbreviation(text: str, start: int, stop: re.Match[str]) -> bool:
    at = stop.start()
    if stop[0] != ".":
        return False
    word = _LAST_WORD.search(text, max(start, at - _MAX_ABBREVIATION_CHARS), at)
    if word is None:
        return False
    said = word[0].lower()
    return said in _ABBREVIATIONS or (len(said) == 1 and said.isalpha() and word[0].isupper())
