"""Prose on request (level aggressive): the sentences that speak of the query, and their neighbours; whole ones only.

Without a query nothing is left out: what is dropped blindly is the answer too often.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from headroom_wrap.compression import markers
from headroom_wrap.compression.bm25 import Index
from headroom_wrap.compression.lines import Marker, is_alarming, may_try
from headroom_wrap.compression.model import Compressed, Hints, Level
from headroom_wrap.compression.sentences import Sentence, split

MAX_CHARS = 1_000_000
SHARE = 0.325
"""How much of the words the model sees, with our own: so 98 % of the answers to questions about articles stand."""
_MIN_SEEN_WORDS = 120
"""As many at least, of a short text: a third of a single paragraph loses every third answer."""
_HEADER_WORDS = 16
_LEGEND_WORDS = 11
_MARKER_WORDS, _ELLIPSIS_WORDS = 4, 1
_MIN_WORDS = 150
"""Shorter texts save less than the lines cost that say what is left out."""
_BEFORE_SHARE, _AFTER_SHARE = 0.2, 0.4
"""What speaks of the query lends its score to the sentence before it, and more to the one after it."""
_TELLING = 1.1
"""Sentences with figures, negations or trouble go before others that are as near to the query."""
_TELLS = re.compile(r"\d|\b(?:not|no|never|none|nor|without|except|only|must|unless)\b|n[’']t\b", re.IGNORECASE)  # noqa: RUF001
_ELLIPSES = ("[…]", "[ … ]", "[……]")
_QUESTION_KEYS = ("prompt", "question", "query", "q", "instructions", "objective")
_MAX_QUERY_CHARS = 4000
_SAMPLE_CHARS = 20_000

_SENTENCE_END = re.compile(r"[a-z)\"”’] ?[.!?:](?:\s|\Z)|[。！？]")  # noqa: RUF001 - CJK
_CODE = re.compile(r"[{};=<>$\\|@^~\x00-\x08]")
_WORDS_PER_SENTENCE = 80
_CODE_SHARE = 0.02
_LETTERS_SHARE = 0.7


def looks_like(sample: str) -> bool:
    """Whether a text reads as sentences: letters mostly, ends of sentences often, signs of code seldom."""
    if not sample or len(_CODE.findall(sample)) > _CODE_SHARE * len(sample):
        return False
    letters = sum(map(str.isalpha, sample))
    n_words = len(sample.split())
    return (
        letters >= _LETTERS_SHARE * len(sample) and len(_SENTENCE_END.findall(sample)) * _WORDS_PER_SENTENCE >= n_words
    )


def question_of(hints: Hints) -> str:
    """What is asked: the user's last words, and what the tool was asked, if it takes a question."""
    asked = [value for key in _QUESTION_KEYS if isinstance(value := hints.tool_input.get(key), str)]
    return "\n".join([hints.query[-_MAX_QUERY_CHARS:], *(text[:_MAX_QUERY_CHARS] for text in asked)]).strip()


def compress(text: str, hints: Hints) -> Compressed | None:
    """Keep about a third of the words: what speaks of the query; None where that is not asked for or not told."""
    query = question_of(hints)
    if hints.marker is None or hints.level is not Level.AGGRESSIVE or not query or not may_try(text, MAX_CHARS):
        return None
    n_words = len(text.split())
    # What the user asks may be a slot, too.
    if n_words < _MIN_WORDS or text.strip() in query or not looks_like(text[:_SAMPLE_CHARS]):
        return None
    sentences = split(text)
    budget = max(SHARE * n_words, _MIN_SEEN_WORDS) - _HEADER_WORDS - _LEGEND_WORDS
    kept = select(text, sentences, query, budget)
    return None if not kept or len(kept) == len(sentences) else _shown(text, sentences, kept, hints.marker)


def _shown(text: str, sentences: Sequence[Sentence], kept: Sequence[int], marker: Marker) -> Compressed | None:
    ellipsis = next((sign for sign in _ELLIPSES if sign not in text), None)
    if ellipsis is None:
        return None
    page = _Page(text, marker, ellipsis)
    rendered = page.render(_joined(text, [sentences[index] for index in kept]))
    if page.n_inline:
        rendered = f'{markers.PREFIX}: "{ellipsis}" stands for sentences left out of its line]\n{rendered}'
    if len(rendered) >= len(text):
        return None
    reason = "prose: sentences that do not speak of the question elided"
    if page.n_lines:
        return Compressed(rendered, reason, page.n_lines, text.count("\n") + (not text.endswith("\n")))
    return Compressed(rendered, reason, page.n_chars, len(text), "chars")


def select(text: str, sentences: Sequence[Sentence], query: str, budget: float) -> list[int]:
    """The sentences to keep, in order; none where nothing speaks of the query.

    Args:
        text: what the sentences are of.
        sentences: all of them.
        query: the question.
        budget: how many words may stay, those that mark the gaps included.
    """
    pieces = [text[sentence.start : sentence.end] for sentence in sentences]
    direct = Index(pieces).scores(query)
    if not any(direct):
        return []
    scores = [_score(direct, pieces, index) for index in range(len(pieces))]
    opens = [index == 0 or sentences[index - 1].paragraph != each.paragraph for index, each in enumerate(sentences)]
    costs = [len(piece.split()) for piece in pieces]
    kept = bytearray(len(pieces))
    for index in sorted(range(len(pieces)), key=lambda index: (-scores[index], not opens[index], index)):
        wanted = [index]
        heading = _heading_of(sentences, index)
        if heading is not None and not kept[heading] and costs[heading] < costs[index]:
            wanted.append(heading)
        cost = sum(costs[each] for each in wanted if not kept[each]) + _MARKING * _new_gaps(kept, index)
        if not kept[index] and cost <= budget:
            budget -= cost
            for each in wanted:
                kept[each] = 1
    _close_small_gaps(kept, costs)
    return [index for index, keep in enumerate(kept) if keep]


_MARKING = 2
_MAX_HEADING_DISTANCE = 40


def _score(direct: Sequence[float], pieces: Sequence[str], index: int) -> float:
    score = direct[index]
    if index:
        score += _AFTER_SHARE * direct[index - 1]
    if index + 1 < len(direct):
        score += _BEFORE_SHARE * direct[index + 1]
    return score * _TELLING if score and (_TELLS.search(pieces[index]) or is_alarming(pieces[index])) else score


def _heading_of(sentences: Sequence[Sentence], index: int) -> int | None:
    """The heading under which a sentence stands, if it is near."""
    for above in range(index - 1, max(-1, index - _MAX_HEADING_DISTANCE), -1):
        if sentences[above].is_heading:
            return above
    return None


def _new_gaps(kept: bytearray, index: int) -> int:
    """How many gaps more there are when one more is kept: one in the open, none beside another, one less between."""
    before = index == 0 or kept[index - 1]
    after = index + 1 == len(kept) or kept[index + 1]
    return 1 - bool(before) - bool(after)


def _close_small_gaps(kept: bytearray, costs: Sequence[int]) -> None:
    """Keep, too, what costs no more than to mark that it is missing."""
    standing = [-1, *(index for index, keep in enumerate(kept) if keep), len(kept)]
    for left, right in pairwise(standing):
        if right - left > 1 and sum(costs[left + 1 : right]) <= _MARKER_WORDS:
            for index in range(left + 1, right):
                kept[index] = 1


def _joined(text: str, sentences: Sequence[Sentence]) -> list[tuple[int, int]]:
    """Spans of the text that hold the sentences; those with nothing but white space between them are one."""
    spans: list[tuple[int, int]] = []
    for sentence in sentences:
        if spans and not text[spans[-1][1] : sentence.start].strip():
            spans[-1] = (spans[-1][0], sentence.end)
        else:
            spans.append((sentence.start, sentence.end))
    return spans


@dataclass(slots=True)
class _Page:
    """A text of which some spans stay.

    Attributes:
        n_lines: lines that are not shown at all, after rendering.
        n_chars: characters that are not shown.
        n_inline: ellipses in lines that are shown in part.
    """

    text: str
    marker: Marker
    ellipsis: str
    n_lines: int = 0
    n_chars: int = 0
    n_inline: int = 0

    def render(self, spans: Sequence[tuple[int, int]]) -> str:
        """The spans, and between them markers for whole lines and ellipses within lines."""
        starts = [0]
        for line in self.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        ends = [0, *(end for _, end in spans)]
        out = []
        for end, (start, stop) in zip(ends, [*spans, (len(self.text), len(self.text))], strict=True):
            out += [self._gap(starts, end, start), self.text[start:stop]]
        return "".join(out)

    def _gap(self, starts: Sequence[int], first: int, last: int) -> str:
        """What stands for `text[first:last]`."""
        gap = self.text[first:last]
        if not gap.strip():
            return gap
        upper, lower = bisect_right(starts, first) - 1, bisect_right(starts, last) - 1
        if upper == lower:
            return self._inline(gap)
        whole_first = upper if first == starts[upper] else upper + 1
        whole_last = lower if last == len(self.text) and last > starts[lower] else lower - 1
        head = "" if whole_first == upper else self._inline(self.text[first : starts[upper + 1] - 1])
        tail = "" if whole_last == lower else self._inline(self.text[starts[lower] : last])
        middle = self.text[starts[whole_first] : max(starts[whole_first], min(starts[whole_last + 1] - 1, last))]
        if middle.strip():
            middle = self._elided(whole_first, whole_last, middle)
        before = "" if whole_first == upper else "\n"
        after = "" if whole_last == lower else "\n"
        if whole_last < whole_first:
            return f"{head}\n{tail}"
        return f"{head}{before}{middle}{after}{tail}"

    def _elided(self, first: int, last: int, lines: str) -> str:
        """The marker for whole lines, numbered from 0 here; lines that are no longer than it stay."""
        marker = self.marker(first + 1, last + 1, "")
        if len(lines) <= len(marker):
            return lines
        self.n_lines += last - first + 1
        self.n_chars += len(lines)
        return marker

    def _inline(self, piece: str) -> str:
        """What stands for a part of a line; white space at its ends stays."""
        body = piece.strip()
        if len(body) <= len(self.ellipsis):
            return piece
        self.n_inline += 1
        self.n_chars += len(body)
        at = piece.index(body)
        return piece[:at] + self.ellipsis + piece[at + len(body) :]
