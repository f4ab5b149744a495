"""Rows that name a path after a mark, as `git status` and `--name-status` print them: neighbours share braces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from headroom_wrap.compression.cuts import Cuts

_MARK = (
    r"(?:[MADRCTU?! ]{1,2} |[MADCTUX]\t|\t(?:(?:modified|new file|deleted|typechange|both modified):  ?[ ]{0,8})?"
    r"| (?:create|delete) mode \d{6} |)"
)
_ROW = re.compile(rf"({_MARK}(?:[^\s{{}},/]{{0,200}}/){{1,40}})([^\s{{}},/]{{1,200}})\Z")
_BRACED = re.compile(rf"({_MARK}(?:[^\s{{}},/]{{0,200}}/){{1,40}})\{{([^\s{{}}]*)\}}\Z")
_MIN_ROWS = 40
"""Shorter lists stay: agents copy whole paths from them."""
_MIN_GROUP = 3
_MAX_ROW_CHARS = 1_000


def fold(cuts: Cuts, free: Sequence[int]) -> list[str]:
    """`M src/a.py`, `M src/b.py`, ... become `M src/{a.py,b.py,...}`; `unfold` is the inverse."""
    rows = [
        (index, row[1], row[2])
        for index in free
        if len(cuts.lines[index]) <= _MAX_ROW_CHARS
        and not cuts.is_cut(index)
        and (row := _ROW.match(cuts.lines[index]))
    ]
    if len(rows) < _MIN_ROWS or any(_BRACED.match(cuts.lines[index][:_MAX_ROW_CHARS]) for index in free):
        return []
    n_folded = 0
    for (_, start), run in groupby(enumerate(rows), lambda pair: (pair[1][0] - pair[0], pair[1][1])):
        members = [row for _, row in run]
        if len(members) < _MIN_GROUP:
            continue
        names = ",".join(name for _, _, name in members)
        cuts.respell(members[0][0], (f"{start}{{{names}}}",))
        for index, _, _ in members[1:]:
            cuts.respell(index, ())
        n_folded += len(members)
    return ["paths of one directory share braces"] if n_folded else []


def unfold(lines: Sequence[str]) -> list[str]:
    """The rows with a path each."""
    out: list[str] = []
    for line in lines:
        braced = _BRACED.match(line)
        out += [braced[1] + name for name in braced[2].split(",")] if braced else [line]
    return out
