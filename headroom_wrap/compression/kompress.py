"""Prose that no question decides, word by word: a model on this machine chooses, on request, at level aggressive.

What a word-dropping model takes for dispensable is the answer too often, so it comes last: after the choice by the
question, and never at a figure, a negation, a word of trouble, a name from code, code itself or a heading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from headroom_wrap.compression import markers
from headroom_wrap.compression.bm25 import stems
from headroom_wrap.compression.lines import is_alarming, may_try
from headroom_wrap.compression.model import Compressed, Compressor, Hints, Level
from headroom_wrap.compression.prose import looks_like, question_of
from headroom_wrap.compression.sentences import split

Scores = Callable[[Sequence[str]], Sequence[float]]
"""One number per word: how much it is needed, from 0 to 1."""

THRESHOLD = 0.5
MAX_WORDS = 2500
"""A request waits for the model: about half a second for 350 words on two cores."""
_MIN_WORDS = 250
_MAX_SHARE = 0.85
_SAMPLE_CHARS = 20_000

_WORD = re.compile(r"\S+")
_NAME = re.compile(r"\d|[`_/\\<>{}\[\]|@=$#~^%&+]|\w[.:]\w|[a-z][A-Z]|[A-Z]{2}|^-")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nor|neither|nothing|nobody|without|except|unless|only|must|cannot|nicht|kein\w*|nie|ohne|"
    r"pas|jamais|sans|nunca|sin|senza|mai)\b|n[’']t\b",  # noqa: RUF001 - an apostrophe that people type
    re.IGNORECASE,
)
_EXACT = re.compile(r"^(?:\t| {4,}|\|).*$|`[^`\n]+`", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


def compressor(load: Callable[[], Scores | None]) -> Compressor:
    """A compressor that asks a model which words stay.

    Args:
        load: gives the model; None where it cannot run. Called when the first text comes that it could shorten.
    """

    def compress(text: str, hints: Hints) -> Compressed | None:
        if hints.marker is None or hints.level is not Level.AGGRESSIVE or not may_try(text):
            return None
        spans = [match.span() for match in _WORD.finditer(text)]
        if not _MIN_WORDS <= len(spans) <= MAX_WORDS or not looks_like(text[:_SAMPLE_CHARS]):
            return None
        scores = load()
        return None if scores is None else _shown(text, spans, _kept(text, spans, scores, hints))

    return compress


def _kept(text: str, spans: Sequence[tuple[int, int]], scores: Scores, hints: Hints) -> list[bool]:
    """For each word whether it stays: the model wants it, or no model may drop it."""
    words = [text[start:end] for start, end in spans]
    asked = frozenset(stems(question_of(hints)))
    exact = _exact(text)
    return [
        score > THRESHOLD or exact[start] == 1 or is_protected(word) or not asked.isdisjoint(stems(word))
        for score, word, (start, _) in zip(scores(words), words, spans, strict=True)
    ]


def is_protected(word: str) -> bool:
    """Whether a word stays whatever a model says: a figure, a negation, a word of trouble, a name from code."""
    return bool(_NAME.search(word) or _NEGATION.search(word)) or is_alarming(word)


def _exact(text: str) -> bytearray:
    """A 1 for each character that stands in code, in a table or in a heading."""
    exact = bytearray(len(text))
    stretches = [(each.start, each.end) for each in split(text) if each.is_code or each.is_heading]
    for start, end in [*stretches, *(match.span() for match in _EXACT.finditer(text))]:
        exact[start:end] = b"\x01" * (end - start)
    return exact


def _shown(text: str, spans: Sequence[tuple[int, int]], kept: Sequence[bool]) -> Compressed | None:
    standing = [span for span, keep in zip(spans, kept, strict=True) if keep]
    if not standing or len(standing) > _MAX_SHARE * len(spans):
        return None
    body = _joined(text, spans, kept)
    legend = f"{len(standing)} of {len(spans)} words shown, in their order; the gaps between them are not marked"
    rendered = f"{markers.PREFIX}: {legend}]\n{body}"
    if len(rendered) >= len(text):
        return None
    # Every character of the body stands in the text, in that order.
    reason = "prose: words that a model takes for dispensable elided"
    return Compressed(rendered, reason, len(text) - len(body), len(text), "chars")


def _joined(text: str, spans: Sequence[tuple[int, int]], kept: Sequence[bool]) -> str:
    """The words that stay; between neighbours what stood there, across a gap a break where it holds one, or a space."""
    out: list[str] = []
    before = last = -1
    for index, (start, end) in enumerate(spans):
        if not kept[index]:
            continue
        if before < 0:
            out.append(text[:start] if index == 0 else _indent(text[:start]))
        else:
            between = text[last:start]
            out.append(between if index == before + 1 else _break(between))
        out.append(text[start:end])
        before, last = index, end
    if before == len(spans) - 1:
        out.append(text[last:])
    return "".join(out)


def _break(gap: str) -> str:
    """What joins two words across a gap: a blank line or a line break with what indents the line, or white space."""
    if "\n" not in gap:
        return gap[0]
    return ("\n\n" if _BLANK_LINE.search(gap) else "\n") + _indent(gap)


def _indent(gap: str) -> str:
    """The white space between the start of a line and the word after `gap`, if nothing else stands there."""
    indent = gap.rpartition("\n")[2]
    return indent if indent.isspace() else ""
