"""Which of many short texts speak of a query: Okapi BM25 (Robertson and Zaragoza, 2009) over light stems."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?")  # noqa: RUF001 - an apostrophe that people type
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_STOP = frozenset(
    "a an the and or but if of in on at to from by for with as is are was were be been being am do does did done has "
    "have had having it its this that these those there here he she they we you i me him her them us his their our "
    "your my what which who whom whose when where why how can could will would shall should may might must not no nor "
    "so than then too very just also into onto over under between about after before during through out up down off "
    "again once both each few more most other some such only own same s t d ll re ve m please tell show give find get "
    "use used using make made many much".split()
)
_SUFFIXES = ("ization", "ations", "ation", "ments", "ment", "ness", "ities", "ity", "ingly", "edly", "ings", "ing",
             "ies", "ied", "ers", "est", "ive", "ion", "ions", "ed", "er", "es", "ly", "al", "s", "e", "y")  # fmt: skip
_KNOWN_CHARS = 40
_MIN_STEM, _MAX_STEM = 4, 6
_K1 = 1.2
_B = 0.75


def stems(text: str) -> list[str]:
    """The words of a text as light stems, lower case, without the commonest; numbers stay as they are."""
    found: list[str] = []
    for word in _WORD.findall(text):
        found += _known_stems(word) if len(word) <= _KNOWN_CHARS else _stems_of(word)
    return found


def _stems_of(word: str) -> tuple[str, ...]:
    """The stem of a word, unless it is of the commonest; a name in camel case counts as its parts, too."""
    low = word.lower()
    found = [] if low in _STOP else [low]
    if not word.islower() and (parts := _CAMEL.split(word))[1:]:
        found += [part.lower() for part in parts if part.lower() not in _STOP]
    return tuple(stem(each) for each in found)


_known_stems = lru_cache(maxsize=16_384)(_stems_of)
"""Texts say few words many times."""


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """`word` without accents and what it ends with, six letters at most: `parser` and `parsing` are `pars`."""
    if not word.isascii():
        word = "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    word = word.partition("'")[0].partition("’")[0]  # noqa: RUF001 - an apostrophe that people type
    for suffix in _SUFFIXES if word.endswith(_SUFFIXES) else ():
        if word.endswith(suffix) and len(word) - len(suffix) >= _MIN_STEM:
            word = word[: -len(suffix)]
            break
    return word[:_MAX_STEM] if word.isalpha() else word


class Index:
    """Texts to be scored, in order.

    Args:
        texts: sentences, lines or other short texts.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._counts = [Counter(stems(text)) for text in texts]
        self._lengths = [sum(count.values()) for count in self._counts]
        self._mean = max(1.0, sum(self._lengths) / max(1, len(texts)))
        self._holding: Counter[str] = Counter()
        for count in self._counts:
            self._holding.update(count.keys())

    def weight(self, term: str) -> float:
        """How much a stem tells: much if few texts hold it, nothing if none does."""
        holding = self._holding[term]
        return math.log(1 + (len(self._counts) - holding + 0.5) / (holding + 0.5)) if holding else 0.0

    def share(self, term: str) -> float:
        """In how many of the texts a stem stands, from 0 to 1."""
        return self._holding[term] / max(1, len(self._counts))

    def scores(self, query: str) -> list[float]:
        """One score per text, 0 where none of the query's words stands."""
        return self.scores_of(stems(query))

    def scores_of(self, terms: Sequence[str]) -> list[float]:
        """The same for a query that is given as stems."""
        telling = [(term, weight) for term in dict.fromkeys(terms) if (weight := self.weight(term))]
        return [
            sum(
                weight * count[term] * (_K1 + 1) / (count[term] + _K1 * (1 - _B + _B * length / self._mean))
                for term, weight in telling
                if term in count
            )
            for count, length in zip(self._counts, self._lengths, strict=True)
        ]
