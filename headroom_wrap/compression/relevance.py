"""What the conversation asks about, as words, and the lines of a text that speak of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from headroom_wrap.compression.model import Hints

_WORD = re.compile(r"[^\W\d][\w.]{3,60}|\d[\w.:-]{3,60}")
"""Names, and numbers that are long enough to name something: an id, a time, a version."""
_STOP = frozenset(
    "about after again also because been before being both case check code could does doing done down each file "
    "files find first from function get have here into issue just know lets like line lines look make more most need "
    "next only other output over please run running same should show some such sure test tests than that their them "
    "then there these they this those through understand update using verify very want well were what when where "
    "which while will with work would your command description pattern path true false none null python head tail "
    "grep echo bash export".split()
)
_MIN_WORD_CHARS = 4
_MAX_TERMS = 48
_COMMON_SHARE = 0.1
_MAX_SCANNED_CHARS = 20_000


def terms_of(hints: Hints) -> tuple[str, ...]:
    """The distinct words of the query and of the tool's arguments, lower case, in order."""
    text = " ".join([hints.query[-_MAX_SCANNED_CHARS:], *strings(hints.tool_input)])[:_MAX_SCANNED_CHARS]
    words = (word.strip("._:-").lower() for word in _WORD.findall(text))
    return tuple(dict.fromkeys(word for word in words if len(word) >= _MIN_WORD_CHARS and word not in _STOP))[
        :_MAX_TERMS
    ]


def relevant(lines: Sequence[str], terms: Sequence[str], limit: int) -> list[int]:
    """The lines that hold the rarest of `terms`, at most `limit`, in order; terms that are everywhere say nothing."""
    lowered = [line.lower() for line in lines]
    most = max(3, int(len(lines) * _COMMON_SHARE))
    score: dict[int, float] = {}
    everything = "\n".join(lowered)
    starts = list(accumulate((len(line) + 1 for line in lowered), initial=0))
    for term in terms:
        found = _lines_with(term, everything, starts, most + 1)
        if len(found) <= most:
            for index in found:
                score[index] = score.get(index, 0.0) + 1.0 / len(found)
    best = sorted(score, key=lambda index: (-score[index], index))[:limit]
    return sorted(best)


def _lines_with(term: str, text: str, starts: Sequence[int], limit: int) -> list[int]:
    """The first lines, at most `limit`, that hold `term`; lines begin at `starts`."""
    found: list[int] = []
    at = text.find(term)
    while at >= 0 and len(found) < limit:
        line = bisect_right(starts, at) - 1
        found.append(line)
        at = text.find(term, starts[line + 1])
    return found


def strings(value: object) -> Iterator[str]:
    """All strings in some arguments, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)
