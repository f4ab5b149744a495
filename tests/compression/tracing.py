"""Follows every line of a compressor's output back to the original: what the laws promise, checked line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from headroom_wrap.compression import numbered, search, timestamps
from headroom_wrap.compression.json_rows import rows_of
from headroom_wrap.compression.json_text import minified
from headroom_wrap.compression.lines import plain
from headroom_wrap.compression.model import Compressed
from headroom_wrap.compression.passes import SLOT, without_percentage
from headroom_wrap.compression.pytest_report import RULER
from tests.compression.unfolding import RowReader, without_aliases

_ELIDED = re.compile(r"\[headroom: lines? (\d+)(?:-(\d+))? elided(?:: .*)?\]\Z")
_GATHERED = re.compile(r"\[headroom: lines (\d+(?:-\d+)?(?:, \d+(?:-\d+)?)+) elided(?:: .*)?\]\Z")
_FOLDED = re.compile(r"\[headroom: the line above stands (\d+) times, lines (\d+)-(\d+)\]\Z")
_OK = " ... ok"

Spellings = Callable[[str], Sequence[str]]
"""The forms in which a line of the original may be shown."""


@dataclass(frozen=True)
class Trace:
    """What was found: how many lines of the original the output does not show."""

    elided: int


def as_terminal(line: str) -> Sequence[str]:
    shown = plain(line)
    return (shown, without_percentage(shown), RULER if shown.startswith(RULER) else shown)


def as_it_is(line: str) -> Sequence[str]:
    return (line,)


def trace(original: str, compressed: Compressed, spellings: Spellings = as_terminal) -> Trace:
    """Walk the output along the original; every line is the next one, a re-spelling of it, or a true marker."""
    lines = original.split("\n")
    out = timestamps.expand(compressed.text).split("\n")
    at = elided = index = 0
    named: list[tuple[int, int]] = []
    while index < len(out):
        line = out[index]
        if named and at + 1 == named[0][0]:
            at = named.pop(0)[1]
            continue
        if gathered := _GATHERED.match(line):
            assert not named, (line, named)
            named = [_span(words) for words in gathered[1].split(", ")]
            assert all(last < following for (_, last), (following, _) in pairwise(named))
            elided += sum(last - first + 1 for first, last in named)
        elif marker := _ELIDED.match(line):
            first, last = int(marker[1]), int(marker[2] or marker[1])
            assert first == at + 1, (line, at)
            assert last >= first
            elided += last - first + 1
            at = last
        elif fold := _FOLDED.match(line):
            times, first, last = (int(number) for number in fold.groups())
            assert first == at, (line, at)
            assert times == last - first + 1
            shown = {tuple(spellings(each))[:1] for each in lines[first - 1 : last]}
            assert len(shown) == 1, (line, shown)
            at = last
        elif at < len(lines) and line in spellings(lines[at]):
            at += 1
        else:
            group = _group(out[index:])
            assert group, f"a line that stands nowhere: {line!r}, expected {lines[at : at + 1]!r}"
            for expected in group:
                assert expected in spellings(lines[at]), (expected, lines[at])
                at += 1
            index += _n_spelled(out[index:]) - 1
        index += 1
    if named and at + 1 == named[0][0]:
        at = named.pop(0)[1]
    assert not named, f"named as elided, but not reached: {named}"
    assert at == len(lines), f"lines from {at + 1} on are missing without a marker"
    assert elided == compressed.elided
    assert compressed.total == len(lines) - (lines[-1] == "")
    return Trace(elided)


def _span(words: str) -> tuple[int, int]:
    first, _, last = words.partition("-")
    return int(first), int(last or first)


_HEADING = re.compile(r"(\d+) × (.*):\Z")


def _group(out: Sequence[str]) -> list[str]:
    """The inverse of `passes.spell`: the lines that a heading and the names below it stand for."""
    heading = _HEADING.match(out[0])
    if heading is None or SLOT not in heading[2]:
        return []
    lines: list[str] = []
    for line in out[1 : _n_spelled(out)]:
        lines += _unspelled(heading[2], line)
    return lines


def _n_spelled(out: Sequence[str]) -> int:
    """How many lines of the output the group at its head takes: as many as its number of tests needs."""
    heading = _HEADING.match(out[0])
    assert heading is not None
    n_tests = 0
    taken = 1
    while n_tests < int(heading[1]):
        assert out[taken].startswith("  "), out[taken]
        n_tests += 1 if _doc(heading[2], out[taken]) else len(out[taken].split(", "))
        taken += 1
    assert n_tests == int(heading[1])
    return taken


def _doc(pattern: str, line: str) -> bool:
    return pattern.endswith(_OK) and ": " in line


def _unspelled(pattern: str, line: str) -> list[str]:
    if _doc(pattern, line):
        name, _, doc = line[2:].partition(": ")
        return [pattern[: -len(_OK)].replace(SLOT, name), doc + _OK]
    return [pattern.replace(SLOT, name) for name in line[2:].split(", ")]


def trace_search(original: str, compressed: Compressed) -> Trace:
    """As `trace`, for results grouped by path, or left ungrouped where that could not be undone."""
    lines = original.split("\n")
    readings = [_restored(reading, lines) for reading in (search.expand(compressed.text), compressed.text)]
    elided = {n_elided for found, n_elided in readings if found == lines}
    assert elided == {compressed.elided}
    assert compressed.total == len(lines) - (lines[-1] == "")
    return Trace(compressed.elided)


def _restored(reading: str, lines: Sequence[str]) -> tuple[list[str], int]:
    """The lines of an output with what its markers name put in their place, and how many lines that is."""
    found: list[str] = []
    elided = 0
    for line in reading.split("\n"):
        if marker := _ELIDED.match(line):
            first, last = int(marker[1]), int(marker[2] or marker[1])
            found += lines[first - 1 : last]
            elided += last - first + 1
        else:
            found.append(line)
    return found, elided


_NUMBER = re.compile(r" *(\d+)(→|\t)(.*)\Z", re.DOTALL)


def as_numbered(line: str) -> Sequence[str]:
    """A line of a read as it is, with its number alone, or without where five does not divide that."""
    found = _NUMBER.match(line)
    if found is None:
        return (line,)
    number, separator, text = found.groups()
    return (line, f"{number}{separator}{text}", *([text] if int(number) % numbered.STEP else []))


def trace_code(original: str, compressed: Compressed) -> Trace:
    """As `trace`, for sources, whose numbers stand on the first line after every gap."""
    head, _, rest = compressed.text.partition("\n")
    if not head.startswith("[headroom: line numbers"):
        return trace(original, compressed, as_it_is)
    source = original.split("\n")
    for line, following in pairwise(rest.split("\n")):
        marker = _ELIDED.match(line)
        after = source[int(marker[2] or marker[1])] if marker else ""
        assert not _NUMBER.match(after) or _NUMBER.match(following), following
    return trace(original, replace(compressed, text=rest), as_numbered)


_CHARS = r"\[headroom: chars (\d+)-(\d+) elided(?:: [^\]]*)?\]"
_WHOLE_VALUE = re.compile(f'"{_CHARS}"')
_IN_A_STRING = re.compile(_CHARS)
_ROWS = re.compile(r"\[headroom: (?:rows?|lines?) (\d+)(?:-(\d+))? elided(?:: .*)?\]\Z")


def trace_json(original: str, compressed: Compressed) -> Trace:
    """Walk the output along the rows of the original; what stands between rows is not looked at here."""
    rows = rows_of(original) or []
    at = elided = 0
    last_shown = 0
    reader = RowReader()
    for line in without_aliases(compressed.text.split("\n")):
        if marker := _ROWS.match(line):
            first, last = int(marker[1]), int(marker[2] or marker[1])
            at = _skip_to(rows, at, first - 1)
            assert last >= first
            elided += last - first + 1
            at = last
            continue
        restored = with_what_was_elided(line, original)
        if span := reader.header(restored):
            first, last_shown = span
            at = _skip_to(rows, at, first - 1)
        elif at < last_shown:
            assert reader.row(restored) == rows[at], (restored, rows[at])
            at += 1
        elif at < len(rows) and (restored == rows[at] or restored.startswith(rows[at] + ",")):
            n_rows = next(n for n in range(1, len(rows)) if ",".join(rows[at : at + n]) == restored)
            at += n_rows
    _skip_to(rows, at, len(rows))
    if compressed.unit == "chars":
        assert elided == 0
        assert 0 < compressed.elided <= compressed.total == len(original)
    else:
        assert elided == compressed.elided
        assert compressed.total == len(rows)
    return Trace(elided)


def _skip_to(rows: Sequence[str], at: int, first: int) -> int:
    """Plain rows that are all shown stand within a line; only markers and headers say where the next ones begin."""
    assert at <= first <= len(rows)
    return first


def with_what_was_elided(line: str, original: str) -> str:
    """A line of JSON with the characters put back that its markers name."""
    line = _WHOLE_VALUE.sub(lambda found: minified(original[int(found[1]) - 1 : int(found[2])]), line)
    return _IN_A_STRING.sub(lambda found: _as_it_stood(original[int(found[1]) - 1 : int(found[2])]), line)


def _as_it_stood(elided: str) -> str:
    """Members of an object lose their white space; the inside of a string keeps it."""
    return minified(elided) if re.match(r'"\w+_url"', elided) else elided
