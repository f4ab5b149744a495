"""How a new fact stands to an old one: the same, more, a change, kin, or another matter. None is lost.

Only texts that are equal but for spelling are the same. A new fact replaces an old one only where it repeats it whole
and goes on, or where it says itself that something changed. A different number, name or negation never merges.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import takewhile

from headroom_wrap.compression.bm25 import stem
from headroom_wrap.store import Relation

_LEAD = re.compile(r"\s*(?:[-*+•]\s+)?(?:please\s+)?(?:(?:remember|note)(?:\s+that\b|\s*:)\s*)?", re.IGNORECASE)
_CONTRACTIONS = (
    (re.compile(r"\bcan['’]t\b|\bcan not\b", re.IGNORECASE), "cannot"),  # noqa: RUF001 - an apostrophe that people type
    (re.compile(r"\bwon['’]t\b", re.IGNORECASE), "will not"),  # noqa: RUF001
    (re.compile(r"n['’]t\b", re.IGNORECASE), " not"),  # noqa: RUF001
    (re.compile(r"\b(it|that|there)['’]s\b", re.IGNORECASE), r"\1 is"),  # noqa: RUF001
)
_QUOTES = re.compile(r"[`“”„\"]+|(?<!\w)['‘’]|['‘’](?!\w)|\*\*|__(?=\s|$)")  # noqa: RUF001 - quotes
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_NUMBERS = {word: str(number) for number, word in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve".split()
) if word != "one"}  # fmt: skip
"""`one` is a pronoun more often than a number."""
_RAISED = ("<super>", "<sub>", "<fraction>")
_ARTICLES = frozenset(("a", "an", "the"))
_CODE = re.compile(r"[\d_/\\.#@=+:$%~^&|<>-]|[a-z][A-Z]|^[A-Z]{2,}$")
_LIMITS = frozenset(
    "not no never none nor neither cannot without except unless only but however until instead if when where".split()
)
"""Words that take back or narrow what stands before them."""
_OPENERS = frozenset("and because since so which as".split())
_REASONS = frozenset(("because", "since", "so"))
_NOW = (("from", "now", "on"), ("as", "of", "now"), ("no", "longer"), ("now",))
_MOVES = frozenset("switched moved migrated changed went".split())
_KIN = 0.6
_MIN_ALIKE = 0.5


def relation(new: str, old: str) -> Relation:
    """How `new` stands to `old`; `CONTAINED` means that `old` says all of it already, and more."""
    ours, theirs = words(new), words(old)
    if ours == theirs:
        return Relation.SAME
    if _goes_on(new, old):
        return Relation.EXTENDS
    if _goes_on(old, new):
        return Relation.CONTAINED
    if _changes(ours, theirs):
        return Relation.CONTRADICTS
    return Relation.LINKED if _alike(ours, theirs) >= _KIN else Relation.DISTINCT


def words(text: str) -> tuple[str, ...]:
    """A text as comparable words: without articles and outer punctuation; names from code keep their case."""
    return tuple(word for word, _ in _tokens(text))


def normal(text: str) -> str:
    """The same as one string: two facts with it in common are one."""
    return " ".join(words(text))


@lru_cache(256)
def _tokens(text: str) -> tuple[tuple[str, str], ...]:
    """Each comparable word, and the punctuation that stood behind it."""
    text = _LEAD.sub("", _plain(text), count=1)
    text = _QUOTES.sub("", text)
    for pattern, plain in _CONTRACTIONS:
        text = pattern.sub(plain, text)
    found: list[tuple[str, str]] = []
    for raw in _THOUSANDS.sub("", text).split():
        core = raw.rstrip(",;:.!")
        behind = raw[len(core) :]
        if core.startswith("(") and core.count("(") != core.count(")"):
            core = core[1:]
            if found:
                found[-1] = (found[-1][0], found[-1][1] + "(")
        if core.endswith(")") and core.count("(") != core.count(")"):
            core = core[:-1]
        word = core or raw
        if not _CODE.search(word):
            word = word.lower()
        word = _NUMBERS.get(word, word)
        # An "A" within a sentence is a name.
        if word not in _ARTICLES or (raw[:1].isupper() and found):
            found.append((word, behind))
    return tuple(found)


def _plain(text: str) -> str:
    """The text in plain letters and digits; but ten squared is not 102, and a half not 1 and 2."""
    if text.isascii():
        return text
    kept = (
        char if unicodedata.decomposition(char).startswith(_RAISED) else unicodedata.normalize("NFKC", char)
        for char in text
    )
    return unicodedata.normalize("NFC", "".join(kept))


def _goes_on(longer: str, shorter: str) -> bool:
    """Whether `longer` repeats `shorter` whole and then only adds to it."""
    all_, first = _tokens(longer), words(shorter)
    rest = all_[len(first) :]
    if not first or not rest or tuple(word for word, _ in all_[: len(first)]) != first:
        return False
    opened = bool(all_[len(first) - 1][1]) or rest[0][0] in _OPENERS
    # A reason may say what is not so; anything else that does narrows the first fact.
    said = takewhile(lambda word: word not in _REASONS, (word for word, _ in rest))
    return opened and not any(word in _LIMITS for word in said)


def _changes(new: tuple[str, ...], old: tuple[str, ...]) -> bool:
    """Whether `new` says of the subject of `old` that it is another way now."""
    return _instead(new, old) or _moved(new, old) or _now(new, old)


def _instead(new: tuple[str, ...], old: tuple[str, ...]) -> bool:
    """`use X instead of Y` against `use Y`."""
    place = _find(new, ("instead", "of"))
    if place <= 0:
        return False
    for end in range(place + 3, len(new) + 1):
        replaced = new[place + 2 : end]
        start = _find(old, replaced)
        kept = new[:place] + new[end:]
        if start > 0 and _is_one_swap(kept, old) and _swapped(kept, old) == replaced:
            return True
    return False


def _moved(new: tuple[str, ...], old: tuple[str, ...]) -> bool:
    """`S moved from X to Y` against `S lives in X`: the same words before the verb, and X after them."""
    for place, word in enumerate(new):
        if word in _MOVES and new[place + 1 : place + 2] == ("from",) and "to" in new[place + 2 :]:
            source = new[place + 2 : new.index("to", place + 2)]
            return 0 < place <= len(old) - len(source) and old[:place] == new[:place] and old[-len(source) :] == source
    return False


def _now(new: tuple[str, ...], old: tuple[str, ...]) -> bool:
    """A text with `now` or `no longer` in it, else equal, or with another end than the old one."""
    for mark in _NOW:
        place = _find(new, mark)
        if place < 0 or any(word in _LIMITS for word in old):
            continue
        kept = new[:place] + new[place + len(mark) :]
        if mark == ("no", "longer"):
            return tuple(map(_stem, kept)) == tuple(map(_stem, old))
        if not _is_one_swap(kept, old) or any(word in _LIMITS for word in kept):
            return False
        start = _start(kept, old)
        # Where the mark leads, a difference in the middle may be one of subjects.
        return 0 < place <= start or (start > 0 and old[start:] == _swapped(kept, old))
    return False


def _is_one_swap(new: tuple[str, ...], old: tuple[str, ...]) -> bool:
    """Whether the texts differ in one place only, and what they share is the greater part of it."""
    out, into = _swapped(new, old), _swapped(old, new)
    return bool(out and into) and len(out) <= _MIN_ALIKE * len(old)


def _swapped(new: tuple[str, ...], old: tuple[str, ...]) -> tuple[str, ...]:
    """The words of `old` between what both begin with and what both end with."""
    start = _start(new, old)
    end = 0
    while end < min(len(new), len(old)) - start and new[-1 - end] == old[-1 - end]:
        end += 1
    return old[start : len(old) - end]


def _start(new: tuple[str, ...], old: tuple[str, ...]) -> int:
    """With how many words both begin."""
    return next(
        (n for n, (one, other) in enumerate(zip(new, old, strict=False)) if one != other), min(len(new), len(old))
    )


def _find(text: tuple[str, ...], part: tuple[str, ...]) -> int:
    starts = range(len(text) - len(part) + 1) if part else range(0)
    return next((start for start in starts if text[start : start + len(part)] == part), -1)


def _stem(word: str) -> str:
    return stem(word) if word.isalpha() else word


def _alike(new: tuple[str, ...], old: tuple[str, ...]) -> float:
    """The share of words that both have (Dice, 1945)."""
    ours, theirs = Counter(map(_stem, new)), Counter(map(_stem, old))
    return 2 * sum((ours & theirs).values()) / max(1, len(new) + len(old))
