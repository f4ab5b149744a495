"""What a conversation asks of a source: the words to look for, and the definitions that it names."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from headroom_wrap.compression.model import Hints
from headroom_wrap.compression.relevance import terms_of

_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|#)[A-Za-z_$][\w$]*)*")
_SPLIT = re.compile(r"\.|::|->|#")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_QUOTED = re.compile(
    r"`([^`\n]{1,80})`|\b([A-Za-z_$][\w$]*)\(|\b(?:function|method|def|fn|func|sub) ([A-Za-z_$][\w$]*)"
)
_MIN_PART_CHARS = 4
_IDENTIFIER_WEIGHT = 3.0
_MAX_SCANNED_CHARS = 20_000
_MAX_TERMS = 80
_COMMON_SHARE = 0.02
_COMMON_LINES = 3
PLACES = frozenset(
    "command cmd script input path paths file_path filepath filename file files target_file cwd url urls uri "
    "link".split()
)
"""Arguments that say where something is, and not what is asked of it."""


@dataclass(frozen=True, slots=True)
class Question:
    """The words, lower case, with their weights; and the identifiers that are surely meant as names."""

    terms: Mapping[str, float]
    identifiers: frozenset[str]

    def names(self, definition: str) -> bool:
        """Whether a definition, by its dotted name, is one of those spoken of."""
        return bool(definition) and definition.rsplit(".", 1)[-1].lstrip("$~") in self.identifiers


def asked(hints: Hints) -> Question:
    """What the query and the tool's arguments ask, but for the places that the tool reads."""
    arguments = [
        value for name, value in hints.tool_input.items() if isinstance(value, str) and name.lower() not in PLACES
    ]
    text = " ".join([hints.query[-_MAX_SCANNED_CHARS:], *arguments])[:_MAX_SCANNED_CHARS]
    terms = dict.fromkeys(terms_of(replace(hints, query=text, tool_input={})), 1.0)
    identifiers: set[str] = set()
    for found in _IDENTIFIER.findall(text):
        for name in _SPLIT.split(found):
            parts = _PART.findall(name)
            if (len(parts) > 1 or name.startswith("_")) and len(name) >= _MIN_PART_CHARS:
                identifiers.add(name)
                terms[name.lower()] = _IDENTIFIER_WEIGHT
                for part in parts:
                    if len(part) >= _MIN_PART_CHARS:
                        terms.setdefault(part.lower(), 1.0)
    for groups in _QUOTED.findall(text):
        for quoted in filter(None, groups):
            identifiers.update(name for name in _SPLIT.split(quoted.strip("() ")) if name)
    return Question(dict(list(terms.items())[:_MAX_TERMS]), frozenset(identifiers))


class Places:
    """Where words stand in a text, by line: a search of the whole text costs little, one of each line much.

    Args:
        lines: of the text.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._text = "\n".join(lines)
        self._starts = list(accumulate((len(line) + 1 for line in lines), initial=0))

    def lines_with(self, word: str, limit: int) -> list[int]:
        """The first lines, at most `limit`, that hold `word`, in order."""
        found: list[int] = []
        at = self._text.find(word)
        while at >= 0 and len(found) < limit:
            line = bisect_right(self._starts, at) - 1
            found.append(line)
            at = self._text.find(word, self._starts[line + 1])
        return found

    def has_between(self, word: str, first: int, last: int) -> bool:
        """Whether `word` stands in lines `first`..`last`."""
        return self._text.find(word, self._starts[first], self._starts[last + 1]) >= 0


def asked_for(places: Places, n_lines: int, terms: Mapping[str, float], limit: int) -> list[int]:
    """The lines that hold the rarest of `terms`, at most `limit`; terms that are everywhere say nothing."""
    most = max(_COMMON_LINES, int(n_lines * _COMMON_SHARE))
    score: dict[int, float] = {}
    for term in terms:
        found = places.lines_with(term, most + 1)
        if len(found) <= most:
            for index in found:
                score[index] = score.get(index, 0.0) + 1.0 / len(found)
    return sorted(score, key=lambda index: (-score[index], index))[:limit]
