"""Diffs: what was changed stays; far context, lock files, generated files and binary bodies go.

Short diffs with git's usual context stay as they are: agents copy them out as patches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from headroom_wrap.compression import generated
from headroom_wrap.compression.cuts import Cuts
from headroom_wrap.compression.lines import may_try
from headroom_wrap.compression.markers import PREFIX
from headroom_wrap.compression.model import Compressed, Hints, Level
from headroom_wrap.compression.patches import FilePart, Hunk, is_context, parse
from headroom_wrap.compression.relevance import relevant, terms_of

_LARGE_CHARS = 12_000
"""From here on a diff is read for review, and one line of context on each side of a change has to do."""
_VERY_LARGE_CHARS = 60_000
_REACH, _REACH_IN_LARGE = 3, 1
_LONG_GAP_LINES = 8
"""A gap of so many lines of context is named where it is."""
_ALIKE_MIN, _ALIKE_SHOWN = 5, 3
_ALIKE_MAX_LINES = 40
_DELETED_MIN_LINES, _DELETED_SHOWN = 40, 8
_ADDED_MIN_LINES, _ADDED_FIRST, _ADDED_LAST = 150, 40, 10
_ADDED_MIN_LINES_IF_AGGRESSIVE = 80
_MAX_DEFINITIONS = 60
_MAX_RELEVANT = 40
_LONG_LINE_CHARS = 5_000
_MIN_FOLDED_HEADS = 4

_DEFINITION = re.compile(
    r"\s{0,12}(?:(?:export|default|public|private|protected|internal|static|abstract|final|async|pub(?:\(\w+\))?|unsafe"
    r"|virtual|override|inline|const|extern|declare) ){0,4}"
    r"(?:def|class|function\*?|func|fn|interface|struct|enum|trait|impl|type|module|namespace|protocol|record|object"
    r"|macro_rules!|message|service|CREATE (?:TABLE|VIEW|INDEX|FUNCTION)) ?[\w\"(<$]"
)
_TELLING = re.compile(r"\b(?:raise|throw|panic!?|assert|Error|Exception|TODO|FIXME|XXX)\b")


@dataclass(frozen=True, slots=True)
class Reading:
    """A diff that is being judged: its lines, its size, and the lines of which the conversation speaks."""

    lines: Sequence[str]
    size_chars: int
    wanted: frozenset[int]
    named: str
    """The tool's arguments as one text: a file that they name is wanted as it is."""

    level: Level

    @property
    def reach(self) -> int:
        """How many lines of context stay on each side of a change."""
        if self.size_chars < _LARGE_CHARS:
            return _REACH
        return 0 if self.level is Level.AGGRESSIVE else _REACH_IN_LARGE

    @property
    def long_addition(self) -> int:
        """From how many added lines on the middle of them may go, if the whole is very large."""
        return _ADDED_MIN_LINES_IF_AGGRESSIVE if self.level is Level.AGGRESSIVE else _ADDED_MIN_LINES


def compress(text: str, hints: Hints) -> Compressed | None:
    """Elide what is not a change of somebody's hand; without a way back only say repeated headers once."""
    if not may_try(text):
        return None
    lines = text.split("\n")
    parts = parse(lines)
    if not parts:
        return None
    cuts = Cuts(lines, hints.offset)
    done = plan(cuts, parts, text, hints)
    shorter, elided = cuts.render(hints.marker)
    shorter = "\n".join([*notes(done), shorter])
    if len(shorter) >= len(text):
        return None
    return Compressed(
        shorter, "far context, generated files and repeats elided" if elided else done[0], elided, cuts.total
    )


def plan(cuts: Cuts, parts: Sequence[FilePart], text: str, hints: Hints) -> list[str]:
    """Decide about all files of a text; what was spelled anew comes back in words."""
    lines = cuts.lines
    wanted = relevant(lines, terms_of(hints), _MAX_RELEVANT) if hints.marker is not None else ()
    named = "\n".join(str(value) for value in hints.tool_input.values())[:_LARGE_CHARS]
    reading = Reading(lines, len(text), frozenset(wanted), named, hints.level)
    if hints.marker is not None:
        sound = [part for part in parts if part.is_sound and not cuts.is_cut(part.start)]
        kinds = [_kind_of(part, reading) for part in sound]
        _cut_alike(cuts, [hunk for part, kind in zip(sound, kinds, strict=True) if not kind for hunk in part.hunks])
        for part, kind in zip(sound, kinds, strict=True):
            _cut_file(cuts, part, kind, reading)
    return _fold_heads(cuts, parts)


def notes(done: Sequence[str]) -> list[str]:
    """The line that tells of what was spelled anew, if anything was."""
    return [f"{PREFIX}: {'; '.join(done)}]"] if done else []


def _fold_heads(cuts: Cuts, parts: Sequence[FilePart]) -> list[str]:
    """Leave out `---` and `+++` lines that say what the `diff --git` line has said; `unfold_heads` is the inverse."""
    found = [(part, at) for part in parts if part.is_sound and (at := _implied(cuts.lines, part)) is not None]
    bare = any(line.startswith("@@ -") and before.startswith("index ") for before, line in pairwise(cuts.lines))
    if len(found) < _MIN_FOLDED_HEADS or bare:
        return []
    for _, at in found:
        cuts.respell(at, ())
        cuts.respell(at + 1, ())
    return ["--- and +++ lines that repeat a diff --git line left out"]


def _implied(lines: Sequence[str], part: FilePart) -> int | None:
    """Where the two lines stand that `stand_for` can give back."""
    if not part.hunks:
        return None
    at = part.hunks[0].head - 2
    if at <= part.start or not lines[at - 1].startswith("index "):
        return None
    return at if stand_for(lines[part.start : at]) == list(lines[at : at + 2]) else None


def stand_for(head: Sequence[str]) -> list[str]:
    """The `---` and `+++` lines that a file's header implies."""
    names = head[0].removeprefix("diff --git ")
    half = len(names) // 2
    old, new = names[:half], names[half + 1 :]
    if any(line.startswith("new file") for line in head):
        old = "/dev/null"
    if any(line.startswith("deleted file") for line in head):
        new = "/dev/null"
    return [f"--- {old}", f"+++ {new}"]


def _kind_of(part: FilePart, reading: Reading) -> generated.Kind | None:
    """The kind of a file that no hand wrote, unless the conversation names it."""
    if not part.hunks or (part.path and part.path.rsplit("/", 1)[-1] in reading.named):
        return None
    body = (index for hunk in part.hunks for index in range(hunk.first, hunk.last + 1))
    return generated.kind_of(part.path, [reading.lines[index] for index in islice(body, generated.SAMPLE_LINES)])


def unfold_heads(lines: Sequence[str]) -> list[str]:
    """The lines of a diff with the `---` and `+++` lines that `compress` left out."""
    out: list[str] = []
    start = 0
    for index, line in enumerate(lines):
        if line.startswith("diff --git "):
            start = index
        if line.startswith("@@ -") and lines[index - 1].startswith("index "):
            out += stand_for(lines[start:index])
        out.append(line)
    return out


def _cut_file(cuts: Cuts, part: FilePart, kind: generated.Kind | None, reading: Reading) -> None:
    if part.base85:
        cuts.cut(part.base85[0], part.base85[-1], ("binary", part.start), "base85")
    if not part.hunks:
        return
    body = [index for hunk in part.hunks for index in range(hunk.first, hunk.last + 1)]
    if kind is not None and len(body) >= kind.min_lines:
        _cut_generated(cuts, part, body, reading, kind)
        return
    for index in body:
        if len(reading.lines[index]) > _LONG_LINE_CHARS:
            cuts.cut(index, index, ("long", part.start), f"longer than {_LONG_LINE_CHARS} characters")
    if part.is_deleted:
        _cut_deleted(cuts, part, body, reading)
    for hunk in part.hunks:
        _cut_context(cuts, part, hunk, reading)
        if reading.size_chars >= _VERY_LARGE_CHARS:
            _cut_added(cuts, hunk, reading)


def _cut_generated(cuts: Cuts, part: FilePart, body: Sequence[int], reading: Reading, kind: generated.Kind) -> None:
    """One marker for all that goes, with the file's true counts; the lines that tell of versions stay."""
    for index in [*kind.telling(reading.lines, part.hunks), *(index for index in body if index in reading.wanted)]:
        if len(reading.lines[index]) <= _LONG_LINE_CHARS:
            cuts.keep(index)
    added = sum(1 for index in body if reading.lines[index].startswith("+"))
    removed = sum(1 for index in body if reading.lines[index].startswith("-"))
    n_hunks = len(part.hunks)
    what = f"{kind.name}, in all +{added} -{removed} in {n_hunks} hunk{'s' * (n_hunks > 1)}"
    cuts.cut(part.hunks[0].first, part.hunks[-1].last, ("generated", part.start), what)


def _cut_deleted(cuts: Cuts, part: FilePart, body: Sequence[int], reading: Reading) -> None:
    if len(body) < _DELETED_MIN_LINES:
        return
    stay = set(_definitions(reading, body)) | reading.wanted
    for index in body[_DELETED_SHOWN:]:
        if index not in stay:
            cuts.cut(index, index, ("deleted", part.start), "{n} lines of the deleted file")


def _cut_added(cuts: Cuts, hunk: Hunk, reading: Reading) -> None:
    """In very large diffs, what is between the first and the last lines of a long addition, but for its skeleton."""
    for first, last in _runs(reading.lines, hunk, "+"):
        if last - first + 1 < reading.long_addition:
            continue
        middle = range(first + _ADDED_FIRST, last + 1 - _ADDED_LAST)
        stay = set(_definitions(reading, middle)) | reading.wanted
        stay.update([index for index in middle if _TELLING.search(reading.lines[index])][:_MAX_DEFINITIONS])
        for index in middle:
            if index not in stay:
                cuts.cut(index, index, ("added", first), f"{{n}} of {last - first + 1} added lines")


def _definitions(reading: Reading, indices: Sequence[int]) -> list[int]:
    return [index for index in indices if _DEFINITION.match(reading.lines[index], 1)][:_MAX_DEFINITIONS]


def _runs(lines: Sequence[str], hunk: Hunk, sign: str) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for index in range(hunk.first, hunk.last + 1):
        if not lines[index].startswith(sign):
            continue
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs


def _cut_context(cuts: Cuts, part: FilePart, hunk: Hunk, reading: Reading) -> None:
    lines = reading.lines
    first = hunk.first
    while first <= hunk.last:
        last = first
        if not is_context(lines[first], hunk.n_parents):
            first += 1
            continue
        while last < hunk.last and is_context(lines[last + 1], hunk.n_parents):
            last += 1
        start = first if first == hunk.first else first + reading.reach
        end = last if last == hunk.last else last - reading.reach
        if start <= end:
            _cut_gap(cuts, part, (start, end), reading)
        first = last + 1


def _cut_gap(cuts: Cuts, part: FilePart, gap: tuple[int, int], reading: Reading) -> None:
    """Take out context, but for lines that are asked for and, in a long gap, the definition that the change is in."""
    start, end = gap
    stay = [index for index in range(start, end + 1) if index in reading.wanted]
    if end - start + 1 < _LONG_GAP_LINES:
        for index in range(start, end + 1):
            if index not in stay:
                cuts.cut(index, index, ("context of", part.start), "context")
        return
    stay += [index for index in range(start, end + 1) if _DEFINITION.match(reading.lines[index], 1)][-1:]
    for before, after in pairwise([start - 1, *sorted(set(stay)), end + 1]):
        cuts.cut(before + 1, after - 1, ("context", before), "{n} of context")


def _cut_alike(cuts: Cuts, hunks: Sequence[Hunk]) -> None:
    """Of many hunks with the same changes all but the first few lose their bodies; paths and `@@` lines stay."""
    alike: dict[tuple[str, ...], list[Hunk]] = {}
    for hunk in hunks:
        if hunk.last - hunk.first < _ALIKE_MAX_LINES:
            body = cuts.lines[hunk.first : hunk.last + 1]
            changes = tuple(line for line in body if not is_context(line, hunk.n_parents))
            if changes:
                alike.setdefault(changes, []).append(hunk)
    for members in alike.values():
        if len(members) < _ALIKE_MIN:
            continue
        shown = members[0]
        start = cuts.offset + 1
        what = f"hunks with the same changes as lines {start + shown.first}-{start + shown.last}"
        for hunk in members[_ALIKE_SHOWN:]:
            cuts.cut(hunk.first, hunk.last, ("alike", shown.head), what)
