"""Search results: each path once as a heading, then what was found in it; of very long results, the telling part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from headroom_wrap.compression.lines import Marker, Sheet, may_try
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.numbering import thickened, thinned
from headroom_wrap.compression.relevance import relevant, terms_of

_NUMBERED = re.compile(r"((?:[A-Za-z]:[\\/])?[^:\n]{1,400}):\d{1,9}:")
_PLAIN = re.compile(r"((?:[A-Za-z]:[\\/])?[^\s:]{1,400}):")
_CONTEXT_NUMBER = re.compile(r"-\d{1,9}-")
_ENTRY = re.compile(r"\d{1,9}([:-])")
_PATH = re.compile(r"(?:[A-Za-z]:)?[\w.@+~%,=()\[\]{}$# /\\-]*[/\\.][\w.@+~%,=()\[\]{}$# /\\-]*\Z")
_CONTEXT_CANDIDATES = 8
_INDENT = "  "
_SEPARATOR = "--"

_MIN_HITS = 3
_ELISION_MUST_GAIN_CHARS = 400
"""What elision must gain over grouping alone: its header costs half of that."""
_SAME_TEXT_SHOWN = 3
_LONG_RESULT_LINES = 200
_LONG_CONTEXT_LINES = 120
_CONTEXT_REACH = 20
_DEFINITION = re.compile(
    r"\s*(?:(?:export|default|public|private|protected|static|final|abstract|async|unsafe|pub(?:\([a-z]+\))?) )*"
    r"(?:def|class|func|function|fn|struct|enum|interface|trait|impl|type|module) "
)
_LONG_LINE_CHARS = 2000
_LONG_LINE_PLACE, _LONG_LINE_BEFORE, _LONG_LINE_AFTER = 50, 10, 40
_MATCHES_FIRST, _MATCHES_LAST, _MATCHES_RELEVANT = 20, 5, 20


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of a result.

    Attributes:
        path: the file that the line says it comes from, "" if it names none.
        rest: the line without its path and the colon or dash after it.
        is_match: a match with its text, not context around one and not something else.
        is_context: a line around a match.
    """

    path: str
    rest: str
    is_match: bool = False
    is_context: bool = False

    def whole(self) -> str:
        """The line as it stood."""
        return f"{self.path}{'-' if self.is_context else ':'}{self.rest}" if self.path else self.rest


def compress(text: str, hints: Hints) -> Compressed | None:
    """Group by path, which loses nothing; elide repeated texts, and of very long results the middle matches."""
    if not may_try(text):
        return None
    lines = text.split("\n")
    hits, numbered = parse(lines)
    found = sum(1 for hit in hits if hit.is_match or hit.is_context)
    if found < _MIN_HITS or found * 2 < len(hits):
        return None
    spells = _expand("\n".join(regroup(hits, numbered=numbered))) == text
    best, _ = _render(Sheet.raw(text), hits, None, numbered=numbered if spells else None)
    sheet = Sheet.raw(text)
    if hints.marker is not None:
        _choose(sheet, hits, hints)
        shorter, elided = _render(sheet, hits, hints.marker, numbered=numbered if spells else None)
        if elided and len(shorter) + _ELISION_MUST_GAIN_CHARS < len(best):
            reason = "matches grouped by path, alike and middle ones elided"
            return Compressed(shorter, reason, elided, sheet.total)
    return Compressed(best, "matches grouped by path", 0, sheet.total) if len(best) < len(text) else None


def _render(sheet: Sheet, hits: Sequence[Hit], marker: Marker | None, *, numbered: bool | None) -> tuple[str, int]:
    sheet.settle(marker)
    if numbered is not None:
        _spell(sheet, hits, numbered=numbered)
    rendered, elided = sheet.render(marker)
    return thinned(rendered), elided


def parse(lines: Sequence[str]) -> tuple[list[Hit], bool]:
    """Each line as a hit, and whether hits carry line numbers."""
    numbered = [_NUMBERED.match(line) for line in lines]
    paths = {match[1] for match in numbered if match is not None and _PATH.match(match[1])}
    hits = []
    current = ""
    for line, match in zip(lines, numbered, strict=True):
        if match is not None and match[1] in paths:
            current = match[1]
            hits.append(Hit(current, line[len(current) + 1 :], is_match=True))
        elif path := _context_path(line, current, paths):
            hits.append(Hit(path, line[len(path) + 1 :], is_context=True))
        else:
            hits.append(_pathless(line))
    if paths or any(hit.is_match for hit in hits):
        return hits, True
    return [_with_path(line) for line in lines], False


def _pathless(line: str) -> Hit:
    entry = _ENTRY.match(line)
    if entry is None:
        return Hit("", line)
    return Hit("", line, is_match=entry[1] == ":", is_context=entry[1] == "-")


def _with_path(line: str) -> Hit:
    match = _PLAIN.match(line)
    if match is None or not _PATH.match(match[1]):
        return Hit("", line)
    return Hit(match[1], line[match.end() :], is_match=True)


def _context_path(line: str, current: str, paths: set[str]) -> str:
    """The path of a `path-12-text` line: one that also has a match, the current one first."""
    if current and line.startswith(current) and _CONTEXT_NUMBER.match(line, len(current)):
        return current
    for tried, found in enumerate(_CONTEXT_NUMBER.finditer(line)):
        if line[: found.start()] in paths:
            return line[: found.start()]
        if tried == _CONTEXT_CANDIDATES:
            break
    return ""


def _choose(sheet: Sheet, hits: Sequence[Hit], hints: Hints) -> None:
    """Drop matches whose text has been shown already, and in very long results far context and middle matches."""
    texts: dict[str, int] = {}
    terms = terms_of(hints)
    for index, hit in enumerate(hits):
        if len(hit.rest) > _LONG_LINE_CHARS and hit.is_match:
            sheet.drop(index, index, _long_line(hit, terms))
        elif hit.is_match and hit.path and hit.rest == "0":
            sheet.drop(index, index, "files with 0 matches")
        elif hit.is_match and hit.path:
            words = _text(hit).strip()
            texts[words] = texts.get(words, 0) + 1
            if len(words) > 2 * _SAME_TEXT_SHOWN and texts[words] > _SAME_TEXT_SHOWN:
                sheet.drop(index, index, "matches of texts shown above, in other places")
    matches = [index for index, hit in enumerate(hits) if hit.is_match]
    if len(hits) >= _LONG_CONTEXT_LINES:
        _drop_far_context(sheet, hits, matches)
    if len(hits) >= _LONG_RESULT_LINES:
        _choose_from_many(sheet, hits, matches, hints)


def _long_line(hit: Hit, terms: Sequence[str]) -> str:
    """What stands for a match in a line that is longer than a screen: where it is, and the words around the match."""
    number = _ENTRY.match(hit.rest)
    place = f"{hit.path[-_LONG_LINE_PLACE:]}:{number[0][:-1]}" if number else hit.path[-_LONG_LINE_PLACE:]
    lowered = hit.rest.lower()
    at = next((found for term in terms if (found := lowered.find(term)) >= 0), 0)
    sample = hit.rest[max(0, at - _LONG_LINE_BEFORE) : at + _LONG_LINE_AFTER].strip()
    return f'line of {len(hit.rest)} characters, {place}: "…{sample}…"'


def _drop_far_context(sheet: Sheet, hits: Sequence[Hit], matches: Sequence[int]) -> None:
    """Drop context far from any match."""
    near = 0
    for index, hit in enumerate(hits):
        while near + 1 < len(matches) and abs(matches[near + 1] - index) <= abs(matches[near] - index):
            near += 1
        if hit.is_context and (not matches or abs(matches[near] - index) > _CONTEXT_REACH):
            sheet.drop(index, index, "of context")


def _text(hit: Hit) -> str:
    """The line of the file, without its number."""
    return _ENTRY.sub("", hit.rest, count=1)


def _choose_from_many(sheet: Sheet, hits: Sequence[Hit], matches: Sequence[int], hints: Hints) -> None:
    """Of many matches in one file, the first and last ones, definitions and what the query asks for stay."""
    wanted = set(relevant(sheet.lines, terms_of(hints), _MATCHES_RELEVANT))
    for members in _by_path(hits, matches):
        for index in members[_MATCHES_FIRST : len(members) - _MATCHES_LAST]:
            if index not in wanted and not _DEFINITION.match(_text(hits[index])):
                sheet.drop(index, index, "matches")


def _by_path(hits: Sequence[Hit], matches: Sequence[int]) -> list[list[int]]:
    """The matches of each file; where files stand as headings, those between two headings."""
    groups: dict[str, list[int]] = {}
    wanted = set(matches)
    heading = ""
    for index, hit in enumerate(hits):
        if index in wanted:
            groups.setdefault(hit.path or heading, []).append(index)
        elif not hit.is_context and hit.rest.strip() and hit.rest != _SEPARATOR:
            heading = hit.rest
    return list(groups.values())


def _spell(sheet: Sheet, hits: Sequence[Hit], *, numbered: bool) -> None:
    kept = [index for index in range(len(hits)) if sheet.labels[index] is None]
    for index, lines in zip(kept, _spellings([hits[index] for index in kept], numbered=numbered), strict=True):
        sheet.shown[index] = "\n".join(lines)


def _spellings(hits: Sequence[Hit], *, numbered: bool) -> list[list[str]]:
    out = []
    current = ""
    for index, hit in enumerate(hits):
        if not hit.path:
            out.append([hit.rest])
            current = current if hit.rest == _SEPARATOR else ""
            continue
        entry = hit.rest if numbered else _INDENT + hit.rest
        if hit.path == current:
            out.append([entry])
        elif index + 1 < len(hits) and hits[index + 1].path == hit.path:
            out.append([hit.path + ":", entry])
            current = hit.path
        else:
            out.append([hit.whole()])
            current = ""
    return out


def regroup(hits: Sequence[Hit], *, numbered: bool) -> list[str]:
    """The lines of the grouped form: a path with a colon, then its hits without the path."""
    return [line for lines in _spellings(hits, numbered=numbered) for line in lines]


def expand(grouped: str) -> str:
    """The inverse of the spelling that `compress` gives: every hit with its path and number again."""
    return _expand(thickened(grouped))


def _expand(grouped: str) -> str:
    """The inverse of `regroup`."""
    lines = grouped.split("\n")
    out = []
    heading = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if _is_entry(line):
            out.append(_under(heading, line) if heading else line)
        elif line.endswith(":") and _is_entry(following) and _PATH.match(line[:-1]):
            heading = line[:-1]
        else:
            out.append(line)
    return "\n".join(out)


def _is_entry(line: str) -> bool:
    return line.startswith(_INDENT) or _ENTRY.match(line) is not None


def _under(heading: str, entry: str) -> str:
    if entry.startswith(_INDENT):
        return f"{heading}:{entry[len(_INDENT) :]}"
    number = _ENTRY.match(entry)
    return f"{heading}{number[1] if number else ':'}{entry}"
