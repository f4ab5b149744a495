"""How the tests follow what `Cuts` made of a text back to the lines that it came from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headroom_wrap.compression import path_rows
from headroom_wrap.compression.diffs import unfold_heads
from headroom_wrap.compression.history import unfold_authors, unfold_dates, unfold_stats
from headroom_wrap.compression.markers import PREFIX
from headroom_wrap.compression.model import Compressed

_ELIDED = re.compile(r"\[headroom: lines? (\d[\d, -]*) elided(?:: .*)?\]\Z")
_INVERSES = {
    "--- and +++ lines": unfold_heads,
    "a commit without Author": unfold_authors,
    "a Date without year": unfold_dates,
    "paths of one directory": path_rows.unfold,
    "stat rows stand": unfold_stats,
}


def follow(original: str, compressed: Compressed) -> list[int]:
    """Undo the spellings, and walk along the original: each line is the next one that no marker names.

    Returns the numbers (1-based) of the lines that markers name.
    """
    lines = original.split("\n")
    out = compressed.text.split("\n")
    if out[0].startswith(PREFIX) and not _ELIDED.match(out[0]):
        told = out.pop(0)
        for words, inverse in _INVERSES.items():
            if words in told:
                out = inverse(out)
    gone = [number for line in out for number in _named(line)]
    assert len(gone) == len(set(gone)) == compressed.elided
    assert compressed.total == len(lines) - (lines[-1] == "")
    _walk(lines, out, set(gone))
    return sorted(gone)


def _walk(lines: Sequence[str], out: Sequence[str], gone: set[int]) -> None:
    at = 0
    named: set[int] = set()
    for line in out:
        numbers = _named(line)
        while at + 1 in named:
            at += 1
        if numbers:
            assert numbers[0] == at + 1, (line, at)
            assert numbers == sorted(numbers)
            named.update(numbers)
        else:
            assert at < len(lines), f"a line too many: {line!r}"
            assert line == lines[at] or line == unaligned(lines[at]), (line, lines[at], at)
            at += 1
    while at + 1 in named:
        at += 1
    assert at == len(lines), f"lines from {at + 1} on are missing without a marker"
    assert named == gone


def unaligned(line: str) -> str:
    """A row of `--stat` without the spaces that put counts below each other."""
    return re.sub(r" +\| +(?=\d|Bin)", " | ", line, count=1) if line[:1] == " " else line


def _named(line: str) -> list[int]:
    match = _ELIDED.match(line)
    if match is None:
        return []
    spans = [span.split("-") for span in match[1].split(", ")]
    return [number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)]
