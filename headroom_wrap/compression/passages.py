"""The passages of a long text that speak of a question, by BM25."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from headroom_wrap.compression.bm25 import Index, stem, stems

N_PASSAGES = 5
_MAX_LINES = 12
_MAX_CHARS = 1200
_WORD = re.compile(r"[^\W_]+")

_Span = tuple[int, int]


def best(items: Sequence[str], numbers: Sequence[int], query: str, limit: int = N_PASSAGES) -> list[_Span]:
    """The passages that hold most of what `query` asks, at most `limit`, as (first, last) number, in order.

    Args:
        items: the lines of a text.
        numbers: which of them may be given, from 1 on, in order.
        query: in words.
        limit: how many passages.
    """
    spans = _spans(items, numbers)
    index = Index(["\n".join(items[first - 1 : last]) for first, last in spans])
    scores = index.scores(query)
    ranked = sorted(range(len(spans)), key=lambda at: (-scores[at], at))[:limit]
    return [spans[at] for at in sorted(ranked) if scores[at]]


def hits(query: str) -> Callable[[str], list[_Span]]:
    """What finds the words of `query` in a line, as (start, end)."""
    wanted = frozenset(stems(query))
    return lambda line: [match.span() for match in _WORD.finditer(line) if stem(match[0].lower()) in wanted]


def _spans(items: Sequence[str], numbers: Sequence[int]) -> list[_Span]:
    """Runs of neighbours: a blank line, a gap, or the size ends one."""
    spans: list[_Span] = []
    n_chars = 0
    is_open = False
    for number in numbers:
        text = items[number - 1]
        if not text.strip():
            is_open = False
            continue
        fits = is_open and n_chars + len(text) <= _MAX_CHARS and number - spans[-1][0] < _MAX_LINES
        if fits and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
            n_chars += len(text)
        else:
            spans.append((number, number))
            n_chars = len(text)
        is_open = True
    return spans
