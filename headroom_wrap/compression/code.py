"""Long sources that were read whole: what a reader finds his way by stays, bodies that nothing asked for go.

Imports, signatures, types, fields, decorators and constants stay, and so do remarks (TODO, FIXME), short bodies and
the bodies that speak of what the conversation asks about. Ranges are never touched: who asks for lines wants them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from math import log

from headroom_wrap.compression import numbered
from headroom_wrap.compression.code_syntax import TABLE, Stretch, language_of, stretches
from headroom_wrap.compression.lines import may_try
from headroom_wrap.compression.model import Compressed, Hints, Level
from headroom_wrap.compression.question import Places, Question, asked, asked_for
from headroom_wrap.compression.whole_reads import suffixes_read_whole

MIN_CHARS = 10_000
MIN_LINES = 300


@dataclass(frozen=True, slots=True)
class _Strength:
    """How much may go.

    Attributes:
        chars: of a text with at least so many characters.
        numbered_chars: the same for lines that carry numbers: who reads so is about to edit.
        body_chars: shorter bodies stay.
        other_chars: shorter docstrings, comments and tables stay.
        kept_share: stretches that the query speaks of stay up to this share of the text, the best first.
        asked_for: what speaks of the query less than this, compared with what speaks of it most, need not stay.
        gone_share: not more than this goes; docstrings and comments first, what is asked for last, the longest first.
    """

    chars: int
    numbered_chars: int
    body_chars: int
    other_chars: int
    kept_share: float
    asked_for: float
    gone_share: float


_STRENGTHS = (
    _Strength(20_000, 40_000, 130, 130, 0.12, 0.5, 1.0),
    _Strength(15_000, 15_000, 700, 300, 0.6, 0.0, 0.5),
    _Strength(MIN_CHARS, MIN_CHARS, 2_000, 300, 0.6, 0.0, 0.5),
)
_MIN_GAP_LINES = 3
_MIN_TABLE_CHARS = 800
_REMARKS = "TODO FIXME XXX HACK BUG NOTE WARNING CAUTION DANGER SECURITY SAFETY DEPRECATED".split()
_MAX_REMARKS = 200
_GENERATED = re.compile(
    r"\bDO NOT (?:EDIT|MODIFY)\b|@generated\b"
    r"|^\W*(?:code |file )?(?:auto-?(?:matically )?)?generated (?:by|from|with)\b"
    r"|(?:file|code) (?:is|was) (?:auto-?(?:matically )?)?generated\b",
    re.IGNORECASE | re.MULTILINE,
)
_HEAD_CHARS = 1_000
_NAME_WEIGHT = 4.0
_NAMED_SHARE = 0.4
"""What the conversation names stays whole, unless it is nearly all there is."""
_MAX_LINES_ASKED_FOR = 8
_NEAR_LINES = 1
_NAMED_GAP_LINES = 12


def compress(text: str, hints: Hints) -> Compressed | None:
    """The text without the bodies that nothing asked for; None for what is no long source, or was not read whole."""
    if hints.marker is None or len(text) < MIN_CHARS or not may_try(text):
        return None
    suffixes = suffixes_read_whole(hints)
    lines = text.split("\n")
    if suffixes is None or len(lines) < MIN_LINES:
        return None
    runs = [run for run in numbered.runs_of(lines) if numbered.is_numbered_by_a_tool(hints, run)]
    texts = list(lines)
    for run in runs:
        for index in range(run.first, run.last + 1):
            texts[index] = run.text_of(lines[index], index)
    if runs:
        if runs[0].number > 1:
            return None
        texts = _without_notes(texts, runs)
    strength = _strength(texts, runs, hints.level)
    source = "\n".join(texts)
    language = language_of(suffixes, source)
    if strength is None or language is None or _GENERATED.search(source[:_HEAD_CHARS]):
        return None
    found = stretches(source, language)
    if runs and found:
        # What a file leaves open where it was cut must not reach into a tool's note or the next file.
        found = [each for each in found if any(run.first <= each.first and each.last <= run.last for run in runs)]
    if not found:
        return None
    gaps = _chosen(found, texts, hints, strength)
    return _rendered(lines, runs, gaps, hints) if gaps else None


def _without_notes(texts: Sequence[str], runs: Sequence[numbered.Run]) -> list[str]:
    """The lines with what stands outside of the numbered ones made blank: it is the tool's, and no source."""
    out = [""] * len(texts)
    for run in runs:
        out[run.first : run.last + 1] = texts[run.first : run.last + 1]
    return out


def _chosen(found: Sequence[Stretch], texts: Sequence[str], hints: Hints, strength: _Strength) -> list[Stretch]:
    """The stretches that go, in order."""
    n_chars = sum(map(len, texts)) + len(texts)
    question = asked(hints)
    places = Places([text.lower() for text in texts])
    scores = _scores(found, places, question.terms)
    kept = _kept(found, texts, scores, question, strength)
    staying = _staying(texts, places, question)
    pieces: list[tuple[bool, float, int, Stretch]] = []
    for index, each in enumerate(found):
        is_body = each.what == "body"
        least = strength.body_chars if is_body else strength.other_chars
        if each.what == TABLE:
            # Constants stay; what is elided is data.
            least = max(least, _MIN_TABLE_CHARS)
        for piece in _without(each, staying) if index not in kept else ():
            size = _size(piece, texts)
            if size >= least and piece.last - piece.first + 1 >= _MIN_GAP_LINES:
                pieces.append((is_body, scores[index], -size, piece))
    gone: list[Stretch] = []
    left = strength.gone_share * n_chars
    for _, _, less, piece in sorted(pieces, key=lambda each: (*each[:3], each[3].first)):
        if left + less >= 0:
            gone.append(piece)
            left += less
    return _joined(sorted(gone, key=lambda piece: piece.first))


def _strength(texts: Sequence[str], runs: Sequence[numbered.Run], level: Level) -> _Strength | None:
    """By the size of the text; where numbers tell its files apart, by that of the longest."""
    files = [(run.first, run.last) for run in runs] or [(0, len(texts) - 1)]
    n_chars = max(sum(len(line) + 1 for line in texts[first : last + 1]) for first, last in files)
    n_chars *= 2 if level is Level.AGGRESSIVE else 1
    for each in _STRENGTHS:
        if n_chars >= (each.numbered_chars if runs else each.chars):
            return each
    return None


def _joined(gone: Sequence[Stretch]) -> list[Stretch]:
    """The stretches with those that follow each other as one: a docstring is a part of its body."""
    joined: list[Stretch] = []
    for each in gone:
        if joined and joined[-1].last + 1 == each.first:
            joined[-1] = replace(each, first=joined[-1].first)
        else:
            joined.append(each)
    return joined


def _size(piece: Stretch, texts: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in texts[piece.first : piece.last + 1])


def _kept(
    found: Sequence[Stretch], texts: Sequence[str], scores: Sequence[float], question: Question, strength: _Strength
) -> set[int]:
    """Which stretches stay whole: those that are named, and the best of the others while there is room."""
    n_chars = sum(map(len, texts))
    left = strength.kept_share * n_chars
    most = _NAMED_SHARE * n_chars
    named = [question.names(each.name) for each in found]
    least = strength.asked_for * max(scores, default=0.0)
    kept = set()
    for index in sorted(range(len(found)), key=lambda index: (not named[index], -scores[index], index)):
        size = _size(found[index], texts)
        if (named[index] and size <= most) or (scores[index] > least and size <= left):
            kept.add(index)
            left -= size
    return kept


def _staying(texts: Sequence[str], places: Places, question: Question) -> set[int]:
    """The lines that stay wherever they stand: remarks, and those with the rarest words of the question."""
    staying = {
        index
        for at in asked_for(places, len(texts), question.terms, _MAX_LINES_ASKED_FOR)
        for index in range(at - _NEAR_LINES, at + _NEAR_LINES + 1)
    }
    for word in _REMARKS:
        for index in places.lines_with(word.lower(), _MAX_REMARKS):
            if re.search(rf"\b{word}\b", texts[index]):
                staying.add(index)
    return staying


def _without(stretch: Stretch, staying: AbstractSet[int]) -> list[Stretch]:
    """The stretch without the lines that stay."""
    pieces = []
    first = stretch.first
    for index in range(stretch.first, stretch.last + 1):
        if index in staying:
            pieces.append(replace(stretch, first=first, last=index - 1))
            first = index + 1
    pieces.append(replace(stretch, first=first))
    return [piece for piece in pieces if piece.last >= piece.first]


def _scores(found: Sequence[Stretch], places: Places, terms: Mapping[str, float]) -> list[float]:
    """How much each stretch speaks of what is asked: rare words count most, names above all."""
    names = [each.name.lower() for each in found]
    scores = [0.0] * len(found)
    for term, weight in terms.items():
        if not places.lines_with(term, 1):
            continue
        # The line above is the signature, or the title of a test.
        in_body = [places.has_between(term, max(each.first - 1, 0), each.last) for each in found]
        in_name = [term in name for name in names]
        n_holders = sum(1 for index in range(len(found)) if in_body[index] or in_name[index])
        rarity = weight * log(1 + len(found) / (1 + n_holders))
        for index in range(len(found)):
            scores[index] += rarity * (in_body[index] + _NAME_WEIGHT * in_name[index])
    return scores


def _rendered(
    lines: Sequence[str], runs: Sequence[numbered.Run], gaps: Sequence[Stretch], hints: Hints
) -> Compressed | None:
    marker = hints.marker
    if marker is None:
        return None
    out: list[str] = []
    spell = _speller(lines, runs, hints)
    if runs:
        out.append(numbered.header(runs[0].separator, "what is left out is marked"))
    at = elided = 0
    for gap in gaps:
        out += [spell(index, index == at > 0) for index in range(at, gap.first)]
        out.append(marker(gap.first + 1, gap.last + 1, _what(gap, runs, hints.offset)))
        elided += gap.last + 1 - gap.first
        at = gap.last + 1
    out += [spell(index, index == at) for index in range(at, len(lines))]
    text = "\n".join(out)
    total = len(lines) - (lines[-1] == "")
    return Compressed(text, "bodies of a long source elided", elided, total) if elided else None


def _what(gap: Stretch, runs: Sequence[numbered.Run], offset: int) -> str:
    """What was elided: named where the gap is long, with the numbers that a tool gave where they are others."""
    what = f"{gap.what} of {gap.name}" if gap.name and gap.last - gap.first >= _NAMED_GAP_LINES else gap.what
    for run in runs:
        if run.first <= gap.first <= run.last and run.number_of(gap.first) != offset + gap.first + 1:
            return f"{what}, numbered {run.number_of(gap.first)}-{run.number_of(gap.last)}"
    return what


def _speller(lines: Sequence[str], runs: Sequence[numbered.Run], hints: Hints) -> Callable[[int, bool], str]:
    """How a line is shown, by its index and whether it stands after a gap."""
    run_of = {index: run for run in runs for index in range(run.first, run.last + 1)}
    deep = numbered.deep_of(hints)

    def spell(index: int, after_gap: bool) -> str:  # noqa: FBT001 - called here alone
        run = run_of.get(index)
        return lines[index] if run is None else run.spell(lines[index], index, deep, after_gap=after_gap)

    return spell
