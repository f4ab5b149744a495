"""Long documents that a tool printed: every heading, and the sections that speak of what is asked.

Documents with headings and manuals. Of the other sections stay the heading (of a manual's options, the line that
names them), the first line of the text, and the lines that warn or that hold the rarest words of the query.
Without a query nothing is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headroom_wrap.compression import headings, numbered
from headroom_wrap.compression.bm25 import Index, stems
from headroom_wrap.compression.commands import command_of, is_reader
from headroom_wrap.compression.cuts import Cuts
from headroom_wrap.compression.headings import Unit
from headroom_wrap.compression.lines import may_say, may_try
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.question import PLACES, Places, asked, asked_for
from headroom_wrap.compression.sentences import fences

MIN_CHARS = 12_000
MIN_CHARS_READ = 30_000
"""What a tool read by its path may be read in order to be edited."""
_MAX_NAME_CHARS = 400
_SHARE = 0.28
"""How much of a document its relevant sections may be, unless they are few and short."""
_MIN_CHARS_KEPT = 5000
_SHARE_OF_BEST = 0.2
_HEAD_WEIGHT = 2.0
_OWNER_SHARE = 0.3
_FIRST_CHARS = 1800
_FIRST_LINE_CHARS = 200
_MAX_SENTENCE_LINES = 3
_SENTENCE_ENDS = re.compile(r"[.!?:。](?:\s|\Z)")
_MAX_LINE_CHARS = 2000
_MAX_LINES_ASKED_FOR = 12
_MAX_SPANS = 16
"""So many places one marker names."""
_MAX_QUERY_CHARS = 4000
_MIN_HEADS = 6
_COMMON_SHARE = 0.4
_LINKS_SHARE = 0.7

_DOCUMENT = re.compile(r"\.(?:md|mdx|markdown|mdown|rst|adoc|asciidoc)\b", re.IGNORECASE)
MANUAL = re.compile(r"(?:^|[\s;&|(/=])(?:man|help|info|pydoc3?|perldoc)\s+\S|(?:^|\s)--help\b|\s-h\b|\shelp\b")
"""Commands that print a manual."""
_MANUAL_HEAD = re.compile(r"\s*\S{1,60}\(\d\w*\)\s.*\(\d\w*\)\s*\Z")
_OVERSTRIKE = re.compile(r"[^\x08\n]\x08")
_ALERT = re.compile(
    r"\bdeprecat|\bwarning\b|\bcaution\b|\bdanger|\bimportant:|\bimportant\*\*|breaking change|removed in|⚠"
    r"|\bmust not\b|\bdata loss\b|\binsecure\b|\birreversibl",
    re.IGNORECASE,
)
_ALERTS = (
    *"deprecat warning caution danger important irreversibl insecure".split(),
    *("breaking change", "removed in", "must not", "data loss"),
)
"""One of them stands in every line of ASCII in which `_ALERT` is found."""
_OWN_LINK = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])?\s*\[.{1,200}\]\(#")
_LOW_HEADING = re.compile(r" {0,3}#{2,6} \S")
"""Comments in programs seldom have two signs."""
_ENDS_OF_CODE = ("{", "}", ";", ",", "(")
_CODE_SHARE = 0.2
_ANCHOR = re.compile(r"\s*(?:<a (?:id|name)=[^>]*>\s*</a>\s*|\[//\]:.*)\Z")
_NOT_TEXT = re.compile(r"\s*(?:```|~~~|\||<|\[\S|[-=~^]{3,}\s*\Z)")


def compress(text: str, hints: Hints) -> Compressed | None:
    """Keep headings and what is asked for; None for what is no long document, or where nothing speaks of the query."""
    is_read = is_reader(hints.tool_name)
    if hints.marker is None or len(text) < (MIN_CHARS_READ if is_read else MIN_CHARS) or not may_try(text):
        return None
    lines = text.split("\n")
    shown = without_overstrikes(lines)
    said = _without_numbers(lines) if is_read else shown
    is_manual = not is_read and looks_like_manual(shown, hints)
    if not is_manual and not looks_like_document(said, hints):
        return None
    units = headings.of_manual(said) if is_manual else headings.of_document(said)
    cuts = plan(units, said, hints, is_manual=is_manual)
    if cuts is None:
        return None
    cuts.lines = shown
    rendered, elided = cuts.render(hints.marker)
    if not elided:
        return None
    total = len(lines) - (lines[-1] == "")
    return Compressed(rendered, "document: headings, and the sections that speak of what is asked", elided, total)


def without_overstrikes(lines: Sequence[str]) -> Sequence[str]:
    """The lines as paper shows them, where a sign stands on its like to be bold: without what was overstruck."""
    return [_OVERSTRIKE.sub("", line) if "\x08" in line else line for line in lines]


def _without_numbers(lines: Sequence[str]) -> list[str]:
    """The lines of a file without the numbers that the reading tool put before them."""
    said = list(lines)
    for run in numbered.runs_of(lines):
        for index in range(run.first, run.last + 1):
            said[index] = run.text_of(lines[index], index)
    return said


def plan(units: Sequence[Unit], lines: Sequence[str], hints: Hints, *, is_manual: bool) -> Cuts | None:
    """What goes of `lines`, which fall into `units`; None where too little is known of what is asked."""
    if sum(unit.body > unit.head for unit in units) < _MIN_HEADS:
        return None
    scores = _scores(units, lines, hints)
    if not any(scores):
        return None
    kept = _kept(units, lines, scores)
    cuts = Cuts(lines, hints.offset)
    gone = [unit for number, unit in enumerate(units) if number not in kept]
    _keep_lines(cuts, gone, lines, hints, is_manual=is_manual)
    what = "{n} lines of other " + ("descriptions" if is_manual else "sections")
    group = n_spans = 0
    for number, unit in enumerate(units):
        if number in kept or n_spans >= _MAX_SPANS:
            group, n_spans = group + 1, 0
        if number not in kept:
            cuts.cut(unit.body, unit.end - 1, group, what)
            n_spans += 1
    return cuts


def looks_like_manual(lines: Sequence[str], hints: Hints) -> bool:
    """Whether a manual page or the help of a program was printed."""
    if MANUAL.search(command_of(hints.tool_input)):
        return True
    head = next((line for line in lines if line.strip()), "")
    return _MANUAL_HEAD.match(_OVERSTRIKE.sub("", head)) is not None


def looks_like_document(lines: Sequence[str], hints: Hints) -> bool:
    """Whether a document with headings was printed, by the names in the call; what is fetched, by its headings."""
    command = command_of(hints.tool_input)
    if command:
        return _DOCUMENT.search(command) is not None
    if any(
        isinstance(value, str) and _DOCUMENT.search(value[-_MAX_NAME_CHARS:]) for value in hints.tool_input.values()
    ):
        return True
    if is_reader(hints.tool_name):
        return False
    closing = fences(lines)
    n_heads = n_code = index = 0
    while index < len(lines):
        n_heads += _LOW_HEADING.match(lines[index]) is not None
        n_code += lines[index].rstrip()[-1:] in _ENDS_OF_CODE
        index = closing.get(index, index) + 1
    return n_heads >= _MIN_HEADS and n_code < _CODE_SHARE * len(lines)


def _query(hints: Hints) -> str:
    """What is asked, but for the places that the tool reads."""
    arguments = [
        value for name, value in hints.tool_input.items() if isinstance(value, str) and name.lower() not in PLACES
    ]
    return " ".join([hints.query[-_MAX_QUERY_CHARS:], *(value[:_MAX_QUERY_CHARS] for value in arguments)])


def _scores(units: Sequence[Unit], lines: Sequence[str], hints: Hints) -> list[float]:
    """How much each unit speaks of the query; words of its heading count more, and those of a piece's heading too."""
    texts = ["\n".join(lines[unit.head : unit.end]) for unit in units]
    index = Index(texts)
    words = [word for word in stems(_query(hints)) if 0 < index.share(word) < _COMMON_SHARE]
    scores = index.scores_of(words)
    weights = {word: index.weight(word) for word in words}
    for number, unit in enumerate(units):
        if unit.owner >= 0:
            scores[number] += _OWNER_SHARE * scores[unit.owner]
        else:
            said = dict.fromkeys(stems(" ".join(lines[unit.head : unit.body])))
            scores[number] += _HEAD_WEIGHT * sum(weights.get(word, 0.0) for word in said)
    return scores


def _kept(units: Sequence[Unit], lines: Sequence[str], scores: Sequence[float]) -> set[int]:
    """The units whose whole text stays: the best, as far as the room goes."""
    sizes = [sum(len(line) + 1 for line in lines[unit.body : unit.end]) for unit in units]
    kept: set[int] = set()
    room = max(_MIN_CHARS_KEPT, _SHARE * sum(sizes))
    least = _SHARE_OF_BEST * max(scores)
    for number in sorted(range(len(units)), key=lambda number: (-scores[number], number)):
        if scores[number] < least:
            break
        unit = units[number]
        if sizes[number] <= room and not _is_list_of_links(lines[unit.body : unit.end]):
            room -= sizes[number]
            kept.add(number)
    return kept


def _is_list_of_links(lines: Sequence[str]) -> bool:
    """Whether lines name the sections of the same document, whose headings all stay."""
    said = [line for line in lines if line.strip()]
    return bool(said) and sum(_OWN_LINK.match(line) is not None for line in said) > _LINKS_SHARE * len(said)


def _keep_lines(cuts: Cuts, gone: Sequence[Unit], lines: Sequence[str], hints: Hints, *, is_manual: bool) -> None:
    """Let single lines stay of the units that go."""
    for index in range(_end_of_opening(lines)):
        cuts.keep(index)
    names = {term: weight for term, weight in asked(hints).terms.items() if weight > 1 or not term.isalpha()}
    lowered = [line.lower() for line in lines]
    for index in asked_for(Places(lowered), len(lines), names, _MAX_LINES_ASKED_FOR):
        cuts.keep(index)
    for unit in gone:
        body = range(unit.body, unit.end)
        alert = next((index for index in body if _alerts(lines[index][:_MAX_LINE_CHARS])), None)
        if alert is not None:
            cuts.keep(alert)
            if lines[alert].rstrip().endswith(":") and alert + 1 in body:
                cuts.keep(alert + 1)
        if is_manual or unit.owner >= 0:
            continue
        opening = next((index for index in body if lines[index].strip() and not _ANCHOR.match(lines[index])), None)
        if opening is not None and not _NOT_TEXT.match(lines[opening]):
            for index in range(opening, _end_of_sentence(lines, opening, unit.end)):
                cuts.keep(index)


def _alerts(line: str) -> bool:
    return may_say(line, _ALERTS) and _ALERT.search(line) is not None


def _end_of_sentence(lines: Sequence[str], first: int, end: int) -> int:
    """The line after a sentence that begins at `first`, if it is short; else the line after that, if it is short."""
    n_chars = 0
    for index in range(first, min(end, first + _MAX_SENTENCE_LINES)):
        n_chars += len(lines[index])
        if n_chars > _FIRST_LINE_CHARS:
            break
        if _SENTENCE_ENDS.search(lines[index]):
            return index + 1
    return first + (len(lines[first]) <= _FIRST_LINE_CHARS)


def _end_of_opening(lines: Sequence[str]) -> int:
    """The line before which the document's opening ends: a few paragraphs, no links to its own sections, whole code."""
    closing = fences(lines)
    n_chars = index = whole = 0
    while index < len(lines) and not _OWN_LINK.match(lines[index]):
        end = closing.get(index, index) + 1
        n_chars += sum(len(line) + 1 for line in lines[index:end])
        if n_chars > _FIRST_CHARS:
            break
        index = end
        whole = index if not lines[index - 1].strip() else whole
    return whole or index
