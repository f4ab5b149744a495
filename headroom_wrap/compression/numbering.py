"""Runs of numbered lines around matches: the number stays at both ends, at matches and at every tenth line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from headroom_wrap.compression.markers import PREFIX

NOTICE = f"{PREFIX}: context lines without a number count on from the one above]"
"""Stands above a text whose numbers were thinned."""

_NUMBERED = re.compile(r"(\d{1,9})([:-])")
_BREAK = re.compile(r"--\Z|\d{1,9}[:-]|\S.{0,400}:\Z|\S[^:]{0,400}:\d{1,9}:|" + re.escape(PREFIX))
"""What an unnumbered line may not look like: a separator, an entry, a heading, a whole match, a line of ours."""
_EVERY = 10


def thin(lines: Sequence[str]) -> list[str]:
    """The lines without the numbers that follow from the one above: `thicken` puts them back."""
    out = list(lines)
    numbers = [_NUMBERED.match(line) for line in lines]
    for index in range(1, len(lines) - 1):
        before, entry, after = numbers[index - 1 : index + 2]
        if before is None or entry is None or after is None or entry[2] == ":":
            continue
        number = int(entry[1])
        inside = int(before[1]) == number - 1 and int(after[1]) == number + 1
        rest = lines[index][entry.end() :]
        if inside and number % _EVERY and not _BREAK.match(rest) and str(number) == entry[1]:
            out[index] = rest
    return out


def thicken(lines: Sequence[str]) -> list[str]:
    """The inverse of `thin`: lines between two entries whose numbers leave room for just them are context."""
    out = list(lines)
    entries = [index for index, line in enumerate(lines) if _NUMBERED.match(line)]
    for above, below in pairwise(entries):
        first, last = (_NUMBERED.match(lines[index]) for index in (above, below))
        if first is None or last is None or int(last[1]) - int(first[1]) != below - above:
            continue
        if not any(_BREAK.match(line) for line in lines[above + 1 : below]):
            for index in range(above + 1, below):
                out[index] = f"{int(first[1]) + index - above}-{lines[index]}"
    return out


def thinned(text: str) -> str:
    """`text` with its numbers thinned below a notice, if that is shorter and can be undone; else as it is."""
    lines = text.split("\n")
    spelled = thin(lines)
    shorter = "\n".join([NOTICE, *spelled])
    return shorter if len(shorter) < len(text) and thicken(spelled) == lines else text


def thickened(text: str) -> str:
    """The inverse of `thinned`."""
    notice, _, rest = text.partition("\n")
    return "\n".join(thicken(rest.split("\n"))) if notice == NOTICE else text
