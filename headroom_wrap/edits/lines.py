"""A three-way merge by lines, after Khanna, Kunal and Pierce, "A Formal Investigation of Diff3" (2007)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

_MAX_LINES = 20_000


def merge(base: str, theirs: str, ours: str) -> str | None:
    """`theirs` with what changed from `base` to `ours`; None where both changed the same lines, or adjacent ones."""
    texts = [text.splitlines(keepends=True) for text in (base, theirs, ours)]
    if max(map(len, texts)) > _MAX_LINES:
        return None
    merged: list[str] = []
    for common, of_base, of_theirs, of_ours in _regions(*texts):
        merged += common
        if of_theirs == of_base:
            merged += of_ours
        elif of_ours in (of_base, of_theirs):
            merged += of_theirs
        else:
            return None
    return "".join(merged)


def _regions(
    base: list[str], theirs: list[str], ours: list[str]
) -> Iterator[tuple[list[str], list[str], list[str], list[str]]]:
    """Lines that all three have, and what each has between them and the next such lines."""
    blocks = [*_stable(_matches(base, theirs), _matches(base, ours)), (len(base), len(theirs), len(ours), 0)]
    yield [], base[: blocks[0][0]], theirs[: blocks[0][1]], ours[: blocks[0][2]]
    for (b, t, o, size), (next_b, next_t, next_o, _) in itertools.pairwise(blocks):
        yield base[b : b + size], base[b + size : next_b], theirs[t + size : next_t], ours[o + size : next_o]


def _matches(base: list[str], other: list[str]) -> Sequence[tuple[int, int, int]]:
    return SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks()


def _stable(
    theirs: Sequence[tuple[int, int, int]], ours: Sequence[tuple[int, int, int]]
) -> Iterator[tuple[int, int, int, int]]:
    """Where a stretch of the base stands in both: its beginning in each, and its length."""
    i = j = 0
    while i < len(theirs) and j < len(ours):
        (b1, t, n1), (b2, o, n2) = theirs[i], ours[j]
        begin, end = max(b1, b2), min(b1 + n1, b2 + n2)
        if begin < end:
            yield begin, t + begin - b1, o + begin - b2, end - begin
        if b1 + n1 < b2 + n2:
            i += 1
        else:
            j += 1
